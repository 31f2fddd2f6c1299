"""Intervals by case."""

import math

import numpy as np
import pytest

from metaphase.metrics import Pooled, bootstrap, resampled_weights


def test_images_of_a_case_are_drawn_together():
    weights = resampled_weights(["a", "b", "a", "c"], resamples=50)
    assert weights.shape == (50, 4)
    assert (weights[:, 0] == weights[:, 2]).all()
    assert (weights[:, 0] + weights[:, 1] + weights[:, 3] == 3).all()


def test_is_the_same_every_time():
    cases = [str(i // 3) for i in range(30)]
    assert (resampled_weights(cases, 20) == resampled_weights(cases, 20)).all()


def test_interval_of_a_mean_has_the_width_that_theory_gives():
    values = np.random.default_rng(1).normal(5, 2, (400, 1))
    weights = resampled_weights([str(i) for i in range(400)], 1000)
    low, high = bootstrap(Pooled(values, np.ones_like(values)), weights)
    assert low < values.mean() < high
    assert high - low == pytest.approx(2 * 1.96 * values.std() / 20, rel=0.1)


def test_resamplings_without_a_value_are_skipped():
    numerators, denominators = np.array([[1.0], [0.0]]), np.array([[2.0], [0.0]])
    assert bootstrap(Pooled(numerators, denominators), np.array([[1.0, 1.0], [0.0, 2.0]])) == (0.5, 0.5)
    undefined = bootstrap(Pooled(numerators, denominators), np.array([[0.0, 2.0]]))
    assert all(math.isnan(bound) for bound in undefined)
