"""A lab's own images with Pascal VOC files: boxes with class names (`voc`).

Layout: `Annotations/NAME.xml` with `JPEGImages/NAME.jpg`, or both in one folder, also one folder down;
`ImageSets/Main/{train,val,test}.txt` or `split_*.txt` list the splits.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from metaphase.datasets.defects import Defect, summaries
from metaphase.datasets.formats.class_names import label_of_class
from metaphase.datasets.formats.folders import files_below, images_of, name_alone, names_of
from metaphase.datasets.formats.own_folder import CITATION, LICENCE, listed_sides, own_index
from metaphase.datasets.formats.shapes import instances_of_boxes
from metaphase.datasets.formats.voc import read_voc
from metaphase.datasets.record import Index, Record
from metaphase.errors import DataError

__all__ = ["CITATION", "LICENCE", "find", "read", "splits"]

_IMAGE_FOLDERS = ("JPEGImages", "JPEG", "JEPG", "images", "Images")


def find(root: Path) -> Index:
    """Index of the folder `root`. Raises DataError where it holds no XML files."""
    home = Path(root)
    files = files_below(home, (".xml",)) if home.is_dir() else []
    if not files:
        raise DataError(f"{root}: expected Pascal VOC files, Annotations/NAME.xml with JPEGImages/NAME.jpg")
    labels = names_of(files, home)
    listings: dict[Path, dict[str, Path]] = {}
    images = {name: image for name, path in labels.items() if (image := _image(path, listings)) is not None}
    used = set(images.values())
    alone = tuple(path for listing in listings.values() for path in listing.values() if path not in used)
    index = own_index(home, labels, images, lone=alone)
    paths = {side: home / "ImageSets" / "Main" / f"{side}.txt" for side in ("train", "val", "test")}
    lists, notes = listed_sides(paths, labels)
    warnings = index.warnings | {side: (*index.warnings.get(side, ()), *said) for side, said in notes.items()}
    return replace(index, splits=index.splits | lists, warnings=warnings) if lists else index


def splits(index: Index) -> dict[str, list[str]]:
    """Image names of `all`, and of `train`, `val`, `test` where lists or folders tell them (else `test` is all)."""
    return {split: list(names) for split, names in index.splits.items()}


def read(index: Index, name: str) -> Record:
    """One image's boxes, clipped; names that are no class are set aside. DataError where the file is no VOC file."""
    if name not in index.labels:
        raise DataError(f"{index.root}: there is no VOC file of image {name}")
    path = index.labels[name]
    annotation = read_voc(path)
    found = [label_of_class(written) for written in annotation.names]
    keep = [i for i, label in enumerate(found) if label is not None]
    aside = tuple(
        Defect(
            "label-impossible",
            f"object {i + 1}",
            f"objects with name {written!r}, which is no class, are set aside",
            f"name {written!r} is no class",
        )
        for i, (written, label) in enumerate(zip(annotation.names, found, strict=True))
        if label is None
    )
    labels = np.array([found[i] for i in keep], np.int64)
    truth, mended = instances_of_boxes(annotation.boxes_xyxy[keep], labels, (annotation.height, annotation.width))
    image = index.images.get(name, path.with_name(name_alone(annotation.filename) or f"{name}.jpg"))
    defects = (*aside, *mended)
    return Record(name, image, index.cases[name], truth, summaries(defects), defects=defects)


def _image(label: Path, listings: dict[Path, dict[str, Path]]) -> Path | None:
    for folder in (label.parent, *(label.parent.parent / name for name in _IMAGE_FOLDERS)):
        if folder not in listings:
            listings[folder] = images_of(folder)
        if label.stem in listings[folder]:
            return listings[folder][label.stem]
    return None
