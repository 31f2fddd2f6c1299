"""PQ of each class, worked out by hand."""

import pytest

from metaphase.metrics import compare, mpq


def test_mean_over_the_classes_that_occur(boxes):
    truth = boxes([(0, 0, 10, 10), (0, 20, 10, 30), (20, 0, 30, 10)], labels=[1, 1, 2])
    # Class 1: one of two found, IoU 1, so 1 / (1 + 1/2). Class 2: missed. Class 3: false.
    predicted = boxes([(0, 0, 10, 10), (20, 0, 30, 10)], labels=[1, 3])
    scores = mpq([compare(truth, predicted, "mask")])
    assert scores["mPQ"].value == pytest.approx((2 / 3 + 0 + 0) / 3)
    assert scores["mPQ_image"].value == scores["mPQ"].value
    assert scores["mPQ_image"].left_out == 21


def test_pools_each_class_over_images(boxes):
    one = compare(boxes([(0, 0, 10, 10)], labels=[7]), boxes([(0, 0, 10, 10)], labels=[7]), "mask")
    none = compare(boxes([(0, 0, 10, 10)], labels=[7]), boxes([]), "mask")
    scores = mpq([one, none])
    assert scores["mPQ"].value == pytest.approx(1 / 1.5)
    assert scores["mPQ_image"].value == pytest.approx(0.5)
