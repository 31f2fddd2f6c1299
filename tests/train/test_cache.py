"""Cached material: made from annotated images, read back as it was."""

import os
import shutil
from dataclasses import replace

import cv2
import numpy as np
import pytest
from published_layouts import cell as drawn_cell
from published_layouts import write_autokary, write_autokary_copy, write_bioimlab

from metaphase.segment.scale import CLEAR, WIDTH
from metaphase.train import cache
from metaphase.train.sources import open_source
from metaphase.types import Instances


def drawn(seed, overlap=0.0):
    return drawn_cell(seed, (1, 4, 9, 13, 17, 21), (300, 340), overlap)


def full(mask_at, shape):
    crop, x, y = mask_at
    out = np.zeros(shape, bool)
    out[y : y + crop.shape[0], x : x + crop.shape[1]] = crop
    return out


def test_what_is_saved_is_loaded(tmp_path, cell):
    cache.save(tmp_path, cell)
    back = cache.load(tmp_path, cell.name)
    assert [path.name for path in tmp_path.iterdir()] == [f"{cell.name}.npz"]
    for name in ("labels", "inputs", "input_labels", "spread", "boxes", "box_labels", "owner"):
        np.testing.assert_array_equal(getattr(back, name), getattr(cell, name))
        assert getattr(back, name).dtype == getattr(cell, name).dtype
    assert (back.name, back.scale) == (cell.name, cell.scale)
    assert back.dark == pytest.approx(cell.dark)
    assert len(back.masks) == len(cell.masks)
    for (crop, x, y), (expected, ex, ey) in zip(back.masks, cell.masks, strict=True):
        np.testing.assert_array_equal(crop, expected)
        assert (x, y) == (ex, ey)


def test_load_all_takes_what_is_there(tmp_path, cell):
    cache.save(tmp_path, cell)
    assert [found.name for found in cache.load_all([tmp_path], ["nobody", cell.name])] == [cell.name]


@pytest.mark.parametrize("scale", [0.5, 0.8, 1.0, 1.6])
def test_a_resized_mask_keeps_its_place_and_area(scale):
    yy, xx = np.mgrid[:61, :47]
    crop = np.hypot((xx - 23) / 20, (yy - 30) / 29) < 1
    at = np.array([33, 71])
    resized = full(cache.resize_mask(crop, at, scale), (300, 300))
    assert resized.sum() == pytest.approx(crop.sum() * scale**2, rel=0.04)
    rows, columns = np.nonzero(resized)
    # Pixel centres: column c of the image is (c + .5) * scale - .5 of the grid.
    np.testing.assert_allclose(columns.mean(), (33 + 23 + 0.5) * scale - 0.5, atol=0.15)
    np.testing.assert_allclose(rows.mean(), (71 + 30 + 0.5) * scale - 0.5, atol=0.15)


def test_material_of_annotated_images(tiny_cil, tmp_path):
    root, spreads = shutil.copytree(tiny_cil[0], tmp_path / "data"), tiny_cil[1]  # other tests read the same label
    names = list(spreads)
    assert list(cache.build(open_source("cil", root), names, tmp_path, workers=1)) == names
    assert list(cache.build(open_source("cil", root), names, tmp_path, workers=1)) == [], (
        "what is there is not made again"
    )
    (tmp_path / "refreshed").mkdir()
    for name in names:
        (tmp_path / "refreshed" / f"{name}.npz").write_bytes(b"with masks that were added")
    label = next((root / "cil").rglob(f"{names[0]}.xml"))
    os.utime(label, (later := (tmp_path / f"{names[0]}.npz").stat().st_mtime + 5, later))
    again = cache.build(open_source("cil", root), names, tmp_path, workers=1, made_from_it=[tmp_path / "refreshed"])
    assert list(again) == names[:1]
    assert sorted(path.stem for path in (tmp_path / "refreshed").iterdir()) == sorted(names[1:]), "made from the old"
    for found in cache.load_all([tmp_path], names):
        truth = spreads[found.name].truth
        assert len(found.boxes) == len(truth)
        assert 2 <= len(found.masks) <= len(truth)
        np.testing.assert_array_equal(found.labels, found.box_labels[found.owner])
        assert found.inputs.shape == (len(found.masks), 160, 32)
        assert found.scale == pytest.approx(WIDTH / 14, rel=0.15)
        assert np.median(found.spread) == pytest.approx(CLEAR, abs=4)
        for mask, owner in zip(found.masks, found.owner, strict=True):
            x0, y0, x1, y1 = found.boxes[owner]
            rows, columns = np.nonzero(full(mask, found.spread.shape))
            assert x0 <= columns.min()
            assert columns.max() < x1
            assert y0 <= rows.min()
            assert rows.max() < y1
            inside = found.spread[rows, columns].mean() / CLEAR
            assert inside == pytest.approx(found.dark, abs=0.15)


