"""Ends and midlines of drawn masks."""

import numpy as np
import pytest
from drawn_masks import stroke

from metaphase.midline import ends, followed, midlines, misfit, own_samples, resample, strip, unfolded


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


def arc(radius, first, last, centre=(60, 60), size=(120, 130), width=12.0):
    """A mask `width` across along a part of a circle, degrees."""
    rows, columns = np.mgrid[: size[0], : size[1]]
    mask = np.zeros(size, bool)
    for a in np.radians(np.arange(first, last + 1, 2)):
        mask |= (
            np.hypot(columns - (centre[0] + radius * np.cos(a)), rows - (centre[1] - radius * np.sin(a))) <= width / 2
        )
    return mask


def fit_of(path, normals, mask, width=12.0, step=0.75):
    """`misfit` of the strip two widths broad along an axis with points every `step`."""
    found = strip(mask, path, normals, np.arange(-width, width, step), width)
    return misfit(mask, *found, step)


def test_an_arm_that_touches_the_other_one_is_unfolded():
    ring = arc(26, 0, 350)  # the gap is closed by the round ends
    folded, _ = midlines(ring, 12.0)
    before = fit_of(*resample(folded, 0.75, 18.0), ring)
    paths = unfolded(ring, 12.0)
    after = min(fit_of(*resample(path, 0.75, 18.0), ring) for path in paths)
    assert after < 0.22 < 0.5 < before
    assert max(np.hypot(*np.diff(path, axis=0).T).sum() for path in paths) > 0.8 * 2 * np.pi * 26


def test_a_strip_that_shows_a_bar_once_fits_it():
    bar = np.zeros((30, 100), bool)
    bar[9:21, 10:90] = True
    path, normals = resample(midlines(bar, 12.0)[0], 0.75, 18.0)
    assert fit_of(path, normals, bar) < 0.08
    assert fit_of(path[: len(path) // 2], normals[: len(path) // 2], bar) > 0.8, "half of it is missed"
    assert fit_of(path, np.roll(normals, 1, 1), bar) > 0.3, "rows along the bar show it again and again"


def test_nothing_is_to_be_unfolded_in_a_speck():
    assert unfolded(np.ones((1, 1), bool), 12.0) == []
    assert unfolded(np.zeros((8, 8), bool), 12.0) == []


def test_all_samples_around_a_straight_axis_are_its_own():
    path, normals = resample(np.array([[0.0, 0.0], [80.0, 5.0]]), 0.75, 18.0)
    assert own_samples(path, normals, np.linspace(-12, 12, 32), 12.0).all()


def test_in_a_hairpin_each_pixel_is_sampled_once():
    angle = np.radians(np.arange(0, 181, 5))
    hairpin = np.concatenate(
        [[[68.0, 100.0]], np.stack([60 + 8 * np.cos(angle), 40 - 8 * np.sin(angle)], 1), [[52.0, 100.0]]]
    )
    path, normals = resample(hairpin, 0.75, 0.0)
    across = np.linspace(-12, 12, 32)
    own = own_samples(path, normals, across, 12.0)
    samples = path[:, None] + normals[:, None] * across[None, :, None]
    left, right = (
        samples[own & (np.arange(len(path)) < 80)[:, None]],
        samples[own & (np.arange(len(path)) > 120)[:, None]],
    )
    assert own[:, 15:17].all(), "the axis itself is its own"
    assert not own.all()
    assert abs(left[:, 0] - 60).min() < 3
    assert (left[left[:, 1] > 45][:, 0] > 57).all(), "the right arm ends half way to the left one"
    assert (right[right[:, 1] > 45][:, 0] < 63).all()


def test_an_end_stops_at_the_other_arm():
    corners = np.array([[20.0, 90.0], [20.0, 20.0], [80.0, 20.0], [80.0, 60.0], [31.0, 60.0]])
    round_about, _ = resample(corners, 0.5, 0.0)
    path, normals = resample(round_about, 0.75, 18.0)
    own = own_samples(path, normals, np.linspace(-12, 12, 32), 12.0).any(1)
    assert path[-1, 0] < 14, "its tangent crosses the first arm"
    last = np.arange(len(path)) > len(path) - 30
    assert not own[last & (path[:, 0] < 25)].any()
    assert own[last & (path[:, 0] > 27)].all()
    assert own[~last].all()


@pytest.mark.parametrize("width", [8.0, 24.0, 48.0, 120.0])
def test_a_fit_does_not_depend_on_the_scale(width):
    size = int(2.5 * width), int(9 * width)
    bar = np.zeros(size, bool)
    bar[int(0.75 * width) : int(1.75 * width), int(width) : int(8 * width)] = True
    path, normals = resample(midlines(bar, width)[0], width / 16, 1.5 * width)
    assert fit_of(path, normals, bar, width, width / 16) < 0.08


def test_an_axis_too_long_for_a_chromosome_is_left_alone():
    there_and_back = np.concatenate([[[x, 0.0] for x in range(400)], [[400.0 - x, 6.0] for x in range(400)]])
    path, normals = resample(there_and_back, 0.75, 0.0)
    assert own_samples(path, normals, np.linspace(-12, 12, 32), 12.0).all()
    assert not own_samples(path[300:-300], normals[300:-300], np.linspace(-12, 12, 32), 12.0).all()


def farthest_beside(mask, path, width=12.0):
    """Chromosome widths between an axis and the middle of what lies along it, at most."""
    axis, normals = resample(path, 0.5, extend=width)
    across = np.arange(-width, width, 0.5)
    inside = strip(mask, axis, normals, across, width)[2]
    used = inside.any(1)
    return np.abs((inside[used] @ across) / inside[used].sum(1)).max() / width


@pytest.mark.parametrize(
    "points",
    [[(20, 40), (70, 40), (84, 62)], [(20, 40), (90, 40), (104, 54)], [(15, 30), (45, 30), (75, 62), (110, 62)]],
    ids=["elbow", "hook", "S"],
)
def test_bends_that_a_polynomial_cuts_are_followed(points):
    mask = stroke(points)
    straight = np.array([points[0], points[-1]], float)
    followed_path = followed(mask, straight, 12.0)
    assert followed_path is not None
    assert farthest_beside(mask, straight) > 0.4
    assert farthest_beside(mask, followed_path) < 0.2
    along = followed_path @ (straight[1] - straight[0])
    assert along[0] < along[-1], "the same way round"


def test_what_lies_along_its_axis_is_left_to_it():
    bar = stroke([(20, 40), (100, 60)])
    assert followed(bar, np.array([[20.0, 40.0], [100.0, 60.0]]), 12.0) is None


def test_threads_and_pieces_do_not_bend_an_axis():
    axis = np.array([[20.0, 60.0], [100.0, 60.0]])
    thread = stroke([(20, 60), (100, 60)]) | stroke([(98, 60), (110, 30)], 1)
    assert followed(thread, axis, 12.0) is None
    in_pieces = stroke([(20, 60), (50, 60)]) | stroke([(50, 50), (100, 80)], 1.5)
    assert followed(in_pieces, axis, 12.0) is None
