"""`metaphase data`: exit codes, words and JSON."""

import json

import pytest
from click.testing import CliRunner
from published_layouts import cell, full_cell, write_autokary, write_cil, write_crcn, write_overlap_pairs

from metaphase.cli.commands import metaphase
from metaphase.errors import ConfigError


@pytest.fixture(autouse=True)
def cache_of_the_test(tmp_path, monkeypatch):
    monkeypatch.setenv("METAPHASE_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("METAPHASE_DATA", raising=False)


@pytest.fixture
def root(tmp_path):
    write_cil(tmp_path / "data", {"105161": full_cell(1), "105171": cell(2)})
    return tmp_path / "data"


def run(*arguments):
    return CliRunner().invoke(metaphase, ["data", *map(str, arguments)])


@pytest.mark.parametrize("command", ["list", "check", "stats", "preview", "convert", "split"])
def test_each_command_has_help(command):
    result = run(command, "--help")
    assert result.exit_code == 0
    assert "--root" in result.stdout
    assert "--json" in result.stdout


def test_list_names_what_is_there_and_what_is_not(root):
    result = run("list", "--root", root)
    assert "cil: 2 labelled images" in result.stdout
    assert "mfish: not found" in result.stdout
    entries = json.loads(run("list", "--json").stdout)
    assert [entry["found"] for entry in entries] == [None] * len(entries)


def test_check_says_what_it_found_and_fails_on_errors_only(root):
    result = run("check", "cil", "--root", root)
    assert result.exit_code == 0, result.output
    assert "cells with a count far from 46 (1): kept" in result.stdout
    assert "cil: 2 images, 50 chromosomes, 2 cases; 0 errors, 1 warning, 0 notes" in result.stdout
    path = next(root.rglob("105171.xml"))
    path.write_text("<no", encoding="utf-8")
    result = run("check", "cil", "--root", root, "--json")
    assert result.exit_code == 1
    report = json.loads(result.stdout)
    assert [finding["file"] for finding in report["findings"]] == [str(path)]


def test_check_shows_three_of_a_kind_or_all(tmp_path):
    write_cil(tmp_path, {f"10{case}1": cell(1 + case % 2) for case in range(10, 15)})
    short, long = (run("check", "cil", "--root", tmp_path, *more) for more in ((), ("--all",)))
    assert "and 2 more (--all shows them)" in short.stdout
    assert "more (--all" not in long.stdout
    assert long.stdout.count("4 chromosomes instead of 46") == 5


def test_check_fix_writes_a_cleaned_copy(root, tmp_path):
    next(root.rglob("105171.jpg")).write_bytes(b"no image")
    result = run("check", "cil", "--root", root, "--fix", tmp_path / "clean")
    assert result.exit_code == 1
    assert "cleaned copy: 1 image, 46 chromosomes" in result.stdout
    assert run("check", tmp_path / "clean").exit_code == 0


def test_stats_in_words_in_json_and_as_plots(root, tmp_path):
    result = run("stats", "cil", "--root", root, "--out", tmp_path / "new" / "plots.png")
    assert "images by number of chromosomes: 4: 1, 46: 1" in result.stdout
    assert (tmp_path / "new" / "plots.png").read_bytes().startswith(b"\x89PNG")
    assert json.loads(run("stats", "cil", "--root", root, "--json").stdout)["chromosomes"] == 50


@pytest.mark.parametrize("name", ["autokary2022", "crcn-ne", "overlap-pairs"])
def test_sets_that_are_not_here_run_through_every_command(tmp_path, name):
    data = tmp_path / "data"
    write_autokary(data, {"train/A/1": cell(1), "train/B/2": cell(2), "test/C/3": cell(3)})
    write_crcn(data, {"P1_01": cell(1), "P2_01": cell(2), "hard/P3_01": cell(3)})
    write_overlap_pairs(data)
    for command in (
        ("check", name),
        ("stats", name, "--out", tmp_path / "plot.png"),
        ("preview", name, "--out", tmp_path / "sheet.png"),
        ("convert", name, "--to", "coco", tmp_path / "copy"),
        ("split", name, "--out", tmp_path / "lists", "--val", "0.3", "--test", "0.3"),
        ("check", tmp_path / "copy"),
    ):
        result = run(*command, "--root", data)
        assert result.exit_code == 0, result.output
    if name == "crcn-ne":
        assert "1 image," in run("stats", name, "--split", "hard", "--root", data).stdout


def test_convert_says_first_what_is_lost_and_then_what_was(tmp_path):
    write_overlap_pairs(tmp_path / "data", count=1)
    result = run("convert", "overlap-pairs", "--to", "voc", tmp_path / "copy", "--root", tmp_path / "data")
    assert "MASKS AND OVERLAPS ARE LOST" in result.stderr
    assert "lost, because voc cannot hold it: 4 masks" in result.stdout


def test_split_prints_its_sides(root, tmp_path):
    result = run("split", "cil", "--out", tmp_path / "lists", "--test", "0.5", "--val", "0", "--root", root)
    assert result.exit_code == 0, result.output
    assert "train: 1 image of 1 case;" in result.stdout
    assert "the lists are in" in result.stdout


def test_an_unknown_set_is_one_sentence(root):
    result = run("check", "nobody", "--root", root)
    assert isinstance(result.exception, ConfigError)
    assert "neither a data set" in str(result.exception)
