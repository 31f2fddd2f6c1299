"""Counting scores worked out by hand."""

import math

import pytest

from metaphase.metrics import compare, counts


def test_two_images_by_hand(boxes):
    # Image 1: three truths; one found and right, one found and wrong, one missed; one false.
    truth = boxes([(0, 0, 10, 10), (0, 20, 10, 30), (20, 0, 30, 10)], labels=[1, 2, 3])
    predicted = boxes([(0, 0, 10, 10), (0, 20, 10, 30), (30, 30, 40, 40)], labels=[1, 9, 3])
    # Image 2: one truth, found and right.
    single = boxes([(0, 0, 10, 10)], labels=[24])
    scores = {k: s.value for k, s in counts([compare(truth, predicted, "box"), compare(single, single, "box")]).items()}
    assert scores == pytest.approx(
        {
            "found": 3 / 4,
            "false_per_cell": 1 / 2,
            "end_to_end": 2 / 4,
            "cells_without_error": 1 / 2,
            "class_accuracy": 2 / 3,
            "count_error": 0,
            "exact_count": 1,
        }
    )


def test_count_error_is_absolute(boxes):
    one, two = boxes([(0, 0, 5, 5)]), boxes([(0, 0, 5, 5), (10, 10, 15, 15)])
    scores = counts([compare(one, two, "box"), compare(two, one, "box")])
    assert scores["count_error"].value == 1
    assert scores["exact_count"].value == 0


def test_what_has_no_denominator_is_not_defined(boxes):
    scores = counts([compare(boxes([]), boxes([]), "box")])
    assert math.isnan(scores["found"].value)
    assert math.isnan(scores["class_accuracy"].value)
    assert scores["cells_without_error"].value == 1
