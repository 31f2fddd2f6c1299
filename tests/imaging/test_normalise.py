"""A spread is dark on bright whichever way the file was; real images have plausible widths."""

import os
from pathlib import Path

import numpy as np
import pytest

from metaphase.image_io import read_gray
from metaphase.imaging import normalise


def test_both_polarities_become_the_same_spread(bars):
    gray = bars(noise=2)
    bright_field, fluorescent = normalise(gray, "a", "b", ("w",)), normalise(255 - gray)
    np.testing.assert_array_equal(bright_field.gray, gray)
    np.testing.assert_array_equal(fluorescent.gray, gray)
    assert (bright_field.inverted, fluorescent.inverted) == (False, True)
    assert bright_field.chromosome_width == pytest.approx(fluorescent.chromosome_width, rel=0.2)
    assert (bright_field.name, bright_field.case, bright_field.warnings) == ("a", "b", ("w",))


@pytest.mark.parametrize("size", [(64, 64), (64, 300)])
def test_one_gray(size):
    spread = normalise(np.full(size, 200, np.uint8))
    assert spread.chromosome_width == 0.0
    assert (spread.height, spread.width) == size


def test_the_input_is_not_changed(bars):
    gray = 255 - bars()
    before = gray.copy()
    normalise(gray)
    np.testing.assert_array_equal(gray, before)


def real(pattern: str) -> list[Path]:
    root = os.environ.get("METAPHASE_DATA")
    if not root:
        pytest.skip("METAPHASE_DATA does not name the data sets")
    files = sorted(Path(root).glob(pattern))
    if not files:
        pytest.skip(f"no {pattern} in METAPHASE_DATA")
    return files[:: len(files) // 6][:6]


@pytest.mark.parametrize(
    ("pattern", "inverted", "low", "high"),
    [("cil/24_chromosomes_object/JEPG/*.jpg", False, 11, 24), ("mfish/*/*D.tif", True, 7, 21)],
)
def test_real_images(pattern, inverted, low, high):
    for path in real(pattern):
        spread = normalise(read_gray(path).gray)
        assert spread.inverted is inverted, path.name
        assert low < spread.chromosome_width < high, path.name
        assert np.median(spread.gray) > 128
