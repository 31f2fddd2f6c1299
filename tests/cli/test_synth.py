"""`metaphase synth`: options reach the verb, images reach the disk."""

import json
from dataclasses import asdict

import pytest
from click.testing import CliRunner

from metaphase.cli.commands import metaphase


def run(*arguments):
    return CliRunner().invoke(metaphase, ["synth", *map(str, arguments)])


def test_options_reach_the_verb(tmp_path, monkeypatch):
    asked = {}

    def synthesise(out_dir, count, seed, style):
        asked.update(asdict(style), out_dir=out_dir, count=count, seed=seed)
        return iter(())

    monkeypatch.setattr("metaphase.synth.synthesise", synthesise)
    result = run(tmp_path, "--count", 3, "--seed", 7, "--size", "800x700", "--karyotype", "47,XX,+21", "--level", "550")
    assert result.exit_code == 0, result.output
    assert asked["out_dir"] == tmp_path
    assert (asked["count"], asked["seed"], asked["size_hw"]) == (3, 7, (700, 800))
    assert (asked["karyotype"], asked["level"], asked["nuclei"]) == ("47,XX,+21", 550, None)
    assert f"3 images and the truth are in {tmp_path}" in result.stdout


def test_one_metaphase_is_drawn(tmp_path):
    result = run(tmp_path / "drawn", "--seed", 1)
    assert result.exit_code == 0, result.output
    document = json.loads((tmp_path / "drawn" / "annotations.json").read_text())
    assert len(document["annotations"]) == 46
    assert (tmp_path / "drawn" / document["images"][0]["file_name"]).is_file()


@pytest.mark.parametrize("size", ["800", "axb", "800x", "-5x7"])
def test_a_wrong_size_is_refused(tmp_path, size):
    result = run(tmp_path, "--size", size)
    assert result.exit_code == 2
    assert "WIDTHxHEIGHT" in result.stderr


def test_composites_come_from_cil_and_refuse_what_only_drawing_knows(tmp_path, monkeypatch):
    asked = {}

    def compose_from_cil(out_dir, count, seed, root, **options):
        asked.update(options, out_dir=out_dir, count=count, seed=seed, root=root)
        return iter(())

    monkeypatch.setattr("metaphase.synth.compose_from_cil", compose_from_cil)
    arguments = ("--from", "cil", "--root", tmp_path, "--count", 2, "--size", "500x500", "--overlap", 0.3)
    result = run(tmp_path / "out", *arguments)
    assert result.exit_code == 0, result.output
    assert (asked["count"], asked["root"], asked["size"], asked["crossing"]) == (2, tmp_path, 500, 0.3)
    for more, said in ((("--karyotype", "46,XX"), "--karyotype"), (("--size", "500x400"), "square")):
        result = run(tmp_path / "out", *arguments, *more)
        assert result.exit_code == 2
        assert said in result.stderr
    monkeypatch.delenv("METAPHASE_DATA", raising=False)
    assert "CIL is not found" in run(tmp_path / "out", "--from", "cil").stderr
