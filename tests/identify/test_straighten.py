"""Straightening of chromosomes drawn along known curves: band order, length, breadth."""

import numpy as np
import pytest

from metaphase.identify.straighten import BREADTH, LENGTH, WIDTH, straighten, to_input
from metaphase.types import Straightened

BANDS = np.array([60, 180, 90, 200, 40, 150, 110])


def draw(curve_xy, width):
    """A banded strip of constant width with round ends along a dense polyline: gray, mask, length tip to tip."""
    steps = np.concatenate([[0], np.cumsum(np.hypot(*np.diff(curve_xy, axis=0).T))])
    right, bottom = np.ceil(curve_xy.max(0) + width + 10).astype(int)
    yy, xx = np.mgrid[:bottom, :right]
    distance = np.hypot(xx[..., None] - curve_xy[:, 0], yy[..., None] - curve_xy[:, 1])
    along = steps[distance.argmin(-1)] / steps[-1]
    inside = distance.min(-1) <= width / 2
    gray = np.where(inside, BANDS[np.minimum((along * len(BANDS)).astype(int), len(BANDS) - 1)], 240)
    return gray.astype(np.uint8), inside, steps[-1] + width


def arc(radius, degrees):
    angle = np.radians(degrees) * np.linspace(-0.5, 0.5, 200)
    return 80 + radius * np.stack([np.sin(angle), -np.cos(angle)], 1)


def rod(length, degrees):
    direction = np.array([np.cos(np.radians(degrees)), np.sin(np.radians(degrees))])
    return 80 + np.linspace(-0.5, 0.5, 200)[:, None] * length * direction


def hairpin(radius, leg, degrees):
    down, turn = np.linspace(leg, 0, 80), np.linspace(np.pi, 2 * np.pi, 80)
    bow = np.stack([radius * np.cos(turn), radius * np.sin(turn)], 1)[1:-1]
    legs = [np.stack([np.full(80, side * radius), y], 1) for side, y in ((-1, down), (1, down[::-1]))]
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    return 80 + np.concatenate([legs[0], bow, legs[1]]) @ np.array([[c, s], [-s, c]])


def cut(gray, inside):
    rows, columns = np.nonzero(inside)
    y, x = rows.min(), columns.min()
    return inside[y : rows.max() + 1, x : columns.max() + 1], (x, y)


