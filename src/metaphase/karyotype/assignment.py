"""Joint assignment of the chromosomes of one cell to the 24 classes.

Each hypothesis about the cell (46,XX, 47,XY,+21, ...) offers slots: two for chromosome 1, and so on. An instance either
takes a slot or stays over, and a slot may stay empty. In nats, with q(k | i) the probability that instance i is a
chromosome of class k and q(0 | i) that it is none (`evidence`):

    instance i in a slot of class k     log q(k | i)
    instance i left over                log(q(0 | i) + (1 - q(0 | i)) extra_rate)
    empty slot                          log missed_rate
    hypothesis                          log prior

The score of a hypothesis is that of its best assignment. Every hypothesis is a normal karyotype or has one chromosome
more or less, so two assignments are solved, and all other scores follow by the best chain of moves. Nothing is forced
into pairs: an abnormal hypothesis wins where the evidence outweighs its prior, and an instance that no hypothesis has
room for stays over.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from metaphase.config import KaryotypeConfig
from metaphase.karyotype.hypotheses import NORMAL, Hypothesis, hypotheses

__all__ = ["Assignment", "Solution", "assign", "scores", "solve"]

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
    logits = (_scores(worth, config) + np.array([hypothesis.log_prior for hypothesis in known])) / config.softness
    probabilities = np.exp(logits - np.logaddexp.reduce(logits))
    order = np.argsort(-probabilities, kind="stable")
    best, second = (_assign(log_q, worth, left_over, known[i], config) for i in order[:2])
    return Solution(tuple(known[i] for i in order), probabilities[order], best, second)


def scores(log_evidence: Float64, config: KaryotypeConfig = _DEFAULTS) -> Float64:
    """Float64[H], scores of the best assignments under all `hypotheses`; arguments and errors as for `solve`."""
    worth, left_over = _worth(_checked(log_evidence, config), config)
    return _scores(worth, config) + left_over


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


def _scores(worth: Float64, config: KaryotypeConfig) -> Float64:
    """`_score` of all hypotheses: that of the normal karyotypes, and what one slot less or more changes."""
    known = hypotheses(config)
    normal = {h.iscn: _with_neighbours(worth, h, config) for h in known if h.normal}
    return np.array([normal[base][step, column] for base, step, column in _neighbours(config)])


@cache
def _neighbours(config: KaryotypeConfig) -> tuple[tuple[str, int, int], ...]:
    """Of each hypothesis: the normal karyotype next to it, slots more than it has (-1, 0 or 1), and their column."""
    counts = {h.iscn: np.bincount(h.slots, minlength=24) for h in hypotheses(config)}
    found = []
    for own in counts.values():
        base = min(NORMAL, key=lambda iscn: int(np.abs(own - counts[iscn]).sum()))
        change = own - counts[base]
        found.append((base, int(change.sum()), int(np.abs(change).argmax())))
    return tuple(found)


def _with_neighbours(worth: Float64, hypothesis: Hypothesis, config: KaryotypeConfig) -> Float64:
    """Float64[3, 24]: `_score` with as many slots as the hypothesis has, with one more, and (last) with one less.

    An instance may move from its class into another: a new slot draws a chain of moves that ends where an instance
    without a slot comes in or a slot stays empty; a slot taken away pushes a chain that ends in an empty slot or with
    an instance left over. The best chains of an optimal assignment have no circles.
    """
    score, rows, columns = _score(worth, hypothesis, config)
    classes = hypothesis.slots[columns]
    own = worth[rows, classes]
    move, drop = np.full((24, 24), -np.inf), np.full(24, np.inf)
    np.maximum.at(move, classes, worth[rows] - own[:, None])
    np.minimum.at(drop, classes, own)
    counts = np.bincount(hypothesis.slots, minlength=24)
    more = np.delete(worth, rows, 0).max(0, initial=0.0)
    less = np.where(np.bincount(classes, minlength=24) < counts, 0.0, drop)
    for _ in range(24):
        more = np.maximum(more, (move + more[:, None]).max(0))
        less = np.minimum(less, (less - move).min(1))
    price = math.log(config.missed_rate)
    return np.stack([np.full(24, score), score + more + price, score - less - price])


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
