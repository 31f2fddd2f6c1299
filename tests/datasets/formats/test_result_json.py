"""Stored results read back."""

import json

import numpy as np
import pytest

from metaphase import masks
from metaphase.datasets.formats.result_json import read_result
from metaphase.errors import DataError


def document():
    crop = np.eye(4, 5, dtype=bool)
    entry = {
        "id": 1,
        "status": "chromosome",
        "label": "X",
        "category_id": 23,
        "score": 0.75,
        "box": [2, 3, 6, 7],
        "annotation_box": [1, 1, 9, 9],
        "segmentation": masks.encode_rle(crop, (2, 3), (20, 30)),
        "probabilities": [0.0] * 22 + [0.75, 0.25],
    }
    return {"schema_version": 1, "image": {"path": "a", "width": 30, "height": 20}, "instances": [entry]}


def store(tmp_path, content):
    path = tmp_path / "result.json"
    path.write_text(json.dumps(content), encoding="utf-8")
    return path


def test_reads_every_column(tmp_path):
    instances = read_result(store(tmp_path, document()))
    assert (instances.height, instances.width) == (20, 30)
    assert instances.labels.tolist() == [23]
    assert instances.scores.tolist() == [0.75]
    assert instances.boxes_xyxy.tolist() == [[2, 3, 6, 7]]
    assert instances.annotation_boxes_xyxy.tolist() == [[1, 1, 9, 9]]
    assert instances.probabilities_nc[0, 23] == 0.25
    assert instances.areas.tolist() == [4]


def test_no_instances(tmp_path):
    assert len(read_result(store(tmp_path, document() | {"instances": []}))) == 0


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"status": "perhaps"}, "status must be one of"),
        ({"probabilities": [1.0]}, "instance 1 is not as the schema says"),
        ({"segmentation": {"size": [3, 3], "counts": "9"}}, "instance 1 is not as the schema says"),
        ({"segmentation": None}, "instance 1 is not as the schema says"),
        ({"category_id": 99}, "do not fit together"),
    ],
)
def test_names_the_file_and_the_entry(tmp_path, change, said):
    content = document()
    content["instances"][0] |= change
    with pytest.raises(DataError, match=said) as caught:
        read_result(store(tmp_path, content))
    assert "result.json" in str(caught.value)


def test_an_image_of_no_size(tmp_path):
    with pytest.raises(DataError, match="expected a result.json"):
        read_result(store(tmp_path, {"instances": []}))


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("probabilities", [float("nan")] * 24),
        ("probabilities", [1e29, *[0.0] * 23]),
        ("probabilities", [-0.5, *[0.5] * 23]),
        ("category_id", float("inf")),
        ("score", float("nan")),
        ("annotation_box", [0, 0, float("inf"), 1]),
    ],
)
def test_numbers_that_are_none_are_refused(tmp_path, key, value):
    content = document()
    content["instances"][0][key] = value
    with pytest.raises(DataError, match="instance 1 is not as the schema says"):
        read_result(store(tmp_path, content))


def test_an_endless_image_is_refused(tmp_path):
    content = document()
    content["image"]["width"] = float("inf")
    with pytest.raises(DataError, match="expected a result.json"):
        read_result(store(tmp_path, content))


def test_a_softmax_may_round_up(tmp_path):
    content = document()
    content["instances"][0]["probabilities"] = [float(np.float32(1.0000001)), *[0.0] * 23]
    assert read_result(store(tmp_path, content)).probabilities_nc[0, 0] >= 1
