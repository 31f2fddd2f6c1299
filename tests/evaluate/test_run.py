"""The evaluate verb with models whose answer is known."""

import json
import math
import os
from pathlib import Path

import numpy as np
import pytest
from jsonschema import Draft202012Validator

from metaphase import masks
from metaphase.datasets import ADAPTERS
from metaphase.datasets.formats.coco_results import CocoReading
from metaphase.errors import ConfigError, DataError
from metaphase.evaluate import evaluate
from metaphase.metrics import MEANINGS
from metaphase.report import metrics_schema
from metaphase.types import Instances, Karyotype


def values(outcome):
    found = {key: entry["value"] for key, entry in outcome.document["metrics"].items()}
    assert set(found) <= set(MEANINGS), "each figure is said in words"
    return found


def test_the_truth_scores_one(small, run, oracle):
    progress, result = run("cil", "test", small, oracle("cil", small))
    assert [event["done"] for event in progress] == [1, 2, 3, 4, 5, 6]
    assert all(event["reason"] is None and event["total"] == 6 for event in progress)
    scores = values(result)
    for key in ("AP", "AP50", "AP75", "PQ_all", "mPQ", "AJI", "found", "end_to_end", "sanity"):
        assert scores[key] == pytest.approx(1), key
        assert result.document["metrics"][key]["low"] == pytest.approx(1)
    assert scores["false_per_cell"] == scores["count_error"] == 0
    assert (result.document["images"], result.document["instances"], result.document["cases"]) == (6, 276, 3)
    assert result.document["metrics"]["found"]["n"] == 6
    assert result.document["model"]["name"] == "oracle"
    assert result.document["not_scored"] == []
    assert not any("intervals" in note for note in result.document["notes"])
    assert np.trace(result.document["tables"]["confusion"]) == 276
    Draft202012Validator(metrics_schema()).validate(result.document)
    json.dumps([result.document, result.cells, result.predictions], allow_nan=False)


def test_the_headline_is_the_annotators_box_and_the_tight_one_stands_apart(small, run, oracle):
    def tighter(truth):
        boxes = truth.boxes_xyxy + [2, 2, -2, -2]
        crops = [np.ones((int(y1 - y0), int(x1 - x0))) for x0, y0, x1, y1 in boxes]
        columns = {"labels": truth.labels, "annotation_boxes_xyxy": truth.boxes_xyxy}
        return Instances.from_masks(truth.height, truth.width, crops, boxes[:, :2].astype(int), **columns)

    scores = values(run("cil", "test", small, oracle("cil", small, tighter))[1])
    assert scores["AP75"] == pytest.approx(1)
    assert scores["tight_AP75"] < 0.1
    assert scores["found"] == 1


def test_wrong_classes_missed_and_false_ones_by_hand(small, run, oracle):
    def spoil(truth):
        labels = truth.labels.copy()
        labels[0] = 2
        boxes = np.concatenate([truth.boxes_xyxy[:-1], [[590, 50, 599, 59]]])
        return Instances.from_boxes(truth.height, truth.width, boxes, labels=[*labels[:-1], 24])

    scores = values(run("cil", "test", small, oracle("cil", small, spoil))[1])
    assert scores["found"] == pytest.approx(45 / 46)
    assert scores["end_to_end"] == pytest.approx(44 / 46)
    assert scores["class_accuracy"] == pytest.approx(44 / 45)
    assert scores["false_per_cell"] == 1
    assert scores["cells_without_error"] == scores["count_error"] == 0
    assert scores["exact_count"] == 1


def test_difficult_images_are_scored_apart(small, run, oracle):
    def half(truth):
        return truth.select(range(23))

    class Harder(oracle):
        def karyotype(self, spread):
            truth = half(self.truth(spread.name)) if spread.name == "103162" else self.truth(spread.name)
            return Karyotype(truth, (), (), {})

    result = run("cil", "test", small, Harder("cil", small))[1]
    group = result.document["groups"]["difficult"]
    assert group["images"] == 1
    assert group["metrics"]["found"]["value"] == 0.5
    assert group["metrics"]["found"]["low"] is None, "one case has no interval"
    assert values(result)["found"] == pytest.approx(5.5 / 6)


