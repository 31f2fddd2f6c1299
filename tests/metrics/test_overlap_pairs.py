"""Two chromosomes and their overlap, worked out by hand."""

import math

import pytest

from metaphase.metrics import compare, overlap_pairs

# Two bars of 4 x 30 pixels that cross in 4 x 4.
CROSS = [(0, 13, 30, 17), (13, 0, 17, 30)]


def values(pairs):
    scores = overlap_pairs(
        [compare(truth, predicted, "mask", str(i), str(i)) for i, (truth, predicted) in enumerate(pairs)]
    )
    return {key: score.value for key, score in scores.items()}, {key: score.left_out for key, score in scores.items()}


def test_the_order_of_the_two_is_free(boxes):
    scores, _ = values([(boxes(CROSS), boxes(CROSS[::-1]))])
    assert scores == {
        "IoU_1": 1,
        "IoU_2": 1,
        "IoU_chromosomes": 1,
        "IoU_overlap": 1,
        "two_found": 1,
        "touching_pairs": 0,
    }


def test_by_hand(boxes):
    # The first is cut short at column 15: 60 of 120 pixels. The crossing keeps columns 13 and 14: 8 of 16 pixels.
    scores, _ = values([(boxes(CROSS), boxes([(0, 13, 15, 17), CROSS[1]]))])
    assert (scores["IoU_1"], scores["IoU_2"]) == (0.5, 1)
    assert scores["IoU_chromosomes"] == 0.75
    assert scores["IoU_overlap"] == 0.5


def test_what_is_missing_counts_as_nothing(boxes):
    scores, _ = values([(boxes(CROSS), boxes(CROSS[:1])), (boxes(CROSS), boxes([]))])
    assert (scores["IoU_1"], scores["IoU_2"], scores["IoU_overlap"]) == (0.5, 0, 0)
    assert scores["two_found"] == 0


def test_a_third_prediction_is_no_hindrance_but_no_two_either(boxes):
    scores, _ = values([(boxes(CROSS), boxes([(30, 30, 35, 35), *CROSS]))])
    assert scores["IoU_chromosomes"] == scores["IoU_overlap"] == 1
    assert scores["two_found"] == 0


def test_pairs_that_only_touch_are_counted_apart(boxes):
    touching = boxes([(0, 0, 10, 5), (0, 5, 10, 10)])
    scores, left_out = values([(touching, touching), (boxes(CROSS), boxes(CROSS[:1]))])
    assert scores["touching_pairs"] == 0.5
    assert (scores["IoU_overlap"], left_out["IoU_overlap"], left_out["IoU_1"]) == (0, 1, 0)
    alone, left_out = values([(touching, touching)])
    assert math.isnan(alone["IoU_overlap"])
    assert alone["IoU_chromosomes"] == 1


def test_images_of_no_pair_are_left_out_and_boxes_refused(boxes):
    scores, left_out = values([(boxes(CROSS), boxes(CROSS)), (boxes(CROSS[:1]), boxes([]))])
    assert scores["IoU_1"] == 1
    assert left_out["IoU_1"] == 1
    with pytest.raises(ValueError, match="boxes only"):
        overlap_pairs([compare(boxes(CROSS), boxes(CROSS), "box")])
