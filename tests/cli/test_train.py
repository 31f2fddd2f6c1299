"""`metaphase train`: the verb is called, its records become lines."""

import sys
from pathlib import Path
from types import ModuleType

import pytest
from click.testing import CliRunner

from metaphase.cli.commands import metaphase


@pytest.mark.parametrize("network", ["segment", "identify"])
@pytest.mark.parametrize("resume", [False, True])
def test_records_become_lines(monkeypatch, network, resume):
    asked = []

    def run(config_path, resume):
        asked.append((config_path, resume))
        yield {"step": 50.0, "of": 100.0, "seconds_a_step": 0.5, "seconds_left": 7500.0, "loss": 1.25}

    package, verb = ModuleType("metaphase.train"), ModuleType(f"metaphase.train.{network}")
    verb.run = run
    setattr(package, network, verb)
    monkeypatch.setitem(sys.modules, "metaphase.train", package)
    monkeypatch.setitem(sys.modules, f"metaphase.train.{network}", verb)
    flag = ["--resume"] if resume else []
    result = CliRunner().invoke(metaphase, ["train", network, "--config", "my.toml", *flag])
    assert result.exit_code == 0, result.output
    assert asked == [(Path("my.toml"), resume)]
    assert result.stdout == "step 50/100  loss 1.2500  0.50 s a step  2 h 05 min left\n"
