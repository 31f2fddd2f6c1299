"""Lay a chromosome out along its medial axis, bands perpendicular to the axis."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from metaphase.midline import BEYOND, Points, hollow, midlines, misfit, resample, strip, unfolded
from metaphase.types import Straightened

Float32 = NDArray[np.float32]

__all__ = ["BREADTH", "LENGTH", "WIDTH", "straighten", "to_input"]

WIDTH = 16.0
"""Chromosome width in pixels of a straightened chromosome."""
BREADTH = 32
"""Columns of a straightened chromosome: two chromosome widths."""
LENGTH = 160
"""Rows at most: ten chromosome widths; longer ones are shortened to fit."""

_FOLDED = 0.03
"""Difference of the areas of strip and mask, in parts of the mask, from which a better midline is looked for."""

_HOLLOW = 0.15
"""`hollow` from which one is looked for too; less may be a bend that the midline of the identifier leaves."""

_BETTER = 0.02
"""By how much less its `misfit` must be."""


def straighten(
    gray: NDArray[np.uint8],
    crop: NDArray[np.bool_],
    offset_xy: NDArray[np.generic] | tuple[int, int],
    chromosome_width: float,
) -> Straightened:
    """Straighten one chromosome at full resolution.

    gray: UInt8[H, W], dark on bright. crop, offset_xy: its mask as crop and (column, row).
    chromosome_width: typical width in the spread, pixels, above 0; sets the scale, so relative lengths are kept.
    Returns gray UInt8[length, 32] and the mask, both `WIDTH` pixels to a chromosome width, 255 outside, and the axis
    for pictures, which follows the bend of short chromosomes too. Which end is up is arbitrary here.
    """
    if chromosome_width <= 0:
        raise ValueError(f"chromosome_width must be above 0, but got {chromosome_width}")
    midline, shown = midlines(crop, chromosome_width)
    step = chromosome_width / WIDTH
    laid = _strip(midline, crop, chromosome_width)
    laid_pixels, pixels = int(np.count_nonzero(laid[4])) * step**2, int(np.count_nonzero(crop))
    if abs(laid_pixels - pixels) > _FOLDED * pixels or hollow(laid[4]) > _HOLLOW:
        other = _unfolded(crop, chromosome_width, laid)
        if other is not None:
            midline = shown = other[0]
            laid = other[1]
    path, normals, x, y, inside = laid
    used = np.flatnonzero(inside.any(1))
    if not len(used):
        used = np.array([0])
    first, last = int(used[0]), int(used[-1]) + 1
    x0, y0 = float(offset_xy[0]), float(offset_xy[1])
    sampled = cv2.remap(gray, x[first:last] + x0, y[first:last] + y0, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    inside = inside[first:last]
    shortened = max(1.0, len(inside) / LENGTH)
    if shortened > 1:
        sampled = cv2.resize(sampled, (BREADTH, LENGTH), interpolation=cv2.INTER_AREA)
        inside = cv2.resize(inside.astype(np.uint8), (BREADTH, LENGTH), interpolation=cv2.INTER_NEAREST).astype(bool)
    axis = np.concatenate([path[first:last], normals[first:last]], 1)
    if shown is not None and shown is not midline:
        axis = np.concatenate(resample(shown, step, extend=BEYOND * chromosome_width), 1)
    axis[:, :2] += (x0, y0)
    gray = np.where(inside, sampled, 255).astype(np.uint8)
    return Straightened(gray=gray, inside=inside, axis=axis.astype(np.float32), shortened=shortened)


_Strip = tuple[Points, Points, Float32, Float32, NDArray[np.bool_]]


def _strip(midline: Points, crop: NDArray[np.bool_], width: float) -> _Strip:
    """An axis and its normals, columns and rows of the samples around it, and which of these are the chromosome's."""
    step = width / WIDTH
    path, normals = resample(midline, step, extend=BEYOND * width)
    return path, normals, *strip(crop, path, normals, (np.arange(BREADTH) - (BREADTH - 1) / 2) * step, width)


def _unfolded(crop: NDArray[np.bool_], width: float, folded: _Strip) -> tuple[Points, _Strip] | None:
    """Midline and strip of a mask whose arms touch; None where none fits clearly better than the folded one."""
    step = width / WIDTH
    others = [(path, _strip(path, crop, width)) for path in unfolded(crop, width)]
    misfits = [misfit(crop, *found[2:], step) for _, found in others]
    best = int(np.argmin(misfits)) if misfits else None
    better = best is not None and misfits[best] < misfit(crop, *folded[2:], step) - _BETTER
    return others[best] if best is not None and better else None


def to_input(chromosome: Straightened, levels: tuple[float, float]) -> NDArray[np.uint8]:
    """UInt8[LENGTH, BREADTH] for the identifier: darkness, 100 at the spread's mean, 0 outside; centred along rows."""
    background, mean = levels
    darkness = (background - chromosome.gray.astype(np.float32)) * (100.0 / (background - mean))
    darkness = np.where(chromosome.inside, np.clip(darkness, 1, 255), 0)
    canvas = np.zeros((LENGTH, BREADTH), np.uint8)
    start = (LENGTH - len(darkness)) // 2
    canvas[start : start + len(darkness)] = np.rint(darkness).astype(np.uint8)
    return canvas
