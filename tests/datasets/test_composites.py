"""Composites: exact masks, transmittances that multiply, one generator that decides everything."""

import cv2
import numpy as np
import pytest

from metaphase.datasets import composites
from metaphase.datasets.composites import CutOut, compose, cut_out, is_cut
from metaphase.datasets.procedural_chromosome import draw_chromosome


def chromosomes(count, seed=0):
    rng = np.random.default_rng(seed)
    drawn = [draw_chromosome(int(rng.integers(1, 25)), rng, width_px=12.0) for _ in range(count)]
    return [CutOut(d.transmittance, d.inside, d.label) for d in drawn]


@pytest.fixture
def plain(monkeypatch):
    """No background, dirt or optics: what is left is chromosomes alone."""
    monkeypatch.setattr(composites, "_background", lambda rng, size: np.ones((size, size), np.float32))
    monkeypatch.setattr(composites, "_dirt", lambda image, rng: None)
    monkeypatch.setattr(composites, "_optics", lambda image, rng: image)


def full(size, crop, x, y):
    mask = np.zeros((size, size), bool)
    mask[y : y + crop.shape[0], x : x + crop.shape[1]] = crop
    return mask


def test_the_generator_alone_decides():
    first, second, other = (compose(chromosomes(9), np.random.default_rng(seed), 160) for seed in (3, 3, 4))
    np.testing.assert_array_equal(first.transmittance, second.transmittance)
    np.testing.assert_array_equal(first.labels, second.labels)
    assert not np.array_equal(first.transmittance, other.transmittance)


def test_masks_lie_inside_and_belong_to_their_labels():
    made = compose(chromosomes(20), np.random.default_rng(0), 256)
    assert made.transmittance.shape == (256, 256)
    assert made.transmittance.dtype == np.float32
    assert made.transmittance.min() >= 0
    assert len(made.masks) == len(made.labels) > 10
    for crop, x, y in made.masks:
        assert crop.dtype == bool
        assert crop.any()
        assert x >= 0
        assert y >= 0
        assert y + crop.shape[0] <= 256
        assert x + crop.shape[1] <= 256


def test_masks_are_exact(plain):
    made = compose(chromosomes(12), np.random.default_rng(1), 256)
    count = sum(full(256, *mask).astype(int) for mask in made.masks)
    # Darkness lies inside the masks but for the soft edge around them.
    assert made.transmittance[count > 0].mean() < 0.75
    near = np.zeros((256, 256), bool)
    for dy in range(-4, 5):
        for dx in range(-4, 5):
            near |= np.roll(count > 0, (dy, dx), (0, 1))
    assert made.transmittance[~near].min() > 0.99
    assert made.transmittance[~near].size > 1000


def test_where_two_cross_transmittances_multiply(plain, monkeypatch):
    pasted = []
    paste = composites._paste

    def watch(image, patch, mask, x, y):
        alone = np.ones_like(image)
        placed = paste(alone, patch, mask, x, y)
        if placed is not None:
            pasted.append(alone)
        return paste(image, patch, mask, x, y)

    monkeypatch.setattr(composites, "_paste", watch)
    made = compose(chromosomes(10), np.random.default_rng(5), 256, crossing=0.9, touching=0.0)
    np.testing.assert_allclose(made.transmittance, np.prod(pasted, 0), rtol=1e-4)
    count = sum(full(256, *mask).astype(int) for mask in made.masks)
    assert (count >= 2).sum() > 50, "some chromosomes do cross"
    assert made.transmittance[count >= 2].mean() < 0.75 * made.transmittance[count == 1].mean()


def test_without_crossing_and_touching_nothing_overlaps(plain):
    made = compose(chromosomes(14), np.random.default_rng(2), 256, crossing=0.0, touching=0.0)
    assert sum(full(256, *mask).astype(int) for mask in made.masks).max() == 1


def test_without_piling_few_chromosomes_cross_two(plain):
    heaped = []
    for piling in (0.0, 1.0):
        made = compose(chromosomes(30), np.random.default_rng(3), 600, crossing=0.8, touching=0.0, piling=piling)
        masks = [full(600, *mask) for mask in made.masks]
        crossed = np.array([sum((one & other).any() for other in masks) - 1 for one in masks])
        assert (crossed > 0).sum() > 10
        heaped.append(int((crossed > 1).sum()))
    assert heaped[0] <= 3
    assert heaped[1] > 3 * max(1, heaped[0])


