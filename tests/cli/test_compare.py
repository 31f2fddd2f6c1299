"""`metaphase compare`: what is shown of the verb's answer."""

import json

import pytest
from click.testing import CliRunner

from metaphase.cli.commands import metaphase

FIGURE = {"a": 0.9, "b": 0.95, "difference": 0.05, "low": 0.01, "high": 0.08, "n": 30}
COUNTS = {"predicted": 46, "found": 45, "right": 45, "false": 1}


def answer(cells):
    changed = [
        {"image": f"cell{i}", "case": "c", "truths": 46, "errors_a": 9, "errors_b": i, "a": COUNTS, "b": COUNTS}
        for i in range(cells)
    ]
    unsure = FIGURE | {"low": -0.01}
    undefined = dict.fromkeys(("a", "b", "difference", "low", "high")) | {"n": 30}
    metrics = {"found": FIGURE, "AP50": unsure, "ece": undefined}
    head = {"a": "x", "b": "y", "set": "cil", "split": "test", "images": 30, "cases": 10}
    return head | {"metrics": metrics, "changed": changed, "only_a": [], "only_b": [], "notes": ["only one has ece"]}


@pytest.fixture
def run(monkeypatch):
    def invoke(*arguments, cells=2):
        monkeypatch.setattr("metaphase.compare.compare_runs", lambda a, b: answer(cells))
        return CliRunner().invoke(metaphase, ["compare", *map(str, arguments)])

    return invoke


def test_the_table(run):
    result = run("x", "y")
    assert result.exit_code == 0, result.output
    lines = [line.split() for line in result.stdout.splitlines()]
    assert ["found", "0.9000", "0.9500", "+0.0500", "[+0.0100,", "+0.0800]", "*"] in lines
    assert ["AP50", "0.9000", "0.9500", "+0.0500", "[-0.0100,", "+0.0800]"] in lines
    assert ["ece", "-", "-", "-"] in lines
    assert "2 of 30 cells changed: 2 have fewer errors in B, 0 more" in result.stdout
    assert "note: only one has ece" in result.stdout


def test_many_cells_are_cut_in_the_middle(run):
    result = run("x", "y", cells=25)
    assert "... 5 more, in the file of --out ..." in result.stdout
    assert "cell0 " in result.stdout
    assert "cell24 " in result.stdout
    assert "cell12 " not in result.stdout


def test_out_writes_everything(run, tmp_path):
    file = tmp_path / "difference.json"
    assert run("x", "y", "--out", file).exit_code == 0
    assert json.loads(file.read_text(encoding="utf-8")) == answer(2)
