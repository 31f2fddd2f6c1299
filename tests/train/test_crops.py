"""Training crops: targets lie on the pixels that the prediction code will look at."""

import numpy as np
import pytest

from metaphase.config import SegmentTraining
from metaphase.segment import candidates, segmenter
from metaphase.train import crops
from metaphase.train.cache import Material, resize_mask

CONFIG = SegmentTraining(crop=224)


def rod(shape, centre_xy, length, width, degrees):
    d = np.array([np.cos(np.radians(degrees)), np.sin(np.radians(degrees))]) * length
    a = np.array(centre_xy) - d / 2
    yy, xx = np.mgrid[: shape[0], : shape[1]]
    t = np.clip(((xx - a[0]) * d[0] + (yy - a[1]) * d[1]) / (d @ d), 0, 1)
    return np.hypot(xx - a[0] - t * d[0], yy - a[1] - t * d[1]) <= width / 2


def tight(mask):
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    return mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1], int(columns[0]), int(rows[0])


def targets(masks, size, seed=0):
    boxes = np.full((len(masks), 4), np.nan, np.float32)
    nothing = np.zeros((size, size), bool)
    return crops._targets(np.zeros((size, size), np.float32), masks, boxes, nothing, np.random.default_rng(seed))


def iou(a, b):
    return (a & b).sum() / (a | b).sum()


@pytest.mark.parametrize("centre", [(100, 90), (101, 93), (20, 25), (215, 200)])
def test_a_target_window_is_what_prediction_computes_at_the_same_cell(centre):
    mask = rod((224, 224), centre, 60, 12, 35)
    made = targets([tight(mask)], 224)
    assert len(made.cells) == 1
    kernel = np.zeros(169, np.float32)  # picks feature 0 of 8: logit = 20 f - 10
    kernel[0], kernel[88], kernel[160], kernel[168] = 1, 1, 20, -10
    features = np.zeros((8, 112, 112), np.float32)
    features[0] = mask.reshape(112, 2, 112, 2).mean((1, 3))
    computed = candidates.mask_probabilities(kernel[None], features, made.cells)
    np.testing.assert_array_equal(made.windows > 2, computed > 0.5)
    assert (made.windows > 2).any()


@pytest.mark.parametrize("scale", [0.6, 0.85, 1.3])
@pytest.mark.parametrize("degrees", [0, 35, 90])
def test_a_target_window_enlarged_is_the_mask_at_full_resolution(scale, degrees):
    shape = (round(224 / scale), round(224 / scale))
    mask = rod(shape, (shape[1] * 0.45, shape[0] * 0.55), 60 / scale, 12 / scale, degrees)
    crop, x, y = tight(mask)
    made = targets([resize_mask(crop, np.array([x, y]), scale)], 224)
    for cell, window in zip(made.cells, made.windows, strict=True):
        probability, x0, y0 = segmenter._enlarge((window / 4).astype(np.float32), cell, scale, shape)
        back = np.zeros(shape, bool)
        back[y0 : y0 + probability.shape[0], x0 : x0 + probability.shape[1]] = probability > 0.5
        assert iou(back, mask) > 0.9
        # An edge along the grid is rounded to it, half a grid pixel at most; an oblique one hits it everywhere.
        limit = 0.3 / scale if degrees == 35 else 0.5 / scale + 0.2
        np.testing.assert_allclose(np.argwhere(back).mean(0), np.argwhere(mask).mean(0), atol=limit)


