"""Joint assignment of the chromosomes of one cell to the 24 classes.

Each hypothesis about the cell (46,XX, 47,XY,+21, ...) offers slots: two for chromosome 1, and so on. An instance either
takes a slot or stays over, and a slot may stay empty. In nats, with q(k | i) the probability that instance i is a
chromosome of class k and q(0 | i) that it is none (`evidence`):

    instance i in a slot of class k     log q(k | i)
    instance i left over                log(q(0 | i) + (1 - q(0 | i)) extra_rate)
    empty slot                          log missed_rate
    hypothesis                          log prior

The score of a hypothesis is that of its best assignment. Nothing is forced into pairs: an abnormal hypothesis wins
where the evidence outweighs its prior, and an instance that no hypothesis has room for stays over.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from metaphase.config import KaryotypeConfig
from metaphase.karyotype.hypotheses import Hypothesis, hypotheses

__all__ = ["Assignment", "Solution", "assign", "solve"]

Float64 = NDArray[np.float64]

_DEFAULTS = KaryotypeConfig()


@dataclass(frozen=True, eq=False)
class Assignment:
    """The best way to hand out the slots of one hypothesis.

    labels: Int64[M], 1..24, its own best class for an instance without a slot. placed: Bool[M], has a slot.
    empty: labels of the slots that stay empty. score: natural logarithm of its joint probability, prior left out.
    """

    hypothesis: Hypothesis
    labels: NDArray[np.int64]
    placed: NDArray[np.bool_]
    empty: tuple[int, ...]
    score: float


@dataclass(frozen=True, eq=False)
class Solution:
    """All hypotheses about one cell, the most probable first.

    probabilities: Float64[H], descending, sum 1. best, second: the assignments under the first two.
    """

    hypotheses: tuple[Hypothesis, ...]
    probabilities: Float64
    best: Assignment
    second: Assignment


def solve(log_evidence: Float64, config: KaryotypeConfig = _DEFAULTS) -> Solution:
    """Weigh all hypotheses.

    log_evidence: Float64[M, 25], log-probabilities of the classes 1..24 and of "no chromosome" in the last column; -inf
    is allowed. Raises ValueError for another shape, values that are not numbers, or a row without anything possible.
    """
    log_q = _checked(log_evidence, config)
    known = hypotheses(config)
    worth, left_over = _worth(log_q, config)
    scores = np.array([_score(worth, hypothesis, config)[0] for hypothesis in known]) + left_over
    logits = (scores + np.array([hypothesis.log_prior for hypothesis in known])) / config.softness
    probabilities = np.exp(logits - np.logaddexp.reduce(logits))
    order = np.argsort(-probabilities, kind="stable")
    best, second = (_assign(log_q, worth, left_over, known[i], config) for i in order[:2])
    return Solution(tuple(known[i] for i in order), probabilities[order], best, second)


def assign(log_evidence: Float64, hypothesis: Hypothesis, config: KaryotypeConfig = _DEFAULTS) -> Assignment:
    """The best assignment under one hypothesis; arguments and errors as for `solve`."""
    log_q = _checked(log_evidence, config)
    return _assign(log_q, *_worth(log_q, config), hypothesis, config)


def _assign(
    log_q: Float64, worth: Float64, left_over: float, hypothesis: Hypothesis, config: KaryotypeConfig
) -> Assignment:
    score, rows, columns = _score(worth, hypothesis, config)
    labels, placed = log_q[:, :24].argmax(1), np.zeros(len(log_q), bool)
    labels[rows], placed[rows] = hypothesis.slots[columns], True
    empty = np.delete(hypothesis.slots, columns) + 1
    return Assignment(hypothesis, labels.astype(np.int64) + 1, placed, tuple(empty.tolist()), score + left_over)


def _worth(log_q: Float64, config: KaryotypeConfig) -> tuple[Float64, float]:
    """What an instance in a slot adds over "left over, and the slot empty", [M, 24], at least 0; log of all left over.

    Filling a slot for less than nothing is never done, so one rectangular matrix needs neither columns for the left
    over nor rows for the missed.
    """
    none = log_q[:, 24]
    alone = np.logaddexp(none, np.log1p(-np.exp(np.minimum(none, -1e-12))) + math.log(config.extra_rate))
    worth = log_q[:, :24] - alone[:, None] - math.log(config.missed_rate)
    return np.maximum(worth, 0.0), float(alone.sum())


def _score(
    worth: Float64, hypothesis: Hypothesis, config: KaryotypeConfig
) -> tuple[float, NDArray[np.int64], NDArray[np.int64]]:
    """Score of one hypothesis but for what all share, and the rows and slots that go together."""
    of_slots = worth[:, hypothesis.slots]
    rows, columns = linear_sum_assignment(of_slots, maximize=True)
    chosen = of_slots[rows, columns]
    taken = chosen > 0
    score = float(chosen.sum()) + len(hypothesis.slots) * math.log(config.missed_rate)
    return score, rows[taken], columns[taken]


def _checked(log_evidence: Float64, config: KaryotypeConfig) -> Float64:
    log_q = np.asarray(log_evidence, np.float64)
    if log_q.ndim != 2 or log_q.shape[1] != 25:
        raise ValueError(f"log_evidence must have shape (M, 25), but got {log_q.shape}")
    if not len(log_q):
        return log_q
    top = log_q.max(1, keepdims=True)
    if not np.isfinite(top).all() or np.isnan(log_q).any():
        raise ValueError("each row of log_evidence needs a finite maximum, and no value may be NaN")
    q = np.exp(log_q - top)
    q = np.maximum(q / q.sum(1, keepdims=True), config.probability_floor)
    return np.asarray(np.log(q / q.sum(1, keepdims=True)), np.float64)
