"""Band profiles: orientation, centromere and fit on profiles whose truth is known."""

from __future__ import annotations

import numpy as np
import pytest

from metaphase.banding import POINTS, align, ideogram_densities, profile_of, resampled
from metaphase.chromosomes import centromeric_index
from metaphase.datasets.procedural_chromosome import draw_chromosome


def drawn_profile(label: int, seed: int = 0) -> np.ndarray:
    """Profile of a straight drawn chromosome, p arm first."""
    one = draw_chromosome(label, np.random.default_rng(seed), level=550, width_px=14.0)
    return profile_of(np.rint(255 * one.transmittance).astype(np.uint8), one.inside)


@pytest.mark.parametrize("label", [1, 3, 4, 6, 7, 9, 11, 12, 13, 14, 17, 18, 20, 23, 24])
def test_the_p_arm_is_found_and_a_turned_profile_says_the_reverse(label: int) -> None:
    profile = drawn_profile(label)
    found, turned = align(profile, label), align(profile[::-1], label)
    assert found.upright
    assert not turned.upright
    assert turned.margin == pytest.approx(-found.margin)
    assert found.best_score > 0.6
    np.testing.assert_allclose(found.profile, turned.profile)


@pytest.mark.parametrize("label", range(1, 25))
def test_the_centromere_lies_about_where_the_ideogram_has_it(label: int) -> None:
    assert align(drawn_profile(label), label).centromere == pytest.approx(centromeric_index(label) / 100, abs=0.1)


def test_the_own_class_fits_better_than_another() -> None:
    right = np.mean([align(drawn_profile(k), k).best_score for k in range(1, 23)])
    wrong = np.mean([align(drawn_profile(k), k % 22 + 1).best_score for k in range(1, 23)])
    assert right > wrong + 0.2


def test_scores_are_correlations_and_profiles_are_standard() -> None:
    found = align(np.random.default_rng(0).random(50), 5)
    assert -1 <= found.turned_score <= 1
    assert -1 <= found.score <= 1
    assert found.profile.shape == found.expected.shape == (POINTS,)
    assert found.profile.mean() == pytest.approx(0, abs=1e-9)


def test_a_flat_profile_fits_nothing() -> None:
    found = align(np.full(40, 90.0), 3)
    assert (found.score, found.turned_score, found.margin) == (0, 0, 0)


def test_the_profile_is_the_mean_darkness_inside() -> None:
    gray = np.array([[255, 255], [100, 50], [200, 0], [255, 255]], np.uint8)
    inside = np.array([[0, 0], [1, 1], [1, 0], [0, 0]], bool)
    np.testing.assert_allclose(profile_of(gray, inside), [180, 55])
    assert len(profile_of(gray, np.zeros_like(inside))) == 0
    np.testing.assert_allclose(resampled(np.array([1.0, 3.0]), 3), [1, 2, 3])


def test_densities_and_wrong_labels() -> None:
    density = ideogram_densities(1)
    assert density.shape == (POINTS,)
    assert density.max() <= 100
    for label in (0, 25):
        with pytest.raises(ValueError, match="1..24"):
            align(np.arange(9.0), label)
