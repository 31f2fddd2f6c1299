"""Lay a chromosome out along its medial axis, bands perpendicular to the axis."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from metaphase.types import Straightened

__all__ = ["BREADTH", "LENGTH", "WIDTH", "straighten", "to_input"]

WIDTH = 16.0
"""Chromosome width in pixels of a straightened chromosome."""
BREADTH = 32
"""Columns of a straightened chromosome: two chromosome widths."""
LENGTH = 160
"""Rows at most: ten chromosome widths; longer ones are shortened to fit."""

_PICTURED = 1.0
"""Area, in chromosome widths squared, for each degree of the midline in pictures; the identifier's has fewer bends."""

_STEEP = 1.4  # turn in radians above which slices across the principal axis no longer lie across the chromosome

Points = NDArray[np.float64]


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
    rows, columns = np.nonzero(crop)
    pixels = np.stack([columns, rows], 1).astype(np.float64)
    midline = shown = _midline_by_moments(pixels, chromosome_width)
    if midline is None:
        midline = shown = _midline_by_distance(crop, chromosome_width)
    elif _degree(pixels, chromosome_width, _PICTURED) > _degree(pixels, chromosome_width):
        shown = _midline_by_moments(pixels, chromosome_width, _PICTURED)
    step = chromosome_width / WIDTH
    path, normals = _resample(midline, step, extend=1.5 * chromosome_width)
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
    if len(inside) > LENGTH:
        sampled = cv2.resize(sampled, (BREADTH, LENGTH), interpolation=cv2.INTER_AREA)
        inside = cv2.resize(inside.astype(np.uint8), (BREADTH, LENGTH), interpolation=cv2.INTER_NEAREST).astype(bool)
    axis = np.concatenate([path[first:last], normals[first:last]], 1)
    if shown is not None and shown is not midline:
        axis = np.concatenate(_resample(shown, step, extend=1.5 * chromosome_width), 1)
    axis[:, :2] += (x0, y0)
    gray = np.where(inside, sampled, 255).astype(np.uint8)
    return Straightened(gray=gray, inside=inside, axis=axis.astype(np.float32))


def to_input(chromosome: Straightened, levels: tuple[float, float]) -> NDArray[np.uint8]:
    """UInt8[LENGTH, BREADTH] for the identifier: darkness, 100 at the spread's mean, 0 outside; centred along rows."""
    background, mean = levels
    darkness = (background - chromosome.gray.astype(np.float32)) * (100.0 / (background - mean))
    darkness = np.where(chromosome.inside, np.clip(darkness, 1, 255), 0)
    canvas = np.zeros((LENGTH, BREADTH), np.uint8)
    start = (LENGTH - len(darkness)) // 2
    canvas[start : start + len(darkness)] = np.rint(darkness).astype(np.uint8)
    return canvas


def _degree(pixels: Points, width: float, area: float = 1.5) -> int:
    """Degree of the polynomial that the midline of this many pixels bears; area: chromosome widths squared for each."""
    # Area over width is the length along the bend, which the extent of a bent chromosome understates.
    return int(np.clip(len(pixels) / (area * width**2) - 1, 0, 4))


def _midline_by_moments(pixels: Points, width: float, area: float = 1.5) -> Points | None:
    """Polynomial midline in the frame of the principal axes; None where the chromosome folds back on itself."""
    centre = pixels.mean(0)
    centred = pixels - centre
    _, vectors = np.linalg.eigh(centred.T @ centred)
    axis, side = vectors[:, 1], vectors[:, 0]
    along, across = centred @ axis, centred @ side
    low, high = along.min(), along.max()
    bins = max(3, int(np.ceil((high - low) / (width / 3))))
    index = np.minimum(((along - low) / max(high - low, 1e-6) * bins).astype(np.int64), bins - 1)
    counts = np.bincount(index, minlength=bins)
    filled = counts > 0
    middles = np.bincount(index, across, bins)[filled] / counts[filled]
    top, bottom = np.full(bins, -np.inf), np.full(bins, np.inf)
    np.maximum.at(top, index, across)
    np.minimum.at(bottom, index, across)
    extents = (top - bottom)[filled]
    if high - low > 2.0 * width and np.mean(extents > 1.5 * width) > 0.12:
        return None
    degree = _degree(pixels, width, area)
    centres = low + (np.flatnonzero(filled) + 0.5) * (high - low) / bins
    fit = np.polynomial.Polynomial.fit(centres, middles, min(degree, len(centres) - 1), w=np.sqrt(counts[filled]))
    # A polynomial swings out beyond its data: end it half a width before the ends, tangents go on from there.
    inset = min(0.4 * width, 0.25 * (high - low))
    t = np.linspace(low + inset, high - inset, max(8, bins * 2))
    if np.ptp(np.arctan(fit.deriv()(t))) > _STEEP:
        return None
    return centre + t[:, None] * axis + fit(t)[:, None] * side


