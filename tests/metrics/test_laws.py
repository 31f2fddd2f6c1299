"""Laws that every score obeys: identity, disjointness, order, rotation, false detections."""

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metaphase import metrics
from metaphase.metrics import compare
from metaphase.types import Instances

QUALITY = ("PQ_all", "SQ_all", "RQ_all", "PQ_all_image", "mPQ", "mPQ_image", "AJI_plus", "AP", "AP50", "AP75")
SEEDS = st.integers(0, 10_000)
law = settings(max_examples=12, deadline=None, derandomize=True)


def all_scores(pairs, overlap="mask"):
    comparisons = [compare(truth, predicted, overlap, str(i), str(i)) for i, (truth, predicted) in enumerate(pairs)]
    scores = metrics.pq(comparisons) | metrics.mpq(comparisons) | metrics.aji(comparisons) | metrics.ap(comparisons)
    scores |= metrics.counts(comparisons) | metrics.sanity(comparisons)
    return {key: score.value for key, score in scores.items()}


def turned(instances):
    """The same instances after a quarter turn of the image to the left."""
    corners = zip(instances.crops, instances.offsets_xy.tolist(), strict=True)
    offsets = [(y, instances.width - x - crop.shape[1]) for crop, (x, y) in corners]
    return Instances.from_masks(
        instances.width,
        instances.height,
        [np.rot90(crop) for crop in instances.crops],
        offsets,
        labels=instances.labels,
        scores=instances.scores,
    )


def with_one_more(instances, box_xyxy, label, score):
    x0, y0, x1, y1 = box_xyxy
    return Instances.from_masks(
        instances.height,
        instances.width,
        [*instances.crops, np.ones((y1 - y0, x1 - x0))],
        [*instances.offsets_xy.tolist(), [x0, y0]],
        labels=[*instances.labels, label],
        scores=[*instances.scores, score],
    )


@law
@given(SEEDS)
def test_identity_is_perfect(blobs, seed):
    truth = blobs(seed)
    scores = all_scores([(truth, truth)])
    for key in (*QUALITY, "AJI", "found", "end_to_end", "class_accuracy", "cells_without_error", "exact_count"):
        assert scores[key] == pytest.approx(1.0), key
    assert scores["false_per_cell"] == scores["count_error"] == 0


def test_disjoint_is_nothing(boxes):
    truth = boxes([(0, 0, 10, 5), (0, 20, 5, 30)], labels=[1, 2])
    predicted = boxes([(20, 0, 30, 5), (20, 20, 25, 30)], labels=[1, 2])
    for overlap in ("mask", "box"):
        scores = all_scores([(truth, predicted)], overlap)
        for key in (*QUALITY, "AJI", "found", "end_to_end", "cells_without_error"):
            assert scores[key] == 0, key
        assert scores["false_per_cell"] == 2
        assert scores["exact_count"] == 1


@law
@given(SEEDS)
def test_order_of_instances_does_not_matter(blobs, disturb, seed):
    truth = blobs(seed)
    predicted = disturb(truth, seed)
    rng = np.random.default_rng(seed)
    shuffled = truth.select(rng.permutation(len(truth))), predicted.select(rng.permutation(len(predicted)))
    before, after = all_scores([(truth, predicted)]), all_scores([shuffled])
    assert {k: v for k, v in after.items() if not math.isnan(v)} == pytest.approx(
        {k: v for k, v in before.items() if not math.isnan(v)}
    )


@law
@given(SEEDS)
def test_a_quarter_turn_changes_nothing(blobs, disturb, seed):
    truth = blobs(seed)
    predicted = disturb(truth, seed)
    for overlap in ("mask", "box"):
        before = all_scores([(truth, predicted)], overlap)
        after = all_scores([(turned(truth), turned(predicted))], overlap)
        assert after == pytest.approx(before, nan_ok=True)


@law
@given(SEEDS, st.integers(1, 24), st.floats(0, 1, width=32))
def test_a_prediction_disjoint_from_every_truth_never_helps(blobs, disturb, seed, label, score):
    # The blobs leave room for a far corner in an image made larger.
    truth = replace(blobs(seed), height=90, width=90)
    predicted = replace(disturb(blobs(seed), seed), height=90, width=90)
    before = all_scores([(truth, predicted)])
    after = all_scores([(truth, with_one_more(predicted, (75, 75, 85, 88), label, score))])
    for key in (*QUALITY, "AJI"):
        assert after[key] <= before[key] + 1e-12, key


@law
@given(SEEDS)
def test_pq_is_sq_times_rq(blobs, disturb, seed):
    pairs = [(blobs(seed + i), disturb(blobs(seed + i), seed + i)) for i in range(3)]
    for overlap in ("mask", "box"):
        scores = all_scores(pairs, overlap)
        assert scores["PQ_all"] == pytest.approx(scores["SQ_all"] * scores["RQ_all"])


def test_two_empty_sides_are_perfect_and_one_is_nothing(boxes):
    nothing, something = boxes([]), boxes([(0, 0, 5, 5)], labels=[3])
    both = all_scores([(nothing, nothing)])
    for key in ("PQ_all", "SQ_all", "RQ_all", "PQ_all_image", "mPQ", "mPQ_image", "AJI", "AJI_plus"):
        assert both[key] == 1, key
    for key in ("AP", "found", "end_to_end", "class_accuracy"):
        assert math.isnan(both[key]), key
    for pair in ((nothing, something), (something, nothing)):
        scores = all_scores([pair])
        for key in ("PQ_all", "SQ_all", "RQ_all", "PQ_all_image", "mPQ", "mPQ_image", "AJI", "AJI_plus"):
            assert scores[key] == 0, key


def test_only_chromosomes_count(boxes):
    truth = boxes([(0, 0, 10, 5)], labels=[1])
    predicted = boxes([(0, 0, 10, 5), (20, 20, 30, 30)], labels=[1, 2], status=["chromosome", "debris"])
    scores = all_scores([(truth, predicted)])
    assert scores["PQ_all"] == 1
    assert scores["false_per_cell"] == 0


def test_images_of_another_size_are_refused(boxes):
    with pytest.raises(ValueError, match="40 x 40 pixels, but the prediction of one of 50 x 50"):
        compare(boxes([]), boxes([], size=50), "mask")


def test_masks_are_asked_for_and_missing(boxes):
    with pytest.raises(ValueError, match="boxes only"):
        compare(Instances.from_boxes(40, 40, np.array([[1, 1, 9, 9]])), boxes([]), "mask")


def test_nothing_is_masks_as_well_as_boxes(boxes):
    nothing = Instances.from_boxes(40, 40, np.zeros((0, 4)))
    assert compare(boxes([]), nothing, "mask").predicted.has_masks
    assert compare(nothing, boxes([]), "mask").iou.shape == (0, 0)
