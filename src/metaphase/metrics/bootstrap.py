"""Intervals by resampling cases: chromosomes of one person are alike, so images are not independent."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from metaphase.metrics.score import Score

__all__ = ["bootstrap", "resampled_weights"]


def resampled_weights(cases: Sequence[str], resamples: int = 1000, seed: int = 0) -> NDArray[np.float64]:
    """Float64[resamples, N]: how often each of N images counts when its cases are drawn with replacement.

    cases: the case of each image. All images of a case are drawn together.
    """
    names, members = np.unique(np.asarray(cases, dtype=str), return_inverse=True)
    drawn = np.random.default_rng(seed).integers(0, max(len(names), 1), (resamples, len(names)))
    counts = np.zeros((resamples, len(names)))
    np.add.at(counts, (np.arange(resamples)[:, None], drawn), 1)
    return counts[:, members.reshape(-1)]


def bootstrap(score: Score, weights_bn: NDArray[np.float64]) -> tuple[float, float]:
    """The central 95 % of a score over the resamplings `weights_bn`; NaN twice where no resampling defines it.

    With a single case every resampling is the same, and the interval says nothing: the caller leaves it out.
    """
    values = score.values(weights_bn)
    values = values[np.isfinite(values)]
    if not len(values):
        return float("nan"), float("nan")
    low, high = np.percentile(values, [2.5, 97.5])
    return float(low), float(high)