def test_every_image_is_scored_or_listed_with_its_reason(small, run, oracle):
    (small / "cil" / "24_chromosomes_object" / "annotations" / "103171.xml").write_text(
        "<annotation>", encoding="utf-8"
    )

    class Resized(oracle):
        def karyotype(self, spread):
            boxes = self.truth(spread.name).boxes_xyxy
            return (
                Karyotype(Instances.from_boxes(70, 700, boxes), (), (), {})
                if spread.name == "103182"
                else super().karyotype(spread)
            )

    progress, result = run("cil", "test", small, Resized("cil", small, broken=frozenset({"103162"})))
    reasons = {entry["image"]: entry["reason"] for entry in result.document["not_scored"]}
    assert sorted(reasons) == ["103162", "103171", "103182"]
    assert "not an image" in reasons["103162"]
    assert "103171.xml" in reasons["103171"]
    assert "600 x 70" in reasons["103182"]
    assert result.document["images"] == 3
    assert values(result)["found"] == 1
    assert [event["image"] for event in progress if event["reason"]] == ["103162", "103171", "103182"]
    assert any("3 of 6 images could not be scored" in note for note in result.document["notes"])


def test_nothing_scored_is_an_error_with_the_first_reason(small, run, oracle):
    everything = frozenset(path.stem for path in small.rglob("*.jpg"))
    with pytest.raises(DataError, match="none of 6 images could be scored, the first because: .*not an image"):
        run("cil", "test", small, oracle("cil", small, broken=everything))


def test_one_class_prints_no_class_scores(small, run, oracle):
    result = run("cil-single", "test", small, oracle("cil-single", small))[1]
    scores = values(result)
    first = ["found", "false_per_cell", "count_error", "exact_count", "sanity", "sanity_exact", "AP", "AP50", "AP75"]
    assert list(scores)[:9] == first
    assert not {"mPQ", "end_to_end", "class_accuracy", "ece", "mask_AP"} & set(scores)
    assert scores["found"] == scores["exact_count"] == scores["AP"] == 1
    assert "confusion" not in result.document["tables"]
    assert result.document["by_class"] == {}
    said = {key: entry["reason"] for entry in result.document["left_out"] for key in entry["metrics"]}
    assert "one class" in said["mPQ"]
    assert "boxes only" in said["mask_AP"]


def test_a_missing_list_of_a_group_costs_that_group_only(small, run, oracle):
    (small / "cil" / "diff_image.txt").unlink()
    result = run("cil", "test", small, oracle("cil", small))[1]
    assert values(result)["found"] == 1
    assert "difficult" not in result.document["groups"]
    assert "normal" in result.document["groups"]
    assert [note for note in result.document["notes"] if "difficult" in note and "diff_image.txt" in note]


def test_groups_are_known_before_the_first_image(small, run, oracle):
    images = evaluate("cil", "test", small, oracle("cil", small))
    next(images)
    (small / "cil" / "diff_image.txt").unlink()
    *_, result = images
    assert result.document["groups"]["difficult"]["images"] == 1


def test_limit_takes_the_first_and_says_so(small, run, oracle):
    progress, result = run("cil", "test", small, oracle("cil", small), limit=2)
    assert [event["image"] for event in progress] == ["103161", "103162"]
    assert "only the first 2 of 6 images of the split" in result.document["notes"]
    assert result.document["metrics"]["found"]["low"] is None, "both are of one case"
    assert any(note.startswith("one case only: there are no intervals") for note in result.document["notes"])


def test_stored_results_instead_of_a_model(small, run, tmp_path):
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
    assert values(result)["ece"] == values(result)["score_ece"] == pytest.approx(0)
    assert [entry["image"] for entry in result.document["not_scored"]] == ["103182"]
    with pytest.raises(DataError, match="folder of stored results"):
        run("cil", "test", small, predictions=tmp_path / "none")


