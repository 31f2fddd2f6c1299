"""Cached material: made from annotated images, read back as it was."""

import cv2
import numpy as np
import pytest

from metaphase.segment.scale import CLEAR, WIDTH
from metaphase.train import cache
from metaphase.train.sources import open_source


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
    root, spreads = tiny_cil
    names = list(spreads)
    assert list(cache.build(open_source("cil", root), names, tmp_path, workers=1)) == names
    assert list(cache.build(open_source("cil", root), names, tmp_path, workers=1)) == [], (
        "what is there is not made again"
    )
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
