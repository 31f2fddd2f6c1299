"""The evaluate verb with models whose answer is known."""

import json
import math
import os
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pytest

from metaphase import evaluate as verb
from metaphase import masks
from metaphase.datasets import ADAPTERS
from metaphase.datasets.formats.voc import VocAnnotation, write_voc
from metaphase.errors import ConfigError, DataError, ImageError
from metaphase.evaluate import evaluate
from metaphase.types import Instances, Karyotype, Spread

NAMES = [
    "A1",
    "A2",
    "A3",
    "B4",
    "B5",
    "C6",
    "C7",
    "C8",
    "C9",
    "C10",
    "C11",
    "C12",
    "D13",
    "D14",
    "D15",
    "E16",
    "E17",
    "E18",
    "F19",
    "F20",
    "G21",
    "G22",
]
CELL = [*NAMES, *NAMES, "X", "Y"]


@dataclass
class Oracle:
    """Answers with the truth, after `change`; refuses the images in `broken`."""

    set_name: str
    root: Path
    change: object = None
    broken: frozenset = frozenset()
    info: dict = field(default_factory=lambda: {"name": "oracle", "version": "0"})

    def spread(self, path):
        if path.stem in self.broken:
            raise ImageError(f"{path}: not an image")
        adapter = ADAPTERS[self.set_name]
        truth = adapter.read(adapter.find(self.root), path.stem).truth
        gray = np.zeros((truth.height, truth.width), np.uint8)
        return Spread(gray, 10.0, name=path.stem, truth=truth)

    def karyotype(self, spread):
        truth = spread.truth if self.change is None else self.change(spread.truth)
        return Karyotype(truth, (), (), {})


@pytest.fixture
def small(tmp_path, monkeypatch):
    """Six 46,XY cells of three cases in CIL's layout, both label sets; the second is listed as difficult."""
    monkeypatch.setattr(verb, "RESAMPLES", 40)
    names = [f"10{case}{shot}" for case in (316, 317, 318) for shot in (1, 2)]
    boxes = np.array([[12 * i, 5, 12 * i + 9, 40 + i % 7] for i in range(46)], float)
    sets = (
        ("24_chromosomes_object", "annotations", CELL),
        ("single_chromosomes_object", "anntations", ["chromosomes"] * 46),
    )
    for set_folder, labels, classes in sets:
        for folder in ("JEPG", labels):
            (tmp_path / "cil" / set_folder / folder).mkdir(parents=True)
        for name in names:
            (tmp_path / "cil" / set_folder / "JEPG" / f"{name}.jpg").write_bytes(b"")
            annotation = VocAnnotation(f"{name}.jpg", 600, 60, tuple(classes), boxes)
            (tmp_path / "cil" / set_folder / labels / f"{name}.xml").write_bytes(write_voc(annotation))
    for prefix in ("24", "single"):
        (tmp_path / "cil" / f"split_{prefix}_test.txt").write_text("\n".join(names), encoding="utf-8")
    (tmp_path / "cil" / "diff_image.txt").write_text(names[1], encoding="utf-8")
    return tmp_path


def run(*args, **kwargs):
    *progress, result = evaluate(*args, **kwargs)
    return progress, result


def values(result):
    return {key: entry["value"] for key, entry in result["metrics"].items()}


def test_the_truth_scores_one(small):
    progress, result = run("cil", "test", small, Oracle("cil", small))
    assert [event["done"] for event in progress] == [1, 2, 3, 4, 5, 6]
    assert all(event["reason"] is None and event["total"] == 6 for event in progress)
    scores = values(result)
    for key in ("AP", "AP50", "AP75", "tight_AP", "tight_AP50", "tight_AP75", "found", "end_to_end", "sanity"):
        assert scores[key] == pytest.approx(1), key
        assert result["metrics"][key]["low"] == pytest.approx(1)
    assert scores["false_per_cell"] == scores["count_error"] == 0
    assert (result["images"], result["instances"], result["cases"]) == (6, 276, 3)
    assert result["metrics"]["found"]["n"] == 6
    assert result["model"]["name"] == "oracle"
    assert result["not_scored"] == []
    assert np.trace(result["tables"]["confusion"]) == 276
    json.dumps(result, allow_nan=False)


