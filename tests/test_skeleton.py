"""Ways along skeletons of drawn masks."""

import drawn_masks
import numpy as np
import pytest

from metaphase.skeleton import ways


def stroke(points, radius=4):
    """A stroke in a smaller field."""
    return drawn_masks.stroke(points, radius, (90, 110))


def length(way):
    return float(np.hypot(*np.diff(way, axis=0).T).sum())


def test_a_bar_has_one_way():
    found = ways(stroke([(15, 20), (90, 50)]), 6)
    assert len(found) == 1
    assert np.hypot(*(found[0][-1] - found[0][0])) == pytest.approx(np.hypot(75, 30), abs=8)
    assert np.abs(found[0][:, 1] - 20 - (found[0][:, 0] - 15) * 0.4).max() < 2


def test_points_of_a_way_are_neighbours():
    for way in ways(stroke([(15, 20), (50, 60), (90, 20), (60, 15)]), 6):
        assert np.abs(np.diff(way, axis=0)).max() <= 1


def test_a_ring_is_one_way_that_ends_where_it_begins():
    angle = np.linspace(0, 2 * np.pi, 40)
    found = ways(stroke(list(zip(55 + 30 * np.cos(angle), 45 + 30 * np.sin(angle), strict=True))), 6)
    assert found
    for way in found:
        np.testing.assert_array_equal(way[0], way[-1])
        assert length(way) > 150


def test_a_nine_is_passed_through_its_fork_and_round_its_loop():
    angle = np.linspace(np.pi / 2, 2.5 * np.pi, 40)
    loop = list(zip(40 + 20 * np.cos(angle), 30 + 20 * np.sin(angle), strict=True))
    found = ways(stroke([*loop, (100, 75)]), 6)
    longest = max(found, key=length)
    assert length(longest) > 2 * np.pi * 20 + 60, "the loop and the tail"
    assert np.hypot(*(longest[-1] - [40, 50])) < 10, "it ends at the fork"
    assert len(found) == 4, "the tail, the loop, and the tail with the loop, either way round"
    one, other = sorted(found, key=length)[-2:]
    assert np.abs(one - other).max() > 10, "either way round"


def test_short_branches_are_no_ways():
    bar = stroke([(15, 40), (95, 40)])
    bumped = bar | stroke([(55, 40), (55, 32)], 3)
    assert max(length(way) for way in ways(bumped, 12)) > 70
    assert all(np.abs(way[:, 1] - 40).max() <= 2 for way in ways(bumped, 12))
    assert any(way[:, 1].min() < 36 for way in ways(bumped, 1))
    fork = bar | stroke([(55, 40), (55, 10)])
    assert len(ways(fork, 12)) == 6, "three arms: each alone, each with each"


def test_nothing_and_specks_have_no_ways():
    assert ways(np.zeros((10, 10), bool), 6) == []
    assert ways(np.eye(1, dtype=bool), 6) == []
    net = np.zeros((90, 110), bool)
    net[::9] = net[:, ::9] = True
    assert ways(net, 0) == [], "no chromosome branches so often"
