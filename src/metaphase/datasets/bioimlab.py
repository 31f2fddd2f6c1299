"""BioImLab: 5,474 single Q-banded chromosomes of 119 cells, cut out on black (`bioimlab`).

Layout: `CELL/CELL CLASSa.bmp`, homologues `a` and `b`, 23 is X and 24 is Y; some files have no letter. Bright on dark.
A copy sorted into folders by class (`1`..`22`, `X`, `Y`) with names of another kind is read as well.
"""

from __future__ import annotations

import re
import zlib
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from metaphase import masks as geometry
from metaphase.datasets.formats.class_names import label_of_class
from metaphase.datasets.formats.folders import files_below, home_of, names_of
from metaphase.datasets.formats.label_image import as_labels
from metaphase.datasets.record import Index, Record
from metaphase.errors import DataError
from metaphase.image_io import SUFFIXES, read_gray
from metaphase.types import Instances
from metaphase.words import plural

__all__ = ["BRIGHT", "CHROMOSOMES", "CITATION", "FOLDS", "LICENCE", "SOURCE", "find", "read", "splits"]

CITATION = (
    "Poletti E., Grisan E., Ruggeri A. (2008). Automatic classification of chromosomes in Q-band images. IEEE EMBC. "
    "Biomedical Imaging Laboratory, University of Padova."
)
LICENCE = "research use: evaluate and fine-tune, never ship weights trained on it"

SOURCE = "on request or download from the BioImLab, University of Padova (http://bioimlab.dei.unipd.it)"
BRIGHT = True
"""The images are bright on dark."""
CHROMOSOMES = 1
"""Chromosomes an image."""
FOLDS = 5
"""Number of folds; a cell stands in the fold of its number modulo this."""

_NAMED = re.compile(r"^(?P<cell>\d+)[ _](?P<kind>\d{1,2}|[XYxy])(?P<homologue>[a-z]?)$")


def find(root: Path) -> Index:
    """Index of the set under `root`: the folder of all data sets (`bioimlab`) or the set's own. DataError otherwise."""
    home = home_of(Path(root), ("bioimlab",), _holds_chromosomes)
    if home is None:
        raise DataError(
            f"{root}: expected CELL/CELL CLASSa.bmp (such as 1/1 10a.bmp), here or in bioimlab/; give the folder of "
            "BioImLab as root"
        )
    files = files_below(home, SUFFIXES)
    told = {path: _cell_and_class(path) for path in files}
    names = names_of((path for path in files if told[path]), home)
    cases = {name: found[0] for name, path in names.items() if (found := told[path])}
    folds = {name: _fold_of(case) for name, case in cases.items()}
    splits = {f"fold{fold}": tuple(name for name in names if folds[name] == fold) for fold in range(FOLDS)}
    lone = tuple(path for path in files if not told[path])
    warnings: dict[str, tuple[str, ...]] = {}
    if lone:
        warnings[""] = (
            f"{plural(len(lone), 'image names', 'images name')} no chromosome, left out; the first is {lone[0].name}",
        )
    return Index(
        root=home,
        images=dict(names),
        labels=dict(names),
        splits=splits | {"test": tuple(names), "all": tuple(names)},
        cases=cases,
        warnings=warnings,
        lone=lone,
    )


def splits(index: Index) -> dict[str, list[str]]:
    """Image names of `fold0`..`fold4` (by cell), and of `test` and `all`, which are every chromosome."""
    return {split: list(names) for split, names in index.splits.items()}


def read(index: Index, name: str) -> Record:
    """One chromosome: one instance, its class from the name, its mask from a threshold against the dark background.

    Raises DataError for an unknown name, a class that is none, or an image that cannot be read.
    """
    if name not in index.images:
        raise DataError(f"{index.root}: there is no image {name}")
    path = index.images[name]
    told = _cell_and_class(path)
    label = label_of_class(told[1]) if told else None
    if not label:
        raise DataError(f"{path}: class {told[1] if told else ''!r} is none of 1 to 24, X and Y; mend the name")
    with as_labels():
        found = read_gray(path, min_side=1)
    height, width = found.gray.shape
    mask = _mask(found.gray)
    if not mask.any():
        nothing = Instances.from_masks(height, width, [], [])
        return Record(name, path, index.cases[name], nothing, ("the image shows nothing: no chromosome is read",))
    truth = Instances.from_masks(height, width, [mask], [(0, 0)], labels=[label])
    return Record(name, path, index.cases[name], truth)


def _mask(gray: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """The largest bright piece above the project's foreground threshold, its holes filled."""
    dark = np.asarray(cv2.bitwise_not(gray), np.uint8)
    inside = geometry.foreground(dark, geometry.foreground_threshold(dark))
    _, parts, stats, _ = cv2.connectedComponentsWithStats(inside.astype(np.uint8), connectivity=8)
    if len(stats) < 2:
        return np.zeros(gray.shape, bool)
    largest = parts == 1 + int(stats[1:, cv2.CC_STAT_AREA].argmax())
    filled = np.zeros(gray.shape, bool)
    for outline in geometry.trace_polygons(largest):
        filled |= geometry.rasterise_polygon(outline, gray.shape)
    return filled


def _holds_chromosomes(folder: Path) -> bool:
    return any(_NAMED.match(path.stem) for path in folder.glob("*/*.*")) or any(
        _cell_and_class(path) for label in ("1", "01", "X") for path in folder.glob(f"{label}/*.*")
    )


def _cell_and_class(path: Path) -> tuple[str, str] | None:
    """Cell and class as written in the file name, else the class from the folder; None for another image."""
    named = _NAMED.match(path.stem)
    if named:
        return named["cell"], named["kind"]
    if path.suffix.lower() in SUFFIXES and label_of_class(path.parent.name):
        return re.split(r"[ _-]", path.stem, maxsplit=1)[0], path.parent.name
    return None


def _fold_of(cell: str) -> int:
    number = int(cell) if cell.isascii() and cell.isdecimal() else zlib.crc32(cell.encode("utf-8"))
    return number % FOLDS
