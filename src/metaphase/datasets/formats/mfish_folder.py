"""The folder of the ADIR/PSI M-FISH set, shared by its two readings.

Layout: `SLIDE__CODE/NAMED.tif` (DAPI, bright on dark) with `SLIDE__CODE/NAMEK.tif`, a class map: 0 background, 1..24
class (23 X, 24 Y), 255 overlap; `Case Info` in each folder holds the karyotype. `split_{train,val,test}.txt`
split by slide.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from metaphase.chromosomes import label_of
from metaphase.datasets.defects import Defect
from metaphase.datasets.formats.folders import files_below, home_of, listed, read_names
from metaphase.datasets.formats.label_image import as_labels
from metaphase.datasets.record import Index
from metaphase.errors import DataError
from metaphase.image_io import read_gray
from metaphase.words import plural

__all__ = [
    "CITATION",
    "LICENCE",
    "MIN_PIXELS",
    "OVERLAP",
    "chromosome_counts",
    "contradictions",
    "find_mfish",
    "karyotype_of",
    "pieces_of",
    "read_class_map",
    "tidy_karyotype",
]

CITATION = "ADIR/PSI M-FISH image set 1 (2000), Advanced Digital Imaging Research; DAPI channel and class maps only."
LICENCE = "free for any purpose with its notice (README.TXT of the set)"

OVERLAP = 255
"""Value of the pixels that belong to more than one chromosome."""
MIN_PIXELS = 30
"""Pixels of its own class that make a piece an instance."""

_CASE_INFO = "Case Info"
_PART = r"[+-]?\??(?:\d+|[XY])(?![\w(])|[+-]?[A-Za-z]{1,4}(?:\([^()\n]*\)){1,2}"
_KARYOTYPE = re.compile(rf"^(\d+),([XY]+)((?:,(?:{_PART}))*)")


def find_mfish(root: Path) -> Index:
    """Index of the set under `root`: the folder of all data sets (`mfish`) or the set's own. DataError otherwise."""
    home = home_of(Path(root), ("mfish", "m-fish", "m_fish"), lambda folder: any(folder.glob("*__*/*K.[tT][iI][fF]")))
    if home is None:
        raise DataError(
            f"{root}: expected SLIDE__CODE/NAMED.tif with NAMEK.tif, here or in mfish/; give that folder as root"
        )
    files = {path.stem: path for path in files_below(home, (".tif", ".tiff"))}
    names = sorted(stem[:-1] for stem in files if stem.endswith("D") and f"{stem[:-1]}K" in files)
    known = {"D", "K"}
    lone = [p for s, p in sorted(files.items()) if s[-1:] in known and s[:-1] not in set(names)]
    if not names:
        raise DataError(f"{home}: no image NAMED.tif has a class map NAMEK.tif beside it")
    splits: dict[str, tuple[str, ...]] = {}
    notes: dict[str, tuple[str, ...]] = {}
    for split in ("train", "val", "test"):
        path = home / f"split_{split}.txt"
        if path.is_file():
            written = [name.replace("\\", "/").rsplit("/", 1)[-1] for name in read_names(path)]
            splits[split], said = listed(path, set(names), written)
            notes |= {split: (said,)} if said else {}
    note = "DAPI, not G-bands: never mix its numbers with those of G-banded sets"
    left_out = f"{plural(len(lone), 'file has', 'files have')} an image or a class map only, left out"
    return Index(
        root=home,
        images={name: files[f"{name}D"] for name in names},
        labels={name: files[f"{name}K"] for name in names},
        splits=splits | {"all": tuple(names)},
        cases={name: files[f"{name}D"].parent.name.split("__")[0] for name in names},
        warnings={"": (note, left_out) if lone else (note,)} | notes,
        lone=tuple(lone),
    )


