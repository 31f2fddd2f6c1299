"""The five mask images."""

import json

from metaphase.datasets import gband_masks


def test_reads_case_and_masks(tmp_path):
    folder = tmp_path / "gband_masks" / "test_labelme" / "105771"
    folder.mkdir(parents=True)
    square = {"label": "X", "points": [[1, 1], [4, 1], [4, 6], [1, 6]], "group_id": None, "shape_type": "polygon"}
    document = {"imagePath": "1057711.png", "imageHeight": 20, "imageWidth": 30, "shapes": [square]}
    (folder / "1057711.json").write_text(json.dumps(document), encoding="utf-8")
    (folder / "1057711.png").write_bytes(b"")
    (folder / "1057712.json").write_text(json.dumps(document), encoding="utf-8")
    index = gband_masks.find(tmp_path)
    assert gband_masks.splits(index) == {"test": ["1057711"]}
    record = gband_masks.read(index, "1057711")
    assert record.case == "105771"
    assert record.truth.labels.tolist() == [23]
    assert record.truth.areas.tolist() == [24]
    assert "not the AutoKary2022 test" in index.notes("test")[0]


def test_real_counts(data_root):
    index = gband_masks.find(data_root)
    records = [gband_masks.read(index, name) for name in gband_masks.splits(index)["test"]]
    assert len(records) == 5
    assert sum(len(record.truth) for record in records) == 230
    for record in records:
        assert sorted(record.truth.labels.tolist()) == sorted([*range(1, 23), *range(1, 23), 23, 24])
