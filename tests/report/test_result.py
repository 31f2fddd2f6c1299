"""result.json: schema, outlines, groups, best guesses."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import jsonschema
import numpy as np
import pytest
from pycocotools import mask as coco

from metaphase.chromosomes import centromeric_index
from metaphase.report import result_document, result_schema
from metaphase.types import Instances

MODEL = {"name": "metaphase-base", "version": "0.1.0", "sha256": "0" * 64}


def test_the_schema_is_a_schema() -> None:
    jsonschema.Draft202012Validator.check_schema(result_schema())


@pytest.mark.parametrize("labels", [[], [7], [*range(1, 23), *range(1, 23), 23, 24], [21] * 60])
def test_documents_follow_the_schema(make_cell, labels: list[int]) -> None:
    document = result_document(*make_cell(labels), Path("cells") / "a.png", MODEL)
    jsonschema.validate(document, result_schema())
    assert document == json.loads(json.dumps(document))
    assert [instance["id"] for instance in document["instances"]] == list(range(len(labels)))
    assert [instance["category_id"] for instance in document["instances"]] == labels


def test_outlines_come_back_from_the_file(make_cell, male: list[int]) -> None:
    spread, karyotype = make_cell(male)
    document = json.loads(json.dumps(result_document(spread, karyotype, "a.png", MODEL)))
    for i, instance in enumerate(document["instances"]):
        mask = coco.decode(instance["segmentation"])
        np.testing.assert_array_equal(mask, karyotype.instances.mask(i))
        rows, columns = np.nonzero(mask)
        assert instance["box"] == [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
        assert instance["segmentation"]["counts"].isascii()


def test_everybody_is_in_a_group_or_in_the_tray(make_cell, male: list[int]) -> None:
    status = ["chromosome"] * 44 + ["unknown", "debris"]
    document = result_document(*make_cell(male, status), "a.png", MODEL)
    named = {group["name"]: group["instances"] for group in document["groups"]}
    assert list(named) == [*map(str, range(1, 23)), "sex"]
    assert named["1"] == [0, 22]
    assert named["sex"] == []
    assert document["tray"] == [44, 45]
    assert document["instances"][44]["label"] == "X"
    assert document["instances"][45]["status"] == "debris"
    assert document["other_readings"] == []


def test_debris_on_a_placed_chromosome_is_another_reading_of_it(make_cell, male: list[int]) -> None:
    status = ["chromosome"] * 44 + ["debris", "debris"]
    spread, karyotype = make_cell(male, status)
    instances = karyotype.instances
    offsets = instances.offsets_xy.copy()
    offsets[44] = offsets[3] + (2, 0)
    moved = replace(karyotype, instances=replace(instances, offsets_xy=offsets))
    assert moved.other_readings == {44}
    document = result_document(spread, moved, "a.png", MODEL)
    jsonschema.validate(document, result_schema())
    assert (document["tray"], document["other_readings"]) == ([44, 45], [44])


def test_path_and_model_are_written_as_given(make_cell) -> None:
    document = result_document(*make_cell([1]), "some/../where/a b.png", MODEL)
    assert document["image"] == {"path": "some/../where/a b.png", "width": 1000, "height": 300}
    assert document["model"] == MODEL


def test_a_label_that_is_not_known_becomes_the_best_guess(make_cell) -> None:
    spread, karyotype = make_cell([9])
    nameless = replace(karyotype, instances=replace(karyotype.instances, labels=np.zeros(1, np.int64)))
    assert result_document(spread, nameless, "a.png", MODEL)["instances"][0]["label"] == "9"


def test_the_proposal_and_what_the_bands_alone_said(make_cell, male: list[int]) -> None:
    spread, karyotype = make_cell(male)
    posterior = tuple((f"4{i},X", 0.3 / (i + 1)) for i in range(8))
    called = replace(karyotype, iscn="46,XY", posterior=posterior, reasons=("so",), labels_before=np.full(46, 9))
    document = result_document(spread, called, "a.png", MODEL)
    jsonschema.validate(document, result_schema())
    proposal = document["karyotype"]
    assert (proposal["iscn"], proposal["abstained"], proposal["reasons"]) == ("46,XY", False, ["so"])
    assert [entry["iscn"] for entry in proposal["posterior"]] == [f"4{i},X" for i in range(5)]
    assert {instance["label_before"] for instance in document["instances"]} == {"9"}
    silent = result_document(spread, karyotype, "a.png", MODEL)["karyotype"]
    assert (silent["iscn"], silent["abstained"]) == (None, True)


def test_what_cannot_be_written_is_refused(make_cell) -> None:
    spread, karyotype = make_cell([9])
    boxes = Instances.from_boxes(300, 1000, np.array([[0, 0, 5, 5]]), labels=[9])
    with pytest.raises(ValueError, match="boxes only"):
        result_document(spread, replace(karyotype, instances=boxes), "a.png", MODEL)
    with pytest.raises(ValueError, match="1000x300"):
        result_document(replace(spread, gray=spread.gray[:50]), karyotype, "a.png", MODEL)
    with pytest.raises(KeyError):
        result_document(spread, karyotype, "a.png", {"name": "metaphase-base"})


@pytest.mark.parametrize(
    ("where", "value"),
    [("schema_version", 1), ("groups", []), ("tray", [-1]), ("sanity", {"score": 2}), ("extra", 1)],
)
def test_the_schema_refuses_what_is_wrong(make_cell, where: str, value: object) -> None:
    document = result_document(*make_cell([1, 2]), "a.png", MODEL) | {where: value}
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(document, result_schema())


def test_the_centromere_is_where_the_ideogram_has_it_the_way_up_that_is_shown(make_cell, male: list[int]) -> None:
    spread, karyotype = make_cell(male)
    document = result_document(spread, karyotype, "a.png", MODEL)
    jsonschema.validate(document, result_schema())
    for i, (instance, label) in enumerate(zip(document["instances"], male, strict=True)):
        found, rows = instance["centromere"], karyotype.instances.crops[i].shape[0]
        assert found["index"] == pytest.approx(centromeric_index(label), abs=9)
        assert found["from_p_tip"] == pytest.approx(rows * found["index"] / 100, abs=0.12)
    up, down = (
        result_document(spread, replace(karyotype, upright=np.full(46, flag)), "a.png", MODEL)["instances"][0]
        for flag in (True, False)
    )
    assert up["centromere"]["fit"] != down["centromere"]["fit"]


def test_without_straightened_chromosomes_there_is_no_centromere(make_cell) -> None:
    document = result_document(*make_cell([1, 2], straightened=False), "a.png", MODEL)
    jsonschema.validate(document, result_schema())
    assert [instance["centromere"] for instance in document["instances"]] == [None, None]
