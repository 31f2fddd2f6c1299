"""The midline of a chromosome's mask, from one end to the other."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from metaphase import skeleton

__all__ = [
    "BEYOND",
    "ends",
    "followed",
    "hollow",
    "midline",
    "midlines",
    "misfit",
    "own_samples",
    "resample",
    "strip",
    "unfolded",
    "without_threads",
]

_PICTURED = 1.0
"""Area, in chromosome widths squared, for each degree of the midline in pictures; the identifier's has fewer bends."""

BEYOND = 1.5
"""Chromosome widths by which an axis is followed beyond the ends of a midline."""

_FINE = 16  # points of an axis that is drawn to the middle, for each chromosome width
_BESIDE = 0.15  # chromosome widths by which a chromosome may lie beside its axis before that is drawn to the middle
_TIMES = 4  # that it is drawn there
_WHOLE = 0.9  # part of a mask that is left without its threads, or it is in pieces
_THREAD = 3  # parts of a chromosome width, one of which what is thinner than says nothing of the middle

_STEEP = 1.4  # turn in radians above which slices across the principal axis no longer lie across the chromosome

_SMALL = 8.0  # pixels of a chromosome width of the mask that a skeleton is made of
_SPUR = 0.75  # chromosome widths of a branch of the skeleton below which it is a corner of the outline

_LONGEST = 40  # chromosome widths of an axis that may be a chromosome's
_STRAIGHT = 0.7  # turn in radians within a chromosome width up to which rows do not reach into each other
_OWN = 0.15  # chromosome widths by which another stretch of the axis may be nearer
_DETOUR = 0.75  # chord of the way along the axis below which it comes back to itself
_ENDS = 1.5  # chromosome widths at both ends of an axis that may run into another arm
_MEETS = 0.5  # chromosome widths to the axis of another arm below which an end has run into it
_APART = 1.2  # chromosome widths along the axis from which on another stretch is another arm

Points = NDArray[np.float64]
Bool = NDArray[np.bool_]
Float32 = NDArray[np.float32]


def midlines(crop: NDArray[np.bool_], chromosome_width: float) -> tuple[Points, Points | None]:
    """Points (x, y) of the crop along the midline of its mask, and those of the one for pictures.

    The midline stops short of the ends by up to half a width; tangents go on from there (`resample`). Pictures follow
    the bends of short chromosomes too; theirs is None where that folds.
    """
    pixels = _pixels(crop)
    found = _midline_by_moments(pixels, chromosome_width)
    if found is None:
        by_distance = _midline_by_distance(crop, chromosome_width)
        return by_distance, by_distance
    if _degree(pixels, chromosome_width, _PICTURED) > _degree(pixels, chromosome_width):
        return found, _midline_by_moments(pixels, chromosome_width, _PICTURED)
    return found, found


def midline(crop: NDArray[np.bool_], chromosome_width: float) -> Points:
    """The first of `midlines`."""
    found = _midline_by_moments(_pixels(crop), chromosome_width)
    return _midline_by_distance(crop, chromosome_width) if found is None else found


def _pixels(crop: NDArray[np.bool_]) -> Points:
    rows, columns = np.nonzero(crop)
    return np.stack([columns, rows], 1).astype(np.float64)


def unfolded(crop: Bool, chromosome_width: float) -> list[Points]:
    """Midlines (points (x, y) of the crop) that a mask may have whose arms touch: all ways along its skeleton."""
    shrink = max(1.0, chromosome_width / _SMALL)
    size = (max(1, round(crop.shape[1] / shrink)), max(1, round(crop.shape[0] / shrink)))
    small = np.asarray(cv2.resize(crop.astype(np.uint8), size, interpolation=cv2.INTER_AREA), np.uint8)
    small = np.asarray(cv2.morphologyEx(np.pad(small, 2), cv2.MORPH_OPEN, np.ones((3, 3), np.uint8)), np.uint8)
    _, parts, stats, _ = cv2.connectedComponentsWithStats(small, connectivity=4)
    if len(stats) < 2:
        return []
    main = parts == 1 + int(stats[1:, cv2.CC_STAT_AREA].argmax())
    scale = np.array([crop.shape[1] / size[0], crop.shape[0] / size[1]])
    paths = []
    for way in skeleton.ways(main, _SPUR * _SMALL):
        ring = (way[0] == way[-1]).all()
        open_way = way[: -int(_SMALL)] if ring else way
        if len(open_way) > _SMALL:
            paths.append((_smoothed(open_way - 2 + 0.5, 7) * scale - 0.5)[2:-2])
    return paths


