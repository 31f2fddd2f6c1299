"""Readers of the data sets: one adapter a set, all of one shape.

An adapter is a module with `CITATION`, `LICENCE`, `find(root) -> Index`, `splits(index) -> dict[str, list[str]]` and
`read(index, name) -> Record`. Whoever calls it reads the pixels.
"""

from __future__ import annotations

from types import ModuleType

from metaphase.datasets import cil, cil_single, gband_masks
from metaphase.datasets.record import Index, Record

__all__ = ["ADAPTERS", "Index", "Record"]

ADAPTERS: dict[str, ModuleType] = {
    "cil": cil,
    "cil-single": cil_single,
    "gband_masks": gband_masks,
}
