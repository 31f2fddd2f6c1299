"""PQ against a brute force over full masks."""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metaphase.metrics import compare, pq
from metaphase.types import Instances


def brute_force(pairs):
    """Sums over images of the best matching's IoU, TP, FP and FN, from full masks and all permutations."""
    quality = tp = fp = fn = 0.0
    for truth, predicted in pairs:
        masks_a = [truth.mask(i) for i in range(len(truth))]
        masks_b = [predicted.mask(i) for i in range(len(predicted))]
        table = np.array([[(a & b).sum() / (a | b).sum() for b in masks_b] for a in masks_a])
        table = table.reshape(len(masks_a), len(masks_b))
        table = np.where(table > 0.5, table, 0)
        if table.shape[0] > table.shape[1]:
            table = table.T
        chosen = max(
            itertools.permutations(range(table.shape[1]), table.shape[0]),
            key=lambda order: sum(table[i, j] for i, j in enumerate(order)),
        )
        ious = [table[i, j] for i, j in enumerate(chosen) if table[i, j] > 0]
        quality, tp = quality + sum(ious), tp + len(ious)
        fp, fn = fp + len(masks_b) - len(ious), fn + len(masks_a) - len(ious)
    return quality, tp, fp, fn


@settings(max_examples=12, deadline=None, derandomize=True)
@given(st.integers(0, 10_000))
def test_agrees_with_a_brute_force(blobs, disturb, seed):
    pairs = [(blobs(seed + i, 4), disturb(blobs(seed + i, 4), seed + i)) for i in range(2)]
    scores = {key: s.value for key, s in pq([compare(a, b, "mask") for a, b in pairs]).items()}
    quality, tp, fp, fn = brute_force(pairs)
    assert scores["PQ_all"] == pytest.approx(quality / (tp + fp / 2 + fn / 2))
    assert scores["RQ_all"] == pytest.approx(tp / (tp + fp / 2 + fn / 2))
    assert scores["SQ_all"] == pytest.approx(quality / tp if tp else 0)


def test_pooled_is_not_the_mean_over_images(boxes):
    perfect = boxes([(0, 0, 5, 5)]), boxes([(0, 0, 5, 5)])
    missed = boxes([(0, 0, 5, 5), (10, 0, 15, 5), (20, 0, 25, 5)]), boxes([])
    scores = pq([compare(*perfect, "mask"), compare(*missed, "mask")])
    assert scores["PQ_all"].value == pytest.approx(1 / 2.5)
    assert scores["PQ_all_image"].value == pytest.approx(0.5)


def label_map_pq(truth, predicted):
    """PQ of two label maps, 0 is void, as Kirillov et al. write it: a pair matches where its IoU is above one half."""
    pairs, counts = np.unique(np.stack([truth.ravel(), predicted.ravel()]), axis=1, return_counts=True)
    area_t, area_p = np.bincount(truth.ravel()), np.bincount(predicted.ravel())
    quality = matched = 0.0
    for (t, p), shared in zip(pairs.T, counts, strict=True):
        if t and p:
            iou = shared / (area_t[t] + area_p[p] - shared)
            quality, matched = (quality + iou, matched + 1) if iou > 0.5 else (quality, matched)
    halves = (np.count_nonzero(area_t[1:]) + np.count_nonzero(area_p[1:])) / 2
    return quality / halves, quality / matched if matched else 0.0, matched / halves


def of_map(label_map):
    """Instances of the labels of a map, full masks."""
    masks = [label_map == label for label in np.unique(label_map[label_map > 0])]
    return Instances.from_masks(*label_map.shape, masks, [(0, 0)] * len(masks))


@settings(max_examples=25, deadline=None, derandomize=True)
@given(st.integers(0, 10_000))
def test_agrees_with_label_maps_where_nothing_overlaps(seed):
    rng = np.random.default_rng(seed)
    truth = np.zeros((40, 40), np.int64)
    for label in range(1, 13):
        y, x, h, w = rng.integers([0, 0, 3, 3], [34, 34, 14, 14])
        truth[y : y + h, x : x + w] = label
    predicted = np.roll(truth, rng.integers(-2, 3, 2), (0, 1))
    predicted[predicted == rng.integers(1, 13)] = 0
    predicted[rng.random(predicted.shape) < 0.1] = 0
    scores = pq([compare(of_map(truth), of_map(predicted), "mask")])
    expected = label_map_pq(truth, predicted)
    assert [scores[key].value for key in ("PQ_all", "SQ_all", "RQ_all")] == pytest.approx(expected, abs=1e-6)
