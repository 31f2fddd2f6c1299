"""Sets to learn from: shares, what is not for training, val by case."""

import os

import pytest
from published_layouts import (
    cell,
    write_autokary,
    write_autokary_copy,
    write_bioimlab,
    write_mfish,
    write_overlap_pairs,
)

pytest.importorskip("torch")

from metaphase.errors import ConfigError, DataError  # noqa: E402
from metaphase.train import sources  # noqa: E402
from metaphase.train.sources import open_source, open_sources, shared_by  # noqa: E402


@pytest.fixture(scope="module")
def drawn():
    return cell(1)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("cil", ("cil", 1.0)),
        ("cil:3", ("cil", 3.0)),
        (" mfish:0.25", ("mfish", 0.25)),
        ("C:/my cells", ("C:/my cells", 1.0)),
        ("C:/my cells:2", ("C:/my cells", 2.0)),
    ],
)
def test_a_share_follows_the_last_colon(text, expected):
    assert shared_by(text) == expected


@pytest.mark.parametrize("share", ["0", "-1", "nan", "inf"])
def test_a_share_that_is_none_is_named(share):
    with pytest.raises(ConfigError, match=f"--data cil:{share}: the share after the colon must be a number above 0"):
        shared_by(f"cil:{share}")


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        ([], "names no set to learn from"),
        (["cil", "cil:2"], "names cil twice"),
        (["gband_masks"], "gband_masks is not for training: it is a test set"),
        (["cil-single"], "cil-single is not for training"),
        (["clil"], "--data clil: there is no such set or folder; known sets are autokary2022, bioimlab, cil"),
    ],
)
def test_what_cannot_be_learnt_from_is_named(tmp_path, wanted, message):
    with pytest.raises(ConfigError, match=message):
        open_sources(wanted, tmp_path, 0)


def test_a_set_without_a_train_split_is_refused(tmp_path):
    write_overlap_pairs(tmp_path)
    with pytest.raises(ConfigError, match="overlap-pairs is not for training: it has no train split, only test"):
        open_source("overlap-pairs", tmp_path)


def test_val_is_held_out_by_case_and_no_case_of_test_is_learnt(tmp_path, drawn):
    cells = {f"train/case{case}/a{case}_{n}": drawn for case in range(5) for n in range(2)}
    write_autokary(tmp_path, cells | {"test/case0/t0": drawn, "test/case9/t9": drawn})
    for seed in range(3):
        source = open_source("autokary2022", tmp_path, seed=seed)
        assert len(source.val) == 2
        assert len(source.train) == 6
        assert {name[:2] for name in source.train} | {name[:2] for name in source.val} == {"a1", "a2", "a3", "a4"}
        assert not {name[:2] for name in source.train} & {name[:2] for name in source.val}
        assert source == open_source("autokary2022", tmp_path, seed=seed)
    assert len({open_source("autokary2022", tmp_path, seed=seed).val for seed in range(6)}) > 1


def test_one_case_is_all_train(tmp_path, drawn):
    write_autokary_copy(tmp_path, {"train/only": drawn})
    source = open_source("autokary2022", tmp_path)
    assert (source.train, source.val) == (("only",), ())


def test_only_cases_of_the_test_split_leave_nothing(tmp_path, drawn):
    write_autokary(tmp_path, {"train/a/one": drawn, "test/a/two": drawn})
    with pytest.raises(DataError, match="autokary2022 has no image to train on"):
        open_source("autokary2022", tmp_path)


def test_a_set_with_its_own_val_keeps_it(tmp_path, drawn):
    write_mfish(tmp_path, {f"S{i}__A{i}/S{i}0": (drawn, "46,XY") for i in range(4)})
    source = open_source("mfish", tmp_path)
    assert (len(source.train), len(source.val)) == (2, 1)


def test_a_case_stands_on_one_side_only(tmp_path, drawn):
    # Slides A to E; the first image is test, the second val, and both slides have another image among train.
    names = ["A__1/A0", "B__1/B0", "A__1/A1", "B__1/B1", "C__1/C0", "D__1/D0"]
    home = write_mfish(tmp_path, dict.fromkeys(names, (drawn, "46,XY")))
    assert open_source("mfish", tmp_path).train == ("C0", "D0")
    assert open_source("mfish", tmp_path).val == ("B0",)
    (home / "split_val.txt").write_text("A1\nB0\n", encoding="utf-8")
    (home / "split_train.txt").write_text("C0\nD0\n", encoding="utf-8")
    sources._index.cache_clear()
    assert open_source("mfish", tmp_path).val == ("B0",), "A is a case of test"


def test_the_publishers_own_test_split_counts_where_there_is_no_other(tmp_path, drawn):
    write_autokary_copy(
        tmp_path, {"train/0_1_247_180_0.8": drawn, "train/1_1_9_180_0.8": drawn, "test/0_2_247_180_0.8": drawn}
    )
    source = open_source("autokary2022", tmp_path)
    assert {*source.train, *source.val} == {"1_1_9_180_0.8"}


def test_one_fold_is_val(tmp_path, drawn):
    write_bioimlab(tmp_path, {str(number): drawn for number in range(1, 7)})
    folds = [open_source("bioimlab", tmp_path, fold=fold) for fold in range(5)]
    for one in folds:
        assert not set(one.train) & set(one.val)
        assert len(one.train) + len(one.val) == 24
    assert sorted(name for one in folds for name in one.val) == sorted({*folds[0].train, *folds[0].val})
    with pytest.raises(ConfigError, match=r"data.fold must be one of 0..4 for bioimlab, but is 5"):
        open_source("bioimlab", tmp_path, fold=5)


def test_material_older_than_its_label_is_stale(tmp_path, drawn):
    home = write_autokary(tmp_path, {"train/a/one": drawn, "train/b/two": drawn})
    made = tmp_path / "one.npz"
    assert sources.stale("autokary2022", tmp_path, "one", made)
    made.write_bytes(b"")
    assert not sources.stale("autokary2022", tmp_path, "one", made)
    later = made.stat().st_mtime + 5
    os.utime(home / "train_labelme" / "a" / "one.json", (later, later))
    assert sources.stale("autokary2022", tmp_path, "one", made)
    assert not sources.stale("autokary2022", tmp_path, "two", made)
