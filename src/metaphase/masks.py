"""Pure array geometry of masks: tight crops, IoU matrices, COCO RLE, polygons, foreground, chromosome width."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray
from pycocotools import mask as coco

__all__ = [
    "box_iou_matrix",
    "chromosome_width",
    "decode_rle_crop",
    "encode_rle",
    "foreground",
    "foreground_threshold",
    "intersection",
    "mask_intersections",
    "neighbours",
    "pad_as_annotators",
    "photometry",
    "rasterise_polygon",
    "tighten",
    "trace_polygons",
]

Bool = NDArray[np.bool_]

_MOST_PIXELS = 2**32  # COCO's own code counts with 32 bits


class EmptyMaskError(ValueError):
    """A mask has no pixel inside the image."""


def tighten(crop: Bool, offset_xy: tuple[int, int], size_hw: tuple[int, int]) -> tuple[Bool, tuple[int, int]]:
    """Cut a mask crop to the image and to its tight box; returns the crop and its (column, row).

    Raises EmptyMaskError where no pixel lies inside the image.
    """
    x, y = offset_xy
    left, top = max(0, -x), max(0, -y)
    inner = crop[top : max(top, size_hw[0] - y), left : max(left, size_hw[1] - x)]
    rows, columns = np.flatnonzero(inner.any(1)), np.flatnonzero(inner.any(0))
    if not len(rows):
        raise EmptyMaskError(f"the mask at column {x}, row {y} has no pixel inside the image")
    tight = inner[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    return np.ascontiguousarray(tight), (int(x + left + columns[0]), int(y + top + rows[0]))


def intersection(crop_a: Bool, offset_a: NDArray[np.generic], crop_b: Bool, offset_b: NDArray[np.generic]) -> int:
    """Pixels shared by two masks given as crop and (column, row) offset."""
    x0, y0 = max(offset_a[0], offset_b[0]), max(offset_a[1], offset_b[1])
    x1 = min(offset_a[0] + crop_a.shape[1], offset_b[0] + crop_b.shape[1])
    y1 = min(offset_a[1] + crop_a.shape[0], offset_b[1] + crop_b.shape[0])
    if x1 <= x0 or y1 <= y0:
        return 0
    part_a = crop_a[y0 - offset_a[1] : y1 - offset_a[1], x0 - offset_a[0] : x1 - offset_a[0]]
    part_b = crop_b[y0 - offset_b[1] : y1 - offset_b[1], x0 - offset_b[0] : x1 - offset_b[0]]
    return int(np.count_nonzero(part_a & part_b))


def mask_intersections(
    crops_a: Sequence[Bool],
    offsets_a: NDArray[np.int64],
    crops_b: Sequence[Bool],
    offsets_b: NDArray[np.int64],
) -> NDArray[np.int64]:
    """Int64[A, B]: shared pixels of every pair of masks, without ever making full masks."""
    shared = np.zeros((len(crops_a), len(crops_b)), np.int64)
    boxes_a, boxes_b = _crop_boxes(crops_a, offsets_a)[:, None], _crop_boxes(crops_b, offsets_b)[None]
    meet = (np.minimum(boxes_a[..., 2:], boxes_b[..., 2:]) > np.maximum(boxes_a[..., :2], boxes_b[..., :2])).all(-1)
    for i, j in np.argwhere(meet):
        shared[i, j] = intersection(crops_a[i], offsets_a[i], crops_b[j], offsets_b[j])
    return shared


def neighbours(crops: Sequence[Bool], offsets: NDArray[np.int64]) -> tuple[Bool, Bool]:
    """(overlapping, touching), Bool[M] each: masks that share pixels with another one; masks that share none with any,
    but have a pixel beside (one of its 8 neighbours) a pixel of another one.
    """
    alone = ~np.eye(len(crops), dtype=bool)
    overlapping = ((mask_intersections(crops, offsets, crops, offsets) > 0) & alone).any(1)
    grown = [cv2.dilate(np.pad(crop, 1).astype(np.uint8), np.ones((3, 3), np.uint8)).astype(bool) for crop in crops]
    near = (mask_intersections(grown, offsets - 1, crops, offsets) > 0) & alone
    touching = near.any(1)
    return np.asarray(overlapping), np.asarray(touching & ~overlapping)


def _crop_boxes(crops: Sequence[Bool], offsets_xy: NDArray[np.int64]) -> NDArray[np.int64]:
    sizes = np.array([crop.shape[::-1] for crop in crops], np.int64).reshape(-1, 2)
    starts = np.asarray(offsets_xy, np.int64).reshape(-1, 2)
    return np.concatenate([starts, starts + sizes], 1)


def box_iou_matrix(boxes_a_xyxy: NDArray[np.generic], boxes_b_xyxy: NDArray[np.generic]) -> NDArray[np.float64]:
    """Float64[A, B]: intersection over union of half-open boxes."""
    a = np.asarray(boxes_a_xyxy, np.float64).reshape(-1, 1, 4)
    b = np.asarray(boxes_b_xyxy, np.float64).reshape(1, -1, 4)
    sides = np.clip(np.minimum(a[..., 2:], b[..., 2:]) - np.maximum(a[..., :2], b[..., :2]), 0, None)
    shared = sides.prod(-1)
    union = (a[..., 2:] - a[..., :2]).prod(-1) + (b[..., 2:] - b[..., :2]).prod(-1) - shared
    return np.where(union > 0, shared / np.maximum(union, 1e-12), 0.0)


def pad_as_annotators(
    boxes_xyxy: NDArray[np.generic], chromosome_width: float, size_hw: tuple[int, int] | None = None
) -> NDArray[np.float32]:
    """Float32[M, 4]: tight boxes widened as CIL's annotators do it: medians of 5, 7, 4, 3 px at a width of 16 px.

    size_hw: rows and columns of the image to which they are cut; left out, they may reach beyond it.
    """
    padding = np.array([-5, -7, 4, 3], np.float32) * np.float32(chromosome_width / 16)
    padded = np.asarray(boxes_xyxy, np.float32).reshape(-1, 4) + padding
    return padded if size_hw is None else np.clip(padded, 0, np.array([size_hw[1], size_hw[0]] * 2, np.float32))


def encode_rle(
    crop: Bool, offset_xy: Sequence[int] | NDArray[np.generic], size_hw: tuple[int, int]
) -> dict[str, object]:
    """Compressed COCO RLE of one mask: {"size": [h, w], "counts": ASCII}.

    The crop must lie inside the image. Runs are counted on the crop: a full mask is never made.
    """
    height, width = int(size_hw[0]), int(size_hw[1])
    x, y = int(offset_xy[0]), int(offset_xy[1])
    # A row of background above and below each column of the crop: every run begins and ends inside its column.
    framed = np.zeros((crop.shape[1], crop.shape[0] + 2), np.int8)
    framed[:, 1:-1] = crop.T
    columns, rows = np.nonzero(np.diff(framed, axis=1))
    edges = (columns + x) * height + rows + y
    # Where a run reaches the last row and the next begins in the first, both are one run.
    repeated = np.flatnonzero(edges[1:] == edges[:-1])
    edges = np.delete(edges, np.concatenate([repeated, repeated + 1]))
    counts = np.diff(np.concatenate([[0], edges, [height * width]]))
    if len(edges) and edges[-1] == height * width:
        counts = counts[:-1]
    rle = coco.frPyObjects({"size": [height, width], "counts": counts.tolist()}, height, width)
    return {"size": [height, width], "counts": rle["counts"].decode("ascii")}


def decode_rle_crop(rle: dict[str, object]) -> tuple[Bool, tuple[int, int]]:
    """The tight crop of a COCO RLE, compressed or not, and its (column, row), without ever making the full mask.

    Decoded and checked here, because the C code behind pycocotools trusts what it is given. Raises EmptyMaskError for
    an empty mask; ValueError, KeyError or TypeError for what is no RLE of a mask of `size`.
    """
    height, width, runs = _sized_runs(rle)
    edges = np.concatenate([[0], np.cumsum(runs)])
    starts, ends = edges[1::2][: len(runs) // 2], edges[2::2]
    filled = ends > starts
    if not filled.any():
        raise EmptyMaskError("the mask is empty: it has no pixel inside the image")
    left, right = int(starts[filled][0]) // height, int(ends[filled][-1] - 1) // height + 1
    inner = np.clip(edges, left * height, right * height)
    strip = np.repeat(np.arange(len(runs)) % 2 == 1, np.diff(inner)).reshape(right - left, height).T
    return tighten(strip, (left, 0), (height, width))


def _sized_runs(rle: dict[str, object]) -> tuple[int, int, NDArray[np.int64]]:
    """Height, width and runs of an RLE, background first. ValueError where they do not fill the size."""
    height, width = (int(v) for v in rle["size"])  # type: ignore[attr-defined]
    pixels = height * width
    if height < 0 or width < 0 or pixels > _MOST_PIXELS:
        raise ValueError(f"an RLE of {height} x {width} pixels is not read")
    runs = _runs(rle["counts"])
    # Each run is looked at before they are added: a sum of huge ones wraps around and may fit by accident.
    if ((runs < 0) | (runs > pixels)).any() or int(runs.sum()) != pixels:
        total = sum(runs.tolist())
        raise ValueError(f"the runs of the RLE are of {total} pixels, but its size is {height} x {width}")
    return height, width, runs


def _runs(counts: object) -> NDArray[np.int64]:
    """Lengths of the runs of an RLE, background first, from a list or from COCO's compressed string."""
    if isinstance(counts, list):
        return np.array(counts, np.int64).reshape(-1)
    if not isinstance(counts, str | bytes):
        raise TypeError(f"the counts of an RLE are a list or a string, but got {type(counts).__name__}")
    data = np.frombuffer(counts.encode("ascii") if isinstance(counts, str) else counts, np.uint8)
    digits = data.astype(np.int64) - 48
    if not len(digits):
        return np.zeros(0, np.int64)
    if digits.min() < 0 or digits.max() > 63 or digits[-1] & 0x20:
        raise ValueError("the counts of the RLE are no compressed COCO string")
    # Five bits a sign, the lowest first; 0x20 says that more follow, 0x10 of the last is the sign.
    last = (digits & 0x20) == 0
    number = np.concatenate([[0], np.cumsum(last)[:-1]])
    firsts = np.concatenate([[0], np.flatnonzero(last)[:-1] + 1])
    place = np.arange(len(digits)) - firsts[number]
    if place.max() > 11:
        raise ValueError("the counts of the RLE are no compressed COCO string")
    values = np.zeros(len(firsts), np.int64)
    np.add.at(values, number, (digits & 0x1F) << (5 * place))
    negative = (digits[last] & 0x10) > 0
    values[negative] -= np.int64(1) << (5 * (place[last][negative] + 1))
    # From the fourth run on the difference to the run two places before is what is stored.
    values[1::2], values[2::2] = np.cumsum(values[1::2]), np.cumsum(values[2::2])
    return values


