"""Every set is evaluated from exactly the published layout, drawn by the procedural generator."""

import json
import os
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from jsonschema import Draft202012Validator
from published_layouts import (
    cell,
    full_cell,
    write_autokary,
    write_bioimlab,
    write_crcn,
    write_mfish,
    write_overlap_pairs,
)

from metaphase.datasets import ADAPTERS
from metaphase.datasets.formats.coco_results import coco_entries
from metaphase.identify import Identified
from metaphase.report import metrics_schema
from metaphase.types import Instances, Karyotype

FEW = (1, 1, 7, 18, 23)


def values(outcome):
    Draft202012Validator(metrics_schema()).validate(outcome.document)
    return {key: entry["value"] for key, entry in outcome.document["metrics"].items()}


def reasons(outcome):
    return {key: entry["reason"] for entry in outcome.document["left_out"] for key in entry["metrics"]}


@pytest.mark.parametrize("embed", [False, True])
def test_autokary2022_the_primary_test(tmp_path, run, oracle, embed):
    cells = {f"test/case{i}/image{i}": cell(i, FEW) for i in (1, 2, 3)} | {"train/case9/image9": cell(9, FEW)}
    write_autokary(tmp_path, cells, embed=embed)
    outcome = run("autokary2022", "test", tmp_path, oracle("autokary2022", tmp_path))[1]
    scores = values(outcome)
    for key in (
        "mask_AP",
        "mask_AP50",
        "mask_AP75",
        "PQ_all",
        "mPQ",
        "AJI",
        "AJI_plus",
        "end_to_end",
        "class_accuracy",
    ):
        assert scores[key] == pytest.approx(1), key
    assert (outcome.document["images"], outcome.document["instances"], outcome.document["cases"]) == (3, 15, 3)
    assert outcome.document["overlap"] == "mask"
    assert outcome.document["groups"]["overlapping"]["metrics"]["found"]["value"] == 1
    assert outcome.page().count("data:image/jpeg;base64,") == 6, "the pixels are found beside or inside the label file"


def test_crcn_ne_with_one_class_and_with_24(tmp_path, run, oracle):
    for classes in (1, 24):
        root = tmp_path / str(classes)
        write_crcn(root, {f"test/P{i}_01": cell(i, FEW) for i in (1, 2)}, classes=classes)
        outcome = run("crcn-ne", "test", root, oracle("crcn-ne", root))[1]
        scores = values(outcome)
        assert scores["AP50"] == scores["found"] == scores["PQ_all"] == pytest.approx(1)
        assert "boxes only" in reasons(outcome)["mask_AP"]
        assert ("mPQ" in scores) is (classes == 24)
        assert outcome.document["classes"] is (classes == 24)


def test_overlap_pairs_from_images(tmp_path, run, oracle):
    write_overlap_pairs(tmp_path, count=2)

    def lose_the_second(truth):
        return truth.select([1])

    whole = values(run("overlap-pairs", "test", tmp_path, oracle("overlap-pairs", tmp_path))[1])
    for key in ("IoU_1", "IoU_2", "IoU_chromosomes", "IoU_overlap", "two_found"):
        assert whole[key] == 1, key
    assert whole["touching_pairs"] == 0.5
    outcome = run("overlap-pairs", "test", tmp_path, oracle("overlap-pairs", tmp_path, lose_the_second))[1]
    half = values(outcome)
    assert (half["IoU_1"], half["IoU_2"], half["IoU_chromosomes"]) == (0, 1, 0.5)
    assert half["IoU_overlap"] == half["two_found"] == 0
    assert outcome.document["metrics"]["IoU_overlap"]["left_out"] == 2, "two pairs only touch"
    assert set(outcome.document["groups"]) == {"overlapping_pairs", "touching_pairs"}
    assert outcome.document["groups"]["touching_pairs"]["metrics"]["IoU_overlap"]["value"] is None
    assert "no cell" in reasons(outcome)["sanity"]


def test_label_maps_without_images_are_scored_from_predictions(run, tmp_path):
    place = os.environ.get("METAPHASE_DATA")
    if not place or not (Path(place) / "overlap_label_maps").is_dir():
        pytest.skip("needs the real label maps: METAPHASE_DATA names no folder with overlap_label_maps")
    adapter = ADAPTERS["overlap-pairs"]
    index = adapter.find(Path(place))
    entries = [e for name in index.labels for e in coco_entries(adapter.read(index, name).truth, name)]
    for entry in entries:
        entry["category_id"] = 1
    file = tmp_path / "predictions.json"
    file.write_text(json.dumps(entries), encoding="utf-8")
    outcome = run("overlap-pairs", "test", Path(place), predictions=file)[1]
    assert outcome.document["images"] == 10
    assert values(outcome)["IoU_chromosomes"] == 1