def test_the_headline_is_the_annotators_box_and_the_tight_one_stands_apart(small):
    def tighter(truth):
        boxes = truth.boxes_xyxy + [2, 2, -2, -2]
        crops = [np.ones((int(y1 - y0), int(x1 - x0))) for x0, y0, x1, y1 in boxes]
        columns = {"labels": truth.labels, "annotation_boxes_xyxy": truth.boxes_xyxy}
        return Instances.from_masks(truth.height, truth.width, crops, boxes[:, :2].astype(int), **columns)

    scores = values(run("cil", "test", small, Oracle("cil", small, tighter))[1])
    assert scores["AP75"] == pytest.approx(1)
    assert scores["tight_AP75"] < 0.1
    assert scores["found"] == 1


def test_wrong_classes_missed_and_false_ones_by_hand(small):
    def spoil(truth):
        labels = truth.labels.copy()
        labels[0] = 2
        boxes = np.concatenate([truth.boxes_xyxy[:-1], [[590, 50, 599, 59]]])
        return Instances.from_boxes(truth.height, truth.width, boxes, labels=[*labels[:-1], 24])

    scores = values(run("cil", "test", small, Oracle("cil", small, spoil))[1])
    assert scores["found"] == pytest.approx(45 / 46)
    assert scores["end_to_end"] == pytest.approx(44 / 46)
    assert scores["class_accuracy"] == pytest.approx(44 / 45)
    assert scores["false_per_cell"] == 1
    assert scores["cells_without_error"] == scores["count_error"] == 0
    assert scores["exact_count"] == 1


def test_difficult_images_are_scored_apart(small):
    def half(truth):
        return truth.select(range(23))

    class Harder(Oracle):
        def karyotype(self, spread):
            truth = half(spread.truth) if spread.name == "103162" else spread.truth
            return Karyotype(truth, (), (), {})

    result = run("cil", "test", small, Harder("cil", small))[1]
    group = result["groups"]["difficult"]
    assert group["images"] == 1
    assert group["metrics"]["found"]["value"] == 0.5
    assert group["metrics"]["found"]["low"] is None, "one case has no interval"
    assert values(result)["found"] == pytest.approx(5.5 / 6)


def test_every_image_is_scored_or_listed_with_its_reason(small):
    (small / "cil" / "24_chromosomes_object" / "annotations" / "103171.xml").write_text(
        "<annotation>", encoding="utf-8"
    )

    class Resized(Oracle):
        def karyotype(self, spread):
            boxes = spread.truth.boxes_xyxy
            return (
                Karyotype(Instances.from_boxes(60, 700, boxes), (), (), {})
                if spread.name == "103182"
                else super().karyotype(spread)
            )

    progress, result = run("cil", "test", small, Resized("cil", small, broken=frozenset({"103162"})))
    reasons = {entry["image"]: entry["reason"] for entry in result["not_scored"]}
    assert sorted(reasons) == ["103162", "103171", "103182"]
    assert "not an image" in reasons["103162"]
    assert "103171.xml" in reasons["103171"]
    assert "600 x 60" in reasons["103182"]
    assert result["images"] == 3
    assert values(result)["found"] == 1
    assert [event["image"] for event in progress if event["reason"]] == ["103162", "103171", "103182"]
    assert any("3 of 6 images could not be scored" in note for note in result["notes"])


def test_nothing_scored_is_an_error_with_the_first_reason(small):
    everything = frozenset(path.stem for path in small.rglob("*.jpg"))
    with pytest.raises(DataError, match="none of 6 images could be scored, the first because: .*not an image"):
        run("cil", "test", small, Oracle("cil", small, broken=everything))


