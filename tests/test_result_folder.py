"""Names of result folders, and results that are there already."""

from pathlib import Path

import pytest

from metaphase.errors import MetaphaseError
from metaphase.result_folder import keep_results, remove


def test_results_that_are_there_are_kept(tmp_path: Path) -> None:
    keep_results([tmp_path / "a", tmp_path / "b"])
    (tmp_path / "b").touch()
    with pytest.raises(MetaphaseError, match="b is there already; name another folder"):
        keep_results([tmp_path / "a", tmp_path / "b"])


def test_a_name_too_long_to_look_at_is_left_to_the_writer(tmp_path: Path) -> None:
    keep_results([tmp_path / ("x" * 300) / "result.json"])


def test_what_cannot_be_removed_is_named(tmp_path: Path) -> None:
    (tmp_path / "a").touch()
    remove([tmp_path / "a", tmp_path / "b"])
    assert not (tmp_path / "a").exists()
    (tmp_path / "c").mkdir()
    with pytest.raises(MetaphaseError, match="c: the file of an earlier run cannot be removed"):
        remove([tmp_path / "c"])