def test_building_after_opencv_was_busy_does_not_hang(tiny_cil, tmp_path):
    root, _ = tiny_cil
    cv2.setNumThreads(2)
    for _ in range(3):
        cv2.GaussianBlur(np.zeros((900, 900), np.uint8), (0, 0), 3)
    assert list(cache.build(open_source("cil", root), ["1000011"], tmp_path, workers=1)) == ["1000011"]


@pytest.mark.parametrize("bright_on_dark", [False, True])
def test_masks_of_the_truth_are_learnt_as_they_are(bright_on_dark):
    spread = drawn(3, overlap=0.6)
    truth = spread.truth
    labels = truth.labels.copy()
    labels[0] = 0  # somebody outlined it and did not name it
    gray = 255 - spread.gray if bright_on_dark else spread.gray
    made = cache.make("cell", gray, replace(truth, labels=labels))
    assert len(made.masks) == len(truth), "clustered ones as well"
    np.testing.assert_array_equal(made.labels, labels)
    np.testing.assert_array_equal(made.input_labels, labels[1:])
    np.testing.assert_array_equal(made.owner, np.arange(len(truth)))
    assert made.inputs.shape == (len(truth) - 1, 160, 32)
    assert made.scale == pytest.approx(WIDTH / spread.chromosome_width, rel=0.25)
    assert np.median(made.spread) == pytest.approx(CLEAR, abs=4)
    for mask, crop, box, tight in zip(made.masks, truth.crops, made.boxes, truth.boxes_xyxy, strict=True):
        assert mask[0].sum() == pytest.approx(crop.sum() * made.scale**2, rel=0.1)
        # As CIL's annotators draw: wider than the mask, more so at the top.
        left, top, right, bottom = np.abs(box - tight * made.scale)
        assert top > left > right > bottom > 0


def test_specks_are_not_learnt_and_an_empty_image_gives_nothing():
    spread = drawn(3)
    speck = np.ones((2, 2), bool)
    truth = Instances.from_masks(
        spread.height, spread.width, [*spread.truth.crops, speck], [*spread.truth.offsets_xy, (5, 5)]
    )
    made = cache.make("cell", spread.gray, truth)
    assert len(made.masks) == len(truth) - 1 == len(made.boxes) - 1
    assert cache.make("cell", spread.gray, truth.select([])) is None


def test_labels_without_their_image_give_no_material(tmp_path):
    write_autokary_copy(tmp_path, {"train/one": drawn(3), "train/two": drawn(4)})
    source = open_source("autokary2022", tmp_path)
    assert len(list(cache.build(source, source.train, tmp_path / "made", workers=1))) == len(source.train)
    assert cache.load_all([tmp_path / "made"], list(source.train)) == []


def test_images_inside_their_label_file_are_found(tmp_path):
    write_autokary(tmp_path, {"train/a/one": drawn(3), "train/b/two": drawn(4)}, embed=True)
    source = open_source("autokary2022", tmp_path)
    list(cache.build(source, source.train, tmp_path / "made", workers=1))
    (found,) = cache.load_all([tmp_path / "made"], list(source.train))
    assert len(found.masks) == 6


def test_single_chromosomes_share_the_width_of_their_cell(tmp_path):
    write_bioimlab(tmp_path, {"1": drawn(3), "2": drawn(4)})
    source = open_source("bioimlab", tmp_path)
    names = sorted((*source.train, *source.val))
    list(cache.build(source, names, tmp_path / "made", workers=1))
    made = cache.load_all([tmp_path / "made"], names)
    assert len(made) == 12
    for number in ("1 ", "2 "):
        scales = {one.scale for one in made if one.name.startswith(number)}
        assert len(scales) == 1
        assert scales.pop() == pytest.approx(WIDTH / drawn(3).chromosome_width, rel=0.25)
    rows = {one.input_labels[0]: np.count_nonzero(one.inputs[0].any(1)) for one in made if one.name.startswith("1 ")}
    assert rows[1] > rows[9] > rows[21], "long ones stay longer"
