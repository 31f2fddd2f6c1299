"""Average precision as COCO defines it (Lin et al. 2014): 101 recall points, each class, then the mean.

The number comes from faster-coco-eval. Its interval needs a thousand evaluations, so the matches that COCO's greedy
rule makes in each image are kept and only the precision curve is computed again for each resampling; over the images
counted once both give the same number.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

import numpy as np
from faster_coco_eval import COCO, COCOeval_faster
from numpy.typing import NDArray

from metaphase import masks as geometry
from metaphase.metrics.comparison import Comparison
from metaphase.types import Instances

__all__ = ["ap"]

Float64 = NDArray[np.float64]
Int64 = NDArray[np.int64]

CLASSES = 24
THRESHOLDS = np.linspace(0.5, 0.95, 10)
RECALLS = np.linspace(0.0, 1.0, 101)
MOST = 100
"""Predictions of one class in one image that count, by score."""


def ap(comparisons: Sequence[Comparison]) -> dict[str, AveragePrecision]:
    """`AP` (mean over IoU .50, .55, .. .95), `AP50` and `AP75` of the 24 classes, on masks where the comparison has
    them, else on its boxes. Classes without a truth are left out of the mean, as COCO does; NaN without any truth.
    """
    matches = _Matches(tuple(comparisons))
    return {
        "AP": AveragePrecision(matches, tuple(range(len(THRESHOLDS)))),
        "AP50": AveragePrecision(matches, (0,)),
        "AP75": AveragePrecision(matches, (5,)),
    }


@dataclass(frozen=True, eq=False)
class AveragePrecision:
    """Mean precision at `which` of the ten IoU thresholds; a `Score`."""

    matches: _Matches
    which: tuple[int, ...]
    left_out: int = 0

    @property
    def value(self) -> float:
        """The number by faster-coco-eval over all images; NaN without any truth."""
        return _mean_precision(self.matches.backend_precision[list(self.which)])

    def values(self, weights_bn: Float64) -> Float64:
        """Float64[B]: the number for each of B resamplings, weights_bn [B, N] being how often each image counts."""
        return self.matches.resampled(weights_bn)[:, list(self.which)].mean(1)


@dataclass(frozen=True, eq=False)
class _Matches:
    """Which prediction COCO's greedy rule calls true, for each class and IoU threshold."""

    comparisons: tuple[Comparison, ...]
    known: list[tuple[Float64, Float64]] = field(default_factory=list)

    @cached_property
    def backend_precision(self) -> Float64:
        """Float64[10, 101, classes]: precision by faster-coco-eval, -1 where a class has no truth."""
        return _backend_precision(self.comparisons)

    @cached_property
    def by_class(self) -> list[tuple[Int64, NDArray[np.bool_], Int64]]:
        """For each class: image of each prediction by falling score, hits Bool[10, D], number of truths Int64[N]."""
        return [_class_matches(self.comparisons, label) for label in range(1, CLASSES + 1)]

    def resampled(self, weights_bn: Float64) -> Float64:
        """Float64[B, 10]: mean over classes at each IoU threshold for each of B resamplings; NaN without any truth.

        The last answer is kept, because AP, AP50 and AP75 ask for the same resamplings.
        """
        if not (self.known and self.known[0][0] is weights_bn):
            self.known[:] = [(weights_bn, np.array([self._means(weights) for weights in weights_bn]))]
        return self.known[0][1]

    def _means(self, weights: Float64) -> Float64:
        means = []
        for images, hits, truths in self.by_class:
            total = float(truths @ weights)
            if total > 0:
                counted = weights[images]
                used = counted > 0
                means.append(_mean_at_recalls(hits[:, used], counted[used], total))
        return np.mean(means, 0) if means else np.full(len(THRESHOLDS), np.nan)


def _mean_at_recalls(hits: NDArray[np.bool_], weights: Float64, total: float) -> Float64:
    """Float64[10]: precision at the 101 recalls, averaged; hits [10, D] by falling score, each `weights` times."""
    true = np.cumsum(hits * weights, 1)
    precision = true / np.maximum(np.cumsum(weights), np.spacing(1.0))
    envelope = np.maximum.accumulate(precision[:, ::-1], 1)[:, ::-1]
    # A recall that is never reached has the precision 0.
    envelope = np.append(envelope, np.zeros((len(envelope), 1)), 1)
    recall = true / total
    return np.array([row[np.searchsorted(r, RECALLS)].mean() for row, r in zip(envelope, recall, strict=True)])


