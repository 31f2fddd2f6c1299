"""CIL:54816, 24 classes: 4,429 G-banded metaphases with boxes, no masks (`cil`)."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from metaphase.datasets.defects import Defect
from metaphase.datasets.formats import cil_folder, yolo_folder
from metaphase.datasets.formats.folders import home_of, read_names
from metaphase.datasets.record import Index, Record
from metaphase.errors import DataError
from metaphase.types import Instances

__all__ = [
    "CITATION",
    "LABELS",
    "LICENCE",
    "SOURCE",
    "abnormal",
    "contradictions",
    "difficult",
    "find",
    "is_normal",
    "normal",
    "read",
    "splits",
]

CITATION = cil_folder.CITATION
LICENCE = cil_folder.LICENCE

SOURCE = "http://www.cellimagelibrary.org/images/CIL_54816"
_NAMES = "A1 A2 A3 B4 B5 C6 C7 C8 C9 C10 C11 C12 D13 D14 D15 E16 E17 E18 F19 F20 G21 G22 X Y"
LABELS: dict[str, int] = {name: label for label, name in enumerate(_NAMES.split(), 1)}


def find(root: Path) -> Index:
    """Index of the set under `root` (the folder of all data sets, or CIL's own). DataError where it is not there.

    The set as published, or the conversion to YOLO that circulates (`images/`, `labels/`, `data.yaml`), whose
    splits are by image and are called `official-...`, with a warning where they share cases.
    """
    converted = home_of(Path(root), ("cil",), _is_converted)
    if converted is None:
        return cil_folder.find_cil(Path(root), "24_chromosomes_object", "24")
    index = yolo_folder.find_yolo(converted, cil_folder.case_of)
    renamed: dict[str, str] = {
        split: f"official-{split}" for split in ("train", "val", "test") if split in index.splits
    }
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
    return frozenset(name for name in wanted if _is_normal(np.bincount(read(index, name).truth.labels, minlength=25)))


def abnormal(index: Index, kind: str = "number") -> dict[str, tuple[str, str]]:
    """Published abnormal cells: count and chromosomes by image name, both as written (`X`, `x`, `21`, `unknow`, empty).

    kind: "number" or "structural". The words do not always agree with the boxes.
    """
    rows = _rows(index.root / f"{kind}_abnormalities.csv")
    return {name: (count, words) for name, count, words in rows if name in index.images}


def is_normal(truth: Instances) -> bool:
    """The labels are exactly those of 46,XX or 46,XY."""
    return _is_normal(np.bincount(truth.labels, minlength=25))


def contradictions(index: Index, counts: Mapping[str, NDArray[np.int64]]) -> dict[str, list[Defect]]:
    """What the set's own lists say and the boxes do not show, by image name.

    counts: by image name, Int64[25], boxes of each label. Lists that are not there say nothing; DataError where one
    cannot be read.
    """
    found: dict[str, list[Defect]] = {}
    path = index.root / "normal.csv"
    for name, written, _ in _rows(path) if path.is_file() else []:
        if name not in counts:
            continue
        shown = int(counts[name].sum())
        if written != "46":
            plural = "cells stand in normal.csv with a count other than 46; they do not count as normal"
            defect = _contradiction(f"normal.csv says {written or 'nothing'}, the boxes {shown}", plural)
        elif not _is_normal(counts[name]):
            plural = "cells stand in normal.csv with 46, but their boxes are not 46,XX or 46,XY; not taken as normal"
            defect = _contradiction(f"normal.csv says 46, the boxes {_karyotype(counts[name])}", plural)
        else:
            continue
        found.setdefault(name, []).append(defect)
    for kind in ("number", "structural"):
        if (index.root / f"{kind}_abnormalities.csv").is_file():
            for name, (written, _) in abnormal(index, kind).items():
                if name in counts and written.isdecimal() and int(written) != int(counts[name].sum()):
                    plural = f"cells have another count in {kind}_abnormalities.csv than boxes; the boxes count"
                    said = f"{kind}_abnormalities.csv says {written}, the boxes {int(counts[name].sum())}"
                    found.setdefault(name, []).append(_contradiction(said, plural))
    return found


def _contradiction(said: str, plural: str) -> Defect:
    return Defect("list-contradiction", "", plural, said)


def _karyotype(counts: NDArray[np.int64]) -> str:
    """Short words for a label set: `46 with 2 X, 1 Y, 3 of 21`."""
    odd = [f"{counts[label]} of {label}" for label in range(1, 23) if counts[label] != 2]
    return f"{int(counts.sum())} with {counts[23]} X, {counts[24]} Y" + "".join(f", {part}" for part in odd)


def _is_converted(folder: Path) -> bool:
    return yolo_folder.holds_labels(folder) and any((folder / name).is_file() for name in yolo_folder.YAML)


def _is_normal(counts: NDArray[np.int64]) -> bool:
    """counts: Int64[25] by label; 46,XX or 46,XY and nothing without a class."""
    sex = (int(counts[23]), int(counts[24]))
    return bool((counts[1:23] == 2).all()) and sex in ((2, 0), (1, 1)) and not counts[0]


def _rows(path: Path) -> list[tuple[str, str, str]]:
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"{path}: expected a CSV list of images ({error})") from error
    rows = [row + [""] * (3 - len(row)) for row in csv.reader(text.splitlines()) if row]
    return [(Path(row[0].strip()).stem, row[1].strip(), row[2].strip()) for row in rows[1:]]
