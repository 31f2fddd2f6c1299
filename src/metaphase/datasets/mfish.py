"""M-FISH, DAPI channel, instances by the benchmark's reading rule (`mfish`).

An instance of class c is an 8-connected piece of (class c or overlap) with at least 30 pixels of class c; it keeps its
overlap pixels. Homologues that touch merge, and an overlap may cut one in two: `mfish-rejoined` reads them otherwise.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from metaphase.datasets.formats.mfish_folder import (
    CITATION,
    LICENCE,
    MIN_PIXELS,
    contradictions,
    find_mfish,
    karyotype_of,
    pieces_of,
    read_class_map,
)
from metaphase.datasets.record import Index, Record
from metaphase.errors import DataError
from metaphase.types import Instances

__all__ = [
    "BRIGHT",
    "CITATION",
    "LICENCE",
    "MIN_PIXELS",
    "SOURCE",
    "contradictions",
    "find",
    "karyotype_of",
    "normal",
    "read",
    "splits",
]

SOURCE = "ADIR, M-FISH image set 1 (200 images); copies circulate under the name ADIR M-FISH"
BRIGHT = True
"""The images are bright on dark."""


def find(root: Path) -> Index:
    """Index of the set under `root`: the folder of all data sets (`mfish`) or the set's own. DataError otherwise."""
    return find_mfish(root)


def splits(index: Index) -> dict[str, list[str]]:
    """Image names of `train`, `val` and `test` (by slide, one cell line on one side) and `all`."""
    return {split: list(names) for split, names in index.splits.items()}


def read(index: Index, name: str) -> Record:
    """One image's masks and labels 1..24 by the benchmark's rule. DataError for an unknown name or another map."""
    if name not in index.images:
        raise DataError(f"{index.root}: there is no image {name} with a class map")
    truth = _instances(read_class_map(index.labels[name]))
    return Record(name, index.images[name], index.cases[name], truth)


def normal(index: Index, names: Iterable[str] | None = None) -> frozenset[str]:
    """Images whose `Case Info` is 46,XX or 46,XY (`names`: where to look, all by default)."""
    wanted = index.images if names is None else names
    return frozenset(name for name in wanted if karyotype_of(index, name) in ("46,XX", "46,XY"))


def _instances(class_map: NDArray[np.uint8]) -> Instances:
    found = [(crop, offset, label) for label in range(1, 25) for crop, offset, _ in pieces_of(class_map, label)]
    height, width = class_map.shape
    labels = np.array([label for _, _, label in found], np.int64)
    return Instances.from_masks(
        height, width, [crop for crop, _, _ in found], [xy for _, xy, _ in found], labels=labels
    )