def _class_matches(comparisons: tuple[Comparison, ...], label: int) -> tuple[Int64, NDArray[np.bool_], Int64]:
    truths = np.array([np.count_nonzero(c.truth.labels == label) for c in comparisons], np.int64)
    images: list[int] = []
    scores: list[float] = []
    hits: list[list[bool]] = []
    for i, comparison in enumerate(comparisons):
        cols = np.flatnonzero(comparison.predicted.labels == label)
        cols = cols[np.argsort(-comparison.predicted.scores[cols], kind="stable")][:MOST]
        rows = np.flatnonzero(comparison.truth.labels == label)
        images.extend([i] * len(cols))
        scores.extend(comparison.predicted.scores[cols].tolist())
        hits.extend(_greedy(comparison.iou[np.ix_(rows, cols)]))
    order = np.argsort(-np.array(scores, np.float64), kind="stable")
    table = np.array(hits, bool).reshape(-1, len(THRESHOLDS))[order].T
    return np.array(images, np.int64)[order], table, truths


def _greedy(iou: Float64) -> list[list[bool]]:
    """For each prediction (column, by falling score) and threshold: it takes a truth that is still free."""
    rows, cols = iou.shape
    free = [[True] * rows for _ in THRESHOLDS]
    columns = iou.T.tolist()
    hits = [[False] * len(THRESHOLDS) for _ in range(cols)]
    for j, column in enumerate(columns):
        for t, threshold in enumerate(THRESHOLDS):
            best, chosen = min(float(threshold), 1 - 1e-10), -1
            for i, value in enumerate(column):
                # Among equals COCO takes the last, hence no strict comparison.
                if free[t][i] and value >= best:
                    best, chosen = value, i
            if chosen >= 0:
                free[t][chosen] = False
                hits[j][t] = True
    return hits


def _mean_precision(precision: Float64) -> float:
    counted = precision[precision > -1]
    return float(counted.mean()) if counted.size else float("nan")


def _backend_precision(comparisons: tuple[Comparison, ...]) -> Float64:
    truths = [a for i, c in enumerate(comparisons, 1) for a in _annotations(c.truth, i, scored=False)]
    predictions = [a for i, c in enumerate(comparisons, 1) for a in _annotations(c.predicted, i, scored=True)]
    present = {a["category_id"] for a in truths}
    if not predictions or not present:
        empty = np.full((len(THRESHOLDS), len(RECALLS), CLASSES), -1.0)
        empty[:, :, [label - 1 for label in present]] = 0.0
        return empty
    for number, annotation in enumerate(truths, 1):
        annotation |= {"id": number, "iscrowd": 0}
    sizes = [(c.truth.height, c.truth.width) for c in comparisons]
    truth = COCO(
        {
            "images": [{"id": i, "height": height, "width": width} for i, (height, width) in enumerate(sizes, 1)],
            "annotations": truths,
            "categories": [{"id": label, "name": str(label)} for label in range(1, CLASSES + 1)],
        }
    )
    kind = "segm" if comparisons[0].truth.has_masks else "bbox"
    evaluation = COCOeval_faster(truth, truth.loadRes(predictions), kind, print_function=lambda *_: None)
    evaluation.params.maxDets = [MOST]
    evaluation.params.areaRng = [[0, 1e10]]
    evaluation.params.areaRngLbl = ["all"]
    evaluation.evaluate()
    evaluation.accumulate()
    return np.asarray(evaluation.eval["precision"], np.float64).reshape(len(THRESHOLDS), len(RECALLS), CLASSES)


def _annotations(instances: Instances, image: int, scored: bool) -> list[dict[str, Any]]:
    """COCO entries of the instances whose class is known."""
    size_hw = (instances.height, instances.width)
    boxes = instances.boxes_xyxy.astype(np.float64)
    entries: list[dict[str, Any]] = []
    for i in np.flatnonzero(instances.labels > 0):
        x0, y0, x1, y1 = boxes[i].tolist()
        entry: dict[str, Any] = {
            "image_id": image,
            "category_id": int(instances.labels[i]),
            "bbox": [x0, y0, x1 - x0, y1 - y0],
            "area": (x1 - x0) * (y1 - y0),
        }
        if scored:
            entry["score"] = float(instances.scores[i])
        if instances.crops is not None:
            entry["segmentation"] = geometry.encode_rle(instances.crops[i], instances.offsets_xy[i], size_hw)
            if scored:
                del entry["bbox"]
        entries.append(entry)
    return entries
