"""Where training material comes from."""

import pytest

from metaphase.config import DataConfig
from metaphase.errors import DataError
from metaphase.train import material
from metaphase.train.sources import Source


def test_without_data_one_sentence_says_what_to_do(monkeypatch, tmp_path):
    monkeypatch.setenv("METAPHASE_DATA", "/no/such/folder")
    with pytest.raises(DataError, match="/no/such/folder: there is no .* with --root DIR or METAPHASE_DATA"):
        material.root()
    for value in ("", None):
        monkeypatch.setenv("METAPHASE_DATA", value) if value is not None else monkeypatch.delenv("METAPHASE_DATA")
        assert material.root() is None
    with pytest.raises(DataError, match="cil is not found: .* with --root DIR or METAPHASE_DATA"):
        finish(material.prepare(DataConfig(folder=str(tmp_path)), 0, None))


def test_a_named_folder_comes_before_the_variable(monkeypatch, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    monkeypatch.setenv("METAPHASE_DATA", str(tmp_path))
    assert material.root() == tmp_path
    assert material.root(other) == other
    with pytest.raises(DataError, match="none: there is no such folder"):
        material.root(tmp_path / "none")


def test_folders_lie_side_by_side(tmp_path):
    cil = Source("cil", tmp_path, 1.0, (), ())
    first, second = material.folders(DataConfig(folder=str(tmp_path)), cil)
    assert first.parent == second.parent == tmp_path / "cil"
    assert first != second


def finish(generator):
    """Records and return value of a generator."""
    records = []
    while True:
        try:
            records.append(next(generator))
        except StopIteration as stop:
            return records, stop.value


def test_cells_are_chosen_by_the_seed_and_made_once(tmp_path, tiny_cil):
    root, data = tiny_cil[0], DataConfig(folder=str(tmp_path))

    def prepare(data, seed):
        _, (one,) = finish(material.prepare(data, seed, root))
        return one.train, one.val

    train, val = prepare(data, 0)
    assert sorted(train) == ["1000011", "1000021"]
    assert val == ["1000031"]
    made = {path: path.stat().st_mtime_ns for path in (tmp_path / "cil" / "annotated").glob("*.npz")}
    assert sorted(path.stem for path in made) == ["1000011", "1000021", "1000031"]
    assert prepare(data, 0) == (train, val)
    assert {path: path.stat().st_mtime_ns for path in made} == made
    assert prepare(DataConfig(folder=str(tmp_path), cells=1), 0)[0] == train[:1]
    assert {tuple(prepare(data, seed)[0]) for seed in range(6)} == {tuple(train), tuple(train[::-1])}


def test_a_record_for_every_hundredth():
    records = list(material.counted(range(250), 250, "done"))
    assert records == [{"step": 100.0, "of": 250.0, "done": 100.0}, {"step": 200.0, "of": 250.0, "done": 200.0}]
