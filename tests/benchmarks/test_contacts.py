"""Rods laid side by side, across and apart."""

import numpy as np
import pytest
from contacts import Contacts

WIDTH = 16.0


def lying(x, y, length=80):
    return np.ones((16, length), bool), x, y


def standing(x, y, length=80):
    return np.ones((length, 16), bool), x, y


def counted(*placed, width=WIDTH):
    found = Contacts()
    found.add(placed, width)
    return found


def shares(found):
    return found.apart, found.touching, found.overlapping_one, found.piled


@pytest.mark.parametrize(("gap", "expected"), [(0, (0, 2, 0, 0)), (2, (0, 2, 0, 0)), (3, (2, 0, 0, 0))])
def test_what_comes_near_touches(gap, expected):
    assert shares(counted(lying(20, 20), lying(20, 36 + gap))) == expected


def test_few_shared_pixels_are_a_touch():
    one, other = np.ones((16, 80), bool), np.ones((16, 80), bool)
    found = counted((one, 0, 0), (other, 76, 10))  # 4 x 6 pixels
    assert shares(found) == (0, 2, 0, 0)
    assert found.clusters == [2, 2]


def test_a_cross_cuts_both():
    found = counted(lying(20, 60), standing(52, 28))
    assert shares(found) == (0, 0, 2, 0)
    assert found.pixels == [256]
    assert found.angles == [pytest.approx(90, abs=1)]
    assert found.cuts == [2]


def test_an_end_on_an_end_cuts_none():
    assert counted(lying(20, 60), lying(90, 60)).cuts == [0]


def test_three_in_a_row_are_a_pile():
    found = counted(lying(20, 60), standing(30, 28), standing(70, 28))
    assert shares(found) == (0, 0, 0, 3)
    assert sorted(found.partners) == [1, 1, 2]


def test_pixels_are_given_at_one_width():
    small = counted((np.ones((8, 40), bool), 0, 16), (np.ones((40, 8), bool), 16, 0), width=8.0)
    assert small.pixels == [256]


def test_pieces_are_not_counted():
    assert counted((np.ones((4, 4), bool), 0, 0)).chromosomes == 0
