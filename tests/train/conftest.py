"""Tiny training material with exact truth, and a tiny copy of the published layout of CIL."""

import cv2
import numpy as np
import pytest

from metaphase import masks as geometry
from metaphase.datasets.cil import LABELS
from metaphase.datasets.formats.voc import VocAnnotation, write_voc
from metaphase.datasets.procedural import SpreadStyle, draw_spread
from metaphase.identify.straighten import straighten, to_input
from metaphase.segment.scale import WIDTH, transmittance
from metaphase.train.cache import Material, resize_mask

PADDING = np.array([-5, -7, 4, 3])
CLASS_NAMES = {label: name for name, label in LABELS.items()}


def drawn(seed=0, karyotype=(1, 4, 9, 13, 17, 21), **style):
    chosen = {"size_hw": (300, 340), "karyotype": karyotype, "nuclei": 0, "level": 550, "width_range": (14.0, 14.0)}
    return draw_spread(np.random.default_rng(seed), SpreadStyle(**chosen | style)).spread


def material_of(spread, name="1000011", clustered=0):
    """What `cache` would make of a drawn spread; the last `clustered` chromosomes have boxes only."""
    truth = spread.truth
    scale = WIDTH / spread.chromosome_width
    background, mean = geometry.photometry(spread.gray, truth.union())
    known = range(len(truth) - clustered)
    inputs = [
        to_input(
            straighten(spread.gray, truth.crops[i], truth.offsets_xy[i], spread.chromosome_width), (background, mean)
        )
        for i in known
    ]
    return Material(
        name=name,
        scale=scale,
        labels=truth.labels[: len(known)],
        inputs=np.array(inputs, np.uint8),
        input_labels=truth.labels[: len(known)],
        spread=transmittance(spread.gray, scale, background),
        dark=mean / background,
        masks=[resize_mask(truth.crops[i], truth.offsets_xy[i], scale) for i in known],
        boxes=((truth.boxes_xyxy + PADDING) * scale).astype(np.float32),
        box_labels=truth.labels,
        owner=np.arange(len(known)),
    )


@pytest.fixture(scope="session")
def small():
    """Makes a narrow segmenter, the same each time."""
    torch = pytest.importorskip("torch")
    from metaphase.segment.network import SegmenterNetwork  # noqa: PLC0415 - needs torch

    def make():
        torch.manual_seed(0)
        return SegmenterNetwork(channels=(8, 16, 16, 16), head=16)

    return make


@pytest.fixture(scope="session")
def spread():
    return drawn(overlap=0.0, touch=0.0)


@pytest.fixture(scope="session")
def cell(spread):
    return material_of(spread)


@pytest.fixture(scope="session")
def clustered_cell(spread):
    return material_of(spread, clustered=2)


@pytest.fixture(scope="session")
def tiny_cil(tmp_path_factory):
    """Root of data sets with three drawn cells in CIL's layout: two to train, one in val. Also their spreads."""
    root = tmp_path_factory.mktemp("data")
    folder = root / "cil" / "24_chromosomes_object"
    (folder / "JEPG").mkdir(parents=True)
    (folder / "annotations").mkdir()
    spreads = {}
    for seed, name in enumerate(("1000011", "1000021", "1000031")):
        spread = spreads[name] = drawn(seed, overlap=0.0, touch=0.2)
        done, data = cv2.imencode(".png", spread.gray)
        assert done
        (folder / "JEPG" / f"{name}.jpg").write_bytes(data.tobytes())
        limit = [spread.width, spread.height] * 2
        boxes = np.clip(spread.truth.boxes_xyxy + PADDING, 0, limit)
        names = tuple(CLASS_NAMES[int(label)] for label in spread.truth.labels)
        annotation = VocAnnotation(f"{name}.jpg", spread.width, spread.height, names, boxes.astype(float))
        (folder / "annotations" / f"{name}.xml").write_bytes(write_voc(annotation))
    for split, names in {"train": "1000011\n1000021\n", "val": "1000031\n", "test": ""}.items():
        (root / "cil" / f"split_24_{split}.txt").write_text(names, encoding="utf-8")
    return root, spreads
