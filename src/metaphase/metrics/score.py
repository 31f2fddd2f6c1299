"""What every metric returns: scores that can be pooled over any resampling of the images."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

__all__ = ["Pooled", "Score"]

Float64 = NDArray[np.float64]


class Score(Protocol):
    """A number over N images that can be computed again with each image counted several times."""

    @property
    def value(self) -> float:
        """The number over all images, each counted once; NaN where it is not defined."""

    @property
    def left_out(self) -> int:
        """How many images, or pairs of image and class, have no part in the number."""

    def values(self, weights_bn: Float64) -> Float64:
        """Float64[B]: the number for each of B resamplings, weights_bn [B, N] being how often each image counts."""


@dataclass(frozen=True, eq=False)
class Pooled:
    """A ratio of sums over images, or the mean of C such ratios (one a class).

    numerators, denominators: Float64[N, C], what each of N images adds. support: Float64[N, C], above 0 where image
    and class have anything to say; the denominators by default.
    A ratio without denominator is 0 where there is support; a class without support is left out of the mean, and
    without any class the value is `empty`.
    """

    numerators: Float64
    denominators: Float64
    empty: float = float("nan")
    support: Float64 | None = None
    left_out: int = 0

    @property
    def value(self) -> float:
        """The number over all images, each counted once; NaN where it is not defined."""
        return float(self.values(np.ones((1, len(self.numerators))))[0])

    def values(self, weights_bn: Float64) -> Float64:
        """Float64[B]: the number for each of B resamplings, weights_bn [B, N] being how often each image counts."""
        numerators, denominators = weights_bn @ self.numerators, weights_bn @ self.denominators
        support = denominators if self.support is None else weights_bn @ self.support
        ratios = np.where(denominators > 0, numerators / np.where(denominators > 0, denominators, 1), 0.0)
        present = support > 0
        means = (ratios * present).sum(1) / np.maximum(present.sum(1), 1)
        return np.where(present.any(1), means, self.empty)
