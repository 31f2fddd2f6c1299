"""`metaphase train`: the verb is called, its records become lines."""

import sys
from pathlib import Path
from types import ModuleType

import pytest
from click.testing import CliRunner

from metaphase import train
from metaphase.cli.commands import metaphase
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

    def run(config_path, resume, root):
        asked.append((config_path, resume, root))
        yield {"step": 50.0, "of": 100.0, "seconds_a_step": 0.5, "seconds_left": 7500.0, "loss": 1.25}

    pretend(run)
    result = invoke(*["--resume"] * resume)
    assert result.exit_code == 0, result.output
    assert asked == [(Path("my.toml"), resume, None)]
    assert result.stdout == "step 50/100  loss 1.2500  0.50 s a step  2 h 05 min left\n"


@pytest.mark.parametrize(
    ("arguments", "data", "root"),
    [(["--root", "here"], None, "here"), ([], "there", "there"), (["--root", "here"], "there", "here")],
)
def test_the_folder_of_the_data_sets(pretend, invoke, arguments, data, root):
    asked = []
    pretend(lambda config_path, resume, root: asked.append(root))
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
    def run(config_path, resume, root):
        yield {"step": 1.0}
        raise ModuleNotFoundError("No module named 'onnxscript'", name="onnxscript")

    pretend(run)
    assert "the package onnxscript: pip" in str(invoke().exception)


@pytest.mark.parametrize("name", ["metaphase.train.gone", "metaphase", None])
def test_a_module_of_ours_that_is_missing_keeps_its_traceback(pretend, invoke, name):
    def run(config_path, resume, root):
        raise ModuleNotFoundError("gone", name=name)

    pretend(run)
    assert type(invoke().exception) is ModuleNotFoundError
