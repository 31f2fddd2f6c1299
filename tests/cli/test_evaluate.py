"""`metaphase evaluate`: what is asked of the verb, and what is shown of its answer."""

import json
import sys
from pathlib import Path
from types import ModuleType

import pytest
from click.testing import CliRunner

from metaphase.cli.commands import metaphase
from metaphase.datasets.formats.coco_results import CocoReading
from metaphase.errors import ConfigError, MetaphaseError
from metaphase.evaluate import Evaluation

SUMMARY = {
    "set": "cil",
    "split": "test",
    "images": 2,
    "instances": 92,
    "cases": 2,
    "metrics": {
        "AP50": {"value": 0.951, "low": 0.9, "high": 0.98, "n": 2, "instances": 92, "left_out": 0},
        "ece": {"value": None, "low": None, "high": None, "n": 2, "instances": 92, "left_out": 2},
    },
    "citation": "",
    "licence": "",
    "model": {},
    "overlap": "box",
    "groups": {"difficult": {"of": "images", "what": "hard", "images": 1, "instances": 46, "cases": 1, "metrics": {}}},
    "by_class": {"X": {"images": 2, "instances": 3, "cases": 2, "metrics": {"found": {"value": 0.5, "low": None}}}},
    "second_annotation": {"set": "other", "images": 2, "instances": 92, "cases": 2, "metrics": {}},
    "tables": {},
    "left_out": [{"metrics": ["sanity"], "reason": "one class"}],
    "invalid": [{"entry": 4, "image": "c", "reason": "nan"}],
    "resamples": 1000,
    "notes": ["only the first 2 of 525 images of the split"],
    "not_scored": [{"image": "b", "reason": "b.jpg: truncated"}],
    "seconds_per_image": 0.4,
}


@pytest.fixture
def asked(monkeypatch):
    """Stands in for the model and the verb; holds what they were asked for."""
    asked = {}

    def evaluate(set_name, split, root, model, predictions, **options):
        options |= {"model": model, "predictions": predictions}
        asked.update(options, set_name=set_name, split=split, root=root)
        if set_name == "none":
            raise ConfigError("unknown data set 'none'")
        yield {"image": "a", "done": 1, "total": 2, "reason": None}
        yield {"image": "b", "done": 2, "total": 2, "reason": "b.jpg: truncated"}
        yield Evaluation(SUMMARY, {"cells": []}, [] if options.get("predictions") else [{"image_id": "a"}])

    predict = ModuleType("metaphase.predict")
    predict.load_model = lambda weights=None: ("model", weights)
    monkeypatch.setitem(sys.modules, "metaphase.predict", predict)
    monkeypatch.setattr("metaphase.evaluate.evaluate", evaluate)
    monkeypatch.delenv("METAPHASE_DATA", raising=False)
    return asked


def run(*arguments, **options):
    return CliRunner().invoke(metaphase, ["evaluate", *map(str, arguments)], **options)


def test_the_table(asked, tmp_path):
    result = run("cil", "--root", tmp_path, "--limit", 2)
    assert result.exit_code == 0, result.output
    assert "cil test: 2 images, 92 chromosomes, 2 cases; compared by box; 0.40 s an image" in result.stdout
    lines = [line.split() for line in result.stdout.splitlines()]
    assert "AP50 0.9510 [0.9000, 0.9800] the same, IoU from .50" in map(" ".join, lines)
    assert ["ece", "undefined", "error"] in [line[:3] for line in lines]
    assert ["X", "3", "0.5000"] in lines
    assert "difficult (hard): 1 image, 46 chromosomes" in result.stdout
    assert "ceiling: 2 of these images annotated a second time (set other)" in result.stdout
    assert "left out: sanity: one class" in result.stdout
    assert "set aside: entry 4 (image c): nan" in result.stdout
    assert "note: only the first 2" in result.stdout
    assert "not scored: b.jpg: truncated" in result.stderr
    assert asked["model"] == ("model", None)
    assert (asked["split"], asked["root"], asked["limit"]) == ("test", tmp_path, 2)


def test_out_writes_the_figures(asked, tmp_path):
    result = run("cil", "--root", tmp_path, "--out", tmp_path / "a" / "b")
    assert result.exit_code == 0
    folder = tmp_path / "a" / "b"
    assert json.loads((folder / "metrics.json").read_text()) == SUMMARY
    assert json.loads((folder / "predictions.json").read_text()) == [{"image_id": "a"}]
    assert sorted(path.name for path in folder.iterdir()) == [
        "cells.json",
        "metrics.json",
        "predictions.json",
        "report.html",
    ]


def test_an_earlier_run_is_replaced_only_where_asked_to(asked, tmp_path):
    command = ("cil", "--root", tmp_path, "--out", tmp_path / "run")
    assert run(*command).exit_code == 0
    asked.clear()
    refused = run(*command).exception
    assert isinstance(refused, MetaphaseError)
    assert "metrics.json is there already (and 3 more)" in str(refused)
    assert "--overwrite" in str(refused)
    assert not asked, "refused before anything is computed"
    assert run(*command, "--overwrite").exit_code == 0


def test_the_environment_names_the_data(asked, tmp_path):
    assert run("cil", env={"METAPHASE_DATA": str(tmp_path)}).exit_code == 0
    assert asked["root"] == tmp_path


def test_no_root_says_what_to_do(asked):
    result = run("cil")
    assert result.exit_code == 2
    assert "--root DIR or METAPHASE_DATA" in result.stderr


def test_stored_predictions_need_no_model(asked, tmp_path):
    assert run("cil", "--root", tmp_path, "--predictions", tmp_path).exit_code == 0
    assert asked["model"] is None
    assert asked["reading"] == CocoReading()


def test_weights_and_predictions_exclude_each_other(asked, tmp_path):
    result = run("cil", "--root", tmp_path, "--predictions", tmp_path, "--weights", tmp_path)
    assert result.exit_code == 2
    assert "name one of them" in result.stderr


def test_how_a_file_is_read(asked, tmp_path):
    options = ["--predictions", "a.json", "--images", "b.json", "--one-class", "--min-score", "0.3", "--skip-invalid"]
    assert run("cil", "--root", tmp_path, "--out", tmp_path / "out", *options).exit_code == 0
    assert asked["reading"] == CocoReading(Path("b.json"), True, True, 0.3)
    assert not (tmp_path / "out" / "predictions.json").exists(), "they are in a.json already"


def test_the_verbs_errors_pass_through(asked, tmp_path):
    assert isinstance(run("none", "--root", tmp_path).exception, ConfigError)
