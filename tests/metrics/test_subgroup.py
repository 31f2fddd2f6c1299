"""Parts of the true chromosomes, worked out by hand."""

import math

import numpy as np
import pytest

from metaphase.metrics import compare, subgroup


def test_only_the_members_count(boxes):
    truth = boxes([(0, 0, 10, 10), (0, 20, 10, 30), (20, 0, 30, 10), (20, 20, 30, 30)], labels=[1, 2, 3, 4])
    # The first whole, the second with 80 of 100 pixels and misnamed, the third missed, the fourth whole; one false.
    found = [(0, 0, 10, 10), (0, 20, 8, 30), (20, 20, 30, 30), (32, 32, 39, 39)]
    comparison = compare(truth, boxes(found, labels=[1, 9, 4, 5]), "mask")
    members = np.array([False, True, True, True])
    scores = {key: score.value for key, score in subgroup([comparison], [members]).items()}
    assert scores == pytest.approx(
        {"found": 2 / 3, "SQ_all": (0.8 + 1) / 2, "class_accuracy": 1 / 2, "end_to_end": 1 / 3}
    )


def test_nobody_belongs(boxes):
    comparison = compare(boxes([(0, 0, 10, 10)], labels=[1]), boxes([]), "mask")
    assert all(math.isnan(score.value) for score in subgroup([comparison], [np.array([False])]).values())
