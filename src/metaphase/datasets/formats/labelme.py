"""LabelMe: one JSON file an image, polygons with labels, and the dialect of the AutoKary2022 copies.

LabelMe's own keys are `imagePath`, `imageHeight`, `imageWidth`; the dialect writes `image_path`, `image_height`,
`image_width`. Labels are `1`..`22`, `X`, `Y`, or `1`..`24`. Polygon vertices are centres of boundary pixels.
"""

from __future__ import annotations

import base64
import json
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from metaphase.datasets.defects import Defect
from metaphase.datasets.formats.class_names import label_of_class
from metaphase.datasets.formats.json_file import read_json_object
from metaphase.datasets.formats.shapes import instances_of_boxes, instances_of_outlines
from metaphase.errors import DataError
from metaphase.image_io import MAX_SIDE
from metaphase.types import Instances

__all__ = ["LARGEST_FILE", "LabelmeAnnotation", "LabelmeShape", "instances_of", "read_labelme", "write_labelme"]

LARGEST_FILE = 128 * 1024 * 1024


@dataclass(frozen=True, eq=False)
class LabelmeShape:
    """One drawn shape: label as written, points_xy Float64[n, 2], and the group that its pieces share, if any."""

    label: str
    points_xy: NDArray[np.float64]
    group_id: int | str | None = None
    kind: str = "polygon"


@dataclass(frozen=True, eq=False)
class LabelmeAnnotation:
    """What one LabelMe file says of one image of `height` x `width` pixels.

    image_data: the bytes of the image file where the label file carries it.
    """

    image_path: str
    width: int
    height: int
    shapes: tuple[LabelmeShape, ...]
    image_data: bytes | None = None


def read_labelme(path: Path) -> LabelmeAnnotation:
    """Read one LabelMe file in either spelling of its keys.

    Raises DataError, naming the file and the entry, where it is not JSON, is larger than `LARGEST_FILE` bytes, lacks
    the image size, holds points that are no finite numbers or lie more than one image size outside the image, or an
    embedded image that is no base64.
    """
    document = read_json_object(path, "LabelMe file", LARGEST_FILE, "the keys of LabelMe")
    width = _side(path, document, "imageWidth", "image_width")
    height = _side(path, document, "imageHeight", "image_height")
    entries = document.get("shapes")
    if not isinstance(entries, list):
        raise DataError(f"{path}: expected a list under the key shapes")
    name = document.get("imagePath", document.get("image_path", ""))
    shapes = tuple(_shape(path, number, entry, width, height) for number, entry in enumerate(entries, 1))
    return LabelmeAnnotation(str(name), width, height, shapes, _image_data(path, document))


def instances_of(annotation: LabelmeAnnotation) -> tuple[Instances, tuple[Defect, ...]]:
    """Instances with masks and labels 1..24 (0: "chromosome"), and a defect for each shape that was set aside.

    Pieces that share a group and a label become one instance. Set aside: labels that are no class (the published set
    holds `-1` and `119`), shapes that are no polygons, polygons outside the image. A file with rectangles and no
    polygon has boxes only.
    """
    size_hw = (annotation.height, annotation.width)
    kind = "polygon" if any(shape.kind == "polygon" for shape in annotation.shapes) else "rectangle"
    defects: list[Defect] = []
    pieces: dict[tuple[object, int], list[NDArray[np.float64]]] = {}
    for number, shape in enumerate(annotation.shapes):
        label = label_of_class(shape.label)
        place = f"shape {number + 1}"
        if label is None:
            plural = f"shapes with label {shape.label!r}, which is no class, are set aside"
            defects.append(Defect("label-impossible", place, plural, f"label {shape.label!r} is no class"))
        elif shape.kind != kind or not len(shape.points_xy):
            plural = f"shapes of kind {shape.kind!r} that are no polygons are set aside"
            defects.append(Defect("shape-kind", place, plural, f"a shape of kind {shape.kind!r}"))
        else:
            key = ("alone", number) if shape.group_id is None else ("group", str(shape.group_id))
            pieces.setdefault((key, label), []).append(shape.points_xy)
    labels = [label for _, label in pieces]
    if kind == "rectangle" and pieces:
        corners = [np.concatenate(outlines) for outlines in pieces.values()]
        boxes = np.array([[*points.min(0), *points.max(0)] for points in corners])
        truth, outside = instances_of_boxes(boxes, np.array(labels, np.int64), size_hw)
    else:
        truth, outside = instances_of_outlines(list(pieces.values()), labels, size_hw)
    return truth, (*defects, *outside)


def write_labelme(annotation: LabelmeAnnotation) -> bytes:
    """The UTF-8 JSON of an annotation in LabelMe's own keys; `read_labelme` of it gives the annotation back."""
    shapes = [
        {
            "label": shape.label,
            "points": shape.points_xy.tolist(),
            "group_id": shape.group_id,
            "shape_type": shape.kind,
            "flags": {},
        }
        for shape in annotation.shapes
    ]
    document: dict[str, Any] = {
        "version": "5.0.1",
        "flags": {},
        "shapes": shapes,
        "imagePath": annotation.image_path,
        "imageData": None if annotation.image_data is None else base64.b64encode(annotation.image_data).decode("ascii"),
        "imageHeight": annotation.height,
        "imageWidth": annotation.width,
    }
    return (json.dumps(document, ensure_ascii=False) + "\n").encode("utf-8")


def _side(path: Path, document: dict[str, Any], *keys: str) -> int:
    value = next((document[key] for key in keys if document.get(key) is not None), None)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 < value <= MAX_SIDE:
        raise DataError(f"{path}: {keys[0]} must be a number of pixels in 1..{MAX_SIDE}, but got {value!r}")
    return int(value)


def _image_data(path: Path, document: dict[str, Any]) -> bytes | None:
    value = document.get("imageData", document.get("image_data"))
    if not value:
        return None
    try:
        return base64.b64decode(value, validate=True)
    except (TypeError, ValueError) as error:
        raise DataError(f"{path}: imageData must be an image in base64, but it cannot be decoded ({error})") from error


def _shape(path: Path, number: int, entry: object, width: int, height: int) -> LabelmeShape:
    if not isinstance(entry, dict) or "label" not in entry:
        raise DataError(f"{path}: shape {number} must be an object with a label and points")
    try:
        points = np.array(entry.get("points"), np.float64)
    except (TypeError, ValueError) as error:
        raise DataError(f"{path}: the points of shape {number} must be pairs of numbers ({error})") from error
    if points.size == 0:
        points = points.reshape(0, 2)
    if points.ndim != 2 or points.shape[1] != 2 or not np.isfinite(points).all():
        raise DataError(f"{path}: the points of shape {number} must be pairs of finite numbers")
    far = np.array([width, height])
    if (points < -far).any() or (points > 2 * far).any():
        raise DataError(f"{path}: shape {number} lies far outside the image of {width} x {height} pixels")
    group = entry.get("group_id")
    if isinstance(group, float) and math.isfinite(group):
        group = int(group)
    return LabelmeShape(
        label=str(entry["label"]).strip(),
        points_xy=points,
        group_id=group if isinstance(group, int | str) else None,
        kind=str(entry.get("shape_type") or "polygon"),
    )