def test_unknown_names_are_refused_with_the_known_ones(small, run, oracle):
    with pytest.raises(ConfigError, match="unknown data set 'cli'; known are cil"):
        run("cli", "test", small)
    with pytest.raises(ConfigError, match="no split 'tset'; it has test"):
        run("cil", "tset", small)


def test_the_truth_scores_one_on_real_masks(run, oracle):
    place = os.environ.get("METAPHASE_DATA")
    if not place or not (Path(place) / "gband_masks").is_dir():
        pytest.skip("needs the real data: METAPHASE_DATA names no folder with gband_masks")
    result = run("gband_masks", "test", Path(place), oracle("gband_masks", Path(place)))[1]
    scores = values(result)
    for key in ("PQ_all", "SQ_all", "RQ_all", "AJI", "AJI_plus", "mPQ", "mask_AP", "mask_AP75", "AP50", "end_to_end"):
        assert scores[key] == pytest.approx(1), key
    assert (result.document["images"], result.document["instances"], result.document["cases"]) == (5, 230, 5)
    assert any("not the AutoKary2022 test" in note for note in result.document["notes"])
    assert all(math.isfinite(value) for value in scores.values())


def test_hard_parts_and_each_class_stand_apart(small, run, oracle):
    def lose_the_first(truth):
        return truth.select(range(1, 46))

    document = run("cil", "test", small, oracle("cil", small, lose_the_first))[1].document
    assert document["groups"]["normal"]["images"] == 1
    assert document["groups"]["boxes_apart"]["metrics"]["found"]["value"] == pytest.approx(45 / 46)
    assert "boxes_crowded" not in document["groups"], "no annotated box meets another"
    first, second = document["by_class"]["1"], document["by_class"]["2"]
    assert (first["instances"], first["images"]) == (12, 6)
    assert first["metrics"]["found"]["value"] == first["metrics"]["end_to_end"]["value"] == 0.5
    assert second["metrics"]["AP50"]["value"] == 1
    assert first["metrics"]["AP50"]["value"] == pytest.approx(51 / 101)
    assert document["tables"]["count_histogram"] == [[-1, 6]]
    mean = np.mean([entry["metrics"]["AP50"]["value"] for entry in document["by_class"].values()])
    assert document["metrics"]["AP50"]["value"] == pytest.approx(mean)


def test_a_second_annotation_is_the_ceiling(small, run, oracle):
    path = small / "cil" / "24_chromosomes_object" / "annotations" / "103161.xml"
    lines = path.read_text(encoding="utf-8")
    start, stop = lines.index("<object>"), lines.index("</object>") + len("</object>")
    path.write_text(lines[:start] + lines[stop:], encoding="utf-8")
    second = run("cil-single", "test", small, oracle("cil-single", small))[1].document["second_annotation"]
    assert (second["set"], second["images"]) == ("cil", 6)
    assert second["metrics"]["count_error"]["value"] == pytest.approx(1 / 6)
    assert second["metrics"]["exact_count"]["value"] == pytest.approx(5 / 6)
    assert second["metrics"]["found"]["value"] == pytest.approx(275 / 276)


def test_a_ceiling_that_is_not_there_is_said(small, run, oracle):
    (small / "cil" / "24_chromosomes_object" / "annotations" / "103161.xml").write_text("<x>", encoding="utf-8")
    document = run("cil-single", "test", small, oracle("cil-single", small))[1].document
    assert document["second_annotation"] is None
    assert document["metrics"]["found"]["value"] == 1
    assert any("second annotation sets is not given" in note and "103161.xml" in note for note in document["notes"])


