"""Masks for clustered chromosomes of sets that have boxes only: the model's own, kept where an annotated box agrees."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

from metaphase import imaging, masks
from metaphase.config import SegmentConfig
from metaphase.datasets import cil
from metaphase.identify.straighten import straighten, to_input
from metaphase.matching import THRESHOLD
from metaphase.train import cache
from metaphase.types import Instances, Spread

__all__ = ["ASKED_LOOSELY", "accept", "refresh"]

ASKED_LOOSELY = SegmentConfig(objectness=0.1, score=0.12, suppress_iou=0.85, suppress_contained=0.97)
"""The segmenter shows nearly all that it thinks of: annotated boxes choose better among it than its own ranking."""

_TRUST = 0.25  # what a score of 1 adds to the IoU with the box when masks compete for a box
_NAMED = 0.5  # what a certain agreement of names adds
_SAME = (
    0.6  # share of the smaller mask from which two accepted masks are one chromosome, and the worse box goes without
)


def refresh(
    root: Path,
    names: list[str],
    old: Path,
    new: Path,
    find: Callable[[Spread], Instances],
    *,
    good: float = 0.8,
    fair: float = 0.6,
    named: float = 0.5,
) -> Iterator[tuple[str, int, int]]:
    """Write `new/NAME.npz` with the masks of `old/NAME.npz` and those that the model adds.

    find: all that the model thinks of in a spread, with masks, scores and names (uniform probabilities say none).
    Yields (name, masks before, masks after). A predicted mask is added for an annotated box that has none yet when its
    padded box has an IoU of at least `good` with it, or of `fair` where the annotated class has a probability of at
    least `named`; from `fair` on its straightened chromosome serves the identifier.
    """
    new.mkdir(parents=True, exist_ok=True)
    index = cil.find(root)
    for name in names:
        if (new / f"{name}.npz").exists() or not (old / f"{name}.npz").exists():
            continue
        record = cil.read(index, name)
        spread = imaging.normalise(record.gray().gray)
        before = cache.load(old, name)
        if spread.inverted or spread.chromosome_width <= 0:
            continue
        found = find(spread)
        rows, columns, agreement = accept(found, record.truth, spread.chromosome_width)
        agrees = found.probabilities_nc[columns, before.box_labels[rows] - 1] >= named
        sure = (agreement >= good) | ((agreement >= fair) & agrees)
        after = _with_masks(before, found, rows, columns, agreement >= fair, sure, spread.gray)
        cache.save(new, after)
        yield name, len(before.masks), len(after.masks)


def accept(
    found: Instances, truth: Instances, chromosome_width: float
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """Indices of annotated boxes and of the masks that belong to them, and how well the boxes agree.

    Masks compete for a box by their IoU with it, their scores and the probability that they are of its class. The
    agreement is the IoU of the annotated box with the padded or the regressed box of the mask, whichever is better; 0
    where another accepted mask, that suits its box better, already lies on the same pixels.
    """
    padded = masks.pad_as_annotators(found.boxes_xyxy, chromosome_width)
    iou = np.maximum(
        masks.box_iou_matrix(truth.boxes_xyxy, padded),
        masks.box_iou_matrix(truth.boxes_xyxy, found.annotation_boxes_xyxy),
    )
    suits = iou + _TRUST * found.scores + _NAMED * found.probabilities_nc[:, truth.labels - 1].T
    rows, columns = linear_sum_assignment(np.where(iou > THRESHOLD, suits, 0), maximize=True)
    kept = iou[rows, columns] > THRESHOLD
    rows, columns = rows[kept], columns[kept]
    agreement = iou[rows, columns].copy()
    chosen = found.select(columns)
    assert chosen.crops is not None
    shared = masks.mask_intersections(chosen.crops, chosen.offsets_xy, chosen.crops, chosen.offsets_xy)
    areas = shared.diagonal()
    taken: list[int] = []
    for i in np.argsort(-suits[rows, columns], kind="stable").tolist():
        if any(shared[i, j] > _SAME * min(areas[i], areas[j]) for j in taken):
            agreement[i] = 0.0
        else:
            taken.append(i)
    return rows.astype(np.int64), columns.astype(np.int64), agreement


def _with_masks(
    before: cache.Material,
    found: Instances,
    rows: NDArray[np.int64],
    columns: NDArray[np.int64],
    fair: NDArray[np.bool_],
    sure: NDArray[np.bool_],
    gray: NDArray[np.uint8],
) -> cache.Material:
    assert found.crops is not None
    scale = before.scale
    width = cache.WIDTH / scale
    levels = masks.photometry(gray, found.union())
    known = set(before.owner.tolist())
    crops, owner = list(before.masks), before.owner.tolist()
    labels, inputs, input_labels = before.labels.tolist(), [], []
    for row, column, serves, learnt in zip(rows.tolist(), columns.tolist(), fair, sure, strict=True):
        crop, xy = found.crops[column], found.offsets_xy[column]
        if serves:
            inputs.append(to_input(straighten(gray, crop, xy, width), levels))
            input_labels.append(int(before.box_labels[row]))
        if learnt and row not in known:
            crops.append(cache.resize_mask(crop, xy, scale))
            owner.append(row)
            labels.append(int(before.box_labels[row]))
    return replace(
        before,
        masks=crops,
        owner=np.array(owner, np.int64),
        labels=np.array(labels, np.int64),
        inputs=np.array(inputs, np.uint8).reshape(-1, *before.inputs.shape[1:]),
        input_labels=np.array(input_labels, np.int64),
    )
