"""The two halves of a chromosome that another one lies across, joined again as one more reading.

The segmenter answers with one window for each chromosome; where another one crosses, it sometimes sees two chromosomes,
one on each side. The joined mask is shown beside its halves: which of them are chromosomes the bands and the cell
decide, as among all readings. What lies between the halves may also be another reading of the chromosome itself; the
joined mask is then one more reading much like it.
"""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
from numpy.typing import NDArray

from metaphase import masks
from metaphase.midline import ends
from metaphase.types import Instances

__all__ = ["with_joined"]

Bool = NDArray[np.bool_]
Points = NDArray[np.float64]
End = tuple[Points, Points]

FAR = 3.0
"""Chromosome widths between the two ends that face each other, at most."""
TURN = 0.6
"""Cosine between the directions of the halves, at least: how much the chromosome may bend under the other one."""
ALIGNED = 0.7
"""Cosine between the direction of each half and the way to the other one, at least, where they are apart."""
APART = 0.4
"""Chromosome widths below which the way between two ends has no direction to speak of."""
DARK = 0.8
"""Part of the way between the ends that is foreground, at least."""
CROSSED = 0.5
"""Part of the way between the ends that a third instance covers, at least."""
SHARED = 0.15
"""Part of the smaller half that lies on the other one, at most."""


def with_joined(instances: Instances, foreground: Bool, chromosome_width: float) -> Instances:
    """The instances, best first, and those that two of them make where a third one lies between.

    instances: with masks. foreground: Bool[H, W]. chromosome_width: pixels, above 0. A joined one has both masks and
    the bridge between them, the mean of their scores and, as its halves are none of its class, uniform probabilities.
    """
    crops, places = [], []
    scores: list[float] = []
    for i, j, facing in _facing(instances, foreground, chromosome_width):
        crop, xy = _joined(instances, i, j, facing, foreground, chromosome_width)
        crops.append(crop)
        places.append(xy)
        scores.append(float(instances.scores[i] + instances.scores[j]) / 2)
    if not crops:
        return instances
    more = Instances.from_masks(instances.height, instances.width, crops, places, scores=scores)
    boxes = masks.pad_as_annotators(more.boxes_xyxy, chromosome_width, (more.height, more.width))
    more = replace(more, annotation_boxes_xyxy=boxes)
    every = instances.joined_with(more)
    return every.select(np.argsort(-every.scores, kind="stable"))


def _facing(instances: Instances, foreground: Bool, width: float) -> list[tuple[int, int, tuple[End, End]]]:
    """Pairs of instances and the ends, in pixels of the image, that look at each other across a third one."""
    assert instances.crops is not None
    offsets = instances.offsets_xy
    overlapping, touching = masks.neighbours(instances.crops, offsets)
    met = np.flatnonzero(overlapping | touching)
    found = {
        int(i): [(point + offsets[i], outwards) for point, outwards in ends(instances.crops[i], width)] for i in met
    }
    count = np.zeros((instances.height, instances.width), np.int16)
    for crop, (x, y) in zip(instances.crops, offsets, strict=True):
        count[y : y + crop.shape[0], x : x + crop.shape[1]] += crop
    pairs = []
    for i, j in ((i, j) for i in found for j in found if i < j):
        for one, other in ((a, b) for a in found[i] for b in found[j] if _look_at_each_other(a, b, width)):
            x, y = _way(one[0], other[0], foreground.shape)
            third = count[y, x] - _covers(instances, i, x, y) - _covers(instances, j, x, y)
            if foreground[y, x].mean() < DARK or (third > 0).mean() < CROSSED:
                continue
            areas = [int(np.count_nonzero(instances.crops[k])) for k in (i, j)]
            shared = masks.intersection(instances.crops[i], offsets[i], instances.crops[j], offsets[j])
            if shared <= SHARED * min(areas):
                pairs.append((i, j, (one, other)))
    return pairs


def _look_at_each_other(one: End, other: End, width: float) -> bool:
    way = other[0] - one[0]
    length = float(np.hypot(*way))
    if length > FAR * width or -(one[1] @ other[1]) < TURN:
        return False
    aligned = min(float(one[1] @ way), -float(other[1] @ way)) >= ALIGNED * length
    return length <= APART * width or aligned


def _way(start: Points, end: Points, size_hw: tuple[int, ...]) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Columns and rows of the pixels from one point to the other."""
    steps = np.linspace(0, 1, max(3, int(np.hypot(*(end - start))) + 1))[:, None]
    points = np.rint(start + steps * (end - start)).astype(np.int64)
    return np.clip(points[:, 0], 0, size_hw[1] - 1), np.clip(points[:, 1], 0, size_hw[0] - 1)


def _covers(instances: Instances, index: int, x: NDArray[np.int64], y: NDArray[np.int64]) -> Bool:
    """Which of the pixels lie in one instance."""
    assert instances.crops is not None
    crop, (left, top) = instances.crops[index], instances.offsets_xy[index]
    column, row = x - left, y - top
    within = (column >= 0) & (row >= 0) & (column < crop.shape[1]) & (row < crop.shape[0])
    covered = np.zeros(len(x), bool)
    covered[within] = crop[row[within], column[within]]
    return covered


def _joined(
    instances: Instances, i: int, j: int, facing: tuple[End, End], foreground: Bool, width: float
) -> tuple[Bool, tuple[int, int]]:
    """Both masks and the dark pixels of a bar between their ends, as crop with its column and row."""
    assert instances.crops is not None
    boxes = instances.boxes_xyxy[[i, j]].astype(np.int64)
    (x0, y0), (x1, y1) = boxes[:, :2].min(0), boxes[:, 2:].max(0)
    bar = np.zeros((y1 - y0, x1 - x0), np.uint8)
    # From half a width inside, or a rounded end would leave a neck.
    start, end = (np.rint(point - 0.5 * width * outwards - (x0, y0)).astype(int).tolist() for point, outwards in facing)
    cv2.line(bar, start, end, 1, max(1, round(0.9 * width)))
    crop = bar.astype(bool) & foreground[y0:y1, x0:x1]
    for k in (i, j):
        part, (left, top) = instances.crops[k], instances.offsets_xy[k] - (x0, y0)
        crop[top : top + part.shape[0], left : left + part.shape[1]] |= part
    return crop, (int(x0), int(y0))
