"""Straight chromosomes drawn from the ideogram."""

from __future__ import annotations

import numpy as np
import pytest

from metaphase.chromosomes import relative_length
from metaphase.datasets.procedural_chromosome import draw_chromosome, smooth_noise


@pytest.mark.parametrize("level", [400, 550, 850])
@pytest.mark.parametrize("label", range(1, 25))
def test_every_class_is_drawn_dark_inside_and_clear_outside(label: int, level: int) -> None:
    drawn = draw_chromosome(label, np.random.default_rng(label), level=level)
    assert drawn.transmittance.dtype == np.float32
    assert drawn.inside.dtype == bool
    assert drawn.inside.shape == drawn.transmittance.shape
    assert 0 < drawn.transmittance.min() < 0.6
    assert drawn.transmittance.max() <= 1
    border = np.concatenate([drawn.inside[0], drawn.inside[-1], drawn.inside[:, 0], drawn.inside[:, -1]])
    assert not border.any()
    assert drawn.transmittance[drawn.inside].mean() + 0.25 < drawn.transmittance[~drawn.inside].mean()
    assert 0 < drawn.centromere_row < len(drawn.inside)


def test_lengths_follow_the_ideogram_and_the_contraction() -> None:
    rng = np.random.default_rng(0)

    def length(label: int, widths: float) -> float:
        rows = [np.flatnonzero(draw_chromosome(label, rng, chromosome1_widths=widths).inside.any(1)) for _ in range(20)]
        return float(np.mean([found[-1] - found[0] + 1 for found in rows]))

    assert length(1, 8.0) == pytest.approx(8.0 * 15, rel=0.06)
    assert length(1, 11.0) == pytest.approx(11.0 * 15, rel=0.06)
    assert length(12, 8.0) / length(1, 8.0) == pytest.approx(relative_length(12) / relative_length(1), rel=0.08)


def test_width_is_as_asked() -> None:
    for width in (10.0, 15.0, 24.0):
        drawn = draw_chromosome(3, np.random.default_rng(1), width_px=width)
        assert np.median(drawn.inside.sum(1)) == pytest.approx(width, abs=0.15 * width)


def test_the_p_arm_is_on_top() -> None:
    """On Y the dark heterochromatin is the end of the long arm; on 5 the short arm is the shorter one."""
    rng = np.random.default_rng(2)
    for _ in range(5):
        y = draw_chromosome(24, rng)
        rows = np.flatnonzero(y.inside.any(1))
        middle = (rows[0] + rows[-1]) // 2
        assert y.transmittance[middle:][y.inside[middle:]].mean() < y.transmittance[:middle][y.inside[:middle]].mean()
        five = draw_chromosome(5, rng)
        assert five.centromere_row < 0.4 * len(five.inside)


def test_the_generator_alone_decides() -> None:
    one, same, other = (draw_chromosome(7, np.random.default_rng(seed)) for seed in (5, 5, 6))
    assert np.array_equal(one.transmittance, same.transmittance)
    assert one.transmittance.shape != other.transmittance.shape or not np.array_equal(
        one.transmittance, other.transmittance
    )


def test_impossible_requests_are_refused() -> None:
    rng = np.random.default_rng(0)
    with pytest.raises(ValueError, match=r"1\.\.24"):
        draw_chromosome(25, rng)
    with pytest.raises(ValueError, match="400, 550 or 850"):
        draw_chromosome(1, rng, level=100)
    with pytest.raises(ValueError, match="at least 4"):
        draw_chromosome(1, rng, width_px=2)


def test_smooth_noise_is_standardised_and_smooth() -> None:
    noise = smooth_noise(np.random.default_rng(3), (80, 120), 6.0)
    assert noise.shape == (80, 120)
    assert noise.mean() == pytest.approx(0, abs=1e-4)
    assert noise.std() == pytest.approx(1, abs=1e-4)
    assert np.abs(np.diff(noise, axis=1)).mean() < 0.3