def rasterise_polygon(points_xy: NDArray[np.generic], size_hw: tuple[int, int]) -> Bool:
    """Bool[h, w]: a polygon whose vertices are centres of boundary pixels, the boundary included."""
    full = np.zeros(size_hw, np.uint8)
    cv2.fillPoly(full, [np.rint(np.asarray(points_xy, np.float64)).astype(np.int32).reshape(-1, 1, 2)], 1)
    return full.astype(bool)


def trace_polygons(mask: Bool) -> list[NDArray[np.int64]]:
    """Outer outlines of a mask, Int64[n, 2] as (column, row).

    `rasterise_polygon` of them gives the mask, holes filled.
    """
    contours, _ = cv2.findContours(mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    return [contour.reshape(-1, 2).astype(np.int64) for contour in contours]


def foreground_threshold(gray: NDArray[np.uint8], inside: Bool | None = None) -> float:
    """Gray value below which a pixel is chromosome: t + 0.35 (b - t), t = Otsu, b = median of the pixels above t.

    gray: dark chromosomes on a bright background. inside: where to look (for example inside annotated boxes).
    Nearly 0.0 for an image of one gray, where nothing is below.
    """
    values = gray[inside] if inside is not None else gray.reshape(-1)
    if not values.size or values.min() == values.max():
        return 0.0
    otsu, _ = cv2.threshold(values.reshape(1, -1), 0, 255, cv2.THRESH_BINARY + cv2.THRESH_OTSU)
    background = float(np.median(values[values > otsu]))
    return float(otsu + 0.35 * (background - otsu))


def foreground(gray: NDArray[np.uint8], threshold: float) -> Bool:
    """Bool[h, w]: pixels darker than the threshold, smoothed by a 3x3 median."""
    below = (gray < threshold).astype(np.uint8)
    return cv2.medianBlur(below, 3).astype(bool)


def chromosome_width(foreground_hw: Bool) -> float:
    """Typical chromosome width in pixels: twice the median distance to the background along the medial ridge.

    Components that are much thicker than the rest (nuclei) or tiny (dirt) do not count. 0.0 where nothing is left.
    """
    distance = cv2.distanceTransform(foreground_hw.astype(np.uint8), cv2.DIST_L2, 5)
    ridge = (distance >= cv2.dilate(distance, np.ones((3, 3), np.uint8)) - 1e-6) & (distance >= 1.5)
    count, labels, stats, _ = cv2.connectedComponentsWithStats(foreground_hw.astype(np.uint8), connectivity=8)
    if count <= 1 or not ridge.any():
        return 0.0
    thickest = np.zeros(count)
    np.maximum.at(thickest, np.asarray(labels.reshape(-1), np.int32), distance.reshape(-1))
    area = stats[:, cv2.CC_STAT_AREA].astype(float)
    # A chromosome or a cluster of them is long for its thickness; a nucleus is a disc, area = pi r^2.
    usable = area > 1.35 * np.pi * thickest**2
    usable[0] = False
    values = distance[ridge & usable[labels]]
    if not len(values):
        return 0.0
    weights = np.sort(values)
    return float(2 * weights[len(weights) // 2])


def photometry(gray: NDArray[np.uint8], foreground: NDArray[np.bool_]) -> tuple[float, float]:
    """(background, mean chromosome gray) of a spread, the two levels that contrast is normalised by.

    foreground: Bool[H, W], all chromosome pixels. Without any, (255, 127).
    """
    if not foreground.any() or foreground.all():
        return 255.0, 127.0
    mean = float(gray[foreground].mean())
    outside = gray[~foreground]
    background = float(np.median(outside[outside > mean])) if (outside > mean).any() else 255.0
    return background, min(mean, background - 1.0)
