"""Joint assignment of the chromosomes of one cell to the 24 classes.

Each hypothesis about the cell (46,XX, 47,XY,+21, ...) offers slots: two for chromosome 1, and so on. An instance either
takes a slot or stays over, and a slot may stay empty. In nats, with p(k | i) the class probabilities and c(i) the
probability that instance i is a chromosome:

    instance i in a slot of class k     -log c(i) - log p(k | i) - log(1 - missed_rate)
    instance i left over                -log((1 - c(i)) + c(i) extra_rate) - max_k log p(k | i)
    empty slot                          -log missed_rate
    hypothesis                          -log prior

The best assignment under the cheapest hypothesis wins. An instance that moves away from its best class pays the
difference of the logarithms, one that is left over keeps its best class: nothing is forced into pairs.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from metaphase.config import KaryotypeConfig
from metaphase.karyotype.hypotheses import hypotheses

__all__ = ["Assignment", "solve"]

Float64 = NDArray[np.float64]

_DEFAULTS = KaryotypeConfig()


@dataclass(frozen=True, eq=False)
class Assignment:
    """The cheapest explanation of one cell.

    labels: Int64[M], 1..24. placed: Bool[M], False for an instance that found no slot and keeps its own best class.
    iscn: the hypothesis it rests on. cost: negative log of its joint probability, nats, up to a constant.
    """

    labels: NDArray[np.int64]
    placed: NDArray[np.bool_]
    iscn: str
    cost: float


def solve(
    log_probabilities_nc: Float64, chromosome_probability: Float64, config: KaryotypeConfig = _DEFAULTS
) -> Assignment:
    """The best joint assignment over all hypotheses.

    log_probabilities_nc: Float64[M, 24], log p(class | instance) up to a constant for each row; -inf is allowed.
    chromosome_probability: Float64[M] in [0, 1], P(the instance is a chromosome).
    Raises ValueError for other shapes, values that are not numbers, or a row without any possible class.
    """
    log_p_nc, chromosome_probability = _checked(log_probabilities_nc, chromosome_probability, config)
    best_nc = log_p_nc.argmax(1)
    gain_nc, left_over, empty = _costs(log_p_nc, chromosome_probability, config)
    cheapest: tuple[float, str, NDArray[np.int64], NDArray[np.bool_]] | None = None
    for hypothesis in hypotheses(config):
        gain_of_slots = gain_nc[:, hypothesis.slots]
        rows, columns = linear_sum_assignment(gain_of_slots)
        chosen = gain_of_slots[rows, columns]
        cost = float(chosen.sum() + left_over + len(hypothesis.slots) * empty - hypothesis.log_prior)
        if cheapest is not None and cost >= cheapest[0]:
            continue
        taken = chosen < 0
        labels, placed = best_nc.copy(), np.zeros(len(best_nc), bool)
        labels[rows[taken]] = hypothesis.slots[columns[taken]]
        placed[rows[taken]] = True
        cheapest = cost, hypothesis.iscn, labels, placed
    assert cheapest is not None, "the list of hypotheses is never empty"
    cost, iscn, labels, placed = cheapest
    return Assignment(labels=labels.astype(np.int64) + 1, placed=placed, iscn=iscn, cost=cost)


def _costs(log_p_nc: Float64, chromosome_probability: Float64, config: KaryotypeConfig) -> tuple[Float64, float, float]:
    """What filling a slot adds for each instance, [M, 24], at most 0; the cost of leaving all over; of an empty slot.

    With "left over and slot empty" as the starting point, filling a slot is worth it only below 0. So entries above 0
    count as 0, and one rectangular matrix needs neither columns for the left over nor rows for the missed.
    """
    c = np.clip(chromosome_probability, 1 - config.chromosome_ceiling, config.chromosome_ceiling)
    empty = -math.log(config.missed_rate)
    in_slot_nc = -np.log(c)[:, None] - log_p_nc - math.log1p(-config.missed_rate)
    left_over = -np.log((1 - c) + c * config.extra_rate) - log_p_nc.max(1, initial=-np.inf)
    return np.minimum(in_slot_nc - left_over[:, None] - empty, 0.0), float(left_over.sum()), empty


def _checked(log_p_nc: Float64, probability: Float64, config: KaryotypeConfig) -> tuple[Float64, Float64]:
    log_p_nc, probability = np.asarray(log_p_nc, np.float64), np.asarray(probability, np.float64)
    if log_p_nc.ndim != 2 or log_p_nc.shape[1] != 24:
        raise ValueError(f"log_probabilities_nc must have shape (M, 24), but got {log_p_nc.shape}")
    if probability.shape != (len(log_p_nc),):
        raise ValueError(f"chromosome_probability must have shape ({len(log_p_nc)},), but got {probability.shape}")
    if not len(log_p_nc):
        return log_p_nc, probability
    top = log_p_nc.max(1, keepdims=True)
    if not np.isfinite(top).all() or np.isnan(log_p_nc).any() or not np.isfinite(probability).all():
        raise ValueError("each row of log_probabilities_nc needs a finite maximum, and no value may be NaN")
    p_nc = np.exp(log_p_nc - top)
    p_nc /= p_nc.sum(1, keepdims=True)
    return np.log(np.maximum(p_nc, config.probability_floor)), probability
