"""A lab's own folders: the format is recognised, splits and cases are found, wrong files are named."""

import json

import numpy as np
import pytest
from published_layouts import CIL_NAMES, cell, encoded, labelme_document, write, yolo_lines

from metaphase.datasets import ADAPTERS, adapter_for
from metaphase.datasets.formats.coco import annotation_entries, categories
from metaphase.datasets.formats.own_folder import own_index
from metaphase.datasets.formats.voc import VocAnnotation, write_voc
from metaphase.errors import DataError

SPREAD = cell(1)
TRUTH = SPREAD.truth
PNG = encoded(SPREAD.gray)


def coco(home, place="annotations.json", file_name="images/a.png"):
    image = {"id": 5, "file_name": file_name, "height": SPREAD.height, "width": SPREAD.width}
    document = {"images": [image], "annotations": annotation_entries(TRUTH, 5, 1), "categories": categories()}
    return write(home / place, json.dumps(document))


def labelme(home, place="a.json", **options):
    return write(home / place, json.dumps(labelme_document(SPREAD, "a.png", **options)))


def yolo(home):
    write(home / "images" / "a.png", PNG)
    write(home / "data.yaml", f"names: {json.dumps([str(n) for n in range(1, 23)] + ['X', 'Y'])}\n")
    return write(home / "labels" / "a.txt", yolo_lines(SPREAD))


def voc(home, name="a"):
    write(home / "JPEGImages" / f"{name}.png", PNG)
    annotation = VocAnnotation(
        f"{name}.png", SPREAD.width, SPREAD.height, ("1", "chrX"), TRUTH.boxes_xyxy[:2].astype(float)
    )
    return write(home / "Annotations" / f"{name}.xml", write_voc(annotation))


def read(root, name="a"):
    adapter = ADAPTERS[adapter_for(root)]
    return adapter.read(adapter.find(root), name)


@pytest.mark.parametrize(("make", "format_name"), [(coco, "coco"), (labelme, "labelme"), (yolo, "yolo"), (voc, "voc")])
def test_the_format_is_recognised(tmp_path, make, format_name):
    make(tmp_path)
    assert adapter_for(tmp_path) == format_name
    index = ADAPTERS[format_name].find(tmp_path)
    assert ADAPTERS[format_name].splits(index) == {"test": ["a"], "all": ["a"]}
    record = read(tmp_path)
    assert record.case == "a"
    assert np.array_equal(record.truth.boxes_xyxy, TRUTH.boxes_xyxy[: len(record.truth)])


def test_a_folder_of_something_else_is_refused(tmp_path):
    write(tmp_path / "notes.json", '{"a": 1}')
    write(tmp_path / "readme.txt", "hello")
    with pytest.raises(DataError, match="expected labelled images in COCO, LabelMe, YOLO or Pascal VOC"):
        adapter_for(tmp_path)
    with pytest.raises(DataError, match="expected"):
        adapter_for(tmp_path / "nothing")


def test_a_spoilt_file_of_a_format_is_still_that_format(tmp_path):
    path = coco(tmp_path)
    path.write_bytes(path.read_bytes()[:-20])
    assert adapter_for(tmp_path) == "coco"
    with pytest.raises(DataError, match=r"annotations\.json.*cannot be parsed"):
        ADAPTERS["coco"].find(tmp_path)


@pytest.mark.parametrize(
    "place", ["annotations.json", "annotations/instances_test.json", "test/_annotations.coco.json"]
)
def test_coco_files_and_images_in_the_usual_places(tmp_path, place):
    path = coco(tmp_path, place, "a.png")
    write(path.parent / "a.png" if place.startswith("test") else tmp_path / "images" / "a.png", PNG)
    index = ADAPTERS["coco"].find(tmp_path)
    assert index.splits["test"] == ("a",)
    assert read(tmp_path).has_image


def test_a_coco_file_may_not_lead_out_of_the_folder(tmp_path):
    write(tmp_path / "secret.png", PNG)
    coco(tmp_path / "own", file_name="../secret.png")
    index = ADAPTERS["coco"].find(tmp_path / "own")
    assert index.images == {}


