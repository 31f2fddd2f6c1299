"""What a segmenter is judged on: real val spreads and frozen composites."""

from dataclasses import replace

import numpy as np
import pytest
from published_layouts import cell, write_autokary

torch = pytest.importorskip("torch")
torch.set_num_threads(1)

from metaphase.config import DataConfig  # noqa: E402
from metaphase.segment.network import SegmenterNetwork  # noqa: E402
from metaphase.train import judging, material  # noqa: E402
from metaphase.types import Instances  # noqa: E402


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    folder = tmp_path_factory.mktemp("autokary")
    karyotype = (1, 4, 9, 13, 17, 21)
    write_autokary(folder, {f"train/c{i}/cell{i}": cell(i, karyotype, (300, 340), 0.3) for i in range(3)})
    records = material.prepare(DataConfig(folder=str(folder / "made"), sets=("autokary2022",)), 0, folder)
    while True:
        try:
            next(records)
        except StopIteration as stop:
            return stop.value


def judge_with(monkeypatch, segmenter, spreads, composed):
    monkeypatch.setattr(judging, "Segmenter", lambda session: segmenter)
    return judging.judge_on(None, spreads, composed)


def test_composites_are_the_same_every_time(prepared):
    cells = prepared[0].load("val")
    first, again = judging.composites(cells, 2), judging.composites(cells, 2)
    assert len(first) == 2
    for one, other in zip(first, again, strict=True):
        np.testing.assert_array_equal(one.gray, other.gray)
        np.testing.assert_array_equal(one.truth.union(), other.truth.union())
        assert len(one.truth) >= 15
        assert one.gray[one.truth.union()].mean() < one.gray[~one.truth.union()].mean()
    assert judging.composites([], 2) == []


def test_perfect_answers_get_the_full_score(monkeypatch, prepared):
    spreads, composed = judging.val_spreads(prepared[0], 4), judging.composites(prepared[0].load("val"), 2)
    scores = judge_with(monkeypatch, lambda spread: spread.truth, spreads, composed)
    assert scores == pytest.approx({"score": 1, "found": 1, "SQ": 1, "real_found": 1, "real_iou": 1})


def test_boxes_are_judged_where_there_are_no_masks(monkeypatch, prepared):
    (spread,) = judging.val_spreads(prepared[0], 1)
    truth = spread.truth
    boxed = Instances.from_boxes(truth.height, truth.width, truth.boxes_xyxy, labels=truth.labels)
    half = truth.select(range(len(truth) // 2))
    scores = judge_with(monkeypatch, lambda _: half, [replace(spread, truth=boxed)], [])
    assert scores["real_found"] == len(half) / len(truth)
    assert scores["real_iou"] == pytest.approx(1)
    assert scores["score"] == pytest.approx(len(half) / ((len(half) + len(truth)) / 2))
    assert "found" not in scores


def test_a_network_is_judged(prepared):
    judge = judging.for_segmenter(prepared, 1)
    torch.manual_seed(0)
    scores = judge(SegmenterNetwork(channels=(8, 16, 16, 16), head=16).eval().requires_grad_(False))
    assert set(scores) == {"score", "found", "SQ", "real_found", "real_iou"}
    assert 0 <= scores["score"] <= 1


def test_without_val_cells_nobody_judges(prepared):
    assert judging.for_segmenter([replace(prepared[0], val=[])], 3) is None
