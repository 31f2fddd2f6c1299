"""Masks grown by parts of a pixel."""

import numpy as np
import pytest
from mfish_edges import all_grown, grown

from metaphase.types import Instances


@pytest.mark.parametrize(("by", "side"), [(0, 10), (0.25, 10), (1, 12), (-1, 8)])
def test_a_square_grows_by_whole_pixels(by, side):
    rows = np.flatnonzero(grown(np.ones((10, 10), bool), by).any(1))
    assert len(rows) == side


def test_nothing_leaves_the_image_or_vanishes():
    found = Instances.from_masks(20, 20, [np.ones((3, 3), bool), np.ones((9, 9), bool)], [(0, 0), (11, 11)])
    assert all_grown(found, -2).areas.tolist() == [9, 25]
    assert all_grown(found, 1).areas[0] <= 16
