"""There and back: what a format can hold comes back exactly, what it cannot hold is said before anything is written."""

import numpy as np
import pytest
from published_layouts import (
    cell,
    encoded,
    full_cell,
    write,
    write_autokary,
    write_autokary_copy,
    write_bioimlab,
    write_cil,
    write_crcn,
    write_mfish,
    write_overlap_pairs,
)

from metaphase.curate import convert, locate
from metaphase.datasets import ADAPTERS
from metaphase.datasets.formats.coco import CocoWriter
from metaphase.errors import ConfigError, MetaphaseError
from metaphase.types import Instances

SIZE = (90, 110)


def strange_truth():
    """Masks that overlap, of one and of two pixels, with a hole, in two pieces; the last class is Y."""
    ring = np.ones((20, 20), bool)
    ring[8:12, 8:12] = False
    pieces = np.zeros((10, 30), bool)
    pieces[:4, :8], pieces[6:, 15:] = True, True
    crops = [np.ones((30, 8), bool), np.ones((8, 30), bool), np.ones((1, 1), bool), np.ones((1, 2), bool), ring, pieces]
    offsets = [(20, 10), (10, 20), (0, 0), (108, 89), (60, 10), (50, 60)]
    return Instances.from_masks(*SIZE, crops, offsets, labels=[1, 5, 22, 23, 24, 24])


