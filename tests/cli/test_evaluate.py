"""`metaphase evaluate`: what is asked of the verb, and what is shown of its answer."""

import json
import sys
from types import ModuleType

import pytest
from click.testing import CliRunner

from metaphase.cli.commands import metaphase
from metaphase.errors import ConfigError

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
    "groups": {"difficult": {"images": 1, "instances": 46, "cases": 1, "metrics": {}}},
    "tables": {},
    "notes": ["only the first 2 of 525 images of the split"],
    "not_scored": [{"image": "b", "reason": "b.jpg: truncated"}],
    "seconds_per_image": 0.4,
}


@pytest.fixture
def asked(monkeypatch):
    """Stands in for the model and the verb; holds what they were asked for."""
    asked = {}

    def evaluate(set_name, split, root, **options):
        asked.update(options, set_name=set_name, split=split, root=root)
        if set_name == "none":
            raise ConfigError("unknown data set 'none'")
        yield {"image": "a", "done": 1, "total": 2, "reason": None}
        yield {"image": "b", "done": 2, "total": 2, "reason": "b.jpg: truncated"}
        yield SUMMARY

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
    assert "cil test: 2 images, 92 chromosomes, 2 cases; 0.40 s an image" in result.stdout
    lines = [line.split() for line in result.stdout.splitlines()]
    assert ["AP50", "0.9510", "[0.9000,", "0.9800]"] in lines
    assert ["ece", "undefined"] in lines
    assert "note: only the first 2" in result.stdout
    assert "not scored: b.jpg: truncated" in result.stderr
    assert asked["model"] == ("model", None)
    assert (asked["split"], asked["root"], asked["limit"]) == ("test", tmp_path, 2)


def test_out_writes_the_figures(asked, tmp_path):
    result = run("cil", "--root", tmp_path, "--out", tmp_path / "a" / "b")
    assert result.exit_code == 0
    assert json.loads((tmp_path / "a" / "b" / "metrics.json").read_text()) == SUMMARY


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


def test_the_verbs_errors_pass_through(asked, tmp_path):
    assert isinstance(run("none", "--root", tmp_path).exception, ConfigError)
