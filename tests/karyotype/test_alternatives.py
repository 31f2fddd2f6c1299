"""Outlines of which only one can be right."""

import numpy as np

from metaphase.karyotype import assemble
from metaphase.karyotype.alternatives import exclusive, weaker_of_conflicts
from metaphase.types import Instances


def instances(*boxes, labels=None, scores=None):
    crops = [np.ones((y1 - y0, x1 - x0), bool) for x0, y0, x1, y1 in boxes]
    p = np.full((len(boxes), 24), 0.01 / 23)
    p[np.arange(len(boxes)), np.array(labels if labels is not None else [1] * len(boxes)) - 1] = 0.99
    return Instances.from_masks(
        200,
        200,
        crops,
        [(x0, y0) for x0, y0, _, _ in boxes],
        probabilities_nc=p,
        scores=scores if scores is not None else np.full(len(boxes), 0.95),
    )


def test_a_part_and_its_whole_exclude_each_other_and_a_crossing_does_not():
    whole, half, across = (20, 20, 30, 100), (20, 20, 30, 60), (0, 50, 90, 60)
    pairs = exclusive(instances(whole, half, across), 0.75)
    assert pairs.tolist() == [[False, True, False], [True, False, False], [False, False, False]]


def test_boxes_alone_exclude_nothing():
    boxes = Instances.from_boxes(50, 50, np.array([[0, 0, 9, 9], [0, 0, 9, 9]]))
    assert not exclusive(boxes, 0.75).any()


def test_the_weaker_one_gives_way():
    pairs = np.zeros((3, 3), bool)
    pairs[0, 1] = pairs[1, 0] = pairs[1, 2] = pairs[2, 1] = True
    placed = np.ones(3, bool)
    assert weaker_of_conflicts(pairs, placed, np.array([-3.0, -1.0, -2.0])) == [2, 0]
    assert weaker_of_conflicts(pairs, placed, np.array([-1.0, -3.0, -2.0])) == [1]
    assert weaker_of_conflicts(pairs, np.array([True, False, True]), np.zeros(3)) == []


def cell():
    """46 chromosomes of 46,XX side by side, all classes sure."""
    boxes = [(4 * i, 10, 4 * i + 3, 60) for i in range(46)]
    labels = [label for label in range(1, 24) for _ in range(2)]
    return boxes, labels


def test_another_reading_of_a_placed_chromosome_is_no_chromosome_and_no_debris():
    boxes, labels = cell()
    part = (4 * 7, 10, 4 * 7 + 3, 40)
    found = instances(*boxes, part, labels=[*labels, 4], scores=np.array([0.95] * 46 + [0.9]))
    assembled = assemble(found, np.ones((47, 24), bool), ())
    assert len(assembled.instances) == 46
    assert assembled.tray == ()
    assert len(assembled.upright) == len(assembled.labels_before) == 46


def test_a_piece_elsewhere_stays_in_sight():
    boxes, labels = cell()
    found = instances(*boxes, (100, 100, 103, 120), labels=[*labels, 4], scores=np.array([0.95] * 46 + [0.02]))
    assembled = assemble(found, np.ones((47, 24), bool), ())
    assert len(assembled.instances) == 47


def test_two_readings_of_one_chromosome_do_not_fill_two_places():
    boxes, labels = cell()
    boxes[11] = (4 * 10, 12, 4 * 10 + 3, 59)  # the second 6 is the first one again
    found = instances(*boxes, labels=labels, scores=np.array([0.95] * 11 + [0.8] + [0.95] * 34))
    assembled = assemble(found, np.ones((46, 24), bool), ())
    assert (assembled.instances.of_status("chromosome").labels == 6).sum() == 1
    assert len(assembled.instances) == 45
