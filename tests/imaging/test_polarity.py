"""Polarity on spreads whose background is known."""

import numpy as np
import pytest

from metaphase.imaging import background_position, is_bright_on_dark


@pytest.mark.parametrize("background", [255, 215])
@pytest.mark.parametrize("count", [1, 12, 46])
def test_bright_field_and_its_negative(bars, background, count):
    gray = bars(background=background, count=count, noise=3)
    assert not is_bright_on_dark(gray)
    assert is_bright_on_dark(255 - gray)


def test_the_frame_decides_where_half_is_covered():
    gray = np.full((200, 200), 240, np.uint8)
    gray[20:-20, 20:-20] = 150
    gray[40:90, 40:90] = 60
    assert 0.25 < background_position(gray) < 0.75
    assert not is_bright_on_dark(gray)
    assert is_bright_on_dark(255 - gray)


@pytest.mark.parametrize("level", [0, 128, 255])
def test_one_gray_counts_as_dark_on_bright(level):
    gray = np.full((64, 64), level, np.uint8)
    assert background_position(gray) == 0.5
    assert not is_bright_on_dark(gray)


def test_position_mirrors(bars):
    gray = bars(count=20)
    position = background_position(gray)
    assert 0.9 < position <= 1
    assert background_position(255 - gray) == pytest.approx(1 - position)
