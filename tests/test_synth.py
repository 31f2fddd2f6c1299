"""Drawn metaphases on disk."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import published_layouts
import pytest
from pycocotools import mask as coco

from metaphase import synth
from metaphase.chromosomes import NAMES
from metaphase.datasets.formats.voc import VocAnnotation, write_voc
from metaphase.datasets.procedural import SpreadStyle
from metaphase.errors import ConfigError, DataError
from metaphase.masks import pad_as_annotators

SMALL = SpreadStyle(size_hw=(560, 600), nuclei=1)


def test_images_and_annotations_belong_together(tmp_path: Path) -> None:
    paths = list(synth.synthesise(tmp_path / "out", 2, 7, replace(SMALL, karyotype="46,XX")))
    assert [path.name for path in paths] == ["metaphase_0001.png", "metaphase_0002.png", "annotations.json"]
    document = json.loads(paths[-1].read_text(encoding="ascii"))
    assert [category["name"] for category in document["categories"]] == list(NAMES)
    assert [category["id"] for category in document["categories"]] == list(range(1, 25))
    assert [image["file_name"] for image in document["images"]] == [path.name for path in paths[:2]]
    assert len(document["annotations"]) == 92
    assert [entry["id"] for entry in document["annotations"]] == list(range(1, 93))
    for image, path in zip(document["images"], paths, strict=False):
        gray = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
        assert gray.shape == (image["height"], image["width"]) == (560, 600)
        assert gray.dtype == np.uint8
        for entry in (entry for entry in document["annotations"] if entry["image_id"] == image["id"]):
            mask = coco.decode(entry["segmentation"]).astype(bool)
            x, y, width, height = entry["bbox"]
            rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
            assert [columns[0], rows[0], columns[-1] + 1, rows[-1] + 1] == [x, y, x + width, y + height]
            assert mask.sum() == entry["area"]
            assert gray[mask].mean() < np.median(gray) - 30
            assert np.hypot(*entry["p_arm_direction_xy"]) == pytest.approx(1, abs=1e-3)


def test_the_same_seed_writes_the_same_bytes(tmp_path: Path) -> None:
    first = {path.name: path.read_bytes() for path in synth.synthesise(tmp_path / "a", 1, 3, SMALL)}
    again = {path.name: path.read_bytes() for path in synth.synthesise(tmp_path / "b", 1, 3, SMALL)}
    other = {path.name: path.read_bytes() for path in synth.synthesise(tmp_path / "c", 1, 4, SMALL)}
    assert first == again
    assert first["metaphase_0001.png"] != other["metaphase_0001.png"]


def test_an_image_does_not_depend_on_how_many_are_drawn(tmp_path: Path) -> None:
    one = list(synth.synthesise(tmp_path / "one", 1, 3, SMALL))
    two = list(synth.synthesise(tmp_path / "two", 2, 3, SMALL))
    assert one[0].read_bytes() == two[0].read_bytes() != two[1].read_bytes()
    drawn = synth.draw_numbered(3, 1, SMALL)
    assert np.array_equal(cv2.imread(str(two[1]), cv2.IMREAD_UNCHANGED), drawn.spread.gray)


def test_stopping_early_leaves_nothing_behind(tmp_path: Path) -> None:
    drawing = synth.synthesise(tmp_path / "out", 2, 1, SMALL)
    assert next(drawing).is_file()
    drawing.close()
    assert not (tmp_path / "out").exists()


def test_a_failure_leaves_nothing_behind(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="do not fit"):
        list(synth.synthesise(tmp_path / "out", 1, 1, SpreadStyle(size_hw=(90, 90))))
    assert not (tmp_path / "out").exists()


def test_a_folder_that_is_not_empty_is_left_alone(tmp_path: Path) -> None:
    kept = tmp_path / "mine.txt"
    kept.write_text("kept", encoding="ascii")
    with pytest.raises(DataError, match="not empty"):
        list(synth.synthesise(tmp_path, 1, 1))
    with pytest.raises(DataError, match="is a file"):
        list(synth.synthesise(kept, 1, 1))
    assert kept.read_text(encoding="ascii") == "kept"


@pytest.mark.parametrize(("count", "seed"), [(0, 1), (1, -1)])
def test_impossible_numbers_are_refused_before_anything_is_written(tmp_path: Path, count: int, seed: int) -> None:
    with pytest.raises(ConfigError, match="at least"):
        list(synth.synthesise(tmp_path / "out", count, seed))
    assert not (tmp_path / "out").exists()


def cells_of_cil(root: Path) -> Path:
    """Two drawn cells in the layout of CIL, boxes padded as its annotators pad them."""
    for name, seed in (("105161", 1), ("105171", 2)):
        spread = published_layouts.cell(seed, "46,XY", (640, 680), 0.0)
        boxes = pad_as_annotators(spread.truth.boxes_xyxy, spread.chromosome_width)
        names = tuple(published_layouts.CIL_NAMES[label - 1] for label in spread.truth.labels)
        published_layouts.write_cil(root, {name: spread})
        annotation = VocAnnotation(f"{name}.jpg", spread.width, spread.height, names, boxes.astype(float))
        path = root / "cil" / "24_chromosomes_object" / "annotations" / f"{name}.xml"
        path.write_bytes(write_voc(annotation))
    (root / "cil" / "split_24_train.txt").write_text("105161\n105171\n", encoding="utf-8")
    return root


def test_composites_have_exact_truth_and_name_their_sources(tmp_path: Path) -> None:
    root = cells_of_cil(tmp_path / "data")
    paths = list(synth.compose_from_cil(tmp_path / "out", 2, 3, root, size=600, crossing=0.4))
    assert [path.name for path in paths] == ["composite_0001.png", "composite_0002.png", "annotations.json"]
    document = json.loads(paths[-1].read_text(encoding="ascii"))
    assert "CC BY 3.0" in document["info"]["licence"]
    assert set(document["images"][0]["sources"]) <= {"105161", "105171"}
    overlaps = 0
    for image, path in zip(document["images"], paths, strict=False):
        gray = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
        assert gray.shape == (600, 600)
        masks = [coco.decode(e["segmentation"]) for e in document["annotations"] if e["image_id"] == image["id"]]
        assert len(masks) > 15
        covered = np.sum(masks, axis=0)
        overlaps += int((covered > 1).sum())
        assert gray[covered > 0].mean() < np.median(gray[covered == 0]) - 30
    assert overlaps > 0
    assert {entry["category_id"] for entry in document["annotations"]} <= set(range(1, 25))


def test_the_same_seed_composes_the_same_bytes(tmp_path: Path) -> None:
    root = cells_of_cil(tmp_path / "data")
    runs = [
        {p.name: p.read_bytes() for p in synth.compose_from_cil(tmp_path / out, count, seed, root, size=400)}
        for out, count, seed in (("a", 1, 3), ("b", 1, 3), ("c", 2, 3), ("d", 1, 4))
    ]
    assert runs[0] == runs[1]
    assert runs[0]["composite_0001.png"] == runs[2]["composite_0001.png"] != runs[3]["composite_0001.png"]


def test_composites_need_cil_and_possible_numbers(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="24_chromosomes_object"):
        list(synth.compose_from_cil(tmp_path / "out", 1, 1, tmp_path))
    root = cells_of_cil(tmp_path / "data")
    with pytest.raises(ConfigError, match="no split 'dev'"):
        list(synth.compose_from_cil(tmp_path / "out", 1, 1, root, split="dev"))
    with pytest.raises(ConfigError, match="size must lie"):
        list(synth.compose_from_cil(tmp_path / "out", 1, 1, root, size=10))
    for path in (root / "cil").rglob("*.jpg"):
        path.write_bytes(b"no image")
    with pytest.raises(DataError, match="no chromosome lies alone"):
        list(synth.compose_from_cil(tmp_path / "out", 1, 1, root))
    assert not (tmp_path / "out").exists()
