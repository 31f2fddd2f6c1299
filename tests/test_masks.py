"""Mask geometry on masks small enough to count by hand, and laws on random ones."""

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from pycocotools import mask as coco
from pycocotools import mask as coco_mask

from metaphase import masks

small = arrays(bool, st.tuples(st.integers(1, 9), st.integers(1, 9)))


def test_tighten_trims_to_the_tight_box():
    crop = np.zeros((6, 8), bool)
    crop[2:4, 3:7] = True
    tight, offset = masks.tighten(crop, (10, 20), (100, 100))
    assert tight.shape == (2, 4)
    assert tight.all()
    assert offset == (13, 22)


@pytest.mark.parametrize(
    ("offset", "expected_offset", "shape"),
    [((-2, -3), (0, 0), (2, 3)), ((8, 7), (8, 7), (3, 2)), ((3, -4), (3, 0), (1, 5))],
)
def test_tighten_cuts_to_the_image(offset, expected_offset, shape):
    tight, got = masks.tighten(np.ones((5, 5), bool), offset, (10, 10))
    assert got == expected_offset
    assert tight.shape == shape


@pytest.mark.parametrize("offset", [(20, 0), (0, 20), (-9, 0), (0, -9), (-100, -100), (100, 100)])
def test_tighten_refuses_what_lies_outside(offset):
    with pytest.raises(ValueError, match="no pixel inside the image"):
        masks.tighten(np.ones((5, 5), bool), offset, (10, 10))


@settings(max_examples=40, deadline=None)
@given(small, small, st.integers(0, 6), st.integers(0, 6), st.integers(0, 6), st.integers(0, 6))
def test_intersection_of_crops_is_that_of_full_masks(a, b, xa, ya, xb, yb):
    full_a, full_b = np.zeros((20, 20), bool), np.zeros((20, 20), bool)
    full_a[ya : ya + a.shape[0], xa : xa + a.shape[1]] = a
    full_b[yb : yb + b.shape[0], xb : xb + b.shape[1]] = b
    at_a, at_b = np.array([xa, ya]), np.array([xb, yb])
    assert masks.intersection(a, at_a, b, at_b) == (full_a & full_b).sum()
    assert masks.intersection(b, at_b, a, at_a) == (full_a & full_b).sum()


def test_mask_intersections():
    crops, offsets = [np.ones((4, 4), bool), np.ones((4, 2), bool)], np.array([[0, 0], [3, 0]])
    np.testing.assert_array_equal(masks.mask_intersections(crops, offsets, crops, offsets), [[16, 4], [4, 8]])
    assert masks.mask_intersections(crops, offsets, [], np.zeros((0, 2), np.int64)).shape == (2, 0)


def test_box_iou_matrix():
    a, b = np.array([[0, 0, 4, 4], [0, 0, 0, 0]]), np.array([[2, 0, 6, 4], [10, 10, 12, 12], [0, 0, 4, 4]])
    np.testing.assert_allclose(masks.box_iou_matrix(a, b), [[1 / 3, 0, 1], [0, 0, 0]])
    assert masks.box_iou_matrix(np.zeros((0, 4)), b).shape == (0, 3)


@settings(max_examples=30, deadline=None)
@given(small, st.integers(0, 5), st.integers(0, 5))
def test_rle_comes_back(crop, x, y):
    rle = masks.encode_rle(crop, (x, y), (16, 15))
    assert rle["size"] == [16, 15]
    assert isinstance(rle["counts"], str)
    full = np.zeros((16, 15), bool)
    full[y : y + crop.shape[0], x : x + crop.shape[1]] = crop
    np.testing.assert_array_equal(coco.decode(rle), full)


def test_uncompressed_rle_runs_down_the_columns():
    crop, offset = masks.decode_rle_crop({"size": [2, 3], "counts": [1, 3, 2]})
    np.testing.assert_array_equal(crop, [[False, True], [True, True]])
    assert offset == (0, 0)


