"""Lay a chromosome out along its medial axis, bands perpendicular to the axis."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from metaphase.midline import midlines, resample
from metaphase.types import Straightened

__all__ = ["BREADTH", "LENGTH", "WIDTH", "straighten", "to_input"]

WIDTH = 16.0
"""Chromosome width in pixels of a straightened chromosome."""
BREADTH = 32
"""Columns of a straightened chromosome: two chromosome widths."""
LENGTH = 160
"""Rows at most: ten chromosome widths; longer ones are shortened to fit."""


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
    path, normals = resample(midline, step, extend=1.5 * chromosome_width)
    across = (np.arange(BREADTH) - (BREADTH - 1) / 2) * step
    where = path[:, None, :] + normals[:, None, :] * across[None, :, None]
    x, y = where[..., 0].astype(np.float32), where[..., 1].astype(np.float32)
    inside = cv2.remap(crop.astype(np.uint8) * 255, x, y, cv2.INTER_LINEAR, borderValue=0) >= 128
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
        axis = np.concatenate(resample(shown, step, extend=1.5 * chromosome_width), 1)
    axis[:, :2] += (x0, y0)
    gray = np.where(inside, sampled, 255).astype(np.uint8)
    return Straightened(gray=gray, inside=inside, axis=axis.astype(np.float32), shortened=shortened)


def to_input(chromosome: Straightened, levels: tuple[float, float]) -> NDArray[np.uint8]:
    """UInt8[LENGTH, BREADTH] for the identifier: darkness, 100 at the spread's mean, 0 outside; centred along rows."""
    background, mean = levels
    darkness = (background - chromosome.gray.astype(np.float32)) * (100.0 / (background - mean))
    darkness = np.where(chromosome.inside, np.clip(darkness, 1, 255), 0)
    canvas = np.zeros((LENGTH, BREADTH), np.uint8)
    start = (LENGTH - len(darkness)) // 2
    canvas[start : start + len(darkness)] = np.rint(darkness).astype(np.uint8)
    return canvas
