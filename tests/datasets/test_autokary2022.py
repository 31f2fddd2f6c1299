"""AutoKary2022 in its published layout, in the public copy, and with the errors of its labels."""

import json

import numpy as np
import pytest
from published_layouts import cell, write, write_autokary, write_autokary_copy

from metaphase.datasets import autokary2022
from metaphase.errors import DataError

CELLS = {"train/A1/A1_01": cell(1), "train/A2/A2_01": cell(2), "test/B1/B1_01": cell(3)}


@pytest.mark.parametrize("embed", [False, True])
def test_reads_the_published_layout_with_images_beside_or_inside(tmp_path, embed):
    home = write_autokary(tmp_path, CELLS, embed=embed)
    for root in (tmp_path, home):
        index = autokary2022.find(root)
        assert autokary2022.splits(index) == {
            "train": ["A1_01", "A2_01"],
            "test": ["B1_01"],
            "all": ["A1_01", "A2_01", "B1_01"],
        }
    assert index.cases == {"A1_01": "A1", "A2_01": "A2", "B1_01": "B1"}
    for key, spread in CELLS.items():
        record = autokary2022.read(index, key.rsplit("/", 1)[-1])
        assert record.has_image
        assert np.array_equal(record.gray().gray, spread.gray)
        assert record.truth.labels.tolist() == spread.truth.labels.tolist()
        for i in range(len(spread.truth)):
            assert np.array_equal(record.truth.mask(i), spread.truth.mask(i))


def test_reads_the_labels_of_the_copy_without_images(tmp_path):
    names = ("train/0_1_247_180_0.880", "train/1_5_296_180_0.470", "val/0_2_247_180_0.720")
    write_autokary_copy(tmp_path, {name: cell(i) for i, name in enumerate(names)})
    index = autokary2022.find(tmp_path)
    assert set(autokary2022.splits(index)) == {"official-train", "official-val", "all"}
    assert index.images == {}
    assert index.cases["0_2_247_180_0.720"] == "0_247"
    assert "1 case stands in more than one split" in index.notes("official-val")[-1]
    assert "only labels can be read" in index.notes("all")[0]
    record = autokary2022.read(index, "0_1_247_180_0.880")
    assert record.truth.labels.tolist() == cell(0).truth.labels.tolist()
    assert not record.has_image
    with pytest.raises(DataError, match="put the image there"):
        record.gray()


def test_sets_aside_and_counts_the_labels_that_are_errors(tmp_path):
    home = write_autokary(tmp_path, CELLS)
    path = home / "test_labelme" / "B1" / "B1_01.json"
    document = json.loads(path.read_text(encoding="utf-8"))
    document["shapes"][0]["label"], document["shapes"][1]["label"] = "-1", "119"
    path.write_text(json.dumps(document), encoding="utf-8")
    record = autokary2022.read(autokary2022.find(tmp_path), "B1_01")
    assert len(record.truth) == len(CELLS["test/B1/B1_01"].truth) - 2
    assert [w for w in record.warnings if "'-1'" in w]
    assert [w for w in record.warnings if "'119'" in w]


def test_the_same_name_in_two_cases_stays_apart(tmp_path):
    write_autokary(tmp_path, {"train/A1/01": cell(1), "test/B1/01": cell(3)})
    index = autokary2022.find(tmp_path)
    assert index.splits["test"] == ("test_labelme__B1__01",)


def test_an_embedded_image_that_is_none_is_a_data_error(tmp_path):
    home = write_autokary(tmp_path, CELLS)
    path = home / "test_labelme" / "B1" / "B1_01.json"
    document = json.loads(path.read_text(encoding="utf-8")) | {"imageData": "no base 64!"}
    write(path, json.dumps(document))
    with pytest.raises(DataError, match=r"B1_01\.json: imageData"):
        autokary2022.read(autokary2022.find(tmp_path), "B1_01")


def test_reads_the_stand_in_and_the_real_labels(data_root):
    index = autokary2022.find(data_root / "gband_masks")
    assert [len(autokary2022.read(index, name).truth) for name in index.splits["test"]] == [46] * 5
    index = autokary2022.find(data_root)
    counts = [len(autokary2022.read(index, name).truth) for name in index.splits["all"]]
    assert (len(counts), min(counts), max(counts)) == (15, 34, 46)
    leaking = {index.cases[name] for name in index.splits["official-train"]} & {
        index.cases[name] for name in index.splits["official-val"]
    }
    assert leaking == {"0_247"}
