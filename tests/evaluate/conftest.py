"""Models whose answer is known, and small sets in the published layouts."""

from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
import pytest
from published_layouts import CIL_NAMES

from metaphase.config import EvaluateConfig
from metaphase.datasets import ADAPTERS
from metaphase.datasets.formats.voc import VocAnnotation, write_voc
from metaphase.errors import ImageError
from metaphase.evaluate import evaluate
from metaphase.identify import Identified
from metaphase.types import Karyotype

CELL = [*CIL_NAMES[:22], *CIL_NAMES]


@dataclass
class Oracle:
    """Answers with the truth of the image's name, after `change`; refuses the images in `broken`."""

    set_name: str
    root: Path
    change: object = None
    broken: frozenset = frozenset()
    info: dict = field(default_factory=lambda: {"name": "oracle", "version": "0"})

    def truth(self, name):
        adapter = ADAPTERS[self.set_name]
        return adapter.read(adapter.find(self.root), name).truth

    def karyotype(self, spread):
        if spread.name in self.broken:
            raise ImageError(f"{spread.name}: not an image")
        truth = self.truth(spread.name)
        return Karyotype(truth if self.change is None else self.change(truth), (), (), {})

    def identify(self, spread, instances):
        """Every chromosome is named as the truth says."""
        return Identified(instances, np.ones((len(instances), 24), bool), (), np.zeros((len(instances), 24)))


def run_all(*args, **kwargs):
    """(progress events, outcome) with few resamplings."""
    kwargs.setdefault("config", EvaluateConfig(resamples=40, gallery=3))
    *progress, outcome = evaluate(*args, **kwargs)
    return progress, outcome


def white(path, height, width):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(cv2.imencode(path.suffix, np.full((height, width), 255, np.uint8))[1].tobytes())


@pytest.fixture
def oracle():
    return Oracle


@pytest.fixture
def run():
    return run_all


@pytest.fixture
def small(tmp_path):
    """Six 46,XY cells of three cases in CIL's layout, both label sets; the second is listed as difficult."""
    names = [f"10{case}{shot}" for case in (316, 317, 318) for shot in (1, 2)]
    boxes = np.array([[12 * i, 5, 12 * i + 9, 40 + i % 7] for i in range(46)], float)
    sets = (
        ("24_chromosomes_object", "annotations", CELL),
        ("single_chromosomes_object", "anntations", ["chromosomes"] * 46),
    )
    for set_folder, labels, classes in sets:
        (tmp_path / "cil" / set_folder / labels).mkdir(parents=True)
        for name in names:
            white(tmp_path / "cil" / set_folder / "JEPG" / f"{name}.jpg", 70, 600)
            annotation = VocAnnotation(f"{name}.jpg", 600, 70, tuple(classes), boxes)
            (tmp_path / "cil" / set_folder / labels / f"{name}.xml").write_bytes(write_voc(annotation))
    for prefix in ("24", "single"):
        (tmp_path / "cil" / f"split_{prefix}_test.txt").write_text("\n".join(names), encoding="utf-8")
    (tmp_path / "cil" / "diff_image.txt").write_text(names[1], encoding="utf-8")
    header = "filename,chromosome numbers,description\n"
    for kind, rows in (
        ("normal", [f"{names[0]}.jpg,46,"]),
        ("number_abnormalities", []),
        ("structural_abnormalities", []),
    ):
        (tmp_path / "cil" / f"{kind}.csv").write_text(header + "\n".join(rows), encoding="utf-8")
    return tmp_path
