"""COCO: one JSON file for many images, boxes, polygons and RLE masks that may overlap.

Vertices of polygons are taken as centres of boundary pixels, the boundary included, so that mask, polygon and mask are
the same; masks are written as RLE, which holds every mask exactly.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from metaphase import masks as geometry
from metaphase.chromosomes import NAMES
from metaphase.datasets.defects import Defect
from metaphase.datasets.formats.class_names import label_of_class
from metaphase.datasets.formats.json_file import read_json_object
from metaphase.datasets.formats.segmentation import finite_numbers, mask_of
from metaphase.datasets.formats.shapes import instances_of_boxes
from metaphase.errors import DataError
from metaphase.image_io import MAX_SIDE
from metaphase.types import Instances

__all__ = [
    "LARGEST_FILE",
    "CocoFile",
    "CocoImage",
    "CocoWriter",
    "annotation_entries",
    "categories",
    "instances_of_coco",
    "read_coco",
]

LARGEST_FILE = 2 * 1024 * 1024 * 1024
_UNNAMED = 25  # category of chromosomes whose class is not known


@dataclass(frozen=True)
class CocoImage:
    """One entry of `images`; case is "" where the file names none."""

    number: int
    file_name: str
    height: int
    width: int
    case: str = ""


@dataclass(frozen=True, eq=False)
class CocoFile:
    """A COCO file: its images, the raw annotations of each by number, and label and name of each category.

    labels: 0..24, None where the name is no class.
    """

    path: Path
    images: tuple[CocoImage, ...]
    annotations: dict[int, list[dict[str, Any]]]
    labels: dict[int, int | None]
    names: dict[int, str]


def read_coco(path: Path) -> CocoFile:
    """Read a COCO file. Raises DataError, naming the file and the entry, where it is none."""
    document = read_json_object(path, "COCO file", LARGEST_FILE, "images, annotations and categories")
    parts = [document.get(key) for key in ("images", "annotations", "categories")]
    if not all(isinstance(part, list) and all(isinstance(entry, dict) for entry in part) for part in parts):
        raise DataError(f"{path}: expected a COCO file with lists of objects: images, annotations, categories")
    image_entries, annotation_list, category_entries = (part or [] for part in parts)
    images = tuple(_image(path, number, entry) for number, entry in enumerate(image_entries, 1))
    annotations: dict[int, list[dict[str, Any]]] = {image.number: [] for image in images}
    if len(annotations) < len(images):
        raise DataError(f"{path}: two images have the same id; give each its own")
    for number, entry in enumerate(annotation_list, 1):
        owner = entry.get("image_id")
        if not isinstance(owner, int) or owner not in annotations:
            raise DataError(f"{path}: annotation {number} belongs to image {owner!r}, which is not in the file")
        annotations[owner].append(entry)
    names = {}
    for number, entry in enumerate(category_entries, 1):
        if not isinstance(entry.get("id"), int):
            raise DataError(f"{path}: category {number} must have a whole number as id, but got {entry.get('id')!r}")
        names[entry["id"]] = str(entry.get("name", ""))
    one_class = len(names) == 1
    labels = {number: label_of_class(name) for number, name in names.items()}
    if one_class:
        labels = {number: label or 0 for number, label in labels.items()}
    return CocoFile(path, images, annotations, labels, names)


def instances_of_coco(file: CocoFile, image: CocoImage) -> tuple[Instances, tuple[Defect, ...]]:
    """Instances of one image: masks where every object has one, else boxes; and what was set aside.

    Raises DataError, naming the file and the annotation, for boxes or masks that are none.
    """
    defects: list[Defect] = []
    chosen: list[tuple[str, dict[str, Any], int]] = []
    for number, entry in enumerate(file.annotations[image.number], 1):
        place = f"annotation {entry.get('id', number)} of {image.file_name}"
        category = entry.get("category_id")
        category = category if isinstance(category, int) else None
        label = None if category is None else file.labels.get(category)
        if label is None:
            name = entry.get("category_id") if category is None else file.names.get(category, category)
            plural = f"objects with category {name!r}, which is no class, are set aside"
            defects.append(Defect("label-impossible", place, plural, f"category {name!r} is no class"))
        elif entry.get("iscrowd") and not isinstance(entry.get("segmentation"), dict):
            # With RLE the mark says nothing: tools that write RLE set it on single objects, too.
            defects.append(Defect("crowd", place, "objects marked as a crowd are set aside", "a crowd"))
        else:
            chosen.append((place, entry, label))
    with_mask = [bool(entry.get("segmentation")) for _, entry, _ in chosen]
    if chosen and not any(with_mask):
        truth, outside = _of_boxes(file.path, image, chosen)
        return truth, (*defects, *outside)
    crops, offsets, labels = [], [], []
    for (place, entry, label), masked in zip(chosen, with_mask, strict=True):
        if not masked:
            defects.append(Defect("mask-missing", place, "objects without a mask among masks are set aside", "no mask"))
            continue
        try:
            crop, offset = mask_of(entry["segmentation"], (image.height, image.width))
        except geometry.EmptyMaskError:
            defects.append(
                Defect("mask-outside", place, "masks without a pixel inside the image are set aside", "outside")
            )
            continue
        except ValueError as error:
            said = f"the segmentation of {place} is neither polygons nor RLE ({error})"
            raise DataError(f"{file.path}: {said}") from error
        box = entry.get("bbox")
        if box and _sticks_out(crop, offset, _corners(file.path, place, box)):
            defects.append(
                Defect(
                    "mask-outside-box", place, "masks reach outside their box; the mask counts", "mask and box disagree"
                )
            )
        crops.append(crop)
        offsets.append(offset)
        labels.append(label)
    truth = Instances.from_masks(image.height, image.width, crops, offsets, labels=np.array(labels, np.int64))
    return truth, tuple(defects)


def categories(unnamed: bool = False) -> list[dict[str, object]]:
    """The 24 classes with ids 1..24; unnamed: one more, `chromosome`, for those whose class is not known."""
    named: list[dict[str, object]] = [{"id": i + 1, "name": name} for i, name in enumerate(NAMES)]
    return [*named, {"id": _UNNAMED, "name": "chromosome"}] if unnamed else named


def annotation_entries(truth: Instances, image_id: int, first_id: int) -> list[dict[str, object]]:
    """COCO annotations of one image; boxes are [x, y, width, height], masks compressed RLE."""
    entries: list[dict[str, object]] = []
    for i in range(len(truth)):
        box = truth.boxes_xyxy[i].astype(float)
        sides: list[int | float] = [_plain(v) for v in (box[0], box[1], box[2] - box[0], box[3] - box[1])]
        entry: dict[str, object] = {
            "id": first_id + i,
            "image_id": image_id,
            "category_id": int(truth.labels[i]) or _UNNAMED,
            "bbox": sides,
            "area": _plain(sides[2] * sides[3]),
            "iscrowd": 0,
        }
        if truth.crops is not None:
            entry["area"] = int(truth.crops[i].sum())
            entry["segmentation"] = geometry.encode_rle(
                truth.crops[i], truth.offsets_xy[i], (truth.height, truth.width)
            )
        entries.append(entry)
    return entries


class CocoWriter:
    """Writes a COCO file image by image, so that a set of any size needs no memory.

    file: open for writing bytes. info: what the key `info` says.
    """

    def __init__(self, file: IO[bytes], info: Mapping[str, object]) -> None:
        self._file = file
        self._images: list[bytes] = []
        self._written = 0
        self._unnamed = False
        file.write(b'{"info": ' + _json(info) + b',\n"annotations": [')

    def add(
        self,
        file_name: str,
        truth: Instances,
        more: Mapping[str, object],
        of_each: Sequence[Mapping[str, object]] = (),
    ) -> None:
        """One image and its annotations; more, of_each: further keys of the image (`case`) and of each annotation."""
        number = len(self._images) + 1
        size = {"width": truth.width, "height": truth.height}
        self._images.append(_json({"id": number, "file_name": file_name, **size, **more}))
        self._unnamed |= bool((truth.labels == 0).any())
        entries = annotation_entries(truth, number, self._written + 1)
        for entry, own in zip(entries, of_each or [{}] * len(entries), strict=True):
            self._file.write((b",\n" if self._written else b"\n") + _json({**entry, **own}))
            self._written += 1

    def close(self) -> None:
        """Write images and categories, without which the file is none; the file itself stays open."""
        self._file.write(b'],\n"images": [' + b",".join(b"\n" + entry for entry in self._images))
        self._file.write(b'],\n"categories": ' + _json(categories(self._unnamed)) + b"}\n")


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False).encode("utf-8")


def _plain(value: float) -> int | float:
    return int(value) if float(value).is_integer() else float(value)


def _of_boxes(
    path: Path, image: CocoImage, chosen: list[tuple[str, dict[str, Any], int]]
) -> tuple[Instances, tuple[Defect, ...]]:
    boxes = [_corners(path, place, entry.get("bbox")) for place, entry, _ in chosen]
    labels = np.array([label for _, _, label in chosen], np.int64)
    return instances_of_boxes(np.array(boxes, np.float64).reshape(-1, 4), labels, (image.height, image.width))


def _corners(path: Path, place: str, box: object) -> NDArray[np.float64]:
    values = finite_numbers(box)
    if values is None or len(values) != 4:
        raise DataError(f"{path}: {place} must have a bbox of four finite numbers, but got {box!r}")
    return np.array([values[0], values[1], values[0] + values[2], values[1] + values[3]])


def _sticks_out(crop: NDArray[np.bool_], offset: tuple[int, int], box: NDArray[np.float64]) -> bool:
    """A mask that reaches further than one pixel out of its box; less is a matter of convention."""
    x0, y0 = offset
    x1, y1 = x0 + crop.shape[1], y0 + crop.shape[0]
    return bool(x0 < box[0] - 1.5 or y0 < box[1] - 1.5 or x1 > box[2] + 1.5 or y1 > box[3] + 1.5)


def _image(path: Path, number: int, entry: dict[str, Any]) -> CocoImage:
    sides = [entry.get("height"), entry.get("width")]
    for side in sides:
        if isinstance(side, bool) or not isinstance(side, int) or not 0 < side <= MAX_SIDE:
            raise DataError(f"{path}: image {number} must have height and width in 1..{MAX_SIDE}, but got {side!r}")
    if isinstance(entry.get("id"), bool) or not isinstance(entry.get("id"), int):
        raise DataError(f"{path}: image {number} must have a whole number as id, but got {entry.get('id')!r}")
    name = entry.get("file_name")
    if not isinstance(name, str) or not Path(name).name or "\x00" in name:
        raise DataError(f"{path}: image {number} must have a file_name, but got {name!r}")
    return CocoImage(entry["id"], name, entry["height"], entry["width"], str(entry.get("case", "")))
