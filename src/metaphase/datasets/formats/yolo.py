"""YOLO: one text file an image, a line for each object in fractions of the image, and `data.yaml` with class names.

A line is `class cx cy w h` (detection) or `class x1 y1 x2 y2 x3 y3 ...` (segmentation, at least three points). Boxes
are edges between pixels; vertices of an outline are centres of boundary pixels counted from 0, as the usual converters
write the contour of a mask.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import yaml
from numpy.typing import NDArray

from metaphase.datasets.defects import Defect
from metaphase.datasets.formats.class_names import label_of_class
from metaphase.datasets.formats.shapes import instances_of_boxes, instances_of_outlines
from metaphase.errors import DataError, UnknownClassError
from metaphase.types import Instances

__all__ = [
    "LARGEST_FILE",
    "YoloObject",
    "instances_of_yolo",
    "labels_of_classes",
    "read_class_names",
    "read_yolo",
    "write_class_names",
    "write_yolo",
]

LARGEST_FILE = 16 * 1024 * 1024
_FAR = 2.0  # a coordinate beyond two image sizes is no slip of a pen


@dataclass(frozen=True, eq=False)
class YoloObject:
    """One line: number of the class, and a box (cx, cy, w, h) Float64[4] or a polygon Float64[n, 2], in fractions."""

    number: int
    box_cxcywh: NDArray[np.float64] | None = None
    polygon_xy: NDArray[np.float64] | None = None


def read_yolo(path: Path) -> tuple[YoloObject, ...]:
    """Objects of one label file; an empty file is an image without chromosomes.

    Raises DataError, naming the file and the line, for what is no YOLO line.
    """
    objects = []
    for number, line in enumerate(_text(path, "a YOLO label file").splitlines(), 1):
        fields = line.split()
        if not fields:
            continue
        try:
            values = [float(field) for field in fields]
        except ValueError as error:
            raise DataError(f"{path}: line {number} must hold numbers only ({error})") from error
        if not all(math.isfinite(v) and abs(v) < 1e6 for v in values) or not values[0].is_integer() or values[0] < 0:
            raise DataError(f"{path}: line {number} must begin with a class number and hold finite numbers")
        rest = np.array(values[1:], np.float64)
        if (np.abs(rest) > _FAR).any():
            raise DataError(f"{path}: line {number} lies far outside the image; YOLO counts in fractions of its size")
        if len(rest) == 4:
            objects.append(YoloObject(int(values[0]), box_cxcywh=rest))
        elif len(rest) >= 6 and len(rest) % 2 == 0:
            objects.append(YoloObject(int(values[0]), polygon_xy=rest.reshape(-1, 2)))
        else:
            raise DataError(
                f"{path}: line {number} has {len(rest)} numbers after the class; expected 4 (box) or 6 and more"
            )
    return tuple(objects)


def write_yolo(objects: Sequence[YoloObject]) -> bytes:
    """The lines of a label file; coordinates with as many digits as `read_yolo` needs to give them back exactly."""
    lines = []
    for entry in objects:
        values = entry.box_cxcywh if entry.box_cxcywh is not None else entry.polygon_xy
        if values is None:
            raise ValueError("an object needs a box or a polygon")
        lines.append(" ".join([str(entry.number), *(repr(float(v)) for v in values.reshape(-1))]))
    return "".join(f"{line}\n" for line in lines).encode("ascii")


def read_class_names(path: Path) -> tuple[str, ...]:
    """Class names by number from the `names` of a `data.yaml`, given as a list or as a mapping from number to name.

    Raises DataError where the file is no YAML or has no such names.
    """
    try:
        # The base loader makes strings, lists and mappings of everything: nothing is constructed, no date can fail.
        document = yaml.load(_text(path, "data.yaml"), Loader=yaml.BaseLoader)
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise DataError(f"{path}: expected YAML with the class names, but it cannot be parsed ({error})") from error
    names = document.get("names") if isinstance(document, dict) else None
    if isinstance(names, dict):
        numbered = [names.get(str(number)) for number in range(len(names))]
    else:
        numbered = list(names) if isinstance(names, list) else []
    if not numbered or not all(isinstance(name, str) and name.strip() for name in numbered):
        raise DataError(f"{path}: expected the key names with a list of class names, or with numbers from 0 on")
    return tuple(str(name).strip() for name in numbered)


def write_class_names(names: Sequence[str], sides: Mapping[str, str] | None = None) -> bytes:
    """A `data.yaml` for the layout `images/`, `labels/`; `read_class_names` gives the names back.

    sides: where the images of `train`, `val` and `test` are listed or lie, by default all in `images`.
    """
    document: dict[str, object] = {"path": ".", **(sides or {"train": "images", "val": "images"})}
    document["names"] = dict(enumerate(names))
    return yaml.safe_dump(document, sort_keys=False, allow_unicode=True).encode("utf-8")


def labels_of_classes(path: Path, names: Sequence[str]) -> tuple[int, ...]:
    """Label 0..24 of each class number. Raises DataError, naming the `data.yaml` at `path`, for a name that is none."""
    labels = [label_of_class(name) for name in names]
    if len(names) == 1 and labels[0] is None:
        labels = [0]  # one class, whatever its name, says that something is a chromosome
    if None in labels:
        raise DataError(
            f"{path}: class {names[labels.index(None)]!r} is no chromosome: expected 1..22, X, Y or one class"
        )
    return tuple(label for label in labels if label is not None)


def instances_of_yolo(
    path: Path, objects: Sequence[YoloObject], size_hw: tuple[int, int], labels: Sequence[int]
) -> tuple[Instances, tuple[Defect, ...]]:
    """Instances in pixels, with masks where every object has an outline, and what was clipped or set aside.

    path: the label file, for messages. labels: label of each class number. Raises DataError for another number.
    """
    strange = sorted({entry.number for entry in objects} - set(range(len(labels))))
    if strange:
        raise UnknownClassError(f"{path}: class number {strange[0]} is not among the {len(labels)} classes of the set")
    height, width = size_hw
    wanted = np.array([labels[entry.number] for entry in objects], np.int64)
    if objects and all(entry.polygon_xy is not None for entry in objects):
        outlines = [[entry.polygon_xy * [width, height]] for entry in objects if entry.polygon_xy is not None]
        return instances_of_outlines(outlines, wanted.tolist(), size_hw)
    boxes = np.array([_corners(entry) for entry in objects], np.float64).reshape(-1, 4) * ([width, height] * 2)
    # A fraction of a pixel count is rarely exact in binary: what lies within a millionth of a pixel is rounding.
    return instances_of_boxes(np.round(boxes, 6), wanted, size_hw)


def _corners(entry: YoloObject) -> NDArray[np.float64]:
    """[x0, y0, x1, y1] in fractions of the image."""
    if entry.polygon_xy is not None:
        return np.concatenate([entry.polygon_xy.min(0), entry.polygon_xy.max(0)])
    assert entry.box_cxcywh is not None, "an object has a box or a polygon"
    centre, half = entry.box_cxcywh[:2], entry.box_cxcywh[2:] / 2
    return np.concatenate([centre - half, centre + half])


def _text(path: Path, expected: str) -> str:
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise DataError(f"{path}: a text file of more than {LARGEST_FILE} bytes is not read; is it the right file?")
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise DataError(f"{path}: expected {expected}, but it cannot be read ({error.strerror})") from error
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: expected {expected}, but it is no text in UTF-8 ({error.reason})") from error
