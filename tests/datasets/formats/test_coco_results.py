"""COCO result files of any tool, good and bad."""

import json

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pycocotools import mask as coco_mask

from metaphase.datasets.formats.coco_results import CocoReading, coco_entries, read_coco_results
from metaphase.errors import DataError
from metaphase.masks import trace_polygons
from metaphase.types import Instances

GOOD = {"image_id": "cell1", "category_id": 3, "score": 0.5, "bbox": [2, 3, 10, 20]}


@pytest.fixture
def file(tmp_path):
    def write(document, name="found.json"):
        path = tmp_path / name
        path.write_text(document if isinstance(document, str) else json.dumps(document), encoding="utf-8")
        return path

    return write


def read(path, names=("cell1", "cell2"), **reading):
    return read_coco_results(path, names, CocoReading(**reading))


def test_boxes_become_half_open_corners(file):
    found = read(file([GOOD, GOOD | {"image_id": "cell2.png", "category_id": 24}]))
    instances = found.instances("cell1", 60, 50)
    assert instances.boxes_xyxy.tolist() == [[2, 3, 12, 23]]
    assert (instances.labels.tolist(), instances.scores.tolist()) == ([3], [0.5])
    assert (instances.has_masks, found.has_probabilities, found.one_class) == (False, False, False)
    assert found.instances("cell2", 60, 50).labels.tolist() == [24]
    assert len(found.instances("cell3", 60, 50)) == 0


def test_masks_in_every_spelling(file):
    full = np.zeros((30, 40), bool)
    full[5:9, 7:20] = True
    packed = coco_mask.encode(np.asfortranarray(full.astype(np.uint8)))
    runs = np.flatnonzero(np.diff(np.concatenate([[False], full.T.reshape(-1), [False]])))
    counts = np.diff([0, *runs.tolist(), full.size]).tolist()
    polygon = [[7, 5, 19, 5, 19, 8, 7, 8]]
    for segmentation in (
        {"size": [30, 40], "counts": packed["counts"].decode()},
        {"size": [30, 40], "counts": counts},
        polygon,
    ):
        entry = {key: value for key, value in GOOD.items() if key != "bbox"} | {"segmentation": segmentation}
        instances = read(file([entry])).instances("cell1", 30, 40)
        np.testing.assert_array_equal(instances.mask(0), full)
        assert instances.annotation_boxes_xyxy.tolist() == [[7, 5, 20, 9]], "without a bbox, the tight box"


def test_a_bbox_beside_a_mask_is_the_annotators_box(file):
    entry = GOOD | {"segmentation": [[7, 5, 19, 5, 19, 8, 7, 8]]}
    instances = read(file([entry])).instances("cell1", 30, 40)
    assert instances.boxes_xyxy.tolist() == [[7, 5, 20, 9]]
    assert instances.annotation_boxes_xyxy.tolist() == [[2, 3, 12, 23]]


@settings(max_examples=15, deadline=None, derandomize=True)
@given(st.integers(0, 10_000))
def test_what_is_written_reads_back(tmp_path_factory, seed):
    rng = np.random.default_rng(seed)
    crops = [rng.random((int(h), int(w))) < 0.7 for h, w in rng.integers(1, 9, (7, 2))]
    for crop in crops:
        crop[0, 0] = True
    given_ = Instances.from_masks(
        40,
        50,
        crops,
        rng.integers(0, 30, (7, 2)),
        labels=rng.integers(1, 25, 7),
        scores=rng.random(7),
        probabilities_nc=rng.dirichlet(np.ones(24), 7),
        annotation_boxes_xyxy=rng.integers(0, 20, (7, 1)) + [0, 0, 5, 9] + rng.random((7, 4)),
        status=["chromosome"] * 6 + ["debris"],
    )
    path = tmp_path_factory.mktemp("coco") / "found.json"
    path.write_text(json.dumps(coco_entries(given_, "cell1")), encoding="utf-8")
    back, kept = read(path).instances("cell1", 40, 50), given_.of_status("chromosome")
    assert len(back) == 6
    for name in ("labels", "scores", "probabilities_nc", "offsets_xy"):
        np.testing.assert_array_equal(getattr(back, name), getattr(kept, name), err_msg=name)
    np.testing.assert_allclose(back.annotation_boxes_xyxy, kept.annotation_boxes_xyxy, atol=1e-5)
    for a, b in zip(back.crops, kept.crops, strict=True):
        np.testing.assert_array_equal(a, b)


def test_ids_are_looked_up_in_a_coco_file(file):
    images = file({"images": [{"id": 17, "file_name": "test/cell2.jpg"}]}, "truth.json")
    found = read(file([GOOD | {"image_id": 17}]), images=images)
    assert list(found.entries) == ["cell2"]
    whole = file({"images": [{"id": 17, "file_name": "cell2.jpg"}], "annotations": [GOOD | {"image_id": 17}]})
    assert list(read(whole).entries) == ["cell2"]
    assert list(read(file([GOOD | {"image_id": 104011}]), names=["104011"]).entries) == ["104011"]


def test_one_category_only_is_no_class(file):
    cell = [GOOD | {"category_id": 1, "bbox": [i, 0, 5, 5]} for i in range(46)]
    found = read(file(cell))
    assert found.one_class
    assert set(found.instances("cell1", 60, 60).labels.tolist()) == {0}
    assert not read(file(cell), one_class=False).one_class
    assert not read(file(cell[:6])).one_class, "six of a class may stand in a cell"
    zeros = [entry | {"category_id": 0} for entry in cell]
    assert read(file(zeros), one_class=True).one_class
    with pytest.raises(DataError, match="entry 1 .*counted from 0 need 1 added; .*--one-class"):
        read(file(zeros))


