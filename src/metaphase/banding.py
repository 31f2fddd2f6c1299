"""Band profiles: a straightened chromosome against the ISCN ideogram of its class.

The profile is the mean darkness across the chromosome at each point of its axis. The ideogram, read as densities and
blurred to what a light microscope shows, is laid over it with a little play: the tips may lie somewhat inside or
outside, and one arm may be more condensed than the other. The correlation of the best fit says how well bands and
class agree, and comparing it with the chromosome turned by 180 degrees says which end is the p arm.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from itertools import product

import cv2
import numpy as np
from numpy.typing import NDArray

from metaphase.chromosomes import bands, centromeric_index, name_of

__all__ = [
    "LARGEST_MARGIN",
    "POINTS",
    "VARIABLE_DENSITY",
    "Alignment",
    "align",
    "ideogram_densities",
    "profile_of",
    "resampled",
]

Float64 = NDArray[np.float64]

POINTS = 96
"""Points of a profile that is compared, from tip to tip."""

LARGEST_MARGIN = 2.0
"""Of two correlations, the difference at most."""

VARIABLE_DENSITY = {1: 90.0, 9: 20.0, 16: 90.0, 24: 90.0}
"""Density of the variable heterochromatin in G-banding, by label, where it is not about 35: pale in 9."""

_BLUR = 2.2  # sigma in points: bands closer than this run together
_FINE = 4  # samples of the ideogram for each point
_SHIFTS = (-0.05, -0.025, 0.0, 0.025, 0.05)  # of either tip, as a share of the length
_BENDS = (-0.12, -0.06, 0.0, 0.06, 0.12)  # condensation of one half against the other
_STAINS = {"gneg": 0.0, "acen": 45.0, "stalk": -25.0}


@dataclass(frozen=True, eq=False)
class Alignment:
    """One chromosome laid against the ideogram of one class.

    score, turned_score: correlation in [-1, 1] of the best fit as it lies and turned by 180 degrees.
    centromere: where the ideogram's centromere falls, as a share of the length from the p tip, for the better of the
    two, or for the one that `align` was told.
    profile: Float64[POINTS], darkness with the p arm first, mean 0 and deviation 1. expected: the ideogram as it was
    laid.
    """

    label: int
    score: float
    turned_score: float
    centromere: float
    profile: Float64
    expected: Float64

    @property
    def upright(self) -> bool:
        """True where the p arm is at row 0 of what was given."""
        return self.score >= self.turned_score

    @property
    def margin(self) -> float:
        """How much better it fits as it lies than turned, from -`LARGEST_MARGIN` to `LARGEST_MARGIN`."""
        return self.score - self.turned_score

    @property
    def best_score(self) -> float:
        """The correlation of the better of the two ways."""
        return max(self.score, self.turned_score)


def profile_of(gray: NDArray[np.uint8], inside: NDArray[np.bool_]) -> Float64:
    """Float64[rows]: mean darkness (255 - gray) across a straightened chromosome, for the rows that it has."""
    rows = np.flatnonzero(inside.any(1))
    if not len(rows):
        return np.zeros(0)
    window = np.s_[rows[0] : rows[-1] + 1]
    darkness = np.where(inside[window], 255.0 - gray[window], 0.0).sum(1)
    return np.asarray(darkness / np.maximum(inside[window].sum(1), 1), np.float64)


def resampled(profile: Float64, points: int = POINTS) -> Float64:
    """Float64[points]: a profile of any length, at least 1, between the same two tips."""
    at = np.linspace(0, len(profile) - 1, points)
    return np.asarray(np.interp(at, np.arange(len(profile)), profile), np.float64)


def ideogram_densities(label: int, points: int = POINTS, level: int = 550) -> Float64:
    """Float64[points] in [-25, 100]: stain of the ideogram from the p tip to the q tip, not blurred.

    Raises ValueError for a label outside 1..24 or an unknown level.
    """
    own = bands(label, level)
    density = np.array(
        [VARIABLE_DENSITY.get(label, 35.0) if b.stain == "gvar" else _STAINS.get(b.stain, b.density) for b in own]
    )
    middles = (np.arange(points) + 0.5) / points * own[-1].stop
    at = np.searchsorted([band.stop for band in own], middles, side="right")
    return np.asarray(density[np.minimum(at, len(own) - 1)], np.float64)


def align(profile: Float64, label: int, upright: bool | None = None) -> Alignment:
    """Lay a profile (`profile_of`, at least 2 rows) against the ideogram of a class, both ways up.

    upright: which way up to lay it; left out, the better one counts.
    A profile without contrast fits nothing: both scores are 0. Raises ValueError for a label outside 1..24.
    """
    name_of(label)
    own = _standard(_smooth(resampled(np.asarray(profile, np.float64)), 0.8)[None])[0]
    templates, centromeres = _templates(label)
    scores = templates @ np.stack([own, own[::-1]], 1) / POINTS
    best = scores.argmax(0)
    up, down = (float(scores[best[i], i]) for i in (0, 1))
    as_it_lies = up >= down if upright is None else upright
    chosen = int(best[0] if as_it_lies else best[1])
    return Alignment(label, up, down, float(centromeres[chosen]), own if as_it_lies else own[::-1], templates[chosen])


@cache
def _templates(label: int) -> tuple[Float64, Float64]:
    """Float64[N, POINTS], the ideogram laid in every allowed way, standardised; Float64[N], where the centromere
    falls.
    """
    fine = _smooth(ideogram_densities(label, POINTS * _FINE), _BLUR * _FINE)
    t = (np.arange(POINTS) + 0.5) / POINTS
    place = np.linspace(0, 1, 401)
    centromere = centromeric_index(label) / 100
    rows, centromeres = [], []
    for first, last, bend in product(_SHIFTS, _SHIFTS, _BENDS):

        def source(at: Float64, first: float = first, last: float = last, bend: float = bend) -> Float64:
            return np.asarray(first + (1 + last - first) * (at + bend * at * (1 - at)), np.float64)

        rows.append(np.interp(source(t) * POINTS * _FINE - 0.5, np.arange(POINTS * _FINE), fine))
        centromeres.append(float(np.interp(centromere, source(place), place)))
    return _standard(np.array(rows)), np.array(centromeres)


def _smooth(values: Float64, sigma: float) -> Float64:
    blurred = cv2.GaussianBlur(values.reshape(1, -1), (0, 0), sigma, borderType=cv2.BORDER_REPLICATE)
    return np.asarray(blurred, np.float64).reshape(-1)


def _standard(rows: Float64) -> Float64:
    """Each row with mean 0 and deviation 1; rows without contrast become 0."""
    centred = rows - rows.mean(1, keepdims=True)
    deviation = centred.std(1, keepdims=True)
    return np.asarray(np.where(deviation > 1e-6, centred / np.maximum(deviation, 1e-6), 0.0), np.float64)
