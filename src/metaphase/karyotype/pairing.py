"""Which chromosomes of a group stand side by side: homologues look alike in length and bands."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from metaphase.banding import profile_of, resampled
from metaphase.types import Straightened

__all__ = ["ordered", "unlikeness"]

_LENGTH_WEIGHT = 2.0  # a tenth of difference in length counts like a fifth of difference in profile

Float64 = NDArray[np.float64]


def ordered(
    members: Sequence[int],
    lengths: Float64,
    upright: NDArray[np.bool_],
    straightened: Sequence[Straightened],
    placed: NDArray[np.bool_],
) -> tuple[int, ...]:
    """Members of one group in the order they stand: pairs of most alike first, in each the longer one first, odd last.

    members: instance numbers of one class. lengths, upright, straightened, placed: of all instances; those without a
    slot are odd if anybody is. A pair stands in the order of its length, the longest pair first.
    """
    free = sorted(members, key=lambda i: (not placed[i], -lengths[i], i))
    if len(free) <= 2:
        return tuple(free)
    profiles = {i: _profile(straightened[i], bool(upright[i])) if straightened else None for i in free}
    pairs: list[tuple[int, int]] = []
    while len(free) >= 2:
        pair = min(
            ((a, b) for n, a in enumerate(free) for b in free[n + 1 :]),
            key=lambda ab: (
                int(not placed[ab[0]]) + int(not placed[ab[1]]),
                unlikeness(profiles[ab[0]], profiles[ab[1]], lengths[ab[0]], lengths[ab[1]]),
            ),
        )
        pairs.append(pair)
        free = [i for i in free if i not in pair]
    pairs.sort(key=lambda ab: (not (placed[ab[0]] and placed[ab[1]]), -lengths[list(ab)].max()))
    return (*(i for ab in pairs for i in sorted(ab, key=lambda i: -lengths[i])), *free)


def unlikeness(a: Float64 | None, b: Float64 | None, length_a: float, length_b: float) -> float:
    """How different two chromosomes are: one minus the correlation of their profiles, plus their log ratio of lengths.

    a, b: profiles of one number of points, or None where there is none.
    """
    ratio = abs(float(np.log(max(length_a, 1) / max(length_b, 1))))
    if a is None or b is None:
        return _LENGTH_WEIGHT * ratio
    spread = float(a.std() * b.std())
    correlation = float(((a - a.mean()) * (b - b.mean())).mean()) / spread if spread > 1e-9 else 0.0
    return 1 - correlation + _LENGTH_WEIGHT * ratio


def _profile(laid: Straightened, upright: bool) -> Float64 | None:
    """Float64[POINTS of banding]: mean darkness across, from the p tip to the q tip."""
    darkness = profile_of(laid.gray, laid.inside)
    if not len(darkness):
        return None
    profile = resampled(darkness)
    return profile if upright else profile[::-1]