def test_what_a_run_found_can_be_scored_again(small, run, oracle, tmp_path):
    def spoil(truth):
        rng = np.random.default_rng(len(truth))
        kept = truth.select(rng.permutation(46)[:40])
        probabilities = rng.dirichlet(np.ones(24) / 10, 40)
        boxes = kept.boxes_xyxy + rng.normal(0, 0.6, (40, 4))
        labels = np.where(rng.random(40) < 0.1, 7, kept.labels)
        columns = {"labels": labels, "scores": rng.random(40), "probabilities_nc": probabilities}
        return Instances.from_boxes(truth.height, truth.width, boxes, **columns)

    first = run("cil", "test", small, oracle("cil", small, spoil))[1]
    file = tmp_path / "predictions.json"
    file.write_text(json.dumps(first.predictions), encoding="utf-8")
    again = run("cil", "test", small, predictions=file)[1]
    assert again.document["metrics"] == first.document["metrics"]
    assert again.document["tables"] == first.document["tables"]
    assert again.predictions == [], "they came from a file already"
    assert 0.8 < values(first)["found"] < 0.9


def test_one_class_predictions_of_another_tool(small, run, tmp_path):
    truth = ADAPTERS["cil"].read(ADAPTERS["cil"].find(small), "103161").truth
    entries = [
        {"image_id": "103161.jpg", "category_id": 1, "score": 0.9, "bbox": [x0, y0, x1 - x0, y1 - y0]}
        for x0, y0, x1, y1 in truth.boxes_xyxy.astype(float).tolist()
    ]
    file = tmp_path / "cellpose.json"
    file.write_text(json.dumps(entries), encoding="utf-8")
    outcome = run("cil", "test", small, predictions=file)[1]
    scores = values(outcome)
    assert scores["found"] == pytest.approx(1 / 6)
    assert scores["AP50"] == pytest.approx(17 / 101), "class-agnostic: all of one image in six"
    assert not {"sanity", "mPQ", "end_to_end"} & set(scores)
    notes = " ".join(outcome.document["notes"])
    assert "5 images have no entry in cellpose.json: scored as nothing found" in notes
    assert "the predictions have one class" in notes
    assert outcome.document["classes"] is False


def test_a_bad_file_ends_the_run_or_is_listed(small, run, tmp_path):
    good = {"image_id": "103161", "category_id": 1, "score": 0.9, "bbox": [0, 5, 9, 35]}
    file = tmp_path / "yolo.json"
    file.write_text(json.dumps([good, good | {"category_id": 25}]), encoding="utf-8")
    with pytest.raises(DataError, match=r"yolo.json: entry 2 \(image 103161\): category_id must lie in 1..24"):
        run("cil", "test", small, predictions=file)
    outcome = run("cil", "test", small, predictions=file, reading=CocoReading(skip_invalid=True))[1]
    assert [entry["entry"] for entry in outcome.document["invalid"]] == [2]
    assert any("1 invalid entry left out" in note for note in outcome.document["notes"])
    rle = {"size": [600, 70], "counts": [42000]}
    file.write_text(json.dumps([{**good, "segmentation": rle}]), encoding="utf-8")
    with pytest.raises(DataError, match=r"entry 1 .*the RLE is of size \[600, 70\] .* image of \[70, 600\]"):
        run("cil", "test", small, predictions=file)


def test_settings_for_a_file_that_is_not_there_are_refused(small, run, oracle, tmp_path):
    for predictions in (None, tmp_path):
        with pytest.raises(ConfigError, match="say how a COCO result file is read"):
            run("cil", "test", small, oracle("cil", small), predictions, reading=CocoReading(min_score=0.5))


def test_the_page_shows_truth_beside_prediction(small, run, oracle):
    def lose_some(truth):
        return truth.select(range(3, 46))

    outcome = run("cil", "test", small, oracle("cil", small, lose_some))[1]
    page = outcome.page()
    assert page.count('<div class="cell">') == 3
    assert page.count("data:image/jpeg;base64,") == 6
    assert "3 errors: 46 chromosomes, 43 predicted, 43 found, 0 misnamed" in page
    assert "http" not in page.split("</style>")[1].replace("https://doi.org", ""), "it needs no network"
