"""One overlap matrix and one matching an image: what every metric takes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from metaphase import masks as geometry
from metaphase.matching import match
from metaphase.types import Instances

__all__ = ["Comparison", "Overlap", "compare"]

Float64 = NDArray[np.float64]
Int64 = NDArray[np.int64]

Overlap = Literal["mask", "box", "annotation_box"]
"""What overlaps: masks, tight boxes of the masks, or boxes in the annotators' style."""


@dataclass(frozen=True, eq=False)
class Comparison:
    """Truth and prediction of one image, T and P instances of status "chromosome", overlapped and matched once.

    truth, predicted: the instances; where boxes were compared they carry those boxes and no masks. annotated: the truth
    as it was given, with the masks it may have.
    shared, iou: Float64[T, P], intersection in pixels and intersection over union.
    truth_areas, predicted_areas: Float64[T] and Float64[P] in pixels.
    rows, cols: matched truths and predictions whatever their class; class_rows, class_cols: matched within one class
    (instances whose class is not known match nothing there).
    """

    name: str
    case: str
    truth: Instances
    predicted: Instances
    shared: Float64
    iou: Float64
    truth_areas: Float64
    predicted_areas: Float64
    rows: Int64
    cols: Int64
    class_rows: Int64
    class_cols: Int64
    annotated: Instances

    @property
    def right(self) -> NDArray[np.bool_]:
        """Bool, one for each matched pair: the prediction has the truth's class."""
        labels = self.truth.labels[self.rows]
        return (labels == self.predicted.labels[self.cols]) & (labels > 0)


def compare(truth: Instances, predicted: Instances, overlap: Overlap, name: str = "", case: str = "") -> Comparison:
    """Overlap and match the chromosomes of one image; instances of another status do not count on either side.

    Raises ValueError where the two speak of images of different size, or masks are asked for and missing.
    """
    if (truth.height, truth.width) != (predicted.height, predicted.width):
        raise ValueError(
            f"truth is of an image of {truth.width} x {truth.height} pixels, "
            f"but the prediction of one of {predicted.width} x {predicted.height}"
        )
    annotated = truth.of_status("chromosome")
    truth, predicted = _prepare(annotated, overlap), _prepare(predicted.of_status("chromosome"), overlap)
    if overlap == "mask":
        shared = _mask_overlaps(truth, predicted)
        truth_areas, predicted_areas = truth.areas.astype(np.float64), predicted.areas.astype(np.float64)
        union = truth_areas[:, None] + predicted_areas[None, :] - shared
        iou = shared / np.maximum(union, 1)
    else:
        truth_areas, predicted_areas = _box_areas(truth), _box_areas(predicted)
        iou = geometry.box_iou_matrix(truth.boxes_xyxy, predicted.boxes_xyxy)
        shared = iou * (truth_areas[:, None] + predicted_areas[None, :]) / (1 + iou)
    rows, cols = match(iou)
    same_class = (truth.labels[:, None] == predicted.labels[None, :]) & (truth.labels[:, None] > 0)
    class_rows, class_cols = match(np.where(same_class, iou, 0.0))
    return Comparison(
        name=name,
        case=case,
        truth=truth,
        predicted=predicted,
        shared=shared,
        iou=iou,
        truth_areas=truth_areas,
        predicted_areas=predicted_areas,
        rows=rows,
        cols=cols,
        class_rows=class_rows,
        class_cols=class_cols,
        annotated=annotated,
    )


def _prepare(instances: Instances, overlap: Overlap) -> Instances:
    if overlap == "mask":
        if not len(instances):
            return replace(instances, crops=())  # nothing is masks as well as boxes
        if not instances.has_masks:
            raise ValueError("masks cannot be compared: these instances have boxes only")
        return instances
    boxes = instances.boxes_xyxy if overlap == "box" else instances.annotation_boxes_xyxy
    return Instances.from_boxes(
        instances.height,
        instances.width,
        boxes,
        labels=instances.labels,
        scores=instances.scores,
        probabilities_nc=instances.probabilities_nc,
    )


def _mask_overlaps(truth: Instances, predicted: Instances) -> Float64:
    crops, others = truth.crops or (), predicted.crops or ()
    return geometry.mask_intersections(crops, truth.offsets_xy, others, predicted.offsets_xy).astype(np.float64)


def _box_areas(instances: Instances) -> Float64:
    boxes = instances.boxes_xyxy.astype(np.float64)
    return np.clip(boxes[:, 2:] - boxes[:, :2], 0, None).prod(1)