def bands_of(laid):
    """Gray in the middle of each band, read along the middle columns between the round ends."""
    middle = laid.gray[:, BREADTH // 2 - 2 : BREADTH // 2 + 2].mean(1)
    end = WIDTH / 2
    at = end + (len(middle) - 2 * end) * (np.arange(len(BANDS)) + 0.5) / len(BANDS)
    return middle[at.astype(int)]


SHAPES = {
    "flat": rod(80, 0),
    "steep": rod(80, 90),
    "oblique": rod(70, 33),
    "bow": arc(60, 90),
    "half circle": arc(25, 180),
    "horseshoe": arc(22, 220),
    "hairpin": hairpin(12, 30, 0),
    "turned hairpin": hairpin(10, 36, 40),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_bands_come_in_order_and_length_is_kept(shape):
    width = 12.0
    gray, inside, length = draw(SHAPES[shape], width)
    laid = straighten(gray, *cut(gray, inside), width)
    assert laid.gray.dtype == np.uint8
    assert laid.gray.shape == laid.inside.shape
    assert laid.gray.shape[1] == BREADTH
    assert laid.gray.shape[0] == pytest.approx(length / width * WIDTH, rel=0.08)
    got = bands_of(laid)
    forward, backward = np.abs(got - BANDS).max(), np.abs(got[::-1] - BANDS).max()
    assert min(forward, backward) < 20
    across = laid.inside[int(WIDTH) : -int(WIDTH)].sum(1)
    assert np.median(across) == pytest.approx(WIDTH, abs=2.5)


def test_a_chromosome_whose_arms_touch_is_unfolded():
    """A ring whose ends meet: straight through it there is nothing, round about it there is a chromosome."""
    angle = np.radians(np.linspace(0, 325, 240))
    gray, inside, length = draw(80 + 16 * np.stack([np.cos(angle), -np.sin(angle)], 1), 12.0)
    laid = straighten(gray, *cut(gray, inside), 12.0)
    assert len(laid.gray) == pytest.approx(length / 12 * WIDTH, rel=0.2)
    assert np.median(laid.inside.sum(1)) == pytest.approx(WIDTH, abs=2.5)
    middle = laid.gray[:, BREADTH // 2 - 2 : BREADTH // 2 + 2].mean(1)
    seen = [band for band in BANDS if (np.abs(middle - band) < 12).sum() >= WIDTH / 2]
    assert len(seen) >= 6, "nearly every band can be told"


def test_each_pixel_of_a_tight_hairpin_is_shown_once():
    gray, inside, _ = draw(hairpin(6.5, 40, 0), 12.0)
    laid = straighten(gray, *cut(gray, inside), 12.0)
    assert laid.inside.sum() * (12 / WIDTH) ** 2 == pytest.approx(inside.sum(), rel=0.08)


@pytest.mark.parametrize("width", [6.0, 12.0, 25.0])
def test_the_result_does_not_depend_on_the_magnification(width):
    gray, inside, _ = draw(arc(60 * width / 12, 90) - 80 + 80 * max(1, width / 12), width)
    laid = straighten(gray, *cut(gray, inside), width)
    assert len(laid.gray) == pytest.approx((np.radians(90) * 60 / 12 + 1) * WIDTH, rel=0.08)


def test_outside_of_the_mask_is_background_and_neighbours_do_not_show():
    gray, inside, _ = draw(SHAPES["oblique"], 12.0)
    gray[~inside] = 7
    laid = straighten(gray, *cut(gray, inside), 12.0)
    assert (laid.gray[~laid.inside] == 255).all()
    assert laid.inside.any(1).all(), "no empty rows at the ends"


def test_longer_than_the_canvas_is_shortened_whole():
    gray, inside, _ = draw(rod(70, 0), 5.0)
    laid = straighten(gray, *cut(gray, inside), 5.0)
    assert laid.gray.shape == (LENGTH, BREADTH)
    assert sorted({int(v) for v in np.unique(laid.gray[laid.inside]) if v in BANDS}) == sorted(BANDS.tolist())


FEW = [np.ones((1, 1), bool), np.ones((1, 9), bool), np.ones((9, 1), bool), np.eye(3, dtype=bool)]


@pytest.mark.parametrize("crop", FEW, ids=["one", "row", "column", "diagonal"])
def test_a_few_pixels_are_laid_out_too(crop):
    laid = straighten(np.full((40, 40), 100, np.uint8), crop, (20, 20), 12.0)
    assert laid.gray.shape == laid.inside.shape
    assert 1 <= len(laid.gray) <= LENGTH


def test_at_the_border_of_the_image():
    gray = np.full((64, 64), 100, np.uint8)
    laid = straighten(gray, np.ones((60, 10), bool), (0, 0), 10.0)
    assert (laid.gray[laid.inside] == 100).all()
    assert len(laid.gray) == pytest.approx(96, rel=0.05)


def test_without_a_width_there_is_no_scale():
    with pytest.raises(ValueError, match="chromosome_width must be above 0"):
        straighten(np.zeros((9, 9), np.uint8), np.ones((3, 3), bool), (1, 1), 0.0)


@pytest.mark.parametrize("length", [1, 30, 31, LENGTH])
def test_input_is_centred_darkness(length):
    inside = np.zeros((length, BREADTH), bool)
    inside[:, 8:24] = True
    gray = np.where(inside, 130, 255).astype(np.uint8)
    canvas = to_input(Straightened(gray, inside), (230.0, 130.0))
    assert canvas.shape == (LENGTH, BREADTH)
    assert canvas.dtype == np.uint8
    rows = np.flatnonzero(canvas.any(1))
    above, below = rows[0], LENGTH - 1 - rows[-1]
    assert below - above in (0, 1)
    assert len(rows) == length
    assert (canvas[rows][:, 8:24] == 100).all()
    assert not canvas[:, :8].any()


def test_a_pixel_inside_is_never_zero_and_never_wraps():
    gray = np.array([[255] * 10 + [230] * 10 + [0] * 12], np.uint8)
    canvas = to_input(Straightened(gray, np.ones_like(gray, bool)), (230.0, 190.0))
    assert canvas.max(0).tolist() == [1] * 20 + [255] * 12


def test_of_a_mask_in_two_parts_the_large_one_is_laid_out():
    gray, inside, length = draw(hairpin(12, 30, 0), 14)
    inside[:3, :40] = True
    crop, offset = cut(gray, inside)
    laid = straighten(gray, crop, offset, 14)
    assert abs(len(laid.gray) - length * WIDTH / 14) < 0.1 * length * WIDTH / 14


def test_the_axis_for_pictures_lies_in_the_image_and_follows_the_bend_of_a_short_one():
    width = 15.0
    curve = arc(45, 62)
    gray, inside, length = draw(curve, width)
    crop, offset = cut(gray, inside)
    axis = straighten(gray, crop, offset, width).axis
    assert axis.dtype == np.float32
    steps = np.hypot(*np.diff(axis[:, :2], axis=0).T)
    np.testing.assert_allclose(steps, width / WIDTH, rtol=0.1)
    np.testing.assert_allclose(np.hypot(axis[:, 2], axis[:, 3]), 1, atol=1e-5)
    on_it = [inside[round(float(y)), round(float(x))] for x, y in axis[:, :2] if 0 <= y < len(inside) and 0 <= x < 200]
    assert sum(on_it) * width / WIDTH == pytest.approx(length, abs=width / 3)
    away = np.hypot(axis[:, None, 0] - curve[:, 0], axis[:, None, 1] - curve[:, 1]).min(1)
    assert np.median(away) < 1.5