def test_faint_ones_are_counted(file):
    found = read(file([GOOD, GOOD | {"score": 0.1}]), min_score=0.3)
    assert (len(found.entries["cell1"]), found.faint) == (1, 1)


BAD = {
    "unknown image": (GOOD | {"image_id": "cell9"}, "the data set has no image 'cell9'.*--images"),
    "no image": (
        {key: value for key, value in GOOD.items() if key != "image_id"},
        "image_id must be a number or a name",
    ),
    "category": (GOOD | {"category_id": 25}, r"category_id must lie in 1..24 .* but is 25"),
    "category of another type": (GOOD | {"category_id": "3"}, "category_id must be a whole number"),
    "nan score": (GOOD | {"score": float("nan")}, "score must be a finite number, but is nan"),
    "huge score": (GOOD | {"score": 10**400}, "score must be a finite number"),
    "no score": (GOOD | {"score": None}, "score must be a finite number"),
    "infinite box": (GOOD | {"bbox": [0, 0, float("inf"), 1]}, "bbox must be four numbers"),
    "three numbers": (GOOD | {"bbox": [0, 0, 5]}, "bbox must be four numbers"),
    "no area": (GOOD | {"bbox": [0, 0, 5, 0]}, "a height above 0"),
    "neither": (GOOD | {"bbox": None}, "expected a bbox or a segmentation"),
    "id twice": (GOOD | {"id": 5}, "the id 5 is used twice"),
    "probabilities": (GOOD | {"probabilities": [1.0]}, "probabilities must be 24"),
    "no object": ([1], "expected an object"),
}


@pytest.mark.parametrize("kind", BAD)
def test_bad_entries_name_file_and_entry_or_are_listed(file, kind):
    bad, message = BAD[kind]
    path = file([GOOD | {"id": 5}, bad])
    with pytest.raises(DataError, match=rf"found.json: entry 2 \(image .*\): .*{message}"):
        read(path)
    found = read(path, skip_invalid=True)
    assert [entry["entry"] for entry in found.invalid] == [2]
    assert len(found.entries["cell1"]) == 1


@pytest.mark.parametrize(
    ("segmentation", "message"),
    [
        ({"size": [40, 30], "counts": [1200]}, "the RLE is of size"),
        ({"size": [30, 40], "counts": [1200]}, "the mask is empty"),
        ({"size": [30, 40], "counts": [1, 2]}, "the runs of the RLE are of 3 pixels"),
        ({"size": [30, 40], "counts": "\u00e9"}, "ascii|RLE"),
        ({"size": [30, 40]}, "no counts"),
        ([[1, 2, 3]], "reshape|pairs"),
        ([[900, 900, 901, 900, 901, 901]], "in or near the image"),
        ([[50, 5, 60, 5, 60, 8]], "no pixel inside the image"),
        ("polygon", "must be an RLE or a list of polygons"),
    ],
)
def test_bad_masks_name_file_and_entry_or_are_listed(file, segmentation, message):
    path = file([GOOD | {"segmentation": segmentation}])
    with pytest.raises(DataError, match=rf"found.json: entry 1 \(image cell1\): .*({message})"):
        read(path).instances("cell1", 30, 40)
    found = read(path, skip_invalid=True)
    assert len(found.instances("cell1", 30, 40)) == 0
    assert [entry["entry"] for entry in found.invalid] == [1]


def test_boxes_among_masks_are_refused(file):
    path = file([GOOD | {"segmentation": [[7, 5, 19, 5, 19, 8]]}, GOOD])
    with pytest.raises(DataError, match="entry 2 .*no segmentation, while other entries"):
        read(path)


@pytest.mark.parametrize("text", ["", "[1,", "{}", '"x"', "3"])
def test_other_files_are_refused(file, text):
    with pytest.raises(DataError, match=r"found.json: expected a COCO"):
        read(file(text))


def test_a_list_of_images_that_is_none_is_refused(file):
    for images, message in (
        ([], "list under images"),
        ({"images": [{"id": 1}]}, "image 1 must have an id and a file_name"),
        ({"images": [{"id": 1, "file_name": "a"}, {"id": 1, "file_name": "b"}]}, "image 2: the id 1 is used twice"),
    ):
        with pytest.raises(DataError, match=message):
            read(file([GOOD]), images=file(images, "truth.json"))
    with pytest.raises(DataError, match="cannot be read"):
        read(file([GOOD]).with_name("none.json"))


@settings(max_examples=30, deadline=None, derandomize=True)
@given(st.integers(0, 10_000))
def test_a_mask_its_polygons_and_back(tmp_path_factory, seed):
    """As metrics.md asks: vertices are centres of boundary pixels, the boundary included; pieces make one mask."""
    rng = np.random.default_rng(seed)
    full = np.zeros((30, 40), bool)
    for _ in range(3):
        y, x, h, w = rng.integers([0, 0, 1, 1], [20, 30, 9, 9])
        full[y : y + h, x : x + w] = True
    polygons = [outline.reshape(-1).tolist() for outline in trace_polygons(full)]
    path = tmp_path_factory.mktemp("coco") / "found.json"
    path.write_text(json.dumps([GOOD | {"segmentation": polygons}]), encoding="utf-8")
    back = read(path).instances("cell1", 30, 40).mask(0)
    filled = cv2.drawContours(full.astype(np.uint8), *contours(full)).astype(bool)
    np.testing.assert_array_equal(back, filled)


def contours(full):
    """Arguments that fill the holes of a mask: a polygon cannot say that it has one."""
    found, _ = cv2.findContours(full.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    return found, -1, 1, cv2.FILLED
