"""CRCN-NE: metaphases with boxes in YOLO format, one class, or 24 where `data.yaml` says so (`crcn-ne`).

Layout: `images/` and `labels/`, also inside `train`, `val`, `test` or with these inside them. A folder whose name says
that its images were discarded as too hard is the split `hard`.
"""

from __future__ import annotations

import re
from pathlib import Path

from metaphase.datasets.formats import yolo_folder
from metaphase.datasets.formats.folders import home_of
from metaphase.datasets.record import Index, Record
from metaphase.errors import DataError

__all__ = ["CITATION", "LICENCE", "SOURCE", "find", "read", "splits"]

CITATION = "CRCN-NE metaphase chromosome images, Zenodo, https://zenodo.org/records/15061709"
LICENCE = "see the publisher's page"


SOURCE = "https://zenodo.org/records/15061709"


def find(root: Path) -> Index:
    """Index of the set under `root`: the folder of all data sets (`crcn-ne`) or the set's own. DataError otherwise."""
    home = home_of(Path(root), ("crcn", "chromo-crcn", "chromo_crcn"), yolo_folder.holds_labels)
    if home is None:
        raise DataError(
            f"{root}: expected images/ and labels/ with YOLO text files, here or in crcn-ne/; give that folder as root"
        )
    return yolo_folder.find_yolo(home, case_of)


def splits(index: Index) -> dict[str, list[str]]:
    """Image names of `all`, of `train`, `val` and `test` where folders tell them, and of `hard`, the discarded ones.

    Where no folder tells splits, `test` is every image that is not hard.
    """
    return {split: list(names) for split, names in index.splits.items()}


def read(index: Index, name: str) -> Record:
    """One image's boxes, clipped; labels are 0 where the set has one class. DataError where the labels are not so."""
    return yolo_folder.read_yolo_image(index, name)


def case_of(name: str) -> str:
    """The image's name without its running number (`P12_03` is of case `P12`); a bare number is a case of its own."""
    return re.sub(r"[ _-]+\d+$", "", name) or name
