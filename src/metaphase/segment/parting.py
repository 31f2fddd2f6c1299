"""Two chromosomes that lie end to end and were taken for one, parted again as more readings.

Acrocentric chromosomes stick together at their satellites, and two that meet end to end can look like one long
chromosome to the segmenter. Where nobody can name an outline, it is cut across where it absorbs least light; both parts
are shown beside the whole, and the bands and the cell decide between them, as among all readings.
"""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from metaphase import masks
from metaphase.midline import midline, resample, strip
from metaphase.types import Instances, Spread

__all__ = ["parted"]

Bool = NDArray[np.bool_]
Float64 = NDArray[np.float64]

_SMALLEST = 2.0
"""Area, in chromosome widths squared, of two chromosomes at least."""
_LEAST = 0.75
"""Chromosome widths along the axis that a part has at least."""
_DIP = 0.75
"""Absorption at a cut over the lesser of the highest on both sides, at most."""
_CUTS = 2
"""Places where an outline is cut, at most, each for itself."""
_STEPS = 8
"""Rows of the absorption profile to a chromosome width."""


def parted(instances: Instances, chosen: NDArray[np.int64], spread: Spread) -> Instances:
    """The parts of some instances: each is cut in two where it absorbs least light, in at most two ways.

    instances: with masks; chosen: Int64[N], indices. The two parts of a cut follow each other. They have the score of
    the whole, and uniform probabilities: the segmenter named something else.
    """
    assert instances.crops is not None
    crops: list[Bool] = []
    places: list[tuple[int, int]] = []
    scores: list[float] = []
    for i in chosen.tolist():
        crop, (x, y) = instances.crops[i], instances.offsets_xy[i].tolist()
        gray = spread.gray[y : y + crop.shape[0], x : x + crop.shape[1]]
        for part in _halves(crop, gray, spread.chromosome_width):
            rows, columns = np.flatnonzero(part.any(1)), np.flatnonzero(part.any(0))
            crops.append(np.ascontiguousarray(part[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]))
            places.append((x + int(columns[0]), y + int(rows[0])))
            scores.append(float(instances.scores[i]))
    found = Instances.from_masks(instances.height, instances.width, crops, places, scores=scores)
    boxes = masks.pad_as_annotators(found.boxes_xyxy, spread.chromosome_width, (found.height, found.width))
    return replace(found, annotation_boxes_xyxy=boxes)


def _halves(crop: Bool, gray: NDArray[np.uint8], width: float) -> list[Bool]:
    """Both parts of every cut, masks like `crop`."""
    if np.count_nonzero(crop) < _SMALLEST * width**2:
        return []
    step = width / _STEPS
    path, normals = resample(midline(crop, width), step, extend=width)
    absorbed = _absorption(crop, gray, path, normals, step, width)
    used = np.flatnonzero(absorbed > 0)
    if len(used) < 2 * _LEAST * _STEPS + 1:
        return []
    rows, columns = np.nonzero(crop)
    pixels = np.stack([columns, rows], 1).astype(np.float64)
    squares = (pixels**2).sum(1)[:, None] + (path**2).sum(1) - 2 * pixels @ path.T
    nearest = squares.argmin(1)
    parts = []
    for cut in _cuts(absorbed[used[0] : used[-1] + 1]):
        halves = []
        for side in (nearest < used[0] + cut, nearest >= used[0] + cut):
            part = np.zeros_like(crop)
            part[rows[side], columns[side]] = True
            halves.append(part)
        if min(np.count_nonzero(part) for part in halves) >= 0.5 * width**2:
            parts += halves
    return parts


def _absorption(
    crop: Bool, gray: NDArray[np.uint8], path: Float64, normals: Float64, step: float, width: float
) -> Float64:
    """Float64[R]: darkness within the mask summed across the axis, over three rows."""
    x, y, inside = strip(crop, path, normals, np.arange(-width, width, step), width)
    darkness = 255.0 - cv2.remap(gray, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return np.convolve(np.pad((darkness * inside).sum(1), 1, mode="edge"), np.ones(3) / 3, "valid")


def _cuts(absorbed: Float64) -> list[int]:
    """Rows where the absorption is lowest against what both sides reach, the deepest first."""
    least = int(_LEAST * _STEPS)
    inner = np.arange(least, len(absorbed) - least)
    before = np.maximum.accumulate(absorbed)[inner]
    after = np.maximum.accumulate(absorbed[::-1])[::-1][inner]
    depth = absorbed[inner] / np.maximum(np.minimum(before, after), 1e-9)
    found: list[int] = []
    for k in np.argsort(depth, kind="stable").tolist():
        if depth[k] > _DIP or len(found) == _CUTS:
            break
        if all(abs(int(inner[k]) - other) >= least for other in found):
            found.append(int(inner[k]))
    return found
