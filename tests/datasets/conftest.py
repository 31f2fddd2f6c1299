"""A tiny copy of the published layout of CIL, and the real data where it is."""

import os
from pathlib import Path

import numpy as np
import pytest
from published_layouts import CIL_NAMES

from metaphase.datasets.formats.voc import VocAnnotation, write_voc

NORMAL = [*CIL_NAMES[:22], *CIL_NAMES]


def write_cil(root, images, set_folder="24_chromosomes_object", labels="annotations", prefix="24"):
    """`images`: name -> (names, boxes). The image files are empty: the reader never opens them."""
    folder = root / "cil" / set_folder
    (folder / "JEPG").mkdir(parents=True)
    (folder / labels).mkdir()
    for name, (names, boxes) in images.items():
        (folder / "JEPG" / f"{name}.jpg").write_bytes(b"")
        annotation = VocAnnotation(f"{name}.jpg", 500, 60, tuple(names), np.array(boxes, float).reshape(-1, 4))
        (folder / labels / f"{name}.xml").write_bytes(write_voc(annotation))
    for split in ("train", "val", "test"):
        (root / "cil" / f"split_{prefix}_{split}.txt").write_text("\n".join(images) + "\n", encoding="utf-8")
    return folder


@pytest.fixture
def cil_writer():
    return write_cil


@pytest.fixture
def normal_cell():
    """Class names and boxes of a 46,XY cell."""
    return NORMAL, [[10 * i, 5, 10 * i + 8, 40] for i in range(len(NORMAL))]


@pytest.fixture
def data_root():
    place = os.environ.get("METAPHASE_DATA")
    if not place or not Path(place).is_dir():
        pytest.skip("needs the real data: METAPHASE_DATA names no folder")
    return Path(place)