def test_as_in_cells_crossings_are_steep_cut_both_and_meet_no_third(plain):
    angles, cuts, piles = {}, {}, {}
    for as_in_cells in (False, True):
        found, cut, piled = [], [], 0
        for seed in range(6):
            how = {"crossing": 0.5, "touching": 0.0, "piling": 0.0, "as_in_cells": as_in_cells}
            made = compose(chromosomes(20, seed), np.random.default_rng(seed), 330, **how)
            masks = [full(330, *mask).astype(np.uint8) for mask in made.masks]
            meets = np.array([[(a & b).sum() >= 10 for b in masks] for a in masks])
            np.fill_diagonal(meets, False)
            piled += int((meets.sum(1) > 1).sum())
            for i, j in np.argwhere(np.triu(meets)):
                found.append(abs(composites._main_axis(masks[i])[1] @ composites._main_axis(masks[j])[1]))
                cut.append(is_cut(masks[i], masks[j]) and is_cut(masks[j], masks[i]))
        angles[as_in_cells], cuts[as_in_cells], piles[as_in_cells] = np.median(found), np.mean(cut), piled
    assert piles[True] == 0 < piles[False]
    assert angles[True] < 0.6 < angles[False]
    assert cuts[True] > 0.2 > cuts[False]


def test_as_in_cells_what_touches_does_not_overlap(plain):
    made = compose(chromosomes(20), np.random.default_rng(2), 400, crossing=0.0, touching=1.0, as_in_cells=True)
    masks = [full(400, *mask) for mask in made.masks]
    assert np.sum(masks, 0).max() == 1
    near = [cv2.dilate(mask.astype(np.uint8), np.ones((7, 7), np.uint8)) > 0 for mask in masks]
    touch = [any((near[i] & masks[j]).any() for j in range(len(masks)) if j != i) for i in range(len(masks))]
    assert np.mean(touch) > 0.7


def test_a_bar_is_cut_in_its_middle_and_not_at_its_end():
    bar, middle, end = (np.zeros((20, 60), np.uint8) for _ in range(3))
    bar[8:12], middle[:, 25:35], end[:, 50:] = 1, 1, 1
    assert is_cut(bar, middle)
    assert not is_cut(bar, end)


def test_linked_chromosomes_touch_with_their_ends_and_lie_in_one_line(plain):
    made = compose(chromosomes(2, seed=4), np.random.default_rng(6), 400, crossing=0.0, touching=1.0, linked=1.0)
    (first, second) = [full(400, *mask) for mask in made.masks]
    (a, axis), (b, other) = (composites._main_axis(mask) for mask in (first, second))
    between = (b - a) / np.hypot(*(b - a))
    assert abs(axis @ other) > 0.85
    assert abs(axis @ between) > 0.9
    assert np.hypot(*(b - a)) > 0.4 * (np.ptp(np.argwhere(first), 0).max() + np.ptp(np.argwhere(second), 0).max())
    assert (first & second).sum() < 0.1 * min(first.sum(), second.sum())


def test_nothing_to_compose_is_an_empty_slide():
    made = compose([], np.random.default_rng(0), 64)
    assert made.masks == []
    assert made.labels.shape == (0,)
    assert made.transmittance.mean() > 0.3


def test_a_cut_out_brings_its_edge_and_nothing_of_its_neighbours():
    image = np.full((60, 60), 200, np.uint8)
    image[20:40, 20:30] = 100
    image[20:40, 36:50] = 20
    cut = cut_out(image, np.ones((20, 10), bool), 20, 20, 5, clear=200.0)
    assert cut.label == 5
    assert cut.mask.shape == cut.transmittance.shape == (26, 16)
    assert cut.mask.sum() == 200
    np.testing.assert_array_equal(cut.transmittance[cut.mask], 0.5)
    assert (cut.transmittance[~cut.mask] == 1).all()


def test_a_cut_out_at_the_border_of_the_image():
    image = np.full((30, 30), 120, np.uint8)
    cut = cut_out(image, np.ones((10, 10), bool), 0, 20, 1, clear=200.0)
    assert cut.transmittance.shape == (16, 16)
    np.testing.assert_allclose(cut.transmittance[3:13, 3:13], 0.6)
    assert (cut.transmittance[:, 0] == 1).all()


def test_a_cut_out_is_never_brighter_than_clear():
    image = np.full((30, 30), 255, np.uint8)
    assert cut_out(image, np.ones((5, 5), bool), 10, 10, 1, clear=200.0).transmittance.max() == 1
