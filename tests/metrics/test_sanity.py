"""The mean sanity of predicted labels."""

import numpy as np
import pytest

from metaphase import chromosomes
from metaphase.metrics import compare, sanity
from metaphase.types import Instances

NORMAL = [*range(1, 23), *range(1, 23), 23, 24]


def cell(labels):
    boxes = np.array([[10 * i, 0, 10 * i + 5, 5] for i in range(len(labels))], float)
    return Instances.from_boxes(10, 500, boxes, labels=labels)


def test_mean_over_cells_and_share_of_perfect_ones():
    cells = [cell(NORMAL), cell(NORMAL[:-1])]
    scores = sanity([compare(c, c, "box") for c in cells])
    expected = chromosomes.sanity(NORMAL[:-1])["score"]
    assert expected < 1
    assert scores["sanity"].value == pytest.approx((1 + expected) / 2)
    assert scores["sanity_exact"].value == 0.5


def test_an_image_of_one_chromosome_is_left_out():
    scores = sanity([compare(cell(NORMAL), cell(NORMAL), "box"), compare(cell([1]), cell([1]), "box")])
    assert scores["sanity"].value == 1
    assert scores["sanity"].left_out == 1
