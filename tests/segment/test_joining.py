"""A bar across another one that was seen as two halves."""

import numpy as np
import pytest

from metaphase.segment.joining import with_joined
from metaphase.types import Instances

WIDTH = 10.0


def scene(*bars):
    """Instances of bars (x0, y0, x1, y1) with scores .9, .8, ... and the foreground of all."""
    full = np.zeros((120, 160), bool)
    for x0, y0, x1, y1 in bars:
        full[y0:y1, x0:x1] = True
    crops = [np.ones((y1 - y0, x1 - x0), bool) for x0, y0, x1, y1 in bars]
    scores = 0.9 - 0.1 * np.arange(len(bars))
    return Instances.from_masks(120, 160, crops, [(x0, y0) for x0, y0, _, _ in bars], scores=scores), full


CROSSING = (70, 15, 80, 105)
LEFT, RIGHT = (20, 50, 70, 60), (80, 50, 140, 60)


def test_two_halves_beside_a_crossing_one_are_shown_as_one_too():
    instances, foreground = scene(CROSSING, LEFT, RIGHT)
    found = with_joined(instances, foreground, WIDTH)
    assert len(found) == 4
    (k,) = [i for i in range(4) if found.areas[i] > 1150]
    np.testing.assert_array_equal(found.boxes_xyxy[k], [20, 50, 140, 60])
    assert found.areas[k] == 1200, "the bridge under the crossing one is part of it"
    assert found.scores[k] == pytest.approx(0.75)
    assert found.annotation_boxes_xyxy[k][0] < 20
    assert (np.diff(found.scores) <= 0).all()
    assert found.probabilities_nc[k] == pytest.approx(1 / 24)


@pytest.mark.parametrize(
    "bars",
    [
        (LEFT, RIGHT),  # nothing lies between
        (CROSSING, LEFT, (80, 62, 140, 72)),  # side by side rather than in line
        (CROSSING, LEFT, (85, 62, 95, 110)),  # looks another way
        (CROSSING, LEFT, (115, 50, 150, 60)),  # too far
        (CROSSING, LEFT),
    ],
)
def test_others_stay_apart(bars):
    instances, foreground = scene(*bars)
    assert with_joined(instances, foreground, WIDTH) is instances


def test_a_bright_gap_is_no_bridge():
    instances, foreground = scene((74, 15, 76, 105), LEFT, RIGHT)
    assert len(with_joined(instances, foreground, WIDTH)) == 3


def test_no_instances():
    nothing = Instances.from_masks(20, 20, [], [])
    assert with_joined(nothing, np.zeros((20, 20), bool), WIDTH) is nothing
