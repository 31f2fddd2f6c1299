"""M-FISH class maps: the benchmark's rule, the smarter reading, and `Case Info`."""

import numpy as np
import pytest
import tifffile
from published_layouts import cell, write_mfish

from metaphase.datasets import mfish, mfish_rejoined
from metaphase.datasets.formats.mfish_folder import chromosome_counts, karyotype_of, tidy_karyotype
from metaphase.errors import DataError


@pytest.fixture
def root(tmp_path):
    spread = cell(1, (1, 7, 18, 23), overlap=0.0)
    cells = {
        "A01__XY/A0101XY": "46,XY\x00\x00",
        "P08__28/P080628": "44,XY,-1,-12",
        "V24__52/V240152": "46,XX,t(4;9)YUT",
    }
    write_mfish(tmp_path, {key: (spread, info) for key, info in cells.items()})
    return tmp_path


def write_map(root, class_map, name="A01__XY/A0101XY"):
    tifffile.imwrite(root / "mfish" / f"{name}K.tif", class_map, compression="lzw")


def test_reads_images_maps_and_splits(root):
    index = mfish.find(root)
    assert mfish.splits(index) == {
        "train": ["V240152"],
        "val": ["P080628"],
        "test": ["A0101XY"],
        "all": ["A0101XY", "P080628", "V240152"],
    }
    assert index.cases["P080628"] == "P08"
    assert mfish.normal(index) == {"A0101XY"}
    truth = cell(1, (1, 7, 18, 23), overlap=0.0).truth
    record = mfish.read(index, "A0101XY")
    assert np.median(record.gray().gray) < 60, "the set is bright on dark"
    assert sorted(record.truth.labels) == sorted(truth.labels)
    assert sorted(record.truth.areas) == sorted(truth.areas)


def test_the_rule_needs_30_pixels_and_keeps_the_overlap(root):
    drawn = np.zeros((100, 100), np.uint8)
    drawn[10:15, 10:20], drawn[10:15, 20:25], drawn[10:15, 25:35] = 4, 255, 9  # 50 pixels each, 25 shared
    drawn[50:55, 50:55] = 4  # 25 pixels are too few
    drawn[70:76, 70:75] = 4  # 30 are enough
    write_map(root, drawn)
    truth = mfish.read(mfish.find(root), "A0101XY").truth
    assert truth.labels.tolist() == [4, 4, 9]
    assert sorted(truth.areas.tolist()) == [30, 75, 75]


def test_the_smarter_reading_joins_what_lies_end_to_end_and_parts_what_touches(root):
    drawn = np.zeros((300, 300), np.uint8)
    for label in (*range(2, 21), 22):  # homologues apart
        for column in (0, 1):
            drawn[11 * label - 22 : 11 * label - 14, 20 + 100 * column : 80 + 100 * column] = label
    drawn[270:278, 20:60], drawn[270:278, 66:100], drawn[270:278, 110:180] = 1, 1, 1  # one of the two is cut
    drawn[250:258, 20:100], drawn[254:262, 101:181] = 21, 21
    drawn[254:258, 100:101] = 21  # the two touch
    drawn[250:258, 200:260], drawn[270:278, 200:230] = 23, 24
    write_map(root, drawn)
    plain, smart = (adapter.read(adapter.find(root), "A0101XY") for adapter in (mfish, mfish_rejoined))
    assert (plain.truth.labels == 1).sum() == 3
    assert (plain.truth.labels == 21).sum() == 1
    assert (smart.truth.labels == 1).sum() == 2
    assert (smart.truth.labels == 21).sum() == 2
    assert smart.warnings == ("1 pieces are joined", "1 touching chromosomes are parted")
    assert smart.truth.areas[smart.truth.labels == 21].min() > 0.4 * plain.truth.areas[plain.truth.labels == 21][0]


def test_a_value_that_is_no_class_is_a_data_error(root):
    write_map(root, np.full((100, 100), 77, np.uint8))
    for adapter in (mfish, mfish_rejoined):
        with pytest.raises(DataError, match=r"A0101XYK\.tif.*got 77"):
            adapter.read(adapter.find(root), "A0101XY")


@pytest.mark.parametrize(
    ("text", "tidy", "count"),
    [
        ("46,XY\x00\x00\x00", "46,XY", 46),
        ("46,XX,t(4;9)YUTUYTUY", "46,XX,t(4;9)", 46),
        ("47,XX,+r(9)acare Hermann\nPatient", "47,XX,+r(9)", 47),
        ("43, XY, -19, -19, -22", "43,XY,-19,-19,-22", 43),
        ("36,XY,-1,-3,-4,-9,-9,-14,-16,-16,-18-,18", "36,XY,-1,-3,-4,-9,-9,-14,-16,-16,-18,-18", 36),
        ("47,XY,+?13,t(3;13)", "47,XY,+?13,t(3;13)", 47),
        ("45,XX,-13,-18,+der(5)", "45,XX,-13,-18,+der(5)", 45),
        ("44,XX,-7", "44,XX,-7", None),
        ("patient", "", None),
    ],
)
def test_case_info_is_tidied_and_counted(text, tidy, count):
    assert tidy_karyotype(text) == tidy
    counts = chromosome_counts(tidy)
    assert (None if counts is None else int(counts.sum())) == count


def test_the_real_cells_agree_with_case_info(data_root):
    index = mfish.find(data_root)
    assert [len(index.splits[split]) for split in ("train", "val", "test")] == [111, 16, 36]
    assert len(mfish.normal(index)) == 80
    agree = {"rule": 0, "smart": 0}
    for name in index.splits["val"]:
        wanted = chromosome_counts(karyotype_of(index, name)).sum()
        agree["rule"] += len(mfish.read(index, name).truth) == wanted
        agree["smart"] += len(mfish_rejoined.read(index, name).truth) == wanted
    assert agree["smart"] >= agree["rule"]
    assert agree["smart"] >= 14
