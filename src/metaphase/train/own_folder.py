"""A lab's own folder of labelled images, as an adapter: LabelMe files beside the images, or COCO files for many.

Folders or COCO files called train, val or test tell the splits; without them every image is `train`. The folder that a
LabelMe file lies in is the case; an image of which nothing is known is a case of its own.
"""

from __future__ import annotations

import functools
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from metaphase import masks
from metaphase.datasets.formats.class_names import label_of_class
from metaphase.datasets.formats.folders import files_below, image_beside, names_of
from metaphase.datasets.formats.labelme import instances_of, read_labelme
from metaphase.datasets.formats.shapes import instances_of_boxes, rasterise
from metaphase.datasets.record import Index, Record
from metaphase.errors import DataError
from metaphase.types import Instances

__all__ = ["find", "read", "splits"]

_SIDES = {"train": "train", "training": "train", "val": "val", "valid": "val", "validation": "val", "test": "test"}
_NO_CASE = _SIDES.keys() | {"images", "labels", "annotations", "json"}


def find(root: Path) -> Index:
    """Index of the folder. Raises DataError where it holds neither LabelMe nor COCO files with an image."""
    home, labels, images, cases = Path(root), dict[str, Path](), dict[str, Path](), dict[str, str]()
    alone, listings = [], dict[Path, dict[str, Path]]()
    for path in files_below(home, (".json",)):
        kind = _kind(path)
        if kind == "labelme":
            alone.append(path)
        for entry in _coco(path)["images"] if kind == "coco" else []:
            inside = Path(str(entry.get("file_name", "")))
            places = (path.parent / inside, home / inside, home / "images" / inside, path.parent.parent / inside)
            name = "__".join(inside.with_suffix("").parts)
            labels[name], cases[name] = path, str(entry.get("case") or name)
            found = next((place for place in places if place.is_file()), None)
            if found is not None and ".." not in inside.parts:  # a label file may not lead out of the folder
                images[name] = found
    for name, path in names_of(alone, home).items():
        beside, folder = image_beside(path, listings), path.parent
        labels[name] = path
        cases[name] = folder.name if folder != home and folder.name.lower() not in _NO_CASE else name
        images |= {name: beside} if beside else {}
    if not labels:
        raise DataError(f"{root}: expected LabelMe files (NAME.json beside NAME.png) or a COCO file with its images")
    sides: dict[str, list[str]] = {}
    for name, path in labels.items():
        parts = [*path.relative_to(home).parts[:-1], *images.get(name, home).parts[len(home.parts) : -1]]
        words = [word for part in [*parts, path.stem] for word in re.split(r"[_\-. ]", part.lower())]
        sides.setdefault(next((_SIDES[word] for word in words if word in _SIDES), "train"), []).append(name)
    return Index(home, images, labels, {side: tuple(names) for side, names in sides.items()}, cases)


def splits(index: Index) -> dict[str, list[str]]:
    """Image names by side; what no folder or file name puts anywhere is `train`."""
    return {side: list(names) for side, names in index.splits.items()}


def read(index: Index, name: str) -> Record:
    """One image's masks, or boxes where it has no masks. Raises DataError, naming the file, for a broken label."""
    path = index.labels[name]
    if _kind(path) == "labelme":
        annotation = read_labelme(path)
        truth, warnings = instances_of(annotation)
        image = index.images.get(name, path.with_suffix(".png"))
        return Record(name, image, index.cases[name], truth, warnings, annotation.image_data)
    document = _coco(path)
    wanted = next(e for e in document["images"] if "__".join(Path(e["file_name"]).with_suffix("").parts) == name)
    try:
        truth, warnings = _instances(document, wanted)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise DataError(f"{path}: the annotations of {name} are not as COCO has them ({error!r})") from error
    return Record(name, index.images.get(name, path.parent / wanted["file_name"]), index.cases[name], truth, warnings)


def _kind(path: Path) -> str:
    """Either labelme, coco or nothing, by the keys of the file; a broken one counts as what it seems to be."""
    with path.open("rb") as file:
        head = file.read(1 << 14)
        file.seek(max(0, path.stat().st_size - (1 << 14)))
        ends = head + file.read()
    if b'"shapes"' in ends:
        return "labelme"
    return "coco" if b'"annotations"' in ends or b'"categories"' in ends else ""


def _coco(path: Path) -> dict[str, Any]:
    return _parsed(path, path.stat().st_mtime_ns)


@functools.lru_cache(maxsize=8)
def _parsed(path: Path, _: int) -> dict[str, Any]:
    try:
        document = json.loads(path.read_text(encoding="utf-8-sig"))
        for key in ("images", "annotations", "categories"):
            if not all(isinstance(entry, dict) for entry in document[key]):
                raise TypeError(f"{key} must be a list of objects")
    except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
        raise DataError(f"{path}: expected a COCO file with images, annotations and categories ({error!r})") from error
    return document


def _instances(document: dict[str, Any], image: dict[str, Any]) -> tuple[Instances, tuple[str, ...]]:
    """Masks where every object has one, else boxes; objects whose category is no class are set aside and counted."""
    size_hw = (int(image["height"]), int(image["width"]))
    of_category = {entry["id"]: label_of_class(str(entry["name"])) for entry in document["categories"]}
    if len(of_category) == 1:
        of_category = {number: label or 0 for number, label in of_category.items()}
    own = [entry for entry in document["annotations"] if entry["image_id"] == image["id"]]
    known = [entry for entry in own if of_category.get(entry["category_id"]) is not None]
    labels = np.array([of_category[entry["category_id"]] for entry in known], np.int64)
    aside = (f"{len(own) - len(known)} objects of no known class are set aside",) if len(known) < len(own) else ()
    if not all(entry.get("segmentation") for entry in known):
        corners = np.array([entry["bbox"] for entry in known], np.float64).reshape(-1, 4)
        corners[:, 2:] += corners[:, :2]
        truth, moved = instances_of_boxes(corners, labels, size_hw)
        return truth, (*aside, *moved)
    crops, offsets = zip(*(_mask(entry["segmentation"]) for entry in known), strict=True) if known else ((), ())
    return Instances.from_masks(*size_hw, crops, offsets, labels=labels), aside


def _mask(value: object) -> tuple[NDArray[np.bool_], tuple[int, int]]:
    if isinstance(value, dict):
        return masks.decode_rle(value), (0, 0)
    return rasterise([np.array(outline, np.float64).reshape(-1, 2) for outline in value])  # type: ignore[attr-defined]
