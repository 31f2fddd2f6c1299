"""COCO result files of any tool: a JSON list of {"image_id", "category_id", "score", "bbox" or "segmentation"}.

`bbox` is [x, y, width, height] in pixels; `segmentation` an RLE, compressed or not, or a list of polygons whose
vertices are centres of boundary pixels, the boundary included. Read and written here; what this program writes carries
the 24 class probabilities of each chromosome as well, under `probabilities`.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from metaphase import masks as geometry
from metaphase.datasets.formats.json_file import read_json
from metaphase.datasets.formats.segmentation import mask_of, probabilities_of
from metaphase.errors import DataError
from metaphase.types import Instances

__all__ = ["LARGEST_FILE", "CocoReading", "CocoResults", "coco_entries", "read_coco_results"]

LARGEST_FILE = 2 * 1024 * 1024 * 1024
_FAR = 1e6
_HUGE = 1e30
_MOST_OF_A_CLASS = 6
"""No cell has more chromosomes of one class: a file with one category and more of them in an image has no classes."""


@dataclass(frozen=True)
class CocoReading:
    """How a result file of another tool is to be read.

    images: a COCO annotation file whose `images` say which name an id stands for (`file_name`, its folder and suffix
    removed). one_class: the categories are no chromosome classes; None: so where all entries have one category and an
    image has more of them than a cell can. skip_invalid: entries that are not as they should be are set aside and
    listed. min_score: entries below are left out and counted.
    """

    images: Path | None = None
    one_class: bool | None = None
    skip_invalid: bool = False
    min_score: float | None = None


@dataclass(eq=False)
class CocoResults:
    """The usable entries of one file, by image, and those that were set aside.

    entries: for each image name its entries with their position in the file, from 1. one_class: the category says only
    "chromosome". has_masks, has_probabilities: every entry has them. invalid: {"entry", "image", "reason"} of entries
    that were set aside, when asked for. faint: number of entries below the least score.
    """

    path: Path
    entries: dict[str, list[tuple[int, dict[str, Any]]]]
    one_class: bool
    has_masks: bool
    has_probabilities: bool
    skip_invalid: bool
    invalid: list[dict[str, Any]] = field(default_factory=list)
    faint: int = 0

    def instances(self, name: str, height: int, width: int) -> Instances:
        """What the file says of one image of `height` x `width` pixels: boxes, and masks where all entries have them.

        An image without an entry has no chromosome. Raises DataError, naming file and entry, for a mask of another
        size, without a pixel, or with runs that do not fit; with `skip_invalid` such entries are set aside instead.
        """
        kept: list[dict[str, Any]] = []
        crops: list[NDArray[np.bool_]] = []
        offsets: list[tuple[int, int]] = []
        for number, entry in self.entries.get(name, []):
            if self.has_masks:
                try:
                    crop, offset = mask_of(entry["segmentation"], (height, width))
                except (TypeError, ValueError, OverflowError) as error:
                    self.refuse(number, name, str(error))
                    continue
                crops.append(crop)
                offsets.append(offset)
            kept.append(entry)
        columns: dict[str, Any] = {
            "labels": np.array([0 if self.one_class else entry["category_id"] for entry in kept], np.int64),
            "scores": np.array([entry["score"] for entry in kept], np.float32),
        }
        if self.has_probabilities and kept:
            columns["probabilities_nc"] = np.array([entry["probabilities"] for entry in kept], np.float32)
        if not self.has_masks:
            return Instances.from_boxes(height, width, _xyxy([entry["bbox"] for entry in kept]), **columns)
        tight = [[x, y, crop.shape[1], crop.shape[0]] for crop, (x, y) in zip(crops, offsets, strict=True)]
        boxes = [box if entry.get("bbox") is None else entry["bbox"] for entry, box in zip(kept, tight, strict=True)]
        return Instances.from_masks(
            height, width, crops, offsets, annotation_boxes_xyxy=_xyxy(boxes).astype(np.float32), **columns
        )

    def refuse(self, number: int, image: str, reason: str) -> None:
        """Set an entry aside and list it, or raise DataError where nothing may be skipped."""
        if not self.skip_invalid:
            raise DataError(f"{self.path}: entry {number} (image {image}): {reason}")
        self.invalid.append({"entry": number, "image": image, "reason": reason})


def read_coco_results(path: Path, names: Collection[str], reading: CocoReading | None = None) -> CocoResults:
    """Read a COCO result file.

    names: the image names of the data set. Without `reading.images`, `image_id` is the image's name or file name
    itself, or the file is a whole COCO document with `images` and `annotations`.
    Raises DataError, naming the file and the entry (counted from 1), for an image that the set has not, a category
    outside 1..24, a score or box that is no finite number, an entry without box and mask, an id used twice; with
    `reading.skip_invalid` such entries are set aside and listed instead.
    """
    reading = reading or CocoReading()
    path = Path(path)
    document = read_json(path, "COCO file", LARGEST_FILE)
    listed = None
    if reading.images is not None:
        listed = _names_of_ids(read_json(reading.images, "COCO file", LARGEST_FILE), reading.images)
    if isinstance(document, dict):
        if listed is None and "images" in document:
            listed = _names_of_ids(document, path)
        document = document.get("annotations")
    if not isinstance(document, list):
        raise DataError(
            f"{path}: expected a COCO result file, a JSON list of entries with image_id, category_id, score"
        )
    known = _Names(frozenset(names), listed)
    found = CocoResults(path, {}, bool(reading.one_class), False, False, reading.skip_invalid)
    usable: list[tuple[int, str, dict[str, Any]]] = []
    ids: set[object] = set()
    for number, entry in enumerate(document, 1):
        name = str(entry.get("image_id")) if isinstance(entry, dict) else "?"
        try:
            name = known(entry)
            _check(entry, ids)
        except ValueError as error:
            found.refuse(number, name, str(error))
            continue
        if reading.min_score is not None and entry["score"] < reading.min_score:
            found.faint += 1
        else:
            usable.append((number, name, entry))
    if reading.one_class is None:
        found.one_class = _looks_like_one_class(usable)
    found.has_masks = any(_has_mask(entry) for _, _, entry in usable)
    found.has_probabilities = bool(usable) and all(entry.get("probabilities") for _, _, entry in usable)
    for number, name, entry in usable:
        if not found.one_class and not 1 <= entry["category_id"] <= 24:
            hint = "; classes counted from 0 need 1 added" if entry["category_id"] == 0 else ""
            reason = f"category_id must lie in 1..24 (23 is X, 24 is Y), but is {entry['category_id']}{hint}"
            found.refuse(number, name, f"{reason}; where it is no class, say --one-class")
        elif found.has_masks and not _has_mask(entry):
            found.refuse(number, name, "has no segmentation, while other entries of the file have one")
        else:
            found.entries.setdefault(name, []).append((number, entry))
    return found


def coco_entries(instances: Instances, image_id: str | int) -> list[dict[str, Any]]:
    """The chromosomes of one image as entries of a COCO result file; `CocoResults.instances` gives them back.

    `bbox` is the box in the annotators' style, `segmentation` the mask as compressed RLE where there are masks.
    """
    chosen = instances.of_status("chromosome")
    entries: list[dict[str, Any]] = []
    for i in range(len(chosen)):
        x0, y0, x1, y1 = (float(v) for v in chosen.annotation_boxes_xyxy[i])
        entry: dict[str, Any] = {
            "image_id": image_id,
            "category_id": int(chosen.labels[i]),
            "bbox": [x0, y0, x1 - x0, y1 - y0],
            "score": _short(chosen.scores[i]),
            "probabilities": [_short(p) for p in chosen.probabilities_nc[i]],
        }
        if chosen.crops is not None:
            size_hw = (chosen.height, chosen.width)
            entry["segmentation"] = geometry.encode_rle(chosen.crops[i], chosen.offsets_xy[i], size_hw)
        entries.append(entry)
    return entries


def _short(value: np.float32) -> float:
    """A 32-bit number with as many digits as it takes to read the same one back."""
    return float(f"{value:.9g}")


@dataclass(frozen=True)
class _Names:
    """Which image of the set an entry is about."""

    names: frozenset[str]
    listed: Mapping[object, str] | None

    def __call__(self, entry: object) -> str:
        """Raises ValueError for what is no entry, or about an image that the set has not."""
        if not isinstance(entry, dict):
            raise ValueError("expected an object with image_id, category_id and score")
        given = entry.get("image_id")
        if isinstance(given, bool) or not isinstance(given, int | str):
            raise ValueError(f"image_id must be a number or a name, but is {given!r}")
        if self.listed is not None:
            name = self.listed.get(given)
            if name is None:
                raise ValueError(f"image_id {given!r} is not among the images that the file lists")
        else:
            name = str(given)
        for candidate in (name, Path(name.replace("\\", "/")).stem):
            if candidate in self.names:
                return candidate
        hint = "" if self.listed is not None else "; where ids are numbers of a COCO file, name that file with --images"
        raise ValueError(f"the data set has no image {name!r}{hint}")


def _names_of_ids(document: object, path: Path | None) -> dict[object, str]:
    listed = document.get("images") if isinstance(document, dict) else None
    if not isinstance(listed, list):
        raise DataError(f"{path}: expected a COCO file with a list under images")
    names: dict[object, str] = {}
    for number, image in enumerate(listed, 1):
        if not isinstance(image, dict) or "id" not in image or not isinstance(image.get("file_name"), str):
            raise DataError(f"{path}: image {number} must have an id and a file_name")
        key = image["id"]
        if isinstance(key, bool) or not isinstance(key, int | str):
            raise DataError(f"{path}: image {number}: id must be a number or a name, but is {key!r}")
        if key in names:
            raise DataError(f"{path}: image {number}: the id {key!r} is used twice")
        names[key] = image["file_name"]
    return names


def _check(entry: dict[str, Any], ids: set[object]) -> None:
    """Raises ValueError where an entry is not as COCO says, whatever image and class it is about."""
    if "id" in entry:
        key = entry["id"]
        if isinstance(key, bool) or not isinstance(key, int | str):
            raise ValueError(f"id must be a number or a name, but is {key!r}")
        if key in ids:
            raise ValueError(f"the id {key!r} is used twice")
        ids.add(key)
    category = entry.get("category_id")
    if isinstance(category, bool) or not isinstance(category, int):
        raise ValueError(f"category_id must be a whole number, but is {category!r}")
    score = entry.get("score")
    if not _is_finite(score):
        raise ValueError(f"score must be a finite number, but is {score!r}")
    box = entry.get("bbox")
    if box is not None:
        if not isinstance(box, list) or len(box) != 4 or not all(_is_finite(v) and abs(v) < _FAR for v in box):
            raise ValueError(f"bbox must be four numbers x, y, width, height in pixels, but is {box!r}")
        if box[2] <= 0 or box[3] <= 0:
            raise ValueError(f"bbox must have a width and a height above 0, but is {box!r}")
    elif not _has_mask(entry):
        raise ValueError("expected a bbox or a segmentation")
    probabilities = entry.get("probabilities")
    if probabilities is not None:
        probabilities_of(probabilities)


def _is_finite(value: object) -> bool:
    # A whole number may be larger than any float; nothing here is meant to be.
    return not isinstance(value, bool) and isinstance(value, int | float) and abs(value) < _HUGE


def _has_mask(entry: dict[str, Any]) -> bool:
    return bool(entry.get("segmentation"))


def _looks_like_one_class(usable: list[tuple[int, str, dict[str, Any]]]) -> bool:
    counts: dict[str, int] = {}
    for _, name, _ in usable:
        counts[name] = counts.get(name, 0) + 1
    same = len({entry["category_id"] for _, _, entry in usable}) == 1
    return same and 1 <= usable[0][2]["category_id"] <= 24 and max(counts.values()) > _MOST_OF_A_CLASS


def _xyxy(boxes_xywh: list[list[float]]) -> NDArray[np.float64]:
    boxes = np.array(boxes_xywh, np.float64).reshape(-1, 4)
    return np.concatenate([boxes[:, :2], boxes[:, :2] + boxes[:, 2:]], 1)
