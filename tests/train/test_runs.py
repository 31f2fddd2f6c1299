"""Whole runs on generated sets in the published layouts: alone, mixed, from weights that exist."""

import csv
import json

import numpy as np
import pytest
from published_layouts import cell, write_autokary, write_bioimlab, write_mfish

torch = pytest.importorskip("torch")
torch.set_num_threads(1)

from metaphase.errors import ConfigError, DataError  # noqa: E402
from metaphase.identify.network import IdentifierNetwork  # noqa: E402
from metaphase.segment.network import SegmenterNetwork  # noqa: E402
from metaphase.train import export, identify, judging, segment  # noqa: E402

KARYOTYPE = (1, 4, 9, 13, 17, 21)


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    """AutoKary2022, M-FISH and BioImLab with a few drawn cells each."""
    folder = tmp_path_factory.mktemp("sets")
    cells = {f"train/case{i}/cell{i}": cell(i, KARYOTYPE, (300, 340), 0.3) for i in range(3)}
    write_autokary(folder, cells | {"test/case9/cell9": cell(9, KARYOTYPE, (300, 340), 0.3)})
    write_mfish(folder, {f"S{i}__A/S{i}0": (cell(20 + i, KARYOTYPE, (300, 340), 0.2), "46,XY") for i in range(4)})
    write_bioimlab(folder, {str(number): cell(number, KARYOTYPE, (300, 340), 0.0) for number in range(1, 6)})
    return folder


@pytest.fixture
def exported(monkeypatch):
    """Small networks, small composites, and no ONNX, which takes seconds; gives the checkpoints that were exported."""
    done = []
    monkeypatch.setattr(segment, "SegmenterNetwork", lambda: SegmenterNetwork(channels=(8, 16, 16, 16), head=16))
    monkeypatch.setattr(identify, "IdentifierNetwork", lambda: IdentifierNetwork(channels=(4, 8, 8, 8)))
    monkeypatch.setattr(export, "export_segmenter", lambda checkpoint, path, about=None: done.append(checkpoint))
    monkeypatch.setattr(export, "export_identifier", lambda checkpoint, path, about=None: done.append(checkpoint))
    monkeypatch.setattr(judging, "_SIZE", 160)
    return done


def settings(folder, *sets, **more):
    given = {
        "data.sets": ",".join(sets),
        "data.folder": folder / "cells",
        "data.out": folder / "out",
        "train.steps": 2,
        "train.report_every": 1,
        "train.bf16": "false",
        "train.threads": 1,
        "train.workers": 0,
        "train.judge_cells": 1,
    }
    return [f"{key}={value}" for key, value in (given | more).items()]


def run(verb, root, given, resume=False):
    """Records and the path that the run returns."""
    records, running = [], verb.run(None, resume, root, given)
    while True:
        try:
            records.append(next(running))
        except StopIteration as stop:
            return [record for record in records if "loss" in record], stop.value


SMALL_SEGMENT = {"segment.batch": 2, "segment.crop": 96}
SMALL_IDENTIFY = {"identify.batch": 8, "identify.drawn_count": 16}


@pytest.mark.parametrize("sets", [["autokary2022"], ["mfish"], ["autokary2022:3", "mfish-rejoined:1"]])
def test_the_segmenter_learns_from_masks(tmp_path, root, exported, sets):
    records, path = run(segment, root, settings(tmp_path, *sets, **SMALL_SEGMENT))
    assert [record["step"] for record in records] == [1, 2]
    assert all(np.isfinite(record["loss"]) for record in records)
    assert {"val_score", "val_found", "val_SQ", "val_real_found", "val_real_iou"} <= set(records[-1])
    out = tmp_path / "out"
    assert exported == [out / "segment" / "best.pt"], "there is one round where masks are known"
    assert path == out / "segment.onnx"
    made = {cell.stem for cell in (tmp_path / "cells" / "autokary2022" / "annotated").glob("*.npz")}
    assert made == ({"cell0", "cell1", "cell2"} if sets[0].startswith("autokary") else set()), "test is not touched"
    assert json.loads((out / "segment" / "config.json").read_text())["data"]["sets"] == sets


@pytest.mark.parametrize("sets", [["autokary2022"], ["bioimlab"], ["autokary2022:1", "bioimlab:2", "mfish"]])
def test_the_identifier_learns_from_classes(tmp_path, root, exported, sets):
    records, _ = run(identify, root, settings(tmp_path, *sets, **SMALL_IDENTIFY))
    assert [record["step"] for record in records] == [1, 2]
    assert all(np.isfinite(record["loss"]) for record in records)
    assert 0 <= records[-1]["val_accuracy"] == records[-1]["val_score"] <= 1
    assert exported == [tmp_path / "out" / "identify" / "best.pt"]


def test_a_run_begins_with_weights_that_exist(tmp_path, root, exported, monkeypatch):
    given = settings(tmp_path / "first", "autokary2022", **SMALL_SEGMENT)
    run(segment, root, given)
    last = tmp_path / "first" / "out" / "segment" / "last.pt"
    more = SMALL_SEGMENT | {"train.start": last, "train.lr": "1e-9", "train.steps": 1}
    run(segment, root, settings(tmp_path / "second", "autokary2022", **more))
    before = torch.load(last, weights_only=True)["average"]["stem.0.0.weight"]
    after = torch.load(tmp_path / "second" / "out" / "segment" / "last.pt", weights_only=True)
    torch.testing.assert_close(after["network"]["stem.0.0.weight"], before, rtol=0, atol=1e-6)
    with (tmp_path / "second" / "out" / "segment" / "val.csv").open(newline="") as file:
        assert [row["step"] for row in csv.DictReader(file)] == ["0", "1"], "what it began with is judged as well"
    monkeypatch.setattr(segment.weights, "begin_with", lambda *_: pytest.fail("who resumes begins with nothing else"))
    run(segment, root, settings(tmp_path / "second", "autokary2022", **more | {"train.steps": 2}), resume=True)


def test_a_run_goes_on_with_its_own_sets_only(tmp_path, root, exported):
    run(identify, root, settings(tmp_path, "autokary2022", **SMALL_IDENTIFY))
    with pytest.raises(
        ConfigError, match=r"data.sets was \['autokary2022'\] when the run began, but now is \['mfish'\]"
    ):
        run(identify, root, settings(tmp_path, "mfish", **SMALL_IDENTIFY), resume=True)


def test_single_chromosomes_do_not_train_the_segmenter(tmp_path, root, exported):
    with pytest.raises(ConfigError, match="bioimlab holds single chromosomes, not spreads: it trains identify only"):
        run(segment, root, settings(tmp_path, "bioimlab"))
    assert not (tmp_path / "out").exists(), "a slip of the hand puts no run aside"


def test_labels_without_images_are_said_to_give_nothing(tmp_path, root, exported):
    write_autokary(tmp_path, {f"train/c{i}/n{i}": cell(i) for i in range(2)})
    for image in (tmp_path / "autokary2022").rglob("*.png"):
        image.unlink()
    with pytest.raises(
        DataError, match=r"autokary2022: none of its 1 train images gives an outline to learn; image files"
    ):
        run(segment, tmp_path, settings(tmp_path, "autokary2022"))
    with pytest.raises(DataError, match="autokary2022: no train image gives a chromosome whose outline and class"):
        run(identify, tmp_path, settings(tmp_path, "autokary2022"))