def write_own(folder, truths):
    """A COCO folder of a lab: `truths`: image name -> instances; the images are gray noise."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    with (folder / "annotations.json").open("wb") as file:
        writer = CocoWriter(file, {})
        for name, truth in truths.items():
            write(folder / "images" / f"{name}.png", encoded(rng.integers(0, 255, SIZE, np.uint8)))
            writer.add(f"images/{name}.png", truth, {"case": f"case of {name}"})
        writer.close()
    return folder


def run(named, to, out, root=None, **options):
    steps = list(convert(str(named), to, out, root, **options))
    return steps[0]["said"], steps[-1]


def records(named, root=None):
    place = locate(str(named), root)
    return {name: place.adapter.read(place.index, name) for name in place.splits["all"]}


def same_masks(one, other):
    assert one.labels.tolist() == other.labels.tolist()
    assert one.offsets_xy.tolist() == other.offsets_xy.tolist()
    assert all(np.array_equal(a, b) for a, b in zip(one.crops, other.crops, strict=True))


NAMES = ("plain", "Zelle ä 細胞", "with.dots.1")


@pytest.fixture
def own(tmp_path):
    truths = dict.fromkeys(NAMES, strange_truth()) | {"empty": Instances.from_masks(*SIZE, [], [])}
    return write_own(tmp_path / "own", truths)


def test_coco_holds_everything(own, tmp_path):
    _, result = run(own, "coco", tmp_path / "copy")
    assert result["lost"] == dict.fromkeys(("masks", "holes", "pieces", "classes"), 0)
    first, second = records(own), records(tmp_path / "copy")
    assert list(first) == list(second)
    for name, record in first.items():
        same_masks(record.truth, second[name].truth)
        assert record.case == second[name].case == f"case of {name}"
        assert second[name].path.read_bytes() == record.path.read_bytes()
        assert second[name].warnings == ()


def test_labelme_holds_all_but_holes(own, tmp_path):
    said, result = run(own, "labelme", tmp_path / "copy")
    assert "holes in a mask are filled" in said
    assert result["lost"] == {"masks": 0, "holes": 3, "pieces": 0, "classes": 0}
    first, second = records(own), records(tmp_path / "copy")
    assert sorted(first) == sorted(second)
    for name, record in first.items():
        found = second[name].truth
        assert second[name].case == record.case
        assert len(found) == len(record.truth)
        keep = [i for i in range(len(found)) if i != 4]
        same_masks(record.truth.select(keep), found.select(keep))
        if len(found):
            assert found.areas[4] == 400  # the ring is filled


def test_yolo_holds_one_outline_each(own, tmp_path):
    said, result = run(own, "yolo", tmp_path / "copy")
    assert "largest stays" in said
    assert result["lost"] == {"masks": 0, "holes": 3, "pieces": 3, "classes": 0}
    first, second = records(own), records(tmp_path / "copy")
    for name in NAMES:
        same_masks(first[name].truth.select([0, 1, 2, 3]), second[name].truth.select([0, 1, 2, 3]))
        assert second[name].case == first[name].case
        assert second[name].truth.areas[5] == 4 * 15
    assert len(second["empty"].truth) == 0


def test_voc_says_before_writing_that_masks_are_lost(own, tmp_path):
    steps = convert(str(own), "voc", tmp_path / "copy")
    assert "MASKS AND OVERLAPS ARE LOST" in next(steps)["said"]
    assert not (tmp_path / "copy").exists()
    result = list(steps)[-1]
    assert result["lost"]["masks"] == 18
    first, second = records(own), records(tmp_path / "copy")
    for name, record in first.items():
        assert second[name].truth.boxes_xyxy.tolist() == record.truth.boxes_xyxy.tolist()
        assert second[name].truth.labels.tolist() == record.truth.labels.tolist()


@pytest.mark.parametrize("to", ["coco", "yolo", "labelme", "voc"])
def test_boxes_come_back_exactly_from_every_format(tmp_path, to):
    write_cil(tmp_path, {"105161": full_cell(1), "105171": cell(2)}, {"train": ["105161"], "test": ["105171"]})
    _, result = run("cil", to, tmp_path / "copy", tmp_path)
    assert (result["images"], result["lost"]) == (2, dict.fromkeys(("masks", "holes", "pieces", "classes"), 0))
    first, second = records("cil", tmp_path), records(tmp_path / "copy")
    for name, record in first.items():
        assert not second[name].truth.has_masks or not len(record.truth)
        assert second[name].truth.boxes_xyxy.tolist() == record.truth.boxes_xyxy.tolist()
        assert second[name].truth.labels.tolist() == record.truth.labels.tolist()
        assert second[name].case == record.case
        assert second[name].warnings == ()
    place = locate(str(tmp_path / "copy"), None)
    assert (place.splits["train"], place.splits["test"]) == (["105161"], ["105171"])


@pytest.mark.parametrize("to", ["coco", "yolo", "labelme", "voc"])
def test_one_class_stays_one_class(tmp_path, to):
    write_crcn(tmp_path, {"P1_01": cell(1), "hard/P2_01": cell(2)})
    run("crcn-ne", to, tmp_path / "copy", tmp_path)
    for name, record in records("crcn-ne", tmp_path).items():
        found = records(tmp_path / "copy")[name]
        assert found.truth.labels.tolist() == [0] * 4
        assert found.truth.boxes_xyxy.tolist() == record.truth.boxes_xyxy.tolist()
        assert found.case == record.case


@pytest.mark.parametrize("to", ["coco", "yolo", "labelme", "voc"])
@pytest.mark.parametrize("name", ["autokary2022", "overlap-pairs", "bioimlab", "mfish", "mfish-rejoined"])
def test_every_published_layout_converts_and_reads_back(tmp_path, name, to):
    spread = cell(1, (1, 7, 18, 23), overlap=0.0)
    write_autokary(tmp_path, {"train/A/a1": cell(1), "test/B/b1": cell(2)}, embed=True)
    write_overlap_pairs(tmp_path, count=1)
    write_bioimlab(tmp_path, {"1": spread})
    write_mfish(tmp_path, {"A01__XY/A0101XY": (spread, "46,XY")})
    said, result = run(name, to, tmp_path / "copy", tmp_path)
    assert said
    assert result["left_out"] == []
    first, second = records(name, tmp_path), records(tmp_path / "copy")
    assert sorted(first) == sorted(second)
    for key, record in first.items():
        assert np.array_equal(second[key].gray().gray, record.gray().gray)
        if to == "coco":
            same_masks(record.truth, second[key].truth)
        else:
            assert second[key].truth.labels.tolist() == record.truth.labels.tolist()


def test_labels_without_images_are_converted_and_counted(tmp_path):
    write_autokary_copy(tmp_path, {"train/0_1_247_180_0.880": cell(1)})
    _, result = run("autokary2022", "coco", tmp_path / "copy", tmp_path)
    assert (result["images"], result["without_image"]) == (1, 1)
    same_masks(records(tmp_path / "copy")["0_1_247_180_0.880"].truth, cell(1).truth)


def test_what_cannot_be_read_is_left_out_and_named(tmp_path):
    home = write_cil(tmp_path, {"105161": cell(1), "105171": cell(2)})
    (home / "24_chromosomes_object" / "annotations" / "105161.xml").write_text("<no", encoding="utf-8")
    steps = list(convert("cil", "coco", tmp_path / "copy", tmp_path))
    assert "105161.xml" in steps[1]["reason"]
    assert [left["image"] for left in steps[-1]["left_out"]] == ["105161"]
    assert list(records(tmp_path / "copy")) == ["105171"]


def test_nothing_is_written_over(tmp_path, own):
    (tmp_path / "copy").mkdir()
    write(tmp_path / "copy" / "mine.txt", "mine")
    with pytest.raises(MetaphaseError, match="not empty"):
        run(own, "coco", tmp_path / "copy")
    with pytest.raises(MetaphaseError, match="is a file"):
        run(own, "coco", tmp_path / "copy" / "mine.txt")
    with pytest.raises(ConfigError, match="unknown format 'tfrecord'"):
        run(own, "tfrecord", tmp_path / "other")
    with pytest.raises(ConfigError, match="has no split 'dev'"):
        run(own, "coco", tmp_path / "other", split="dev")


def test_a_case_never_leads_out_of_the_folder(tmp_path):
    truth = {"a": strange_truth()}
    write_own(tmp_path / "own", truth)
    write(tmp_path / "own" / "cases.csv", "image,case\na.png,../../away\n")
    run(tmp_path / "own", "labelme", tmp_path / "deep" / "copy")
    assert (tmp_path / "deep" / "copy" / "a.json").is_file()
    assert not (tmp_path / "away").exists()
    assert set(ADAPTERS) >= {"coco", "yolo", "labelme", "voc"}


def test_yolo_gets_lists_of_the_images_of_each_split(own, tmp_path):
    for side, name in (("train", NAMES[0]), ("val", NAMES[1]), ("test", NAMES[2])):
        write(own / f"split_{side}.txt", f"{name}\n")
    run(own, "yolo", tmp_path / "copy")
    yaml = (tmp_path / "copy" / "data.yaml").read_text(encoding="utf-8")
    for side, name in (("train", NAMES[0]), ("val", NAMES[1]), ("test", NAMES[2])):
        assert f"\n{side}: {side}.txt\n" in yaml
        listed = (tmp_path / "copy" / f"{side}.txt").read_text(encoding="utf-8")
        assert listed == f"./images/{name}.png\n"
        assert (tmp_path / "copy" / listed.strip()).is_file()
        assert locate(str(tmp_path / "copy"), None).splits[side] == [name]


def test_yolo_without_splits_has_one_folder(own, tmp_path):
    run(own, "yolo", tmp_path / "copy")
    assert "train: images\nval: images\n" in (tmp_path / "copy" / "data.yaml").read_text(encoding="utf-8")
