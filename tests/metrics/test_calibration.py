"""Calibration worked out by hand."""

import math

import numpy as np
import pytest

from metaphase.metrics import calibration, compare


def peaked(labels, confidences):
    rows = np.repeat((1 - np.array(confidences, float))[:, None] / 23, 24, 1)
    rows[np.arange(len(labels)), np.array(labels) - 1] = confidences
    return rows


def test_error_and_curve(boxes):
    places = [(0, 0, 5, 5), (10, 0, 15, 5), (20, 0, 25, 5), (30, 0, 35, 5)]
    truth = boxes(places, labels=[1, 2, 3, 4])
    labels = [1, 2, 9, 4]
    predicted = boxes(places, labels=labels, probabilities_nc=peaked(labels, [0.99, 0.97, 0.5, 0.96]))
    found = calibration([compare(truth, predicted, "box")])
    error, curve = found.error, found.coverage
    # One bin holds the three right ones, mean gap (1 - .9733), the other the wrong one, gap .5.
    assert error.value == pytest.approx((0.01 + 0.03 + 0.04 + 0.5) / 4, abs=1e-6)
    assert dict(curve)[0.5] == 1.0
    assert dict(curve)[1.0] == 0.75
    sure, unsure = found.bins[-1], found.bins[0]
    assert sure == pytest.approx(((0.99 + 0.97 + 0.96) / 3, 1.0, 3))
    assert unsure == pytest.approx((0.5, 0.0, 1))


def test_scores_answer_for_false_predictions_too(boxes):
    truth = boxes([(0, 0, 5, 5), (10, 0, 15, 5)], labels=[1, 2])
    places = [(0, 0, 5, 5), (10, 0, 15, 5), (30, 0, 35, 5)]
    predicted = boxes(places, labels=[1, 3, 4], scores=[0.98, 0.5, 0.51])
    found = calibration([compare(truth, predicted, "box")], of_scores=True)
    assert found.error.value == pytest.approx((0.02 + 0.5 + 0.51) / 3, abs=1e-6)
    assert found.bins == [pytest.approx((0.505, 0.0, 2)), pytest.approx((0.98, 1.0, 1))]


def test_nothing_matched(boxes):
    found = calibration([compare(boxes([]), boxes([]), "box")])
    error, curve = found.error, found.coverage
    assert found.bins == []
    assert math.isnan(error.value)
    assert curve == []
