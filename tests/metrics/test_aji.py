"""AJI worked out by hand."""

import pytest

from metaphase.metrics import aji, compare


def values(truth, predicted):
    return {key: score.value for key, score in aji([compare(truth, predicted, "mask")]).items()}


def test_hand_worked_example(boxes):
    # Truths of 100, 50 and 20 pixels; the third overlaps nothing.
    truth = boxes([(0, 0, 10, 10), (20, 0, 25, 10), (0, 30, 10, 32)])
    # The first covers 80 pixels of truth 1; the second 40 of truth 2 and 20 beside it; the third is false, 9 pixels.
    predicted = boxes([(0, 0, 8, 10), (21, 0, 27, 10), (34, 34, 37, 37)])
    # Truth 1: 80 / 100. Truth 2: 40 / (50 + 60 - 40 = 70). Missed truth: 20. Unused prediction: 9.
    expected = (80 + 40) / (100 + 70 + 20 + 9)
    assert values(truth, predicted) == pytest.approx(
        {"AJI": expected, "AJI_image": expected, "AJI_plus": expected, "AJI_plus_image": expected}
    )


def test_one_prediction_may_be_taken_twice_in_aji_but_not_in_aji_plus(boxes):
    # One prediction of 100 pixels over two truths of 60 and 40 pixels.
    truth = boxes([(0, 0, 6, 10), (6, 0, 10, 10)])
    predicted = boxes([(0, 0, 10, 10)])
    scores = values(truth, predicted)
    assert scores["AJI"] == pytest.approx((60 + 40) / (100 + 100))
    assert scores["AJI_plus"] == pytest.approx(60 / (100 + 40))


def test_ties_take_the_lowest_index(boxes):
    # Both predictions overlap the truth by 20 of 100, symmetrically; the second is left unused with its 40 pixels.
    truth = boxes([(10, 0, 20, 10)])
    predicted = boxes([(8, 0, 12, 10), (18, 0, 22, 10)])
    assert values(truth, predicted)["AJI"] == pytest.approx(20 / (100 + 40 - 20 + 40))


def test_pixels_of_an_overlap_count_for_each_owner(boxes):
    crossing = boxes([(0, 10, 30, 14), (12, 0, 16, 30)])
    assert values(crossing, crossing)["AJI"] == 1
    # Cut out of the second, the crossing of 16 pixels is missed once.
    halves = boxes([(0, 10, 30, 14), (12, 0, 16, 10)])
    assert values(crossing, halves)["AJI"] == pytest.approx((120 + 40) / (120 + 120))


def test_pools_over_images(boxes):
    perfect = compare(boxes([(0, 0, 10, 10)]), boxes([(0, 0, 10, 10)]), "mask")
    missed = compare(boxes([(0, 0, 10, 30)]), boxes([]), "mask")
    scores = aji([perfect, missed])
    assert scores["AJI"].value == pytest.approx(100 / 400)
    assert scores["AJI_image"].value == pytest.approx(0.5)
