"""The width of bars that were drawn with that width, and of things that are no chromosomes."""

import cv2
import numpy as np
import pytest

from metaphase.imaging import measure_width


@pytest.mark.parametrize("width", [7, 10, 14, 20, 40])
@pytest.mark.parametrize("glowing", [False, True])
def test_width_of_bars(bars, width, glowing):
    # The convention puts the outline at the foot of the edge, which is blurred by a pixel here: 0 to 3 px more.
    measured = measure_width(bars(width=width, noise=2), glowing)
    assert width - 0.1 <= measured <= 1.06 * width + 3.1


def test_width_scales_with_the_image(bars):
    gray = bars(width=12)
    double = cv2.resize(gray, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC)
    assert measure_width(double) == pytest.approx(2 * measure_width(gray), rel=0.1)


def test_a_large_image_is_measured_on_a_coarser_copy(bars):
    gray = bars(width=70)
    assert gray.size > 4_000_000
    assert measure_width(gray) == pytest.approx(70, rel=0.05)


def test_narrow_chromosomes_of_a_large_image_are_measured_in_full(bars):
    gray = np.full((2100, 2100), 250, np.uint8)
    small = bars(width=9)
    gray[: small.shape[0], : small.shape[1]] = small
    assert measure_width(gray) == pytest.approx(measure_width(small), rel=0.02)


def test_nuclei_and_dirt_do_not_count(bars):
    gray = bars(width=14, count=35)
    expected = measure_width(gray)
    for x in (70, 200, 330):
        cv2.circle(gray, (x, gray.shape[0] - 45), 40, 120, -1)
    for x in range(5, 480, 12):
        cv2.circle(gray, (x, 4), 2, 80, -1)
    assert measure_width(gray) == pytest.approx(expected, rel=0.05)


def test_a_glow_that_merges_chromosomes_is_seen_through(bars):
    crisp = bars(width=12, count=49)
    light = (250.0 - cv2.copyMakeBorder(crisp, 250, 250, 250, 250, cv2.BORDER_CONSTANT, value=250)) / 160
    glow = cv2.GaussianBlur(light, (0, 0), 18)
    hazy = np.clip(255 - 255 * (0.3 * light + 1.5 * glow), 0, 255).astype(np.uint8)
    assert measure_width(hazy) == 0.0, "for a global threshold it is one blob"
    assert measure_width(hazy, glowing=True) == pytest.approx(measure_width(crisp), rel=0.25)


@pytest.mark.parametrize("level", [0, 128, 255])
@pytest.mark.parametrize("glowing", [False, True])
def test_one_gray_has_no_width(level, glowing):
    assert measure_width(np.full((100, 90), level, np.uint8), glowing) == 0.0


def test_noise_and_a_gradient_give_a_finite_number():
    noise = np.random.default_rng(0).integers(0, 255, (200, 200)).astype(np.uint8)
    gradient = np.tile(np.arange(200, dtype=np.uint8), (200, 1))
    for gray in (noise, gradient):
        for glowing in (False, True):
            assert 0 <= measure_width(gray, glowing) <= 200
