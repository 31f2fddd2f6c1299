"""Curves that make probabilities mean what they say."""

import numpy as np
import pytest
from calibration import Claims, curve, error_of, sharpened


def honest(count=4000, seed=0):
    rng = np.random.default_rng(seed)
    said = rng.uniform(0.02, 0.98, count)
    return said, rng.random(count) < said


def test_error_of_a_wrong_half():
    assert error_of(np.array([0.9, 0.9]), np.array([True, False])) == pytest.approx(0.4)


def test_what_is_honest_stays():
    a, b = curve(*honest())
    assert (a, b) == (pytest.approx(1, abs=0.15), pytest.approx(0, abs=0.15))


def test_what_is_too_modest_is_sharpened():
    said, true = honest()
    claims = Claims()
    odds = (said / (1 - said)) ** 0.5
    claims.add(odds / (1 + odds), true, "one")
    claims.cases = [str(i % 50) for i in range(len(said))]
    after, (a, _) = sharpened(claims)
    assert a == pytest.approx(2, abs=0.3)
    assert error_of(after, true) < error_of(np.array(claims.said), true) / 2
