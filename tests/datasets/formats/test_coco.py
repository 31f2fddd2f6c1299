"""COCO files: masks that overlap come back exactly, and errors name the entry."""

import json

import numpy as np
import pytest

from metaphase import masks
from metaphase.datasets.formats.coco import CocoWriter, categories, instances_of_coco, read_coco
from metaphase.errors import DataError
from metaphase.types import Instances

CROSSING = Instances.from_masks(
    60,
    80,
    [np.ones((30, 6), bool), np.ones((6, 30), bool), np.ones((1, 1), bool)],
    [(20, 5), (8, 15), (79, 59)],
    labels=[1, 0, 24],
)


def written(path, images):
    with path.open("wb") as file:
        writer = CocoWriter(file, {"description": "ä"})
        for name, truth in images.items():
            writer.add(name, truth, {"case": "c"})
        writer.close()
    return path


def document(path, **changes):
    path.write_text(json.dumps(json.loads(path.read_text(encoding="utf-8")) | changes), encoding="utf-8")
    return path


def entry(**changes):
    return {"id": 1, "image_id": 1, "category_id": 3, "bbox": [1, 2, 10, 20]} | changes


@pytest.fixture
def path(tmp_path):
    empty = Instances.from_masks(60, 80, [], [])
    return written(tmp_path / "a.json", {"ü 細.png": CROSSING, "empty.png": empty})


def test_masks_labels_and_names_come_back(path):
    file = read_coco(path)
    assert [(image.file_name, image.case) for image in file.images] == [("ü 細.png", "c"), ("empty.png", "c")]
    truth, defects = instances_of_coco(file, file.images[0])
    assert defects == ()
    assert truth.labels.tolist() == [1, 0, 24]
    for i in range(3):
        assert np.array_equal(truth.mask(i), CROSSING.mask(i))
    assert (truth.mask(0) & truth.mask(1)).sum() == 36
    assert len(instances_of_coco(file, file.images[1])[0]) == 0


def test_boxes_without_masks_stay_boxes(tmp_path):
    boxes = Instances.from_boxes(60, 80, np.array([[0.5, 1, 7.25, 9]]), labels=[5])
    file = read_coco(written(tmp_path / "a.json", {"a.png": boxes}))
    truth, _ = instances_of_coco(file, file.images[0])
    assert not truth.has_masks
    assert truth.boxes_xyxy.tolist() == [[0.5, 1, 7.25, 9]]


def test_polygons_and_plain_runs_are_read_as_pycocotools_packs_them(path):
    mask = np.zeros((60, 80), bool)
    mask[10:20, 30:50] = True
    runs = [30 * 60 + 10, *[10, 50] * 19, 10]
    plain = {"size": [60, 80], "counts": [*runs, 60 * 80 - sum(runs)]}
    outline = masks.trace_polygons(mask)[0].reshape(-1).tolist()
    packed = masks.encode_rle(mask, (0, 0), (60, 80))
    for segmentation in (plain, [outline], packed):
        file = read_coco(document(path, annotations=[entry(segmentation=segmentation, bbox=[30, 10, 20, 10])]))
        truth, defects = instances_of_coco(file, file.images[0])
        assert defects == ()
        assert np.array_equal(truth.mask(0), mask)


@pytest.mark.parametrize(
    ("change", "kind"),
    [
        ({"category_id": 99}, "label-impossible"),
        ({"category_id": [1]}, "label-impossible"),
        ({"iscrowd": 1}, "crowd"),
        ({"bbox": [70, 2, 20, 5]}, "box-outside"),
        ({"bbox": [90, 2, 20, 5]}, "box-empty"),
        ({"segmentation": [[100, 10, 120, 10, 120, 30]]}, "mask-outside"),
        ({"segmentation": [[40, 40, 50, 40, 50, 50]]}, "mask-outside-box"),
    ],
)
def test_each_defect_has_its_place(path, change, kind):
    file = read_coco(document(path, annotations=[entry(**change)]))
    _, defects = instances_of_coco(file, file.images[0])
    assert [defect.kind for defect in defects] == [kind]
    assert defects[0].place
    assert defects[0].said


def test_an_object_without_a_mask_among_masks_is_set_aside(path):
    file = read_coco(document(path, annotations=[entry(), entry(id=2, segmentation=[[1, 2, 10, 2, 10, 21]])]))
    truth, defects = instances_of_coco(file, file.images[0])
    assert (len(truth), [defect.kind for defect in defects]) == (1, ["mask-missing"])


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"images": 3}, "lists of objects"),
        ({"images": [{"id": 1, "file_name": "a.png", "height": 0, "width": 5}]}, "height and width"),
        ({"images": [{"id": True, "file_name": "a.png", "height": 5, "width": 5}]}, "whole number as id"),
        ({"images": [{"id": 1, "file_name": "", "height": 5, "width": 5}], "annotations": []}, "file_name"),
        ({"images": [{"id": 1, "file_name": "a", "height": 5, "width": 5}] * 2, "annotations": []}, "the same id"),
        ({"annotations": [{"image_id": 77}]}, "belongs to image 77"),
        ({"categories": [{"name": "1"}]}, "category 1"),
    ],
)
def test_a_file_that_is_no_coco_names_the_entry(path, changes, said):
    with pytest.raises(DataError, match=rf"a\.json.*{said}"):
        read_coco(document(path, **changes))


@pytest.mark.parametrize(
    "segmentation",
    [
        [[1, 2, 3]],
        [["a", 2]],
        [[1e300, 5, 2, 2, 3, 3]],
        {"size": [9, 9], "counts": [81]},
        {"size": [60, 80], "counts": [5, 5]},
        {"size": [60, 80], "counts": [-1, 4801]},
        {"size": [60, 80], "counts": "~~~~"},
        {"size": [60, 80], "counts": "ooooooooooooooooooo"},
        {"counts": "5"},
        7,
    ],
)
def test_a_segmentation_that_is_none_names_the_annotation(path, segmentation):
    file = read_coco(document(path, annotations=[entry(segmentation=segmentation)]))
    with pytest.raises(DataError, match="annotation 1 of"):
        instances_of_coco(file, file.images[0])


def test_one_category_of_any_name_is_one_class(path):
    changes = {"categories": [{"id": 3, "name": "Chromosom"}], "annotations": [entry()]}
    file = read_coco(document(path, **changes))
    truth, _ = instances_of_coco(file, file.images[0])
    assert truth.labels.tolist() == [0]
    assert [category["id"] for category in categories(unnamed=True)] == list(range(1, 26))
