"""Turns of the image and back."""

import numpy as np
import pytest
from robustness import turned_back, turned_freely

from metaphase.types import Instances


@pytest.mark.parametrize("degrees", [0, 17, 45, 73])
def test_a_box_comes_back_to_its_place(degrees):
    gray = np.full((120, 160), 220, np.uint8)
    gray[40:60, 50:110] = 60
    turned, matrix = turned_freely(gray, degrees)
    dark = turned < 140
    assert dark.sum() == pytest.approx(1200, rel=0.03)
    found = Instances.from_masks(*turned.shape, [dark], [(0, 0)])
    assert turned_back(found, matrix)[0] == pytest.approx([50, 40, 110, 60], abs=1.2)


def test_nothing_is_lost_and_no_corner_is_black():
    gray = np.full((120, 160), 220, np.uint8)
    gray[:3, :3] = 60
    gray[-3:, -3:] = 60
    turned, _ = turned_freely(gray, 45)
    assert (turned < 140).sum() == pytest.approx(18, abs=8)
    assert (turned[0, 0], turned[-1, -1]) == (220, 220)
