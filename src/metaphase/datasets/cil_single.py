"""CIL:54816, one class: whole metaphases whose boxes are all called `chromosomes` (`cil-single`).

Its val and test images are images of `cil` annotated a second time, so it is a check of counting, no independent set.
"""

from __future__ import annotations

from pathlib import Path

from metaphase.datasets.formats import cil_folder
from metaphase.datasets.record import Index, Record

__all__ = ["CITATION", "LABELS", "LICENCE", "SOURCE", "find", "read", "splits"]

CITATION = cil_folder.CITATION
LICENCE = cil_folder.LICENCE
SOURCE = "http://www.cellimagelibrary.org/images/CIL_54816"
LABELS: dict[str, int] = {"chromosomes": 0, "chromosome": 0}


def find(root: Path) -> Index:
    """Index of the set under `root` (the folder of all data sets, or CIL's own). DataError where it is not there."""
    return cil_folder.find_cil(Path(root), "single_chromosomes_object", "single")


def splits(index: Index) -> dict[str, list[str]]:
    """Image names of `train`, `val`, `test` (by case), `official-train`, `official-test` (leaking) and `all`."""
    return {split: list(names) for split, names in index.splits.items()}


def read(index: Index, name: str) -> Record:
    """One image's boxes with label 0 (class not known), clipped to the image; one chromosome alone is fine."""
    return cil_folder.read_boxes(index, name, LABELS)