def test_bioimlab_names_each_chromosome_alone_and_then_in_its_cell(tmp_path, run, oracle):
    spread = cell(3, (1, 1, 2, 2, 7, 18, 23), overlap=0.0)
    write_bioimlab(tmp_path, {"4": spread, "5": spread})
    asked = []

    class Namer(oracle):
        """Alone it takes every chromosome for a 1; with the others of the cell it is sure of the right classes."""

        def identify(self, spread, instances):
            asked.append((len(instances), float(spread.gray[instances.union()].mean())))
            labels = np.ones_like(instances.labels) if len(instances) == 1 else instances.labels
            probabilities = np.full((len(labels), 24), 1e-3)
            probabilities[np.arange(len(labels)), labels - 1] = 1
            named = replace(instances, labels=labels, probabilities_nc=probabilities.astype(np.float32))
            return Identified(named, np.ones((len(labels), 24), bool), (), np.zeros((len(labels), 24)))

    outcome = run("bioimlab", "test", tmp_path, Namer("bioimlab", tmp_path))[1]
    scores = values(outcome)
    assert scores["accuracy"] == pytest.approx(2 / 7)
    assert scores["accuracy_in_cell"] > 0.8
    assert "sanity" not in scores
    assert "PQ_all" not in scores
    assert sorted(count for count, _ in asked) == [1] * 14 + [7, 7]
    assert all(gray < 200 for _, gray in asked), "bright on dark is turned to dark on bright"
    assert outcome.document["by_class"]["7"]["metrics"]["accuracy"]["value"] == 0
    assert outcome.document["cases"] == 2
    assert outcome.worst == ()


def test_mfish_puts_what_needs_no_class_first(tmp_path, run, oracle):
    cells = {f"A0{i}__x/A0{i}01XY": (cell(i, FEW, overlap=0.0), "46,XY") for i in (1, 2, 3)}
    write_mfish(tmp_path, cells)
    outcome = run("mfish", "all", tmp_path, oracle("mfish", tmp_path))[1]
    keys = list(values(outcome))
    assert keys.index("PQ_all") < keys.index("agnostic_mask_AP50") < keys.index("mask_AP50") < keys.index("mPQ")
    assert values(outcome)["agnostic_mask_AP50"] == pytest.approx(1)
    assert any("DAPI" in note for note in outcome.document["notes"])


@pytest.mark.parametrize("silent", ["image1", "image2"])
def test_an_image_in_which_nothing_is_found_does_not_decide_what_is_compared(tmp_path, run, oracle, silent):
    write_autokary(tmp_path, {f"test/case{i}/image{i}": cell(i, FEW) for i in (1, 2, 3)})

    class Silent(oracle):
        def karyotype(self, spread):
            if spread.name != silent:
                return super().karyotype(spread)
            return Karyotype(Instances.from_boxes(spread.height, spread.width, np.zeros((0, 4))), (), (), {})

    progress, outcome = run("autokary2022", "test", tmp_path, Silent("autokary2022", tmp_path))
    assert [step["reason"] for step in progress] == [None] * 3
    assert (outcome.document["overlap"], outcome.document["not_scored"]) == ("mask", [])
    assert values(outcome)["found"] == pytest.approx(2 / 3)
    assert [entry["image"] for entry in outcome.cells["cells"]] == ["image1", "image2", "image3"]


def test_nothing_found_in_any_image_is_scored_too(tmp_path, run, oracle):
    write_autokary(tmp_path, {f"test/case{i}/image{i}": cell(i, FEW) for i in (1, 2)})
    empty = oracle("autokary2022", tmp_path, lambda truth: truth.select([]))
    outcome = run("autokary2022", "test", tmp_path, empty)[1]
    assert (outcome.document["overlap"], outcome.document["images"]) == ("mask", 2)
    assert values(outcome)["found"] == 0


def test_boxes_of_another_tool_on_a_set_with_masks(tmp_path, run):
    spreads = {f"test/case{i}/image{i}": full_cell(i) for i in (1,)}
    home = write_autokary(tmp_path, spreads)
    adapter = ADAPTERS["autokary2022"]
    index = adapter.find(home)
    (name,) = index.splits["test"]
    truth = adapter.read(index, name).truth
    entries = coco_entries(Instances.from_boxes(truth.height, truth.width, truth.boxes_xyxy, labels=truth.labels), name)
    for entry in entries:
        del entry["probabilities"]
    file = tmp_path / "boxes.json"
    file.write_text(json.dumps(entries), encoding="utf-8")
    outcome = run("autokary2022", "test", tmp_path, predictions=file)[1]
    assert outcome.document["overlap"] == "box"
    assert values(outcome)["AP75"] == pytest.approx(1)
    assert "predictions have boxes only" in reasons(outcome)["mask_AP"]
    assert "no class probabilities" in reasons(outcome)["ece"]
