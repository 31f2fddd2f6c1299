"""The traps of CIL's 24-class labels."""

import pytest

from metaphase.datasets import cil
from metaphase.datasets.formats.cil_folder import case_of
from metaphase.errors import DataError


@pytest.mark.parametrize(
    ("name", "case"),
    [("1057342", "105734"), ("105161", "10516"), ("1050213_1", "105021"), ("unknow219", "unknow21")],
)
def test_case_is_the_name_without_its_last_digit(name, case):
    assert case_of(name) == case


def test_class_names_follow_the_denver_groups():
    assert list(cil.LABELS.values()) == list(range(1, 25))
    assert (cil.LABELS["C12"], cil.LABELS["X"], cil.LABELS["Y"]) == (12, 23, 24)


def test_reads_labels_and_clips_boxes(tmp_path, cil_writer):
    boxes = [[-1, 3, 20, 30], [490, 0, 501, 61], [505, 3, 510, 9]]
    cil_writer(tmp_path, {"103161": (["A1", "Y", "X"], boxes)})
    index = cil.find(tmp_path)
    record = cil.read(index, "103161")
    assert record.case == "10316"
    assert record.path.name == "103161.jpg"
    assert record.truth.labels.tolist() == [1, 24]
    assert record.truth.boxes_xyxy.tolist() == [[0, 3, 20, 30], [490, 0, 500, 60]]
    assert not record.truth.has_masks
    assert any("2 boxes reach outside" in warning for warning in record.warnings)
    assert any("1 boxes without area" in warning for warning in record.warnings)


def test_finds_the_set_from_each_level_and_in_other_spellings(tmp_path, cil_writer, normal_cell):
    folder = cil_writer(tmp_path, {"103161": normal_cell})
    for root in (tmp_path, tmp_path / "cil", folder):
        assert list(cil.find(root).images) == ["103161"]
    (folder / "JEPG").rename(folder / "JPEG")
    assert list(cil.find(tmp_path).images) == ["103161"]


def test_official_lists_are_there_with_a_warning(tmp_path, cil_writer, normal_cell):
    cil_writer(tmp_path, {"103161": normal_cell, "103162": normal_cell, "103171": normal_cell})
    (tmp_path / "cil" / "train.txt").write_text("103161.jpg\n103171\n999991\n", encoding="utf-8")
    (tmp_path / "cil" / "test.txt").write_text("103162\n", encoding="utf-8")
    index = cil.find(tmp_path)
    assert cil.splits(index)["official-train"] == ["103161", "103171"]
    assert "1 case on both sides" in index.notes("official-test")[0]
    assert index.notes("test") == ()


def test_an_image_without_annotation_is_left_out_and_said(tmp_path, cil_writer, normal_cell):
    folder = cil_writer(tmp_path, {"103161": normal_cell})
    (folder / "JEPG" / "103162.jpg").write_bytes(b"")
    index = cil.find(tmp_path)
    assert list(index.images) == ["103161"]
    assert "103162" in index.notes("test")[0]
    with pytest.raises(DataError, match="103162"):
        cil.read(index, "103162")


def test_an_unknown_class_names_the_file(tmp_path, cil_writer):
    cil_writer(tmp_path, {"103161": (["A9"], [[0, 0, 5, 5]])})
    with pytest.raises(DataError, match=r"103161\.xml: class 'A9'"):
        cil.read(cil.find(tmp_path), "103161")


def test_normal_needs_the_list_the_count_and_the_boxes(tmp_path, cil_writer, normal_cell):
    names, boxes = normal_cell
    trisomy = ([*names, "G21"], [*boxes, [470, 5, 478, 40]])
    cells = {"103161": normal_cell, "103162": trisomy, "103163": normal_cell, "103164": normal_cell}
    cil_writer(tmp_path, cells)
    listed = "filename,chromosome numbers,description\n103161.jpg,46,\n103162.jpg,46,\n103163.jpg,45,9\n"
    (tmp_path / "cil" / "normal.csv").write_text(listed, encoding="utf-8")
    index = cil.find(tmp_path)
    assert cil.normal(index) == {"103161"}
    assert cil.normal(index, ["103162"]) == frozenset()


def test_lists_of_difficult_and_abnormal_cells(tmp_path, cil_writer, normal_cell):
    cil_writer(tmp_path, {"103161": normal_cell, "103162": normal_cell})
    (tmp_path / "cil" / "diff_image.txt").write_text("103162\n777777\n", encoding="utf-8")
    rows = 'filename,chromosome numbers,description\n103161.jpg,47,"8,21"\n103162.jpg,45,\n'
    (tmp_path / "cil" / "structural_abnormalities.csv").write_text(rows, encoding="utf-8")
    index = cil.find(tmp_path)
    assert cil.difficult(index) == {"103162"}
    assert cil.abnormal(index, "structural") == {"103161": ("47", "8,21"), "103162": ("45", "")}
    with pytest.raises(DataError, match=r"normal\.csv"):
        cil.normal(index)


def test_real_counts(data_root):
    index = cil.find(data_root)
    splits = cil.splits(index)
    assert [len(splits[split]) for split in ("train", "val", "test")] == [3632, 272, 525]
    assert len(cil.difficult(index) & set(splits["test"])) == 43
    assert "on both sides" in index.notes("official-test")[0]
