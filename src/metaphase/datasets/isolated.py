"""Exact outlines of chromosomes that lie alone, found in images that have boxes only."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from metaphase import masks
from metaphase.types import Instances

__all__ = ["annotated_foreground", "isolated"]


def annotated_foreground(gray: NDArray[np.uint8], truth: Instances) -> tuple[NDArray[np.bool_], float]:
    """Foreground of a spread and its threshold, the threshold set from the pixels inside the annotated boxes."""
    inside = np.zeros(gray.shape, bool)
    for x0, y0, x1, y1 in truth.boxes_xyxy.astype(int):
        inside[max(0, y0) : y1, max(0, x0) : x1] = True
    threshold = masks.foreground_threshold(gray, inside)
    return masks.foreground(gray, threshold), threshold


def isolated(
    foreground: NDArray[np.bool_], truth: Instances, chromosome_width: float
) -> tuple[Instances, NDArray[np.int64]]:
    """The chromosomes whose foreground component lies alone in its annotated box.

    foreground: Bool[H, W]. truth: boxes and labels. chromosome_width: pixels.
    Returns instances with exact masks, and Int64[N], their indices in `truth`.
    A component counts when it is the only one of chromosome size in its box, its padded box agrees with the
    annotation (IoU above 0.7), and no other box holds a good part of it.
    """
    _, labels, stats, _ = cv2.connectedComponentsWithStats(foreground.astype(np.uint8), connectivity=8)
    x, y, w, h, area = (stats[:, i] for i in range(5))
    large = (area > 0.8 * chromosome_width**2) & (np.arange(len(area)) > 0)
    boxes = truth.boxes_xyxy
    crops, offsets, indices = [], [], []
    for k, (x0, y0, x1, y1) in enumerate(boxes):
        hit = np.flatnonzero(large & (x >= x0 - 2) & (y >= y0 - 2) & (x + w <= x1 + 3) & (y + h <= y1 + 3))
        if len(hit) != 1:
            continue
        i = int(hit[0])
        tight = np.array([[x[i], y[i], x[i] + w[i], y[i] + h[i]]])
        padded = masks.pad_as_annotators(tight, chromosome_width)
        if masks.box_iou_matrix(padded, boxes[k : k + 1])[0, 0] < 0.7:
            continue
        crop = labels[y[i] : y[i] + h[i], x[i] : x[i] + w[i]] == i
        if _share_in_other_boxes(crop, int(x[i]), int(y[i]), boxes, k) > 0.35:
            continue
        crops.append(crop)
        offsets.append((int(x[i]), int(y[i])))
        indices.append(k)
    chosen = np.array(indices, np.int64)
    found = Instances.from_masks(
        truth.height,
        truth.width,
        crops,
        offsets,
        labels=truth.labels[chosen],
        annotation_boxes_xyxy=boxes[chosen],
    )
    return found, chosen


def _share_in_other_boxes(crop: NDArray[np.bool_], x: int, y: int, boxes: NDArray[np.float32], own: int) -> float:
    """Largest share of the mask's pixels that lies inside one other annotated box."""
    best = 0
    for k, (x0, y0, x1, y1) in enumerate(boxes.astype(int)):
        if k == own or x1 <= x or y1 <= y or x0 >= x + crop.shape[1] or y0 >= y + crop.shape[0]:
            continue
        part = crop[max(0, y0 - y) : max(0, y1 - y), max(0, x0 - x) : max(0, x1 - x)]
        best = max(best, int(np.count_nonzero(part)))
    return best / max(1, int(np.count_nonzero(crop)))
