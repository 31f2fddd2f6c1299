"""Which annotated boxes get an exact outline: those whose component lies alone."""

import numpy as np
import pytest

from metaphase.datasets.isolated import annotated_foreground, isolated
from metaphase.types import Instances

WIDTH = 12.0


def padded(x0, y0, x1, y1):
    """The box that an annotator of the set draws around a tight one."""
    return [x0 - 5, y0 - 7, x1 + 4, y1 + 3]


def scene(rectangles, boxes, labels=None):
    foreground = np.zeros((160, 200), bool)
    for x0, y0, x1, y1 in rectangles:
        foreground[y0:y1, x0:x1] = True
    labels = labels or list(range(1, len(boxes) + 1))
    return foreground, Instances.from_boxes(160, 200, np.array(boxes, float), labels=labels)


A, B = (20, 30, 32, 90), (100, 40, 160, 52)


def test_isolated_rectangles_are_found_exactly():
    foreground, truth = scene([A, B], [padded(*B), padded(*A)], labels=[8, 23])
    found, chosen = isolated(foreground, truth, WIDTH)
    assert chosen.tolist() == [0, 1]
    assert found.labels.tolist() == [8, 23]
    assert found.boxes_xyxy.tolist() == [list(map(float, B)), list(map(float, A))]
    assert found.areas.tolist() == [60 * 12, 12 * 60]
    np.testing.assert_array_equal(found.union(), foreground)
    np.testing.assert_array_equal(found.annotation_boxes_xyxy, truth.boxes_xyxy)


def test_two_that_touch_and_share_a_box_are_refused():
    beside = (32, 30, 44, 90)
    both = padded(20, 30, 44, 90)
    foreground, truth = scene([A, beside], [both, both])
    found, chosen = isolated(foreground, truth, WIDTH)
    assert len(found) == 0
    assert chosen.shape == (0,)


def test_two_that_touch_with_boxes_of_their_own_are_refused():
    across = (32, 50, 80, 62)
    foreground, truth = scene([A, across, B], [padded(*A), padded(*across), padded(*B)])
    _, chosen = isolated(foreground, truth, WIDTH)
    assert chosen.tolist() == [2]


def test_two_in_one_box_are_refused():
    foreground, truth = scene([(20, 30, 32, 56), (20, 62, 32, 90)], [padded(*A)])
    assert len(isolated(foreground, truth, WIDTH)[1]) == 0


def test_dirt_in_the_box_does_not_count():
    foreground, truth = scene([A, (34, 31, 36, 33)], [padded(*A)])
    found, chosen = isolated(foreground, truth, WIDTH)
    assert chosen.tolist() == [0]
    assert found.areas.tolist() == [720]


@pytest.mark.parametrize("shift", [(0, 0), (40, 0)])
def test_a_component_that_fills_half_of_its_box_is_refused(shift):
    large = padded(20, 30, 32, 150)
    foreground, truth = scene([A], [np.add(large, [*shift, *shift]).tolist()])
    assert len(isolated(foreground, truth, WIDTH)[1]) == 0


def test_an_empty_foreground_or_no_boxes():
    foreground, truth = scene([], [padded(*A)])
    assert len(isolated(foreground, truth, WIDTH)[0]) == 0
    foreground, truth = scene([A], np.zeros((0, 4)))
    assert len(isolated(foreground, truth, WIDTH)[0]) == 0


def test_the_threshold_comes_from_the_annotated_boxes():
    rng = np.random.default_rng(0)
    gray = rng.normal(230, 3, (160, 200)).clip(0, 255).astype(np.uint8)
    gray[A[1] : A[3], A[0] : A[2]] = 150
    gray[100:150, 100:190] = 10  # a black nucleus outside of every box would draw the threshold down
    _, truth = scene([], [padded(*A)])
    foreground, threshold = annotated_foreground(gray, truth)
    assert 150 < threshold < 220
    assert foreground[60, 26]
    assert not foreground[10, 10]
    found, chosen = isolated(foreground, truth, WIDTH)
    assert chosen.tolist() == [0]
    assert found.areas[0] == pytest.approx(720, abs=8)
