"""Drawn boxes and outlines to `Instances`: clipped to the image, the rest set aside and said."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from metaphase import masks as geometry
from metaphase.datasets.defects import Defect
from metaphase.types import Instances

__all__ = ["instances_of_boxes", "instances_of_outlines", "rasterise"]

Outline = NDArray[np.float64]


def instances_of_boxes(
    boxes_xyxy: NDArray[np.float64], labels: NDArray[np.int64], size_hw: tuple[int, int]
) -> tuple[Instances, tuple[Defect, ...]]:
    """Boxes Float64[M, 4] clipped to the image; those without area inside it are set aside. Each is a defect."""
    height, width = size_hw
    clipped = np.clip(boxes_xyxy, 0, np.array([width, height] * 2, np.float64))
    usable = (clipped[:, 2] > clipped[:, 0]) & (clipped[:, 3] > clipped[:, 1])
    moved = (clipped != boxes_xyxy).any(1) & usable
    defects = [
        Defect(
            "box-outside",
            _object(int(i), boxes_xyxy[i]),
            "boxes reach outside the image and are clipped",
            "the box reaches out",
        )
        for i in np.flatnonzero(moved)
    ]
    defects += [
        Defect(
            "box-empty",
            _object(int(i), boxes_xyxy[i]),
            "boxes without area inside the image are set aside",
            "the box is empty",
        )
        for i in np.flatnonzero(~usable)
    ]
    return Instances.from_boxes(height, width, clipped[usable], labels=labels[usable]), tuple(defects)


def instances_of_outlines(
    outlines: Sequence[Sequence[Outline]], labels: Sequence[int], size_hw: tuple[int, int]
) -> tuple[Instances, tuple[Defect, ...]]:
    """Instances of outlines, one or more Float64[n, 2] pieces each; those outside are set aside, a defect each.

    Vertices are centres of boundary pixels, the boundary included (see `masks.rasterise_polygon`).
    """
    crops: list[NDArray[np.bool_]] = []
    offsets: list[tuple[int, int]] = []
    kept: list[int] = []
    defects: list[Defect] = []
    for number, pieces in enumerate(outlines):
        crop, offset = rasterise(pieces)
        try:
            crop, offset = geometry.tighten(crop, offset, size_hw)
        except ValueError:
            place = _object(number, np.concatenate([pieces[0].min(0), pieces[0].max(0)]))
            defects.append(
                Defect("mask-outside", place, "shapes that lie outside the image are set aside", "the shape is outside")
            )
            continue
        crops.append(crop)
        offsets.append(offset)
        kept.append(number)
    chosen = np.array([labels[number] for number in kept], np.int64)
    height, width = size_hw
    return Instances.from_masks(height, width, crops, offsets, labels=chosen), tuple(defects)


def _object(number: int, box_xyxy: NDArray[np.float64]) -> str:
    return f"object {number + 1} at [{', '.join(f'{v:g}' for v in box_xyxy)}]"


def rasterise(outlines: Sequence[Outline]) -> tuple[NDArray[np.bool_], tuple[int, int]]:
    """Union of outlines as one crop and its (column, row), so that a full image is never drawn for each chromosome."""
    rounded = [np.rint(points) for points in outlines]
    low = np.min([points.min(0) for points in rounded], 0)
    high = np.max([points.max(0) for points in rounded], 0)
    size_hw = (int(high[1] - low[1]) + 1, int(high[0] - low[0]) + 1)
    crop = np.zeros(size_hw, bool)
    for points in rounded:
        crop |= geometry.rasterise_polygon(points - low, size_hw)
    return crop, (int(low[0]), int(low[1]))
