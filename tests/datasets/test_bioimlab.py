"""Single chromosomes: class from the name, mask from the dark background, folds by cell."""

import numpy as np
import pytest
from published_layouts import cell, encoded, write, write_bioimlab

from metaphase.datasets import bioimlab
from metaphase.errors import DataError

SPREAD = cell(1, (1, 1, 18, 23, 24), overlap=0.0)


def test_reads_classes_masks_and_folds(tmp_path):
    home = write_bioimlab(tmp_path, {"7": SPREAD, "11": SPREAD})
    for root in (tmp_path, home):
        index = bioimlab.find(root)
    splits = bioimlab.splits(index)
    assert sorted(splits["fold1"]) == ["11 18a", "11 1a", "11 1b", "11 23a", "11 24a"]
    assert {index.cases[name] for name in splits["fold2"]} == {"7"}
    assert splits["test"] == splits["all"]
    record = bioimlab.read(index, "7 24a")
    assert record.truth.labels.tolist() == [24]
    number = SPREAD.truth.labels.tolist().index(24)
    drawn = SPREAD.truth.crops[number]
    seen = record.truth.mask(0)[4:-4, 4:-4]
    assert (seen & drawn).sum() / (seen | drawn).sum() > 0.8
    assert record.gray().gray[record.truth.mask(0)].mean() > 40, "the image is bright on dark, as published"


def test_a_file_without_a_letter_and_a_copy_by_class_folder(tmp_path):
    image = encoded(np.pad(np.full((20, 8), 200, np.uint8), 5), ".bmp")
    write(tmp_path / "bioimlab" / "10" / "10 23.bmp", image)
    index = bioimlab.find(tmp_path)
    assert bioimlab.read(index, "10 23").truth.labels.tolist() == [23]
    for folder, name in (("X", "c5_001"), ("1", "c6_001")):
        write(tmp_path / "copy" / folder / f"{name}.png", encoded(np.pad(np.full((20, 8), 200, np.uint8), 5)))
    index = bioimlab.find(tmp_path / "copy")
    assert bioimlab.read(index, "c5_001").truth.labels.tolist() == [23]
    assert index.cases["c6_001"] == "c6"


def test_a_dark_image_has_no_chromosome_and_a_class_beyond_24_is_an_error(tmp_path):
    write(tmp_path / "bioimlab" / "1" / "1 5a.bmp", encoded(np.zeros((20, 20), np.uint8), ".bmp"))
    write(tmp_path / "bioimlab" / "1" / "1 25a.bmp", encoded(np.zeros((20, 20), np.uint8), ".bmp"))
    index = bioimlab.find(tmp_path)
    record = bioimlab.read(index, "1 5a")
    assert (len(record.truth), len(record.warnings)) == (0, 1)
    with pytest.raises(DataError, match=r"1 25a\.bmp: class '25'"):
        bioimlab.read(index, "1 25a")


def test_real_counts(data_root):
    index = bioimlab.find(data_root)
    assert (len(index.images), len(set(index.cases.values()))) == (5474, 119)
    for name in index.splits["test"][::400]:
        record = bioimlab.read(index, name)
        assert len(record.truth) == 1
        assert record.gray().gray.shape == (record.truth.height, record.truth.width)