def test_positive_cells_lie_on_the_mask_near_its_middle():
    mask = rod((224, 224), (110, 110), 80, 14, 20)
    made = targets([tight(mask)], 224)
    positive = np.argwhere(made.owner == 0)
    assert 3 <= len(positive) <= 5
    centres = positive * 8 + 4
    assert mask[centres[:, 0], centres[:, 1]].all()
    assert np.hypot(*(centres - 110).T).max() < 30
    others = made.owner[4 // 8 :][made.owner != 0]
    assert set(others.tolist()) == {-1, -2}
    ignored = np.argwhere(made.owner == -2) * 8 + 4
    assert mask[ignored[:, 0], ignored[:, 1]].all(), "cells on the mask but far from its middle are not judged"


def test_two_that_cross_each_get_cells_outside_of_the_crossing():
    first, second = rod((224, 224), (112, 112), 90, 12, 45), rod((224, 224), (112, 112), 90, 12, 135)
    made = targets([tight(first), tight(second)], 224)
    for i, mask in enumerate((first, second)):
        centres = np.argwhere(made.owner == i) * 8 + 4
        assert len(centres)
        assert mask[centres[:, 0], centres[:, 1]].all()
    assert set(made.instance.tolist()) == {0, 1}


def test_a_fragment_teaches_nothing():
    mask = np.ones((5, 6), bool)
    made = targets([(mask, 100, 100)], 224)
    assert len(made.cells) == 0
    assert made.windows.shape == (0, 72, 72)
    assert not (made.owner >= 0).any()
    assert made.owner.shape == (28, 28)


def test_a_thin_one_between_cell_centres_gets_the_nearest_cell():
    mask = np.ones((40, 3), bool)
    made = targets([(mask, 97, 80)], 224)  # columns 97..99, the centres are at 92 and 100
    assert len(np.argwhere(made.owner == 0)) == 1
    assert made.owner[(80 + 20) // 8, 97 // 8] == 0


def spot(window, cell, size):
    """A target window back on the crop's own pixels."""
    big = np.kron(window > 2, np.ones((2, 2), bool))
    top, left = (cell * 8 + 4 - 72).tolist()
    full = np.zeros((size + 288, size + 288), bool)
    full[top + 144 : top + 288, left + 144 : left + 288] = big
    return full[144 : 144 + size, 144 : 144 + size]


@pytest.mark.parametrize("seed", range(8))
def test_masks_of_a_real_crop_lie_on_dark_pixels(cell, seed):
    made = crops.real_crop(cell, np.random.default_rng(seed), CONFIG)
    assert made.darkness.shape == (224, 224)
    assert made.darkness.dtype == np.float32
    assert len(made.windows) == len(made.cells) == len(made.instance)
    covered = np.zeros((224, 224), bool)
    for window, at in zip(made.windows, made.cells, strict=True):
        one = spot(window, at, 224)
        covered |= one
        inside = made.darkness[one].mean()
        ring = np.roll(one, 9, 0) | np.roll(one, -9, 0) | np.roll(one, 9, 1) | np.roll(one, -9, 1)
        assert inside > 0.4
        assert inside > 2 * made.darkness[ring & ~one].mean()
    assert covered.any()


@pytest.mark.parametrize("seed", range(8))
def test_boxes_of_a_real_crop_hold_their_masks(cell, seed):
    made = crops.real_crop(cell, np.random.default_rng(seed), CONFIG)
    for window, at, i in zip(made.windows, made.cells, made.instance, strict=True):
        if np.isnan(made.boxes[i]).any():
            continue
        rows, columns = np.nonzero(spot(window, at, 224))
        x0, y0, x1, y1 = made.boxes[i]
        assert x0 - 1 <= columns.min()
        assert columns.max() <= x1
        assert y0 - 1 <= rows.min()
        assert rows.max() <= y1


def test_boxes_are_known_in_some_crops_and_not_after_turns(cell):
    known = [np.isfinite(crops.real_crop(cell, np.random.default_rng(s), CONFIG).boxes).all() for s in range(12)]
    assert 2 < sum(known) < 10


def test_clustered_chromosomes_are_not_background(cell, clustered_cell):
    for seed in range(6):
        whole = crops.real_crop(cell, np.random.default_rng(seed), CONFIG)
        partly = crops.real_crop(clustered_cell, np.random.default_rng(seed), CONFIG)
        np.testing.assert_array_equal(whole.darkness, partly.darkness)
        lost = (whole.owner >= 0) & (partly.owner < 0)
        assert (partly.owner[lost] == -2).all()


def test_boxes_tell_where_chromosomes_without_masks_are(cell, clustered_cell):
    seen = 0
    for seed in range(12):
        whole = crops.real_crop(cell, np.random.default_rng(seed), CONFIG)
        made = crops.real_crop(clustered_cell, np.random.default_rng(seed), CONFIG)
        assert len(whole.boxed.boxes) == 0
        assert len(made.boxed.maps) == len(made.boxed.boxes) <= 2
        lost = [i for i in range(len(whole.labels)) if whole.labels[i] in clustered_cell.box_labels[-2:]]
        full = [
            spot(w, c, 224) for w, c, i in zip(whole.windows, whole.cells, whole.instance, strict=True) if i in lost
        ]
        for box, known in zip(made.boxed.tight, made.boxed.maps, strict=True):
            fits = [mask for mask in full if iou(mask[::2, ::2], known == 1) > 0.5]
            assert len(fits) == 1
            mask = fits[0]
            assert (known[mask[::2, ::2]] > 0).mean() > 0.9, "hardly anything of it is ruled out"
            rows, columns = np.nonzero(mask)
            tight = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
            np.testing.assert_allclose(box, tight, atol=3)
            seen += 1
    assert seen >= 3


def test_where_two_boxes_meet_nobody_knows():
    darkness = np.ones((64, 64), np.float32)
    boxes = np.array([[8, 8, 40, 40], [24, 24, 56, 56], [60, 0, 80, 20]], np.float32)
    made = crops._boxed(darkness, [(np.ones((4, 4), bool), 10, 10)], boxes, [0, 1, 2], np.zeros(4, np.float32))
    assert len(made.boxes) == 2, "the third reaches beyond the crop"
    assert len(made.all_boxes) == 3
    first, second = made.maps
    assert first[15, 15] == second[15, 15] == crops.UNKNOWN
    assert (first[10, 10], second[10, 10]) == (1, 0)
    assert first[6, 6] == crops.UNKNOWN, "a mask lies there"
    assert (first[27, 27], second[27, 27]) == (0, 1)


def test_composite_crops_are_drawn_from_the_cells(cell, clustered_cell):
    made = [crops.composite_crop([cell, clustered_cell], np.random.default_rng(s), CONFIG) for s in (0, 0, 1)]
    np.testing.assert_array_equal(made[0].darkness, made[1].darkness)
    np.testing.assert_array_equal(made[0].windows, made[1].windows)
    assert not np.array_equal(made[0].darkness, made[2].darkness)
    for one in made:
        assert one.darkness.shape == (224, 224)
        assert len(one.cells) > 5
        assert np.isnan(one.boxes).all(), "nobody drew boxes around composed chromosomes"
        dark = [one.darkness[spot(w, c, 224)].mean() for w, c in zip(one.windows, one.cells, strict=True)]
        assert np.median(dark) > 2 * one.darkness[4::8, 4::8][one.owner == -1].mean()


def test_drawn_chromosomes_alone_make_a_crop(cell):
    config = SegmentTraining(crop=160, drawn_share=1.0)
    made = crops.composite_crop([cell], np.random.default_rng(0), config)
    assert len(made.cells) > 3


@pytest.mark.parametrize("turns", range(4))
@pytest.mark.parametrize("mirrored", [False, True])
def test_masks_turn_with_the_image(turns, mirrored):
    mask = rod((64, 64), (20, 30), 30, 8, 20)
    crop, x, y = crops._dihedral_mask(tight(mask), 64, turns, mirrored)
    full = np.zeros((64, 64), bool)
    full[y : y + crop.shape[0], x : x + crop.shape[1]] = crop
    np.testing.assert_array_equal(full, crops._dihedral(mask, turns, mirrored))


def test_dense_crops_are_taken_where_most_boxes_are():
    middles = np.array([(x, y) for x in range(40, 200, 20) for y in range(40, 200, 20)], np.float32)
    boxes = np.concatenate([middles - 8, middles + 8], 1)
    nothing = np.zeros(0, np.int64)
    cell = Material(
        "a", 1.0, nothing, np.zeros((0, 160, 32), np.uint8), nothing, np.zeros((900, 900), np.uint8), 0.5, [], boxes,
        np.ones(len(boxes), np.int64), nothing,
    )  # fmt: skip

    def held(share):
        rng = np.random.default_rng(0)
        corners = np.array([crops._corner(cell, rng, 224, 1.0, share) for _ in range(200)])
        inside = (middles[None] > corners[:, None]) & (middles[None] < corners[:, None] + 224)
        return float(inside.all(2).sum(1).mean())

    assert held(1.0) > 1.5 * held(0.0) > 0
