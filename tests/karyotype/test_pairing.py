"""Homologues side by side: alike in length and bands."""

from __future__ import annotations

import numpy as np

from metaphase.karyotype.pairing import ordered, unlikeness
from metaphase.types import Straightened


def laid(profile: np.ndarray) -> Straightened:
    gray = np.repeat((255 - profile).astype(np.uint8)[:, None], 8, 1)
    return Straightened(gray, np.ones(gray.shape, bool))


WAVE = 120 + 60 * np.sin(np.linspace(0, 9, 60))
RAMP = np.linspace(40, 200, 60)


def test_two_stand_with_the_longer_one_first() -> None:
    lengths = np.array([50.0, 60.0])
    assert ordered([0, 1], lengths, np.ones(2, bool), [], np.ones(2, bool)) == (1, 0)
    assert ordered([], lengths, np.ones(2, bool), [], np.ones(2, bool)) == ()


def test_the_odd_one_of_three_stands_last() -> None:
    strips = [laid(WAVE), laid(RAMP), laid(WAVE)]
    lengths = np.array([60.0, 61.0, 59.0])
    assert ordered([0, 1, 2], lengths, np.ones(3, bool), strips, np.ones(3, bool)) == (0, 2, 1)


def test_a_turned_homologue_is_still_alike() -> None:
    strips = [laid(RAMP), laid(WAVE), laid(RAMP[::-1].copy())]
    upright = np.array([True, True, False])
    assert ordered([0, 1, 2], np.full(3, 60.0), upright, strips, np.ones(3, bool)) == (0, 2, 1)


def test_one_without_a_slot_is_the_odd_one() -> None:
    strips = [laid(WAVE), laid(WAVE), laid(RAMP)]
    placed = np.array([True, False, True])
    assert ordered([0, 1, 2], np.full(3, 60.0), np.ones(3, bool), strips, placed)[-1] == 1


def test_lengths_alone_where_nothing_is_straightened() -> None:
    lengths = np.array([50.0, 80.0, 51.0])
    assert ordered([0, 1, 2], lengths, np.ones(3, bool), [], np.ones(3, bool)) == (2, 0, 1)
    assert unlikeness(None, None, 50, 50) == 0
    assert unlikeness(np.ones(4), np.ones(4), 50, 50) == 1
