"""The folder of CIL:54816 as its publisher wrote it, shared by the set's two kinds of labels.

Layout: SET/JEPG/NAME.jpg and SET/annotations/NAME.xml (VOC), where SET is `24_chromosomes_object` or
`single_chromosomes_object`; the publisher spells the folders `JEPG` and, for the second, `anntations`. Beside them lie
lists of names: `split_*.txt` by case, and the publisher's own `train.txt` and `test.txt`, which share cases.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from metaphase.datasets.defects import summaries
from metaphase.datasets.formats.folders import read_names
from metaphase.datasets.formats.shapes import instances_of_boxes
from metaphase.datasets.formats.voc import read_voc
from metaphase.datasets.record import Index, Record
from metaphase.errors import DataError, UnknownClassError
from metaphase.words import plural

__all__ = ["CITATION", "LICENCE", "case_of", "find_cil", "read_boxes"]

CITATION = (
    "Tseng J.-J. et al. (2023). An open dataset of annotated G-banded chromosome images for deep learning-based "
    "chromosome detection. Scientific Data 10:104. Cell Image Library CIL:54816. "
    "Here: gray, re-encoded as JPEG of quality 78."
)
LICENCE = "CC BY 3.0 (name the authors and the changes)"

_IMAGE_FOLDERS = ("JEPG", "JPEG", "JPEGImages", "images")
_LABEL_FOLDERS = ("annotations", "anntations", "Annotations")
_IMAGE_SUFFIXES = (".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff")


def case_of(name: str) -> str:
    """The person or culture of an image: its name without a suffix such as `_1`, then without the last digit.

    `1050213_1` is another shot of cell `1050213`, the third of case `105021`.
    """
    return re.sub(r"_\d+$", "", name)[:-1]


def find_cil(root: Path, set_folder: str, split_prefix: str) -> Index:
    """Index of one of CIL's two label sets.

    root: the folder of all data sets, CIL's own, or `set_folder` itself. split_prefix: the split lists are
    `split_PREFIX_{train,val,test}.txt`. Raises DataError where nothing of the kind is found.
    """
    root = Path(root)
    places = (root.parent,) if root.name == set_folder else (root, root / "cil")
    home = next((place for place in places if (place / set_folder).is_dir()), None)
    if home is None:
        raise DataError(
            f"{root}: expected the folder {set_folder} here or in cil/; give the folder of CIL:54816 as root"
        )
    folder = home / set_folder
    images = _listing(folder, _IMAGE_FOLDERS, _IMAGE_SUFFIXES)
    labels = _listing(folder, _LABEL_FOLDERS, (".xml",))
    names = sorted(set(images) & set(labels))
    if not names:
        raise DataError(f"{folder}: no image has an annotation of the same name in JEPG and annotations")
    splits = {
        split: read_names(home / f"split_{split_prefix}_{split}.txt")
        for split in ("train", "val", "test")
        if (home / f"split_{split_prefix}_{split}.txt").is_file()
    }
    warnings: dict[str, tuple[str, ...]] = {}
    for split in ("train", "test"):
        if (home / f"{split}.txt").is_file():
            # The publisher's lists name images of both label sets; only those that lie here belong to this one.
            splits[f"official-{split}"] = tuple(n for n in read_names(home / f"{split}.txt") if n in images)
    leaking = {case_of(n) for n in splits.get("official-train", ())} & {
        case_of(n) for n in splits.get("official-test", ())
    }
    if leaking:
        said = (
            f"the publisher's own split has {plural(len(leaking), 'case')} on both sides, so its numbers flatter; "
            "prefer train, val and test, which are split by case"
        )
        warnings = {"official-train": (said,), "official-test": (said,)}
    lone = sorted(set(images) ^ set(labels))
    if lone:
        warnings[""] = (
            f"{plural(len(lone), 'file has', 'files have')} an image or a label only, left out; the first is {lone[0]}",
        )
    splits["all"] = tuple(names)
    return Index(
        root=home,
        images={n: images[n] for n in names},
        labels={n: labels[n] for n in names},
        splits=splits,
        cases={n: case_of(n) for n in names},
        warnings=warnings,
        lone=tuple(images.get(n) or labels[n] for n in lone),
    )


def read_boxes(index: Index, name: str, labels_of: Mapping[str, int]) -> Record:
    """Boxes and labels of one image; `labels_of` gives the label of each class name that may occur.

    Boxes are clipped to the image (some reach one pixel outside); one that has no area left is set aside with a
    warning. Raises DataError for an unknown image or class name.
    """
    if name not in index.images:
        raise DataError(f"{index.root}: image {name} has no image file and annotation of that name")
    path = index.labels[name]
    annotation = read_voc(path)
    unknown = sorted(set(annotation.names) - set(labels_of))
    if unknown:
        raise UnknownClassError(f"{path}: class {unknown[0]!r} is not one of {' '.join(labels_of)}")
    labels = np.array([labels_of[n] for n in annotation.names], np.int64)
    truth, defects = instances_of_boxes(annotation.boxes_xyxy, labels, (annotation.height, annotation.width))
    return Record(name, index.images[name], index.cases[name], truth, summaries(defects), defects=defects)


def _listing(folder: Path, spellings: tuple[str, ...], suffixes: tuple[str, ...]) -> dict[str, Path]:
    for spelling in spellings:
        if (folder / spelling).is_dir():
            files = sorted((folder / spelling).iterdir())
            return {file.stem: file for file in files if file.suffix.lower() in suffixes}
    raise DataError(f"{folder}: expected a folder named {' or '.join(spellings)}")