def _smoothed(path: Points, size: int) -> Points:
    padded = np.concatenate([path[:1]] * (size // 2) + [path] + [path[-1:]] * (size // 2))
    return np.stack([np.convolve(padded[:, i], np.ones(size) / size, "valid") for i in range(2)], 1)


def followed(crop: Bool, path: Points, chromosome_width: float) -> Points | None:
    """The midline of a chromosome that bends more than a polynomial can: elbows, hooks, an S.

    path: points (x, y) of the crop along an axis. It is drawn to the middle of each row of its strip, smoothed over a
    chromosome width, a few times. None where it lies near the middle already, where no other shows the mask as well,
    and where a mask is all threads and pieces. To be used with `resample(..., extend=BEYOND * chromosome_width)`.
    """
    step = chromosome_width / _FINE
    body = without_threads(crop, max(1, round(chromosome_width / _THREAD)) | 1)
    if np.count_nonzero(body) < _WHOLE * np.count_nonzero(crop):
        return None
    across = (np.arange(2 * _FINE) - _FINE + 0.5) * step
    window, inset = np.ones(_FINE + 1) / (_FINE + 1), round(0.4 * _FINE)
    best, least, most = None, np.inf, np.inf
    for number in range(_TIMES + 1):
        axis, normals = resample(path, step, extend=BEYOND * chromosome_width)
        x, y, inside = strip(body, axis, normals, across, chromosome_width)
        used = np.flatnonzero(inside.any(1))
        if len(used) < 2 * _FINE:
            break
        beside = np.interp(np.arange(used[0], used[-1] + 1), used, (inside[used] @ across) / inside[used].sum(1))
        farthest = float(np.abs(beside).max()) / chromosome_width
        if not number and farthest < _BESIDE:
            break
        wrong = misfit(body, x, y, inside, step)
        if not number:
            least, most = farthest + wrong, wrong + 0.02
        elif farthest + wrong < least and wrong <= most:
            best, least = path, farthest + wrong
        moved = np.convolve(np.pad(beside, _FINE // 2, mode="edge"), window, "valid")
        rows = slice(used[0], used[-1] + 1)
        path = (axis[rows] + normals[rows] * moved[:, None])[inset:-inset]
    return best


def without_threads(mask: Bool, side: int) -> Bool:
    """A mask without what is thinner than `side` pixels, odd: threads of dirt, corners of others."""
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    opened = cv2.morphologyEx(np.pad(mask.astype(np.uint8), side), cv2.MORPH_OPEN, disc)
    return np.asarray(opened[side:-side, side:-side], bool)


def strip(
    crop: Bool, path: Points, normals: Points, across: NDArray[np.floating[Any]], chromosome_width: float
) -> tuple[Float32, Float32, Bool]:
    """What lies along an axis: columns and rows of the samples, Float32[R, C], and which of them are the mask's.

    path, normals: Float64[R, 2], as `resample` gives them; across: Float64[C], distances from the axis along the
    normals; all in pixels of the crop. Where rows reach into each other a pixel is the mask's once (`own_samples`).
    """
    x, y = ((path[:, i, None] + normals[:, i, None] * across).astype(np.float32) for i in range(2))
    inside = cv2.remap(crop.astype(np.uint8) * 255, x, y, cv2.INTER_LINEAR, borderValue=(0,)) >= 128
    return x, y, inside & own_samples(path, normals, across, chromosome_width)


def misfit(crop: Bool, x: Float32, y: Float32, inside: Bool, step: float) -> float:
    """How badly a `strip` shows a mask, 0 where it has each pixel once.

    step: pixels from one sample to the next. The sum of what is missed, as a part of the mask, of the logarithm of how
    much more or less than the mask is shown, and of `hollow`.
    """
    area = max(1, np.count_nonzero(crop))
    seen = np.zeros(crop.shape, np.uint8)
    limit = np.array(crop.shape)[:, None] - 1
    rows, columns = np.clip(np.rint(np.stack([y[inside], x[inside]])), 0, limit).astype(np.int64)
    seen[rows, columns] = 1
    side = 2 * max(1, int(np.ceil(step / 2 + 0.5))) + 1
    seen = np.asarray(cv2.dilate(seen, np.ones((side, side), np.uint8)), np.uint8)
    shown = max(np.count_nonzero(inside) * step**2, 1e-3)
    return abs(float(np.log(shown / area))) + 1 - np.count_nonzero(crop & (seen > 0)) / area + hollow(inside)


def hollow(inside: Bool) -> float:
    """Share of the rows of a strip whose middle is not the mask's: its axis goes through a hole or a gap."""
    used = inside.any(1)
    middle = inside.shape[1] // 2
    return float((~inside[used, middle - 1 : middle + 1].any(1)).mean()) if used.any() else 1.0


def own_samples(path: Points, normals: Points, across: NDArray[np.floating[Any]], chromosome_width: float) -> Bool:
    """Bool[R, C]: samples of a strip that lie nearest to their own row of its axis.

    path, normals: Float64[R, 2]; across: Float64[C], distances from the axis along the normals, in the same pixels.
    Where an axis turns sharply or comes back to itself, rows reach into each other and into the other arm; there each
    pixel belongs to the stretch that it is nearest to, and the axis ends where it would run into another arm. An axis
    too long for a chromosome is left as it is.
    """
    whole = np.ones((len(path), len(across)), bool)
    along = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(path, axis=0).T))])
    if along[-1] > _LONGEST * chromosome_width:
        return whole
    stride = max(1, int(chromosome_width / 4 / max(along[-1] / len(path), 1e-9)))
    some, places = path[::stride], along[::stride]
    apart = np.abs(places[:, None] - places)
    chords = _distances(some, some)
    met_again = ((chords < 2 * np.abs(across).max()) & (chords < _DETOUR * apart)).any()
    turns = normals[::stride] @ normals[::stride].T
    if not met_again and turns[apart <= chromosome_width].min(initial=1) > np.cos(_STRAIGHT):
        return whole
    samples = path[:, None] + normals[:, None] * across[None, :, None]
    nearest = cKDTree(some).query(samples)[0]
    other_arm = np.abs(along[:, None] - places) > _APART * chromosome_width
    met = ((_distances(path, some) < _MEETS * chromosome_width) & other_arm).any(1)
    # Only ends run into another arm; both arms of a fork in the middle stay.
    reach = _ENDS * chromosome_width
    first, last = met & (along < reach), met & (along > along[-1] - reach)
    whole[: int(np.flatnonzero(first).max(initial=-1)) + 1] = False
    whole[int(np.flatnonzero(last).min(initial=len(met))) :] = False
    return whole & (nearest >= np.abs(across) - _OWN * chromosome_width)


