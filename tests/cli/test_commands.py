"""Exit codes, sentences and what loads: the command line as a whole."""

import io
import os
import subprocess
import sys
from pathlib import Path

import pytest

import metaphase
from metaphase import cli
from metaphase.errors import ConfigError

COMMANDS = [
    [],
    ["karyotype"],
    ["evaluate"],
    ["compare"],
    ["synth"],
    ["train"],
    ["train", "segment"],
    ["train", "identify"],
]


def run(arguments: list[str]) -> int:
    with pytest.raises(SystemExit) as caught:
        cli.main(arguments)
    return int(caught.value.code or 0)


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_help(command, capsys):
    assert run([*command, "--help"]) == 0
    output = capsys.readouterr().out
    assert "Usage: metaphase" in output
    assert max(map(len, output.splitlines())) <= 100


@pytest.mark.parametrize("command", [["karyotype"], ["evaluate"], ["compare"], ["synth"], ["train"]], ids=" ".join)
def test_help_shows_examples(command, capsys):
    run([*command, "--help"])
    assert f"\n    metaphase {command[0]} " in capsys.readouterr().out


def test_version(capsys):
    assert run(["--version"]) == 0
    assert capsys.readouterr().out == f"metaphase {metaphase.__version__}\n"


def test_the_projects_errors_become_one_sentence(capsys, monkeypatch):
    def refuse(*_: object, **__: object) -> None:
        raise ConfigError("count must be at least 1")

    monkeypatch.setattr("metaphase.synth.synthesise", refuse)
    assert run(["synth", "somewhere"]) == 2
    assert capsys.readouterr().err == "metaphase: count must be at least 1\n"


def test_other_errors_keep_their_traceback(monkeypatch):
    def stumble(*_: object, **__: object) -> None:
        raise RuntimeError("a mistake of ours")

    monkeypatch.setattr("metaphase.synth.synthesise", stumble)
    with pytest.raises(RuntimeError, match="ours"):
        cli.main(["synth", "somewhere"])


def test_a_name_that_the_terminal_cannot_write_is_escaped(monkeypatch):
    def refuse(*_: object, **__: object) -> None:
        raise ConfigError("Zelle \u4e2d.png")

    streams = [io.TextIOWrapper(io.BytesIO(), "cp1252", write_through=True) for _ in range(2)]
    monkeypatch.setattr("sys.stdout", streams[0])
    monkeypatch.setattr("sys.stderr", streams[1])
    monkeypatch.setattr("metaphase.synth.synthesise", refuse)
    assert run(["synth", "somewhere"]) == 2
    sys.stdout.write("\u4e2d.png: 46 chromosomes\n")
    written = [stream.buffer.getvalue().decode("cp1252").splitlines() for stream in streams]
    assert written == [["\\u4e2d.png: 46 chromosomes"], ["metaphase: Zelle \\u4e2d.png"]]


def test_streams_without_encoding_will_do(monkeypatch):
    monkeypatch.setattr("sys.stderr", io.StringIO())
    assert run(["fly"]) == 2
    assert "No such command" in sys.stderr.getvalue()


@pytest.mark.parametrize("arguments", [["fly"], ["karyotype", "a.png"], ["karyotype", "--out", "b"], ["synth"]])
def test_wrong_usage_is_exit_code_2(arguments):
    assert run(arguments) == 2


def test_the_help_loads_nothing_heavy():
    heavy = ["cv2", "numpy", "onnxruntime", "PIL", "scipy", "tifffile", "torch", "tqdm"]
    code = f"import sys, metaphase.cli; print([m for m in {heavy} if m in sys.modules])"
    source = Path(metaphase.__file__).parents[1]
    environment = os.environ | {"PYTHONPATH": str(source)}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env=environment)
    assert done.stdout.strip() == "[]"