def test_one_class_prints_no_class_scores(small):
    result = run("cil-single", "test", small, Oracle("cil-single", small))[1]
    scores = values(result)
    assert set(scores) == {"found", "false_per_cell", "count_error", "exact_count", "sanity", "sanity_exact"}
    assert scores["found"] == scores["exact_count"] == 1
    assert result["tables"] == {}


def test_a_missing_list_of_a_group_costs_that_group_only(small):
    (small / "cil" / "diff_image.txt").unlink()
    result = run("cil", "test", small, Oracle("cil", small))[1]
    assert values(result)["found"] == 1
    assert result["groups"] == {}
    assert [note for note in result["notes"] if "difficult" in note and "diff_image.txt" in note]


def test_groups_are_known_before_the_first_image(small):
    images = evaluate("cil", "test", small, Oracle("cil", small))
    next(images)
    (small / "cil" / "diff_image.txt").unlink()
    *_, result = images
    assert result["groups"]["difficult"]["images"] == 1


def test_limit_takes_the_first_and_says_so(small):
    progress, result = run("cil", "test", small, Oracle("cil", small), limit=2)
    assert [event["image"] for event in progress] == ["103161", "103162"]
    assert "only the first 2 of 6 images of the split" in result["notes"]
    assert result["metrics"]["found"]["low"] is None, "both are of one case"


def test_stored_results_instead_of_a_model(small, tmp_path):
    folder = tmp_path / "results"
    adapter = ADAPTERS["cil"]
    index = adapter.find(small)
    for name in adapter.splits(index)["test"][:5]:
        truth = adapter.read(index, name).truth
        entries = []
        for box, label in zip(truth.boxes_xyxy.astype(int).tolist(), truth.labels.tolist(), strict=True):
            crop = np.ones((box[3] - box[1], box[2] - box[0]), bool)
            rle = masks.encode_rle(crop, box[:2], (truth.height, truth.width))
            entry = {"status": "chromosome", "category_id": label, "score": 1.0, "box": box, "segmentation": rle}
            entries.append(entry | {"probabilities": np.eye(24)[label - 1].tolist()})
        (folder / name).mkdir(parents=True)
        document = {"image": {"width": truth.width, "height": truth.height}, "instances": entries}
        (folder / name / "result.json").write_text(json.dumps(document), encoding="utf-8")
    result = run("cil", "test", small, predictions=folder)[1]
    assert values(result)["AP75"] == values(result)["end_to_end"] == pytest.approx(1)
    assert values(result)["ece"] == pytest.approx(0)
    assert [entry["image"] for entry in result["not_scored"]] == ["103182"]
    with pytest.raises(DataError, match="folder of stored results"):
        run("cil", "test", small, predictions=tmp_path / "none")


def test_unknown_names_are_refused_with_the_known_ones(small):
    with pytest.raises(ConfigError, match="unknown data set 'cli'; known are cil"):
        run("cli", "test", small)
    with pytest.raises(ConfigError, match="no split 'tset'; it has test"):
        run("cil", "tset", small)


def test_the_truth_scores_one_on_real_masks(monkeypatch):
    place = os.environ.get("METAPHASE_DATA")
    if not place or not (Path(place) / "gband_masks").is_dir():
        pytest.skip("needs the real data: METAPHASE_DATA names no folder with gband_masks")
    monkeypatch.setattr(verb, "RESAMPLES", 40)
    result = run("gband_masks", "test", Path(place), Oracle("gband_masks", Path(place)))[1]
    scores = values(result)
    for key in ("PQ_all", "SQ_all", "RQ_all", "AJI", "AJI_plus", "mPQ", "mask_AP", "mask_AP75", "AP50", "end_to_end"):
        assert scores[key] == pytest.approx(1), key
    assert (result["images"], result["instances"], result["cases"]) == (5, 230, 5)
    assert any("not the AutoKary2022 test" in note for note in result["notes"])
    assert all(math.isfinite(value) for value in scores.values())
