"""Readers of the data sets: one adapter a set, all of one shape.

An adapter is a module with `CITATION`, `LICENCE`, `find(root) -> Index`, `splits(index) -> dict[str, list[str]]` and
`read(index, name) -> Record`. Whoever calls it reads the pixels with `Record.gray()`, which knows whether the image
lies beside its label file, inside it, or nowhere.
"""

from __future__ import annotations

from types import ModuleType

from metaphase.datasets import (
    autokary2022,
    bioimlab,
    cil,
    cil_single,
    crcn_ne,
    gband_masks,
    mfish,
    mfish_rejoined,
    overlap_pairs,
)
from metaphase.datasets.record import Index, Record

__all__ = ["ADAPTERS", "Index", "Record"]

ADAPTERS: dict[str, ModuleType] = {
    "cil": cil,
    "cil-single": cil_single,
    "autokary2022": autokary2022,
    "gband_masks": gband_masks,
    "overlap-pairs": overlap_pairs,
    "crcn-ne": crcn_ne,
    "bioimlab": bioimlab,
    "mfish": mfish,
    "mfish-rejoined": mfish_rejoined,
}
