"""Drawn metaphases on disk."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from metaphase import synth
from metaphase.chromosomes import NAMES
from metaphase.datasets.procedural import SpreadStyle
from metaphase.errors import ConfigError, DataError
from metaphase.masks import decode_rle

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
            mask = decode_rle(entry["segmentation"])
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
