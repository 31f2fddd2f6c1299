"""The LabelMe reader, both dialects, and the writer."""

import json

import numpy as np
import pytest

from metaphase import masks
from metaphase.datasets.defects import summaries
from metaphase.datasets.formats.labelme import (
    LabelmeAnnotation,
    LabelmeShape,
    instances_of,
    read_labelme,
    write_labelme,
)
from metaphase.errors import DataError

SQUARE = [[2, 3], [6, 3], [6, 8], [2, 8]]


def shape(label, points=SQUARE, **more):
    return {"label": label, "points": points, "group_id": None, "shape_type": "polygon", "flags": {}} | more


def store(tmp_path, shapes, **more):
    path = tmp_path / "a.json"
    document = {"imagePath": "a.png", "imageHeight": 40, "imageWidth": 50, "imageData": None, "shapes": shapes} | more
    path.write_text(json.dumps(document), encoding="utf-8")
    return path


def test_both_spellings_of_the_keys(tmp_path):
    own = read_labelme(store(tmp_path, [shape("1")]))
    path = tmp_path / "b.json"
    dialect = {"image_path": "a.png", "image_height": 40, "image_width": 50, "shapes": [shape("1")]}
    path.write_text(json.dumps(dialect), encoding="utf-8")
    other = read_labelme(path)
    for annotation in (own, other):
        assert (annotation.image_path, annotation.width, annotation.height) == ("a.png", 50, 40)
        assert annotation.shapes[0].points_xy.tolist() == SQUARE


def test_both_spellings_of_the_labels(tmp_path):
    written = ["1", "22", "X", "Y", "23", "24", 7, "x"]
    truth, warnings = instances_of(read_labelme(store(tmp_path, [shape(label) for label in written])))
    assert truth.labels.tolist() == [1, 22, 23, 24, 23, 24, 7, 23]
    assert warnings == ()


def test_labels_that_are_errors_are_set_aside_and_said(tmp_path):
    written = [shape("-1"), shape("5"), shape("119"), shape("-1")]
    truth, defects = instances_of(read_labelme(store(tmp_path, written)))
    assert [(defect.kind, defect.place) for defect in defects][1] == ("label-impossible", "shape 3")
    warnings = summaries(defects)
    assert truth.labels.tolist() == [5]
    assert len(warnings) == 2
    assert "2 shapes with label '-1'" in warnings[0]
    assert "1 shapes with label '119'" in warnings[1]


def test_the_boundary_belongs_to_the_mask(tmp_path):
    truth, _ = instances_of(read_labelme(store(tmp_path, [shape("1")])))
    assert truth.boxes_xyxy.tolist() == [[2, 3, 7, 9]]
    assert truth.areas.tolist() == [5 * 6]


def test_pieces_of_one_group_are_joined(tmp_path):
    far = [[20, 20], [25, 20], [25, 22], [20, 22]]
    pieces = [shape("3", group_id=4), shape("3"), shape("3", far, group_id=4), shape("8", far, group_id=4)]
    truth, _ = instances_of(read_labelme(store(tmp_path, pieces)))
    assert truth.labels.tolist() == [3, 3, 8]
    assert truth.areas.tolist() == [30 + 18, 30, 18]
    assert truth.boxes_xyxy[0].tolist() == [2, 3, 26, 23]


def test_agrees_with_drawing_on_the_whole_image(tmp_path):
    rng = np.random.default_rng(0)
    outlines = [(rng.uniform(0, 1, (7, 2)) * [49, 39]).round(1) for _ in range(12)]
    truth, _ = instances_of(read_labelme(store(tmp_path, [shape("2", o.tolist()) for o in outlines])))
    assert len(truth) == 12
    for i, outline in enumerate(outlines):
        assert (truth.mask(i) == masks.rasterise_polygon(outline, (40, 50))).all()


def test_mask_to_polygon_to_mask_is_the_identity(tmp_path):
    crossing = np.zeros((40, 50), bool)
    crossing[5:30, 10:14] = crossing[12:16, 3:40] = crossing[35, 20] = True
    outlines = masks.trace_polygons(crossing)
    pieces = [shape("9", outline.tolist(), group_id=1) for outline in outlines]
    truth, _ = instances_of(read_labelme(store(tmp_path, pieces)))
    assert len(truth) == 1
    assert (truth.mask(0) == crossing).all()


def test_other_shapes_and_shapes_outside_are_set_aside(tmp_path):
    outside = [[60, 3], [70, 3], [70, 9]]
    entries = [shape("1", [[1, 1], [5, 5]], shape_type="rectangle"), shape("1", outside), shape("1", [])]
    truth, defects = instances_of(read_labelme(store(tmp_path, entries)))
    warnings = summaries(defects)
    assert len(truth) == 0
    assert any("'rectangle'" in warning for warning in warnings)
    assert any("outside the image" in warning for warning in warnings)


def test_round_trip(tmp_path):
    shapes = (LabelmeShape("X", np.array(SQUARE, float), 3), LabelmeShape("ä", np.array([[1.5, 2.25]]), None))
    path = tmp_path / "c.json"
    path.write_bytes(write_labelme(LabelmeAnnotation("c.png", 50, 40, shapes)))
    back = read_labelme(path)
    assert (back.image_path, back.width, back.height) == ("c.png", 50, 40)
    assert [(s.label, s.group_id, s.points_xy.tolist()) for s in back.shapes] == [
        ("X", 3, SQUARE),
        ("ä", None, [[1.5, 2.25]]),
    ]


@pytest.mark.parametrize(
    ("shapes", "more", "said"),
    [
        ([], {"imageHeight": None}, "imageHeight must be a number of pixels"),
        ([], {"imageWidth": 10**9}, "imageWidth must be a number of pixels"),
        ("none", {}, "list under the key shapes"),
        ([{"points": SQUARE}], {}, "shape 1 must be an object with a label"),
        ([shape("1"), shape("1", [[1, 2, 3]])], {}, "shape 2 must be pairs"),
        ([shape("1", [["a", 2]])], {}, "shape 1 must be pairs of numbers"),
        ([shape("1", [[float("nan"), 2]])], {}, "shape 1 must be pairs of finite numbers"),
        ([shape("1", [[1e9, 2]])], {}, "shape 1 lies far outside"),
    ],
)
def test_names_the_file_and_the_entry(tmp_path, shapes, more, said):
    with pytest.raises(DataError, match=said) as caught:
        read_labelme(store(tmp_path, shapes, **more))
    assert "a.json" in str(caught.value)


@pytest.mark.parametrize("content", [b"", b"[1]", b"{", b"\xff\xfe", b"[" * 100_000])
def test_what_is_no_labelme_file(tmp_path, content):
    path = tmp_path / "a.json"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"a\.json: expected"):
        read_labelme(path)