def test_two_coco_files_with_the_same_image_names(tmp_path):
    coco(tmp_path, "train.json")
    coco(tmp_path, "val.json")
    index = ADAPTERS["coco"].find(tmp_path)
    assert (index.splits["train"], index.splits["val"]) == (("a",), ("val__a",))
    assert len(ADAPTERS["coco"].read(index, "val__a").truth) == 4


def test_a_changed_coco_file_is_read_again(tmp_path):
    path = coco(tmp_path)
    assert len(read(tmp_path).truth) == 4
    document = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps(document | {"annotations": document["annotations"][:1]}), encoding="utf-8")
    assert len(read(tmp_path).truth) == 1


def test_labelme_folders_are_cases_and_images_may_be_inside(tmp_path):
    labelme(tmp_path, "train/Patient 1/a.json", embed=True)
    labelme(tmp_path, "test/Patient 1/b.json", embed=True)
    write(tmp_path / "test" / "Patient 1" / "lonely.png", PNG)
    index = ADAPTERS["labelme"].find(tmp_path)
    assert index.cases == {"a": "Patient 1", "b": "Patient 1"}
    assert (index.splits["train"], index.splits["test"]) == (("a",), ("b",))
    assert "1 case stands in more than one split" in index.notes("test")[-1]
    assert [path.name for path in index.lone] == ["lonely.png"]
    assert np.array_equal(read(tmp_path).gray().gray, SPREAD.gray)


def test_rectangles_in_labelme_are_boxes(tmp_path):
    shape = {"label": "X", "points": [[10, 20], [5, 8]], "shape_type": "rectangle"}
    write(
        tmp_path / "a.json", json.dumps({"imageHeight": 50, "imageWidth": 60, "imagePath": "a.png", "shapes": [shape]})
    )
    truth = read(tmp_path).truth
    assert (truth.has_masks, truth.boxes_xyxy.tolist(), truth.labels.tolist()) == (False, [[5, 8, 10, 20]], [23])


def test_lists_and_a_table_of_cases(tmp_path):
    for name in ("a", "b", "c"):
        voc(tmp_path, name)
    write(tmp_path / "cases.csv", "image,case\na.png,P1\nb,P1\nc.png,P2\n")
    write(tmp_path / "split_train.txt", "a\nb.png\n")
    write(tmp_path / "split_test.txt", "c\nghost\n")
    index = ADAPTERS["voc"].find(tmp_path)
    assert index.cases == {"a": "P1", "b": "P1", "c": "P2"}
    assert (index.splits["train"], index.splits["test"]) == (("a", "b"), ("c",))
    assert index.notes("test") == ("1 names in split_test.txt have no image and label, the first is ghost",)
    assert index.notes("train") == ()
    write(tmp_path / "cases.csv", "image\na\n")
    with pytest.raises(DataError, match=r"cases\.csv.*two columns"):
        ADAPTERS["voc"].find(tmp_path)


def test_voc_image_sets_are_splits_and_other_names_are_set_aside(tmp_path):
    path = voc(tmp_path)
    write(tmp_path / "ImageSets" / "Main" / "val.txt", "a\nghost\n")
    path.write_text(path.read_text(encoding="utf-8").replace(">chrX<", ">nucleus<"), encoding="utf-8")
    index = ADAPTERS["voc"].find(tmp_path)
    assert index.splits["val"] == ("a",)
    assert "1 names in val.txt have no image and label" in index.notes("val")[-1]
    record = ADAPTERS["voc"].read(index, "a")
    assert record.truth.labels.tolist() == [1]
    assert record.warnings == ("1 objects with name 'nucleus', which is no class, are set aside",)


