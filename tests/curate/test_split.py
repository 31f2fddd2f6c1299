"""Splits by case: nobody on two sides, the same seed the same lists, karyotypes on each side."""

import numpy as np
import pytest
from published_layouts import cell, write_cil

from metaphase.curate import locate, split
from metaphase.curate.split import stratum_of
from metaphase.errors import ConfigError
from metaphase.types import Instances


@pytest.fixture
def root(tmp_path):
    spreads = {"XX": cell(1, (1, 23, 23)), "XY": cell(2, (1, 23, 24))}
    cells = {f"{100 + case}{shot}": spreads["XX" if case % 2 else "XY"] for case in range(20) for shot in (1, 2, 3)}
    write_cil(tmp_path, cells)
    return tmp_path


def run(root, out, **options):
    return list(split("cil", out, root, **options))[-1]


def lists(out):
    return {side: (out / f"split_{side}.txt").read_text(encoding="utf-8").split() for side in ("train", "val", "test")}


def test_no_case_stands_on_two_sides_and_nobody_is_lost(root, tmp_path):
    result = run(root, tmp_path / "out", val=0.2, test=0.2)
    found = lists(tmp_path / "out")
    cases = {side: {name[:-1] for name in names} for side, names in found.items()}
    assert not cases["train"] & cases["val"]
    assert not cases["train"] & cases["test"]
    assert not cases["val"] & cases["test"]
    assert sorted(name for names in found.values() for name in names) == sorted(locate("cil", root).splits["all"])
    assert {side: entry["images"] for side, entry in result["sides"].items()} == {"train": 36, "val": 12, "test": 12}
    assert "splits of its own (train)" in result["notes"][0]


def test_the_same_seed_gives_the_same_split_and_another_another(root, tmp_path):
    for name, seed in (("a", 1), ("b", 1), ("c", 2)):
        run(root, tmp_path / name, seed=seed, val=0.2, test=0.2)
    assert lists(tmp_path / "a") == lists(tmp_path / "b") != lists(tmp_path / "c")


def test_each_side_sees_each_karyotype(tmp_path):
    cells = {f"{100 + case}1": cell(case % 2, "46,XX" if case % 2 else "46,XY", (640, 680), 0.1) for case in range(10)}
    write_cil(tmp_path, cells)
    result = run(tmp_path, tmp_path / "out", val=0.2, test=0.2)
    for entry in result["sides"].values():
        assert set(entry["karyotypes"]) == {"46,XX", "46,XY"}


def test_what_a_cell_counts_as():
    normal = [*range(1, 23), *range(1, 23)]
    for labels, stratum in (
        ((*normal, 23, 23), "46,XX"),
        ((*normal, 23, 24), "46,XY"),
        ((*normal, 23, 24, 21), "gains"),
        ((*normal[1:], 23, 24), "losses"),
        ((*normal[1:], 23, 24, 24), "46, other"),
        ((0,) * 46, "46"),
        ((0,) * 45, "fewer than 46"),
    ):
        assert stratum_of(_instances(labels)) == stratum


def _instances(labels):
    return Instances.from_boxes(10, 10, np.array([[0, 0, 5, 5]] * len(labels)), labels=list(labels))


def test_impossible_shares_and_too_few_cases(root, tmp_path):
    for options in ({"val": 0.6, "test": 0.5}, {"val": -0.1}, {"seed": -1}):
        with pytest.raises(ConfigError, match="shares"):
            run(root, tmp_path / "out", **options)
    write_cil(tmp_path / "small", {"105161": cell(1), "105162": cell(2)})
    with pytest.raises(ConfigError, match="too few"):
        run(tmp_path / "small", tmp_path / "out")


def test_few_cases_leave_no_side_empty_and_lists_are_read_back(tmp_path):
    write_cil(tmp_path, {f"10{case}1": cell(1) for case in range(3)})
    run(tmp_path, tmp_path / "out")
    assert all(len(names) == 1 for names in lists(tmp_path / "out").values())
