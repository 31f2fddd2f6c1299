"""CRCN-NE: one class or 24, as `data.yaml` says; discarded images are their own split."""

import numpy as np
import pytest
from published_layouts import cell, write, write_crcn

from metaphase.datasets import crcn_ne
from metaphase.errors import DataError

CELLS = {"P1_01": cell(1), "P1_02": cell(2), "P2_01": cell(3), "hard/P3_01": cell(4)}


@pytest.mark.parametrize(("classes", "said"), [(1, "one class"), (24, "24 classes")])
def test_takes_the_classes_from_data_yaml_and_says_which(tmp_path, classes, said):
    home = write_crcn(tmp_path, CELLS, classes=classes)
    for root in (tmp_path, home):
        index = crcn_ne.find(root)
    assert crcn_ne.splits(index) == {
        "hard": ["P3_01"],
        "test": ["P1_01", "P1_02", "P2_01"],
        "all": ["P1_01", "P1_02", "P2_01", "P3_01"],
    }
    assert said in index.notes("test")[0]
    assert index.cases["P1_02"] == "P1"
    for key, spread in CELLS.items():
        record = crcn_ne.read(index, key.rsplit("/", 1)[-1])
        assert np.array_equal(record.truth.boxes_xyxy, spread.truth.boxes_xyxy)
        assert record.truth.labels.tolist() == (spread.truth.labels.tolist() if classes == 24 else [0] * 4)
        assert record.warnings == ()


@pytest.mark.parametrize(("classes", "last"), [(1, "chromosome"), (24, "Y")])
def test_without_data_yaml_the_numbers_tell(tmp_path, classes, last):
    write_crcn(tmp_path, CELLS, classes=classes, yaml=False)
    index = crcn_ne.find(tmp_path)
    assert index.classes[-1] == last
    assert "there is no data.yaml" in index.notes("test")[0]


def test_folders_of_splits_and_a_leaking_case(tmp_path):
    write_crcn(tmp_path, {"train/P1_01": cell(1), "test/P1_02": cell(2), "val/P2_01": cell(3)})
    index = crcn_ne.find(tmp_path)
    assert (index.splits["train"], index.splits["val"], index.splits["test"]) == (("P1_01",), ("P2_01",), ("P1_02",))
    assert "1 case stands in more than one split" in index.notes("test")[-1]


def test_a_box_outside_is_clipped_and_a_lone_file_is_said(tmp_path):
    home = write_crcn(tmp_path, CELLS)
    write(home / "labels" / "P2_01.txt", "0 0.0 0.5 0.2 0.2\n0 1.5 0.5 0.1 0.1\n")
    (home / "labels" / "P1_01.txt").unlink()
    index = crcn_ne.find(tmp_path)
    assert [path.name for path in index.lone] == ["P1_01.jpg"]
    record = crcn_ne.read(index, "P2_01")
    assert len(record.truth) == 1
    assert record.truth.boxes_xyxy[0, 0] == 0
    assert len(record.warnings) == 2


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("0 0.5 0.5 0.1", "line 1 has 3 numbers"),
        ("x 1 1 1 1", "numbers only"),
        ("3 .5 .5 .1 .1", "class number 3"),
        ("0 nan .5 .1 .1", "finite"),
        ("0 400 300 20 20", "fractions"),
    ],
)
def test_a_broken_line_names_the_file(tmp_path, line, said):
    home = write_crcn(tmp_path, CELLS)
    write(home / "labels" / "P2_01.txt", line)
    with pytest.raises(DataError, match=rf"P2_01\.txt.*{said}"):
        crcn_ne.read(crcn_ne.find(tmp_path), "P2_01")


@pytest.mark.parametrize("text", ["names: 3\n", "names: [dog, cat]\n", "a: [", "[1, 2]"])
def test_a_broken_data_yaml_is_a_data_error(tmp_path, text):
    write(write_crcn(tmp_path, CELLS) / "data.yaml", text)
    with pytest.raises(DataError, match=r"data\.yaml"):
        crcn_ne.read(crcn_ne.find(tmp_path), "P2_01")
