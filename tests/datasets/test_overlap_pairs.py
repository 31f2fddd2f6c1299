"""Pairs of chromosomes: the overlap belongs to both."""

import numpy as np
import pytest
from published_layouts import encoded, pair, write, write_overlap_pairs

from metaphase.datasets import overlap_pairs
from metaphase.errors import DataError


@pytest.mark.parametrize("paint", [True, False])
def test_reads_painted_and_numbered_maps(tmp_path, paint):
    home = write_overlap_pairs(tmp_path, paint=paint)
    for root in (tmp_path, home):
        index = overlap_pairs.find(root)
    splits = overlap_pairs.splits(index)
    assert splits["overlapping"] == ["overlap_1", "overlap_2"]
    assert splits["touching"] == ["touch_1", "touch_2"]
    assert sorted(splits["test"]) == sorted(splits["all"]) == ["overlap_1", "overlap_2", "touch_1", "touch_2"]
    for name, touching in (("overlap_1", False), ("touch_1", True)):
        image, label_map = pair(1, touching)
        record = overlap_pairs.read(index, name)
        assert np.array_equal(record.gray().gray, image)
        assert record.truth.labels.tolist() == [0, 0]
        assert np.array_equal(record.truth.mask(0), (label_map == 1) | (label_map == 3))
        assert np.array_equal(record.truth.mask(1), (label_map == 2) | (label_map == 3))
        assert (record.truth.mask(0) & record.truth.mask(1)).any() == (not touching)


def test_pairs_an_image_with_its_map_by_the_suffix_of_the_name(tmp_path):
    image, label_map = pair(1)
    write(tmp_path / "overlap-pairs" / "7.png", encoded(image))
    write(tmp_path / "overlap-pairs" / "7_label.png", encoded(label_map))
    write(tmp_path / "overlap-pairs" / "8.png", encoded(image))
    index = overlap_pairs.find(tmp_path)
    assert list(index.images) == ["7"]
    assert "the first is 8.png" in index.notes("test")[0]


def test_a_map_without_image_gives_masks_only(tmp_path):
    write(tmp_path / "overlap_label_maps" / "1.bmp", encoded(pair(1)[1], ".bmp"))
    index = overlap_pairs.find(tmp_path)
    record = overlap_pairs.read(index, "1")
    assert (len(record.truth), record.has_image) == (2, False)
    assert "pixels cannot" in index.notes("test")[0]


def test_one_chromosome_is_said_and_an_image_is_no_map(tmp_path):
    _, label_map = pair(1)
    write(tmp_path / "overlap-pairs" / "labels" / "1.png", encoded(np.where(label_map == 1, 1, 0).astype(np.uint8)))
    write(tmp_path / "overlap-pairs" / "labels" / "2.png", encoded(pair(1)[0]))
    index = overlap_pairs.find(tmp_path)
    record = overlap_pairs.read(index, "1")
    assert (len(record.truth), record.warnings) == (1, ("the label map shows 1 chromosome instead of 2",))
    with pytest.raises(DataError, match=r"2\.png: expected a label map"):
        overlap_pairs.read(index, "2")


def test_the_real_maps(data_root):
    index = overlap_pairs.find(data_root)
    records = [overlap_pairs.read(index, name) for name in index.splits["test"]]
    assert [len(record.truth) for record in records] == [2] * 10
    assert all((record.truth.mask(0) & record.truth.mask(1)).any() for record in records)
