"""The midline of a chromosome's mask, from one end to the other."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

__all__ = ["ends", "midlines", "resample"]

_PICTURED = 1.0
"""Area, in chromosome widths squared, for each degree of the midline in pictures; the identifier's has fewer bends."""

_STEEP = 1.4  # turn in radians above which slices across the principal axis no longer lie across the chromosome

Points = NDArray[np.float64]


def midlines(crop: NDArray[np.bool_], chromosome_width: float) -> tuple[Points, Points | None]:
    """Points (x, y) of the crop along the midline of its mask, and those of the one for pictures.

    The midline stops short of the ends by up to half a width; tangents go on from there (`resample`). Pictures follow
    the bends of short chromosomes too; theirs is None where that folds.
    """
    rows, columns = np.nonzero(crop)
    pixels = np.stack([columns, rows], 1).astype(np.float64)
    found = _midline_by_moments(pixels, chromosome_width)
    if found is None:
        by_distance = _midline_by_distance(crop, chromosome_width)
        return by_distance, by_distance
    if _degree(pixels, chromosome_width, _PICTURED) > _degree(pixels, chromosome_width):
        return found, _midline_by_moments(pixels, chromosome_width, _PICTURED)
    return found, found


def ends(crop: NDArray[np.bool_], chromosome_width: float) -> list[tuple[Points, Points]]:
    """Both ends of a mask: the point (x, y) of the crop where its midline leaves it, and the unit vector outwards.

    None at all for a speck without a direction.
    """
    path, _ = resample(midlines(crop, chromosome_width)[0], chromosome_width / 8, extend=1.5 * chromosome_width)
    x, y = np.rint(path).astype(np.int64).T
    on_crop = (x >= 0) & (y >= 0) & (x < crop.shape[1]) & (y < crop.shape[0])
    inside = np.zeros(len(path), bool)
    inside[on_crop] = crop[y[on_crop], x[on_crop]]
    used = np.flatnonzero(inside)
    if len(used) < 4:
        return []
    first, last = int(used[0]), int(used[-1])
    back = min(8, last - first)
    outwards = path[first] - path[first + back], path[last] - path[last - back]
    lengths = [max(float(np.hypot(*vector)), 1e-6) for vector in outwards]
    return [(path[at], vector / length) for at, vector, length in zip((first, last), outwards, lengths, strict=True)]


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


def resample(path: Points, step: float, extend: float) -> tuple[Points, Points]:
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