def _distances(a: Points, b: Points) -> Points:
    """Float64[N, K] between points."""
    squares = (a**2).sum(1)[:, None] + (b**2).sum(1) - 2 * (a @ b.T)
    return np.sqrt(np.maximum(squares, 0.0))


def ends(crop: NDArray[np.bool_], chromosome_width: float) -> list[tuple[Points, Points]]:
    """Both ends of a mask: the point (x, y) of the crop where its midline leaves it, and the unit vector outwards.

    None at all for a speck without a direction.
    """
    path, _ = resample(midline(crop, chromosome_width), chromosome_width / 8, extend=BEYOND * chromosome_width)
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
    # A polynomial swings out beyond its data: end it half a width before the ends, tangents go on from there.
    inset = min(0.4 * width, 0.25 * (high - low))
    t = np.linspace(low + inset, high - inset, max(8, bins * 2))
    heights, slopes = _polynomial(centres, middles, np.sqrt(counts[filled]), min(degree, len(centres) - 1), t)
    if np.ptp(np.arctan(slopes)) > _STEEP:
        return None
    return centre + t[:, None] * axis + heights[:, None] * side


def _polynomial(x: Points, y: Points, weight: Points, degree: int, at: Points) -> tuple[Points, Points]:
    """Values and slopes `at` some places of the polynomial that fits best; NumPy's own takes three times as long."""
    low, span = x[0], max(x[-1] - x[0], 1e-6)
    powers = np.vander(2 * (x - low) / span - 1, degree + 1, increasing=True)
    coefficients = np.linalg.lstsq(powers * weight[:, None], y * weight, rcond=None)[0]
    powers = np.vander(2 * (at - low) / span - 1, degree + 1, increasing=True)
    slopes = powers[:, :-1] @ (coefficients[1:] * np.arange(1, degree + 1)) * (2 / span)
    return powers @ coefficients, slopes


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