def read_class_map(path: Path) -> NDArray[np.uint8]:
    """UInt8[H, W]: 0 background, 1..24 class, 255 overlap. DataError for another value or no image."""
    with as_labels():
        values = read_gray(path, min_side=1).gray
    strange = np.flatnonzero(np.bincount(values.reshape(-1), minlength=256)[25:OVERLAP]) + 25
    if len(strange):
        raise DataError(f"{path}: expected the values 0 to 24 and 255 in a class map, but got {int(strange[0])}")
    return values


def pieces_of(class_map: NDArray[np.uint8], label: int) -> list[tuple[NDArray[np.bool_], tuple[int, int], int]]:
    """The instances of one label by the benchmark's rule: crop, (column, row), pixels of its own class alone.

    class_map: see `read_class_map`. A piece is connected through pixels of its class and of overlaps.
    """
    own = class_map == label
    if not own.any():
        return []
    _, parts, stats, _ = cv2.connectedComponentsWithStats((own | (class_map == OVERLAP)).astype(np.uint8))
    pixels = np.bincount(parts[own], minlength=len(stats))
    found = []
    for piece in (np.flatnonzero(pixels[1:] >= MIN_PIXELS) + 1).tolist():
        x, y, w, h = (int(v) for v in stats[piece, :4])
        found.append((parts[y : y + h, x : x + w] == piece, (x, y), int(pixels[piece])))
    return found


def karyotype_of(index: Index, name: str) -> str:
    """The ISCN string of an image's `Case Info`, what follows it cut off; "" where there is none.

    Raises DataError where the file cannot be read.
    """
    path = index.labels[name].with_name(_CASE_INFO)
    if not path.is_file():
        return ""
    try:
        return tidy_karyotype(path.read_bytes().decode("latin-1"))
    except OSError as error:
        raise DataError(f"{path}: the karyotype cannot be read ({error.strerror})") from error


def tidy_karyotype(text: str) -> str:
    """The ISCN string that a text begins with, without blanks; "" where it begins with none.

    `46,XX,t(4;9)YUTUYTUY` is `46,XX,t(4;9)`, and `-18-,18` was meant to be `-18,-18`.
    """
    line = text.split("\n", 1)[0].replace(" ", "").replace("-,", ",-")
    found = _KARYOTYPE.match(line)
    return found.group(0) if found else ""


def chromosome_counts(karyotype: str) -> NDArray[np.int64] | None:
    """Int64[25]: chromosomes of each label that a string asks for (index 0 unused); None where it is not countable.

    Whole gains and losses count; a derivative or a ring counts as its chromosome, an insertion or translocation as
    nothing. None also where the count before the first comma is not their sum.
    """
    found = _KARYOTYPE.match(karyotype)
    if found is None:
        return None
    counts = np.zeros(25, np.int64)
    counts[1:23] = 2
    for sex in found.group(2):
        counts[label_of(sex)] += 1
    for part in found.group(3).split(",")[1:]:
        gained = re.match(r"^([+-])\??(?:(\d+|[XY])$|(?:der|r|Ins|ins|i|mar)\((\d+|[XY]))", part)
        if gained:
            label = _label(gained.group(2) or gained.group(3))
            if label is None:
                return None
            counts[label] += 1 if gained.group(1) == "+" else -1
    return counts if counts.min() >= 0 and int(counts.sum()) == int(found.group(1)) else None


def contradictions(index: Index, counts: Mapping[str, NDArray[np.int64]]) -> dict[str, list[Defect]]:
    """Images whose instances are not as many as `Case Info` says, by image name; counts: Int64[25] by label of each."""
    found: dict[str, list[Defect]] = {}
    for name, shown in counts.items():
        written = karyotype_of(index, name)
        expected = chromosome_counts(written)
        if expected is not None and not np.array_equal(expected[1:], shown[1:]):
            plural = "class maps read as another number of chromosomes than Case Info says; the map counts"
            said = f"Case Info says {written}, the map shows {int(shown.sum())}"
            found[name] = [Defect("list-contradiction", "", plural, said)]
    return found


def _label(name: str) -> int | None:
    try:
        return label_of(name)
    except ValueError:
        return None
