"""A lab's own images in YOLO's layout: boxes or outlines, classes from `data.yaml` (`yolo`)."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from metaphase.datasets.formats import yolo_folder
from metaphase.datasets.formats.own_folder import CITATION, LICENCE, own_index
from metaphase.datasets.record import Index, Record
from metaphase.errors import DataError

__all__ = ["CITATION", "LICENCE", "find", "read", "splits"]


def find(root: Path) -> Index:
    """Index of the folder `root`. Raises DataError where it has no `images/` and `labels/` with text files."""
    home = Path(root)
    if not home.is_dir() or not yolo_folder.holds_labels(home):
        raise DataError(f"{root}: expected YOLO's layout, images/NAME.png with labels/NAME.txt, and data.yaml")
    found = yolo_folder.find_yolo(home, lambda name: name)
    own = own_index(home, found.labels, found.images, notes=found.warnings.get("", ()))
    hard = {yolo_folder.HARD: found.splits[yolo_folder.HARD]} if yolo_folder.HARD in found.splits else {}
    return replace(own, splits=own.splits | hard, lone=found.lone, classes=found.classes)


def splits(index: Index) -> dict[str, list[str]]:
    """Image names of `all`, and of `train`, `val`, `test` where lists or folders tell them (else `test` is all)."""
    return {split: list(names) for split, names in index.splits.items()}


def read(index: Index, name: str) -> Record:
    """One image's boxes, or masks where every line is an outline. DataError where the label file is not so."""
    return yolo_folder.read_yolo_image(index, name)