def test_polygons_of_a_mask_rasterise_to_it():
    yy, xx = np.mgrid[:40, :50]
    mask = (np.hypot(xx - 15, yy - 20) < 11) | ((abs(xx - 38) < 6) & (abs(yy - 20) < 15))
    outlines = masks.trace_polygons(mask)
    assert len(outlines) == 2
    drawn = np.zeros_like(mask)
    for outline in outlines:
        drawn |= masks.rasterise_polygon(outline, mask.shape)
    np.testing.assert_array_equal(drawn, mask)


def test_holes_of_a_traced_mask_are_filled():
    ring = np.ones((9, 9), bool)
    ring[3:6, 3:6] = False
    (outline,) = masks.trace_polygons(ring)
    assert masks.rasterise_polygon(outline, (9, 9)).all()


def test_the_threshold_lies_between_chromosomes_and_background():
    rng = np.random.default_rng(0)
    gray = rng.normal(220, 4, (100, 100))
    gray[30:60, 40:52] = rng.normal(90, 10, (30, 12))
    gray = gray.clip(0, 255).astype(np.uint8)
    threshold = masks.foreground_threshold(gray)
    assert 100 < threshold < 205
    found = masks.foreground(gray, threshold)
    assert found.sum() == pytest.approx(360, abs=8)
    assert found[45, 46]


def test_the_threshold_looks_only_inside():
    gray = np.full((20, 40), 200, np.uint8)
    gray[:, :5], gray[5:9, 25:30] = 0, 150
    inside = np.zeros_like(gray, bool)
    inside[:, 20:] = True
    assert 150 < masks.foreground_threshold(gray, inside) < 200
    assert masks.foreground_threshold(gray) < 150


@pytest.mark.parametrize("value", [0, 128, 255])
def test_an_image_of_one_gray_has_no_foreground(value):
    gray = np.full((30, 30), value, np.uint8)
    assert not masks.foreground(gray, masks.foreground_threshold(gray)).any()


def rods(width, shape=(300, 300)):
    mask = np.zeros(shape, bool)
    for i in range(4):
        mask[20 + 60 * i : 20 + 60 * i + width, 30:150] = True
    return mask


@pytest.mark.parametrize("width", [6, 11, 20])
def test_chromosome_width_of_rods(width):
    assert masks.chromosome_width(rods(width)) == pytest.approx(width, abs=1.2)


def test_nuclei_and_dirt_do_not_change_the_width():
    mask = rods(12)
    yy, xx = np.mgrid[:300, :300]
    mask |= np.hypot(xx - 230, yy - 150) < 50
    mask[280:282, 200:202] = True
    assert masks.chromosome_width(mask) == pytest.approx(12, abs=1.2)


def test_no_width_without_chromosomes():
    assert masks.chromosome_width(np.zeros((50, 50), bool)) == 0.0
    yy, xx = np.mgrid[:100, :100]
    assert masks.chromosome_width(np.hypot(xx - 50, yy - 50) < 30) == 0.0


def test_photometry_is_background_and_mean_chromosome():
    gray = np.full((50, 50), 210, np.uint8)
    gray[10:20, 10:20] = 80
    foreground = gray < 100
    assert masks.photometry(gray, foreground) == (210.0, 80.0)
    assert masks.photometry(gray, np.zeros_like(foreground)) == (255.0, 127.0)
    assert masks.photometry(gray, np.ones_like(foreground)) == (255.0, 127.0)


def test_photometry_keeps_the_two_levels_apart():
    gray = np.full((20, 20), 100, np.uint8)
    foreground = np.zeros_like(gray, bool)
    foreground[5:9, 5:9] = True
    background, mean = masks.photometry(gray, foreground)
    assert background - mean >= 1


def test_annotators_pad_in_proportion_to_the_chromosome_width():
    box = np.array([[10, 20, 30, 40]])
    np.testing.assert_array_equal(masks.pad_as_annotators(box, 16.0), [[5, 13, 34, 43]])
    np.testing.assert_array_equal(masks.pad_as_annotators(box, 32.0), [[0, 6, 38, 46]])