def _midline_by_distance(crop: NDArray[np.bool_], width: float) -> Points:
    """Midline of a strongly bent chromosome: centroids of the bands of equal geodesic distance from one end."""
    shrink = max(1.0, width / 8.0)
    size = (max(1, round(crop.shape[1] / shrink)), max(1, round(crop.shape[0] / shrink)))
    small = np.pad(np.asarray(cv2.resize(crop.astype(np.uint8), size, interpolation=cv2.INTER_AREA), np.uint8), 1)
    if not small.any():
        rows, columns = np.nonzero(crop)
        return np.stack([columns, rows], 1).astype(np.float64)
    _, parts, stats, _ = cv2.connectedComponentsWithStats(small, connectivity=8)
    small = (parts == 1 + int(stats[1:, cv2.CC_STAT_AREA].argmax())).astype(np.uint8)
    start = tuple(np.argwhere(small)[0])
    for _ in range(2):
        distance = _geodesic(small, start)
        start = tuple(np.unravel_index(int(distance.argmax()), distance.shape))
    distance = _geodesic(small, start)
    rows, columns = np.nonzero(distance)
    level = (distance[rows, columns] - 1) // 2
    counts = np.maximum(np.bincount(level), 1)
    scale = np.array([crop.shape[1] / size[0], crop.shape[0] / size[1]])
    path = np.stack([np.bincount(level, columns) / counts, np.bincount(level, rows) / counts], 1)
    path = (path - 1 + 0.5) * scale - 0.5
    if len(path) >= 5:
        kernel = np.array([1.0, 2.0, 3.0, 2.0, 1.0]) / 9.0
        padded = np.concatenate([path[:1]] * 2 + [path] + [path[-1:]] * 2)
        path = np.stack([np.convolve(padded[:, i], kernel, "valid") for i in range(2)], 1)
        path = path[1:-1]
    return path


def _geodesic(mask: NDArray[np.uint8], start: tuple[int, ...]) -> NDArray[np.int64]:
    """Steps + 1 from `start` inside the mask (0 elsewhere), 4- and 8-neighbours in turn: an octagonal metric."""
    cross, square = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3)), np.ones((3, 3), np.uint8)
    reached = np.zeros_like(mask)
    reached[start] = 1
    distance = np.zeros(mask.shape, np.int64)
    step = 1
    distance[start] = step
    while True:
        grown = np.asarray(cv2.dilate(reached, cross if step % 2 else square), np.uint8) & mask
        new = grown > reached
        if not new.any():
            return distance
        step += 1
        distance[new] = step
        reached = grown


def _resample(path: Points, step: float, extend: float) -> tuple[Points, Points]:
    """Points every `step` along a polyline extended by straight tangents at both ends, and their unit normals."""
    if len(path) < 2 or np.ptp(path, 0).max() < 1e-6:
        path = path[:1] + np.array([[0.0, -0.5], [0.0, 0.5]])
    keep = np.concatenate([[True], np.hypot(*np.diff(path, axis=0).T) > 1e-9])
    path = path[keep]
    reach = min(4, len(path) - 1)
    head, tail = path[0] - path[reach], path[-1] - path[-1 - reach]
    head, tail = head / max(np.hypot(*head), 1e-9), tail / max(np.hypot(*tail), 1e-9)
    path = np.concatenate([[path[0] + head * extend], path, [path[-1] + tail * extend]])
    lengths = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(path, axis=0).T))])
    at = np.arange(0.0, lengths[-1], step)
    points = np.stack([np.interp(at, lengths, path[:, i]) for i in range(2)], 1)
    tangents = np.gradient(points, axis=0)
    kernel = np.ones(9) / 9.0
    tangents = np.stack([np.convolve(np.pad(tangents[:, i], 4, mode="edge"), kernel, "valid") for i in range(2)], 1)
    tangents /= np.maximum(np.hypot(tangents[:, 0], tangents[:, 1]), 1e-9)[:, None]
    return points, np.stack([-tangents[:, 1], tangents[:, 0]], 1)
