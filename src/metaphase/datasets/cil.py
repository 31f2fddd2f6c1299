"""CIL:54816, 24 classes: 4,429 G-banded metaphases with boxes, no masks (`cil`)."""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np

from metaphase.datasets.formats import cil_folder, yolo_folder
from metaphase.datasets.formats.folders import home_of, read_names
from metaphase.datasets.record import Index, Record
from metaphase.errors import DataError
from metaphase.types import Instances

__all__ = ["CITATION", "LABELS", "LICENCE", "abnormal", "difficult", "find", "normal", "read", "splits"]

CITATION = cil_folder.CITATION
LICENCE = cil_folder.LICENCE

_NAMES = "A1 A2 A3 B4 B5 C6 C7 C8 C9 C10 C11 C12 D13 D14 D15 E16 E17 E18 F19 F20 G21 G22 X Y"
LABELS: dict[str, int] = {name: label for label, name in enumerate(_NAMES.split(), 1)}


def find(root: Path) -> Index:
    """Index of the set under `root` (the folder of all data sets, or CIL's own). DataError where it is not there.

    The set as published, or the conversion to YOLO that circulates (`images/`, `labels/`, `data.yaml`); the splits of the
    latter are by image and are called `official-...`, with a warning where they share cases.
    """
    converted = home_of(Path(root), ("cil",), _is_converted)
    if converted is None:
        return cil_folder.find_cil(Path(root), "24_chromosomes_object", "24")
    index = yolo_folder.find_yolo(converted, cil_folder.case_of)
    renamed = {split: f"official-{split}" for split in ("train", "val", "test") if split in index.splits}
    return replace(
        index,
        splits={renamed.get(split, split): names for split, names in index.splits.items()},
        warnings={renamed.get(split, split): said for split, said in index.warnings.items()},
    )


def splits(index: Index) -> dict[str, list[str]]:
    """Image names of `train`, `val`, `test` (by case), `official-train`, `official-test` (leaking) and `all`."""
    return {split: list(names) for split, names in index.splits.items()}


def read(index: Index, name: str) -> Record:
    """One image's boxes with labels 1..24, clipped to the image. DataError where the annotation is not as expected."""
    if name in index.labels and index.labels[name].suffix == ".txt":
        return yolo_folder.read_yolo_image(index, name)
    return cil_folder.read_boxes(index, name, LABELS)


def difficult(index: Index) -> frozenset[str]:
    """Names of the images that the publisher calls difficult (`diff_image.txt`); DataError where the list is absent."""
    return frozenset(read_names(index.root / "diff_image.txt")) & frozenset(index.images)


def normal(index: Index, names: Iterable[str] | None = None) -> frozenset[str]:
    """Normal cells: listed in `normal.csv` with count 46, and boxes exactly 46,XX or 46,XY.

    names: where to look (all images by default); the annotation of each listed one is read. The published list
    alone will not do: some of its rows have another count, and some cells carry another set of labels.
    """
    listed = {name for name, count, _ in _rows(index.root / "normal.csv") if count == "46"}
    wanted = listed & set(index.images if names is None else names)
    return frozenset(name for name in wanted if _is_normal(read(index, name).truth))


def abnormal(index: Index, kind: str = "number") -> dict[str, tuple[str, str]]:
    """Published abnormal cells: count and chromosomes by image name, both as written (`X`, `x`, `21`, `unknow`, empty).

    kind: "number" or "structural". The words do not always agree with the boxes.
    """
    rows = _rows(index.root / f"{kind}_abnormalities.csv")
    return {name: (count, words) for name, count, words in rows if name in index.images}


def _is_converted(folder: Path) -> bool:
    return yolo_folder.holds_labels(folder) and any((folder / name).is_file() for name in yolo_folder.YAML)


def _is_normal(truth: Instances) -> bool:
    counts = np.bincount(truth.labels, minlength=25)[1:]
    return bool((counts[:22] == 2).all()) and (int(counts[22]), int(counts[23])) in ((2, 0), (1, 1))


def _rows(path: Path) -> list[tuple[str, str, str]]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: expected a CSV list of images ({error})") from error
    rows = [row + [""] * (3 - len(row)) for row in csv.reader(text.splitlines()) if row]
    return [(Path(row[0].strip()).stem, row[1].strip(), row[2].strip()) for row in rows[1:]]
