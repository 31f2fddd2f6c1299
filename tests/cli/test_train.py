"""`metaphase train`: the verb is called, its records become lines."""

import sys
from pathlib import Path
from types import ModuleType

import pytest
from click.testing import CliRunner

from metaphase import train
from metaphase.cli import train as command
from metaphase.cli.commands import metaphase
from metaphase.config import DataConfig, TrainConfig, read_sections
from metaphase.errors import WeightsError


@pytest.fixture(params=["segment", "identify"])
def network(request):
    return request.param


@pytest.fixture
def pretend(monkeypatch, network):
    """Put a verb of one's own in place."""

    def put(run):
        package, verb = ModuleType("metaphase.train"), ModuleType(f"metaphase.train.{network}")
        verb.run = run
        setattr(package, network, verb)
        monkeypatch.setitem(sys.modules, "metaphase.train", package)
        monkeypatch.setitem(sys.modules, f"metaphase.train.{network}", verb)

    return put


@pytest.fixture
def invoke(network):
    def call(*arguments, data=None):
        given = ["train", network, "--config", "my.toml", *arguments]
        return CliRunner(env={"METAPHASE_DATA": data}).invoke(metaphase, given)

    return call


@pytest.mark.parametrize("resume", [False, True])
def test_records_become_lines(pretend, invoke, resume):
    asked = []

    def run(config_path, resume, root, settings):
        asked.append((config_path, resume, root, settings))
        yield {"step": 50.0, "of": 100.0, "seconds_a_step": 0.5, "seconds_left": 7500.0, "lr": 0.002, "loss": 1.25}
        return Path("out/made.onnx")

    pretend(run)
    result = invoke(*["--resume"] * resume)
    assert result.exit_code == 0, result.output
    assert asked == [(Path("my.toml"), resume, None, [])]
    line = "step 50/100  lr 2.00e-03  loss 1.2500  0.50 s a step  2 h 05 min left"
    assert result.stdout.splitlines() == [line, f"wrote {Path('out/made.onnx')}"]


def test_options_become_settings_that_win_over_the_file(pretend, invoke):
    asked = []
    pretend(lambda config_path, resume, root, settings: iter(asked.extend(settings) or []))
    options = ["--set", "train.steps=7", "--data", "cil:3", "--data", "my cells", "--device", "cuda", "--out", "here"]
    assert invoke(*options, "--from-weights", "shipped").exit_code == 0
    got = read_sections(None, [setting.replace("cuda", "cpu") for setting in asked], data=DataConfig, train=TrainConfig)
    assert got["data"] == DataConfig(sets=("cil:3", "my cells"), out="here")
    assert got["train"] == TrainConfig(steps=7, start="shipped")
    assert "train.device=cuda" in asked


def test_a_terminal_gets_a_bar_and_val_keeps_a_line(pretend, invoke, monkeypatch, capsys):
    clock = {"of": 4.0, "seconds_a_step": 0.5, "seconds_left": 1.0}
    records = [
        {"step": 100.0, "of": 200.0, "cells_prepared": 100.0},
        {"step": 2.0, **clock, "lr": 0.002, "images_a_second": 3.21, "loss": 1.25},
        {"step": 4.0, **clock, "lr": 0.001, "images_a_second": 3.21, "loss": 0.5, "val_score": 0.875},
    ]
    monkeypatch.setattr(command, "_in_a_terminal", lambda: True)
    command._show(iter(records))
    written = capsys.readouterr().err
    for part in ("cells prepared", "training", "loss=0.500", "lr=1.0e-03", "images/s=3.2", "step 4  val_score 0.8750"):
        assert part in written, part


def test_of_several_processes_one_speaks(pretend, invoke, monkeypatch):
    monkeypatch.setenv("RANK", "1")
    pretend(lambda config_path, resume, root, settings: iter([{"step": 1.0, "of": 2.0, "loss": 1.0}]))
    result = invoke()
    assert (result.exit_code, result.output) == (0, "")


@pytest.mark.parametrize(
    ("arguments", "data", "root"),
    [(["--root", "here"], None, "here"), ([], "there", "there"), (["--root", "here"], "there", "here")],
)
def test_the_folder_of_the_data_sets(pretend, invoke, arguments, data, root):
    asked = []
    pretend(lambda config_path, resume, root, settings: iter(asked.append(root) or []))
    assert invoke(*arguments, data=data).exit_code == 0
    assert asked == [Path(root)]


def test_without_the_packages_of_training_one_sentence_says_what_to_install(monkeypatch, invoke, network):
    monkeypatch.delitem(sys.modules, f"metaphase.train.{network}", raising=False)
    monkeypatch.delattr(train, network, raising=False)
    monkeypatch.setitem(sys.modules, "torch", None)  # as if it were not installed
    error = invoke().exception
    assert isinstance(error, WeightsError)
    assert str(error) == 'training needs the package torch: pip install "metaphase[train]"'


def test_packages_that_are_missed_late_are_told_as_well(pretend, invoke):
    def run(config_path, resume, root, settings):
        yield {"step": 1.0, "of": 2.0}
        raise ModuleNotFoundError("No module named 'onnxscript'", name="onnxscript")

    pretend(run)
    assert "the package onnxscript: pip" in str(invoke().exception)


@pytest.mark.parametrize("name", ["metaphase.train.gone", "metaphase", None])
def test_a_module_of_ours_that_is_missing_keeps_its_traceback(pretend, invoke, name):
    def run(config_path, resume, root, settings):
        raise ModuleNotFoundError("gone", name=name)

    pretend(run)
    assert type(invoke().exception) is ModuleNotFoundError
