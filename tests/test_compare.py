"""Two runs over the same cells, paired."""

import json

import numpy as np
import pytest

from metaphase.compare import compare_runs
from metaphase.config import EvaluateConfig
from metaphase.errors import DataError
from metaphase.evaluate.evaluation import cells_document
from metaphase.evaluate.scheme import Scheme, plan_of
from metaphase.evaluate.scoring import Scoring
from metaphase.metrics import compare
from metaphase.types import Instances

FEW = EvaluateConfig(resamples=200)
LABELS = [*range(1, 23), *range(1, 23), 23, 24]


def cell(labels=LABELS, shift=0.0):
    boxes = np.array([[12 * (i % 12), 30 * (i // 12), 12 * (i % 12) + 10, 30 * (i // 12) + 25] for i in range(46)])
    return Instances.from_boxes(130, 150, boxes[: len(labels)] + shift, labels=labels)


def write_run(folder, predictions, truth=None, names=None, cases=3, **head):
    """cells.json of a run that predicted these instances, one an image."""
    plan = plan_of(Scheme(), truth_masks=False, predicted_masks=False)
    names = names or [f"cell{i}" for i in range(len(predictions))]
    compared = [
        compare(truth or cell(), found, "annotation_box", name, str(i % cases))
        for i, (name, found) in enumerate(zip(names, predictions, strict=True))
    ]
    document = cells_document(
        Scoring({"annotation_box": compared}, plan, FEW), plan, {"set": "cil", "split": "test"} | head
    )
    folder.mkdir()
    (folder / "cells.json").write_text(json.dumps(document), encoding="utf-8")
    return folder


def test_a_run_against_itself(tmp_path):
    a = write_run(tmp_path / "a", [cell(), cell(LABELS[:40]), cell([2, *LABELS[1:]])])
    found = compare_runs(a, a, FEW)
    for key, entry in found["metrics"].items():
        assert entry["difference"] == entry["low"] == entry["high"] == 0, key
    assert found["changed"] == found["only_a"] == found["notes"] == []
    assert (found["images"], found["cases"]) == (3, 3)


def test_what_changed_by_hand(tmp_path):
    worse = [cell(LABELS[:45]), cell([2, *LABELS[1:]]), cell()]
    better = [cell(), cell([2, *LABELS[1:]]), cell(LABELS[:44])]
    found = compare_runs(write_run(tmp_path / "a", worse), write_run(tmp_path / "b", better), FEW)
    entry = found["metrics"]["found"]
    assert (entry["a"], entry["b"]) == pytest.approx((137 / 138, 136 / 138))
    assert entry["difference"] == pytest.approx(-1 / 138)
    assert entry["low"] < 0 < entry["high"]
    assert entry["n"] == 3
    gained, lost = found["changed"]
    assert (gained["image"], gained["errors_a"], gained["errors_b"]) == ("cell0", 1, 0)
    assert (lost["image"], lost["errors_a"], lost["errors_b"]) == ("cell2", 0, 2)
    assert gained["a"] == {"predicted": 45, "found": 45, "right": 45, "false": 0}


def test_pairing_is_surer_than_two_intervals(tmp_path):
    """Each cell gains exactly one chromosome, so the difference does not depend on which cells are drawn."""
    counts = [30, 36, 40, 44, 33, 45]
    a = write_run(tmp_path / "a", [cell(LABELS[:n]) for n in counts], cases=6)
    b = write_run(tmp_path / "b", [cell(LABELS[: n + 1]) for n in counts], cases=6)
    entry = compare_runs(a, b, FEW)["metrics"]["found"]
    assert entry["difference"] == pytest.approx(1 / 46)
    assert entry["low"] == pytest.approx(1 / 46)
    assert entry["high"] == pytest.approx(1 / 46)


def test_only_common_images_count(tmp_path):
    a = write_run(tmp_path / "a", [cell(), cell(LABELS[:20])], names=["x", "y"])
    b = write_run(tmp_path / "b", [cell(), cell(LABELS[:10])], names=["x", "z"])
    found = compare_runs(a, b, FEW)
    assert (found["images"], found["only_a"], found["only_b"]) == (1, ["y"], ["z"])
    assert found["metrics"]["found"]["a"] == 1
    assert found["metrics"]["found"]["low"] is None, "one case has no interval"
    assert found["notes"] == ["1 image was scored in the first run only and 1 in the second only"]


ENDLESS = (
    '{"schema_version": 1, "cells": [{"image": "a", "case": "b", "truths": Infinity, "predicted": 1, "found": 1, '
    '"right": 1, "false": 0, "truth_crc32": 1}]}'
)


def test_masks_are_part_of_the_truth_that_must_be_the_same():
    full, ring = np.ones((9, 9), bool), np.ones((9, 9), bool)
    ring[4, 4] = False
    marks = []
    for crop in (full, ring, full):
        truth = Instances.from_masks(40, 40, [crop], [(3, 3)], labels=[1])
        plan = plan_of(Scheme(), truth_masks=True, predicted_masks=True)
        compared = [compare(truth, truth, overlap) for overlap in ("mask", "box")]
        scoring = Scoring({"mask": compared[:1], "box": compared[1:]}, plan, FEW)
        marks.append(cells_document(scoring, plan, {})["cells"][0]["truth_crc32"])
    assert marks[0] == marks[2] != marks[1]


def test_runs_that_cannot_be_paired_are_refused(tmp_path):
    a = write_run(tmp_path / "a", [cell()])
    with pytest.raises(DataError, match=r"different splits \(test and val\)"):
        compare_runs(a, write_run(tmp_path / "val", [cell()], split="val"), FEW)
    with pytest.raises(DataError, match="no image in common"):
        compare_runs(a, write_run(tmp_path / "names", [cell()], names=["other"]), FEW)
    with pytest.raises(DataError, match="different truth in 1 image, the first is cell0"):
        compare_runs(a, write_run(tmp_path / "truth", [cell()], truth=cell(shift=1.0)), FEW)
    with pytest.raises(DataError, match="none: expected the cells.json .*evaluate --out DIR"):
        compare_runs(a, tmp_path / "none", FEW)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[", "cannot be parsed"),
        ("{}", "lacks 'schema_version'"),
        (ENDLESS, "expected a cells.json"),
        ('{"schema_version": 2}', "another version"),
    ],
)
def test_other_files_are_refused(tmp_path, text, message):
    a = write_run(tmp_path / "a", [cell()])
    (tmp_path / "b.json").write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=message):
        compare_runs(a, tmp_path / "b.json", FEW)


def test_damaged_terms_are_named(tmp_path):
    a = write_run(tmp_path / "a", [cell()])
    document = json.loads((a / "cells.json").read_text(encoding="utf-8"))
    del document["terms"]["matches"]
    (tmp_path / "b.json").write_text(json.dumps(document), encoding="utf-8")
    with pytest.raises(DataError, match="the terms of the scores cannot be read"):
        compare_runs(a, tmp_path / "b.json", FEW)
