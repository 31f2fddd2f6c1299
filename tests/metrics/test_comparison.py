"""The one overlap matrix behind every score."""

import numpy as np
import pytest

from metaphase.metrics import compare


def test_boxes_and_masks_of_rectangles_agree(boxes):
    truth = boxes([(0, 0, 10, 4), (3, 2, 9, 20)])
    predicted = boxes([(1, 0, 11, 4), (5, 5, 9, 20)])
    by_mask, by_box = compare(truth, predicted, "mask"), compare(truth, predicted, "box")
    assert by_box.iou == pytest.approx(by_mask.iou)
    assert by_box.shared == pytest.approx(by_mask.shared)
    assert by_box.truth_areas.tolist() == by_mask.truth_areas.tolist() == [40, 108]


def test_each_overlap_looks_at_its_own_boxes(boxes):
    truth = boxes([(10, 10, 20, 20)])
    predicted = boxes([(10, 10, 20, 20)], annotation_boxes_xyxy=[[5, 5, 25, 25]])
    assert compare(truth, predicted, "box").iou.item() == 1
    assert compare(truth, predicted, "annotation_box").iou.item() == pytest.approx(100 / 400)


def test_matching_within_the_class_is_apart(boxes):
    # The best overlap has the wrong class; within the class the second best still matches.
    truth = boxes([(0, 0, 10, 10)], labels=[5])
    predicted = boxes([(0, 0, 10, 10), (0, 0, 10, 8)], labels=[6, 5])
    comparison = compare(truth, predicted, "mask")
    assert (comparison.cols.tolist(), comparison.class_cols.tolist()) == ([0], [1])
    assert comparison.right.tolist() == [False]


def test_unknown_classes_are_never_right(boxes):
    comparison = compare(boxes([(0, 0, 10, 10)]), boxes([(0, 0, 10, 10)]), "mask")
    assert comparison.rows.tolist() == [0]
    assert comparison.right.tolist() == [False]
    assert comparison.class_rows.dtype == np.int64
    assert len(comparison.class_rows) == 0