@settings(max_examples=60, deadline=None, derandomize=True)
@given(small, st.integers(0, 3), st.integers(0, 3), st.integers(0, 2), st.integers(0, 2))
def test_rle_agrees_with_pycocotools_at_every_border(crop, x, y, right, below):
    full = np.zeros((y + crop.shape[0] + below, x + crop.shape[1] + right), bool)
    full[y : y + crop.shape[0], x : x + crop.shape[1]] = crop
    expected = coco_mask.encode(np.asfortranarray(full.astype(np.uint8)))["counts"].decode("ascii")
    rle = masks.encode_rle(crop, (x, y), full.shape)
    assert rle["counts"] == expected
    if crop.any():
        tight, (column, row) = masks.decode_rle_crop(rle)
        assert (tight[0].any(), tight[-1].any(), tight[:, 0].any(), tight[:, -1].any()) == (True,) * 4
        back = np.zeros_like(full)
        back[row : row + tight.shape[0], column : column + tight.shape[1]] = tight
        np.testing.assert_array_equal(back, full)


def test_an_empty_rle_has_no_crop():
    with pytest.raises(ValueError, match="no pixel"):
        masks.decode_rle_crop({"size": [4, 5], "counts": [20]})


def test_neighbours_overlap_touch_or_stand_apart():
    offsets = np.array([[0, 0], [3, 3], [10, 0], [14, 4], [30, 30]])
    overlapping, touching = masks.neighbours([np.ones((4, 4), bool)] * 5, offsets)
    assert overlapping.tolist() == [True, True, False, False, False]
    assert touching.tolist() == [False, False, True, True, False], "corner to corner is touching"
    for none in masks.neighbours([], np.zeros((0, 2), np.int64)):
        assert none.shape == (0,)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(small)
def test_a_mask_its_polygons_and_back(crop):
    """mask -> polygon -> mask is the identity for masks without holes, and again for what comes out."""
    padded = np.pad(crop, 1)
    solid = np.zeros_like(padded)
    for polygon in masks.trace_polygons(padded):
        solid |= masks.rasterise_polygon(polygon, padded.shape)
    again = np.zeros_like(padded)
    for polygon in masks.trace_polygons(solid):
        again |= masks.rasterise_polygon(polygon, padded.shape)
    np.testing.assert_array_equal(again, solid)
    assert (solid | padded == solid).all(), "no pixel is lost; only holes are filled"
    cv2_filled, _ = cv2.findContours((~padded).astype(np.uint8), cv2.RETR_CCOMP, cv2.CHAIN_APPROX_NONE)
    if len(cv2_filled) == 1:
        np.testing.assert_array_equal(solid, padded)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(arrays(bool, st.tuples(st.integers(1, 40), st.integers(1, 40))))
def test_compressed_runs_are_read_as_pycocotools_reads_them(full):
    rle = coco_mask.encode(np.asfortranarray(full.astype(np.uint8)))
    if not full.any():
        return
    for counts in (rle["counts"], rle["counts"].decode("ascii")):
        crop, (x, y) = masks.decode_rle_crop({"size": list(full.shape), "counts": counts})
        back = np.zeros_like(full)
        back[y : y + crop.shape[0], x : x + crop.shape[1]] = crop
        np.testing.assert_array_equal(back, full)


@pytest.mark.parametrize("counts", [[3, 4], [-1, 21], [1, 40], "", "\x7f\x01", "oooooooooooooooooo", "PPYo1"])
def test_runs_that_do_not_fill_the_image_are_refused(counts):
    with pytest.raises(ValueError, match="RLE"):
        masks.decode_rle_crop({"size": [4, 5], "counts": counts})


@pytest.mark.parametrize(
    "rle",
    [
        {"size": [80, 80], "counts": [2**62] * 4 + [6400]},  # wraps around to 80 x 80
        {"size": [80, 80], "counts": [7000, -600]},
        {"size": [80, 80], "counts": [10**30]},
        {"size": [80, 80], "counts": 10**15},  # as bytes(n), more memory than there is
        {"size": [80, 80], "counts": {"a": 1}},
        {"size": [80, 80], "counts": None},
        {"size": [-80, -80], "counts": [6400]},
        {"size": [2**40, 2**40], "counts": [2**62] * 4},
    ],
)
def test_runs_that_are_none_are_refused(rle):
    with pytest.raises((ValueError, TypeError, OverflowError)):
        masks.decode_rle_crop(rle)