@pytest.mark.parametrize("written", ["some/folder/a.png", "C:\\cells\\a.png", ".."])
def test_a_voc_file_may_name_its_image_with_a_folder(tmp_path, written):
    path = voc(tmp_path)
    path.write_text(path.read_text(encoding="utf-8").replace("a.png", written), encoding="utf-8")
    (tmp_path / "JPEGImages" / "a.png").unlink()
    assert read(tmp_path).path == tmp_path / "Annotations" / ("a.jpg" if written == ".." else "a.png")


def test_names_with_blanks_in_lists(tmp_path):
    voc(tmp_path, "Zelle 1")
    write(tmp_path / "split_val.txt", "Zelle 1\n\n")
    assert ADAPTERS["voc"].find(tmp_path).splits["val"] == ("Zelle 1",)


def test_yolo_outlines_give_masks(tmp_path):
    path = yolo(tmp_path)
    path.write_text("22 0.1 0.1 0.3 0.1 0.3 0.3\n", encoding="ascii")
    truth = read(tmp_path).truth
    assert truth.has_masks
    assert truth.labels.tolist() == [23]
    path.write_text("22 0.1 0.1 0.3 0.1 0.3 0.3\n0 0.5 0.5 0.1 0.1\n", encoding="ascii")
    assert not read(tmp_path).truth.has_masks  # a box among outlines: boxes are what all have


def test_the_yolo_conversion_of_cil(tmp_path):
    for side, name in (("train", "105161"), ("test", "105162")):
        write(tmp_path / "cil" / side / "images" / f"{name}.jpg", encoded(SPREAD.gray, ".jpg"))
        write(tmp_path / "cil" / side / "labels" / f"{name}.txt", yolo_lines(SPREAD))
    write(tmp_path / "cil" / "data.yaml", f"nc: 24\nnames: {json.dumps(CIL_NAMES)}\n")
    adapter = ADAPTERS["cil"]
    index = adapter.find(tmp_path)
    assert set(index.splits) == {"official-train", "official-test", "all"}
    assert "1 case stands in more than one split" in index.notes("official-test")[-1]
    record = adapter.read(index, "105161")
    assert record.truth.labels.tolist() == TRUTH.labels.tolist()
    assert np.array_equal(record.truth.boxes_xyxy, TRUTH.boxes_xyxy)


@pytest.mark.parametrize("outside", ["../secret.txt", "{home}/secret.txt", "..\\secret.txt"])
def test_no_file_outside_the_folder_is_taken_for_an_image(tmp_path, outside):
    write(tmp_path / "secret.txt", "not for copying")
    coco(tmp_path / "own", file_name=outside.format(home=tmp_path))
    record = read(tmp_path / "own", "secret")
    assert record.path == tmp_path / "own" / "secret.txt"
    assert not record.has_image


@pytest.mark.parametrize("folders", [("/x", "/y"), ("C:\\x", "C:\\y"), ("../x", "../y")])
def test_names_hold_no_anchor_and_no_way_up(tmp_path, folders):
    path = coco(tmp_path)
    document = json.loads(path.read_text(encoding="utf-8"))
    image = document["images"][0]
    document["images"] = [image | {"id": i, "file_name": f"{folder}/a.png"} for i, folder in enumerate(folders)]
    path.write_text(json.dumps(document | {"annotations": []}), encoding="utf-8")
    assert ADAPTERS["coco"].find(tmp_path).splits["all"] == ("x__a", "y__a")


@pytest.mark.parametrize("name", ["..", "a/b", "a\\b", "/a", "C:a", ""])
def test_a_name_that_is_no_plain_file_name_is_refused(tmp_path, name):
    with pytest.raises(DataError, match="cannot be the name of an image"):
        own_index(tmp_path, {name: tmp_path / "a.json"}, {})


def test_one_name_twice_in_a_coco_file_is_refused(tmp_path):
    path = coco(tmp_path)
    document = json.loads(path.read_text(encoding="utf-8"))
    document["images"] = [document["images"][0] | {"id": i} for i in (5, 6)]
    path.write_text(json.dumps(document), encoding="utf-8")
    with pytest.raises(DataError, match="two images are called"):
        ADAPTERS["coco"].find(tmp_path)
