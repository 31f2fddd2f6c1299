"""Whether probabilities and scores mean what they say (Guo et al. 2017, "On Calibration of Modern Neural Networks")."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from metaphase.metrics.comparison import Comparison

__all__ = ["Calibration", "CalibrationError", "calibration"]

Float64 = NDArray[np.float64]

BINS = 15
COVERAGES = (0.5, 0.8, 0.9, 0.95, 0.98, 0.99, 1.0)


@dataclass(frozen=True, eq=False)
class CalibrationError:
    """Expected calibration error; a `Score`.

    gaps_nb: Float64[N, bins], sum of (confidence - right) of each image and bin; counts_n: Float64[N].
    """

    gaps_nb: Float64
    counts_n: Float64
    left_out: int = 0

    @property
    def value(self) -> float:
        """The number over all images; NaN where nothing was matched."""
        return float(self.values(np.ones((1, len(self.counts_n))))[0])

    def values(self, weights_bn: Float64) -> Float64:
        """Float64[B]: the number for each of B resamplings, weights_bn [B, N] being how often each image counts."""
        totals = weights_bn @ self.counts_n
        gaps = np.abs(weights_bn @ self.gaps_nb).sum(1)
        return np.where(totals > 0, gaps / np.maximum(totals, 1), np.nan)


@dataclass(frozen=True, eq=False)
class Calibration:
    """error: the expected calibration error. coverage: (coverage, accuracy) when the least sure are abstained from.
    bins: (mean confidence, accuracy, number) of each bin of confidence that holds a chromosome.
    """

    error: CalibrationError
    coverage: list[tuple[float, float]]
    bins: list[tuple[float, float, int]]


def calibration(comparisons: Sequence[Comparison], *, of_scores: bool = False) -> Calibration:
    """Expected calibration error, accuracy against coverage, and the bins, all over the matched chromosomes.

    The confidence is the probability of the predicted class, in 15 bins of equal width; the error is the sum over bins
    of |mean confidence - accuracy| weighted by their share. The curve holds (coverage, accuracy): the accuracy of the
    most confident share of the chromosomes, the rest being abstained from; empty where nothing was matched.
    of_scores: the confidence is the score = P(is a chromosome and has this class), over all predictions; one that is
    not matched is wrong.
    """
    gaps = np.zeros((len(comparisons), BINS))
    counts = np.zeros(len(comparisons))
    confidences: list[Float64] = []
    rights: list[NDArray[np.bool_]] = []
    for i, comparison in enumerate(comparisons):
        confidence, right = _of_scores(comparison) if of_scores else _of_classes(comparison)
        bins = np.minimum((confidence * BINS).astype(np.int64), BINS - 1)
        np.add.at(gaps[i], bins, confidence - right)
        counts[i] = len(confidence)
        confidences.append(confidence)
        rights.append(right)
    return Calibration(CalibrationError(gaps, counts), _curve(confidences, rights), _bins(confidences, rights))


def _of_classes(comparison: Comparison) -> tuple[Float64, NDArray[np.bool_]]:
    labels = comparison.predicted.labels[comparison.cols]
    rows = comparison.predicted.probabilities_nc[comparison.cols].astype(np.float64)
    return np.where(labels > 0, rows[np.arange(len(labels)), labels - 1], 0.0), comparison.right


def _of_scores(comparison: Comparison) -> tuple[Float64, NDArray[np.bool_]]:
    right = np.zeros(len(comparison.predicted), bool)
    right[comparison.cols] = comparison.right
    return np.clip(comparison.predicted.scores.astype(np.float64), 0.0, 1.0), right


def _curve(confidences: list[Float64], rights: list[NDArray[np.bool_]]) -> list[tuple[float, float]]:
    confidence = np.concatenate([np.zeros(0), *confidences])
    if not len(confidence):
        return []
    right = np.concatenate(rights)[np.argsort(-confidence, kind="stable")]
    kept = [max(1, round(coverage * len(right))) for coverage in COVERAGES]
    return [(coverage, float(right[:count].mean())) for coverage, count in zip(COVERAGES, kept, strict=True)]


def _bins(confidences: list[Float64], rights: list[NDArray[np.bool_]]) -> list[tuple[float, float, int]]:
    confidence = np.concatenate([np.zeros(0), *confidences])
    right = np.concatenate([np.zeros(0, bool), *rights])
    index = np.minimum((confidence * BINS).astype(np.int64), BINS - 1)
    members = [index == i for i in range(BINS)]
    return [(float(confidence[m].mean()), float(right[m].mean()), int(m.sum())) for m in members if m.any()]
