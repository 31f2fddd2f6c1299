"""Average precision as COCO defines it (Lin et al. 2014): 101 recall points, each class, then the mean.

The number comes from faster-coco-eval, its interval from `precision`; over the images counted once both give the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from faster_coco_eval import COCO, COCOeval_faster
from numpy.typing import NDArray

from metaphase import masks as geometry
from metaphase.metrics.comparison import Comparison
from metaphase.metrics.precision import CLASSES, MOST, MOST_OF_ONE_CLASS, RECALLS, THRESHOLDS, Matches, match_image
from metaphase.types import Instances

__all__ = ["AveragePrecision", "ap"]

Float64 = NDArray[np.float64]

_KEYS = {"AP": tuple(range(len(THRESHOLDS))), "AP50": (0,), "AP75": (5,)}


def ap(
    comparisons: Sequence[Comparison], one_class: bool = False, matches: Matches | None = None
) -> dict[str, AveragePrecision]:
    """`AP` (mean over IoU .50, .55, .. .95), `AP50` and `AP75` of the 24 classes, on masks where the comparison has
    them, else on its boxes. Classes without a truth are left out of the mean, as COCO does; NaN without any truth.

    one_class: all chromosomes are one class, whatever their labels; then 1,000 predictions of an image count instead of
    100 of a class. matches: those of the same comparisons, where they are known already.
    """
    known = Matches(tuple(match_image(c, one_class) for c in comparisons)) if matches is None else matches
    backend = _Backend(tuple(comparisons), one_class)
    return {key: AveragePrecision(known, which, backend) for key, which in _KEYS.items()}


@dataclass(frozen=True, eq=False)
class AveragePrecision:
    """Mean precision at `which` of the ten IoU thresholds, of all classes or of `label` alone; a `Score`.

    Without a `backend` the value too comes from the matches.
    """

    matches: Matches
    which: tuple[int, ...]
    backend: _Backend | None = None
    label: int | None = None
    left_out: int = 0

    @property
    def value(self) -> float:
        """The number by faster-coco-eval over all images; NaN without any truth."""
        if self.backend is None:
            return float(self.values(np.ones((1, len(self.matches.images))))[0])
        precision = self.backend.precision[list(self.which)]
        precision = precision if self.label is None else precision[:, :, self.label - 1]
        counted = precision[precision > -1]
        return float(counted.mean()) if counted.size else float("nan")

    def values(self, weights_bn: Float64) -> Float64:
        """Float64[B]: the number for each of B resamplings, weights_bn [B, N] being how often each image counts."""
        classes = self.matches.by_class(weights_bn)[:, list(self.which)].mean(1)
        if self.label is not None:
            classes = classes[:, self.matches.labels == self.label]
        present = np.isfinite(classes)
        sums = np.where(present, classes, 0).sum(1)
        return np.where(present.any(1), sums / np.maximum(present.sum(1), 1), np.nan)

    def of_class(self, label: int) -> AveragePrecision:
        """The same of one class alone."""
        return AveragePrecision(self.matches, self.which, self.backend, label)

    def curve(self, threshold: float) -> list[float]:
        """Precision at the 101 recalls, mean over the classes, at one of the ten thresholds; empty without truth."""
        if self.backend is None:
            raise ValueError("a precision curve needs the comparisons, not the matches alone")
        precision = self.backend.precision[int(np.argmin(abs(THRESHOLDS - threshold)))]
        present = (precision > -1).all(0)
        return [float(v) for v in precision[:, present].mean(1)] if present.any() else []


@dataclass(frozen=True, eq=False)
class _Backend:
    """faster-coco-eval over all images, asked once."""

    comparisons: tuple[Comparison, ...]
    one_class: bool

    @cached_property
    def precision(self) -> Float64:
        """Float64[10, 101, classes]: precision at the recalls, -1 where a class has no truth."""
        classes = 1 if self.one_class else CLASSES
        truths = [a for i, c in enumerate(self.comparisons, 1) for a in self._annotations(c.truth, i, scored=False)]
        predictions = [a for i, c in enumerate(self.comparisons, 1) for a in self._annotations(c.predicted, i, True)]
        present = {a["category_id"] for a in truths}
        if not predictions or not present:
            empty = np.full((len(THRESHOLDS), len(RECALLS), classes), -1.0)
            empty[:, :, [label - 1 for label in present]] = 0.0
            return empty
        for number, annotation in enumerate(truths, 1):
            annotation |= {"id": number, "iscrowd": 0}
        sizes = [(c.truth.height, c.truth.width) for c in self.comparisons]
        truth = COCO(
            {
                "images": [{"id": i, "height": height, "width": width} for i, (height, width) in enumerate(sizes, 1)],
                "annotations": truths,
                "categories": [{"id": label, "name": str(label)} for label in range(1, classes + 1)],
            }
        )
        kind = "segm" if self.comparisons[0].truth.has_masks else "bbox"
        evaluation = COCOeval_faster(truth, truth.loadRes(predictions), kind, print_function=lambda *_: None)
        evaluation.params.maxDets = [MOST_OF_ONE_CLASS if self.one_class else MOST]
        evaluation.params.areaRng = [[0, 1e10]]
        evaluation.params.areaRngLbl = ["all"]
        evaluation.evaluate()
        evaluation.accumulate()
        return np.asarray(evaluation.eval["precision"], np.float64).reshape(len(THRESHOLDS), len(RECALLS), classes)

    def _annotations(self, instances: Instances, image: int, scored: bool) -> list[dict[str, Any]]:
        """COCO entries of the instances whose class is known, or of all as one class."""
        size_hw = (instances.height, instances.width)
        boxes = instances.boxes_xyxy.astype(np.float64)
        labels = np.ones_like(instances.labels) if self.one_class else instances.labels
        entries: list[dict[str, Any]] = []
        for i in np.flatnonzero(labels > 0):
            x0, y0, x1, y1 = boxes[i].tolist()
            entry: dict[str, Any] = {
                "image_id": image,
                "category_id": int(labels[i]),
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
