"""Ends and midlines of drawn masks."""

import numpy as np
import pytest

from metaphase.midline import ends, midlines, resample


def test_ends_of_a_bar_look_outwards_along_it():
    bar = np.zeros((20, 90), bool)
    bar[4:16, 5:85] = True
    (first, left), (second, right) = sorted(ends(bar, 12.0), key=lambda end: end[0][0])
    np.testing.assert_allclose([first, second], [[5, 9.5], [84, 9.5]], atol=1.5)
    np.testing.assert_allclose([left, right], [[-1, 0], [1, 0]], atol=0.02)


def test_ends_of_a_bend_follow_its_arms():
    angle = np.radians(np.arange(0, 181))
    rows, columns = np.mgrid[:70, :120]
    bend = np.zeros((70, 120), bool)
    for a in angle:
        bend |= np.hypot(columns - (60 + 45 * np.cos(a)), rows - (60 - 45 * np.sin(a))) <= 6
    both = ends(bend, 12.0)
    assert len(both) == 2
    for point, outwards in both:
        assert point[1] > 55
        assert outwards[1] > 0.8, "both arms of the arch point down"


def test_a_speck_has_no_ends():
    assert ends(np.ones((1, 1), bool), 30.0) == []


def test_pictures_follow_a_short_bend_that_the_identifier_leaves():
    rows, columns = np.mgrid[:40, :60]
    hook = np.zeros((40, 60), bool)
    for a in np.radians(np.arange(30, 151, 2)):
        hook |= np.hypot(columns - (30 + 20 * np.cos(a)), rows - (30 - 20 * np.sin(a))) <= 6
    midline, pictured = midlines(hook, 13.0)
    assert pictured is not None
    assert np.ptp(pictured[:, 1]) > np.ptp(midline[:, 1]) + 1


def test_resampled_points_lie_at_equal_steps_and_go_on_beyond_the_ends():
    points, normals = resample(np.array([[0.0, 0.0], [10.0, 0.0]]), 0.5, extend=4.0)
    assert points[0] == pytest.approx([-4, 0])
    assert points[-1][0] == pytest.approx(13.5)
    np.testing.assert_allclose(np.diff(points[:, 0]), 0.5)
    np.testing.assert_allclose(np.abs(normals), [[0, 1]] * len(points), atol=1e-9)
