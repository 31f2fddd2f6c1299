"""Readers of the data sets: one adapter a set, all of one shape.

An adapter is a module with `CITATION`, `LICENCE`, `find(root) -> Index`, `splits(index) -> dict[str, list[str]]` and
`read(index, name) -> Record`. Whoever calls it reads the pixels with `Record.gray()`, which knows whether the image
lies beside its label file, inside it, or nowhere.
"""

from __future__ import annotations

from pathlib import Path
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
    own_coco,
    own_labelme,
    own_voc,
    own_yolo,
)
from metaphase.datasets.record import Index, Record
from metaphase.errors import DataError

__all__ = ["ADAPTERS", "OWN_DATA", "Index", "Record", "adapter_for"]

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
    "coco": own_coco,
    "labelme": own_labelme,
    "yolo": own_yolo,
    "voc": own_voc,
}

OWN_DATA = ("coco", "labelme", "yolo", "voc")
"""Adapters of a format instead of a published set: their root is the folder of the laboratory's own images."""


def adapter_for(root: Path) -> str:
    """Name of the format in which a folder holds a laboratory's own data. Raises DataError where it is none of them."""
    for name in OWN_DATA:
        try:
            ADAPTERS[name].find(root)
        except DataError as error:
            if not str(error).startswith(f"{root}: expected"):
                return name  # it is this format, and something is wrong with it
            continue
        return name
    raise DataError(
        f"{root}: expected labelled images in COCO, LabelMe, YOLO or Pascal VOC; docs/datasets.md shows the layouts"
    )
