"""The joint assignment against brute force, on cells that break the rules, and on odd input."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metaphase.config import KaryotypeConfig
from metaphase.errors import ConfigError
from metaphase.karyotype import hypotheses, solve

CONFIG = KaryotypeConfig()
MALE = np.array([*range(1, 23), *range(1, 23), 23, 24])
FEMALE = np.array([*range(1, 23), *range(1, 23), 23, 23])


def log_p(labels: np.ndarray, sure: float = 0.98, second: dict[int, tuple[int, float]] | None = None) -> np.ndarray:
    """Log-probabilities with `sure` on each label; `second` gives row -> (other label, its probability)."""
    p = np.full((len(labels), 24), (1 - sure) / 23)
    p[np.arange(len(labels)), np.asarray(labels, int) - 1] = sure
    for row, (label, probability) in (second or {}).items():
        p[row, label - 1] = probability
    return np.log(p / p.sum(1, keepdims=True))


def brute_force(log_p_nc: np.ndarray, c: np.ndarray, config: KaryotypeConfig) -> float:
    """Lowest cost over every hypothesis and every way to hand out classes, written straight from the definition."""
    p = np.maximum(np.exp(log_p_nc) / np.exp(log_p_nc).sum(1, keepdims=True), config.probability_floor)
    c = np.clip(c, 1 - config.chromosome_ceiling, config.chromosome_ceiling)
    columns = np.unique(np.argsort(-p, axis=1)[:, :3])
    best = math.inf
    for choice in itertools.product([-1, *columns], repeat=len(p)):
        own = 0.0
        for i, k in enumerate(choice):
            if k < 0:
                own += -math.log((1 - c[i]) + c[i] * config.extra_rate) - math.log(p[i].max())
            else:
                own += -math.log(c[i]) - math.log(p[i, k]) - math.log(1 - config.missed_rate)
        taken = np.bincount([k for k in choice if k >= 0], minlength=24)
        for h in hypotheses(config):
            slots = np.bincount(h.slots, minlength=24)
            if (taken <= slots).all():
                best = min(best, own - math.log(config.missed_rate) * (slots - taken).sum() - h.log_prior)
    return best


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 4), st.booleans())
def test_optimal_against_brute_force(seed: int, m: int, crowded: bool) -> None:
    rng = np.random.default_rng(seed)
    logits = np.full((m, 24), -30.0)
    classes = rng.choice(24, 3, replace=False) if not crowded else np.array([21, 22, 23])
    logits[:, classes] = rng.normal(0, 2, (m, 3))
    c = rng.uniform(0.05, 1, m)
    config = KaryotypeConfig(missed_rate=0.2, extra_rate=0.1)
    assert solve(logits, c, config).cost == pytest.approx(brute_force(logits, c, config), abs=1e-9)


def test_hypotheses_are_the_ones_asked_for() -> None:
    named = {h.iscn: h for h in hypotheses(CONFIG)}
    assert len(named) == len(hypotheses(CONFIG)) == 6 + 2 * 2 * 22
    assert {"46,XX", "46,XY", "45,X", "47,XXX", "47,XXY", "47,XYY", "47,XX,+21", "45,XY,-7"} <= set(named)
    assert all(int(h.iscn.split(",")[0]) == len(h.slots) for h in named.values())
    assert max(named.values(), key=lambda h: h.log_prior).iscn in {"46,XX", "46,XY"}
    assert math.fsum(math.exp(h.log_prior) for h in named.values()) <= 1


@pytest.mark.parametrize(("labels", "iscn"), [(MALE, "46,XY"), (FEMALE, "46,XX")])
def test_a_sure_normal_cell_is_left_alone(labels: np.ndarray, iscn: str) -> None:
    solution = solve(log_p(labels), np.full(46, 0.95))
    assert solution.iscn == iscn
    assert solution.placed.all()
    np.testing.assert_array_equal(solution.labels, labels)


def test_three_9s_and_one_11_become_two_pairs() -> None:
    labels = MALE.copy()
    wrong = int(np.flatnonzero(labels == 11)[0])
    labels[wrong] = 9
    got = solve(log_p(labels, second={wrong: (11, 0.2)}), np.full(46, 0.95)).labels
    np.testing.assert_array_equal(got, MALE)


@pytest.mark.parametrize("label", range(1, 25))
def test_a_sure_gain_is_called_and_not_repaired(label: int) -> None:
    labels = np.append(MALE, label)
    solution = solve(log_p(labels, 0.999), np.full(47, 0.995))
    np.testing.assert_array_equal(solution.labels, labels)
    if label > 22:
        assert solution.iscn == {23: "47,XXY", 24: "47,XYY"}[label]


def test_trisomy_21_with_a_doubtful_third() -> None:
    # 0.9 for 21 against 0.1 for 22, whose two slots are taken by sure ones.
    labels = np.append(MALE, 21)
    got = solve(log_p(labels, second={46: (22, 0.1)}), np.full(47, 0.98)).labels
    assert (got == 21).sum() == 3


def test_a_lost_chromosome_stays_lost() -> None:
    np.testing.assert_array_equal(solve(log_p(MALE[1:], 0.999), np.full(45, 0.98)).labels, MALE[1:])


def test_turner_cell_gets_no_invented_sex_chromosome() -> None:
    labels = FEMALE[:-1]
    solution = solve(log_p(labels, 0.999), np.full(45, 0.98))
    np.testing.assert_array_equal(solution.labels, labels)
    assert solution.iscn in {"45,X", "46,XX", "46,XY"}


def test_the_improbable_chromosome_is_the_one_left_over() -> None:
    labels = np.append(MALE, 1)
    c = np.full(47, 0.98)
    c[0] = 0.3
    solution = solve(log_p(labels), c)
    assert not solution.placed[0]
    assert solution.labels[0] == 1
    assert solution.placed[1:].all()


@pytest.mark.parametrize("m", [0, 1, 20, 46, 120])
@pytest.mark.parametrize("kind", ["one class", "equal", "random", "impossible"])
def test_odd_cells_get_an_answer(m: int, kind: str) -> None:
    rng = np.random.default_rng(m)
    log_p_nc = (
        {
            "one class": log_p(np.full(m, 9), 1 - 1e-12),
            "equal": np.full((m, 24), -math.log(24)),
            "random": rng.normal(0, 3, (m, 24)),
            "impossible": np.where(np.arange(24) == 4, 0.0, -np.inf) * np.ones((m, 1)),
        }[kind]
        if m
        else np.zeros((0, 24))
    )
    c = rng.uniform(0, 1, m)
    solution = solve(log_p_nc, c)
    assert solution.labels.shape == (m,)
    assert solution.labels.dtype == np.int64
    assert m == 0 or (solution.labels.min() >= 1 and solution.labels.max() <= 24)
    assert math.isfinite(solution.cost)


def test_order_of_instances_does_not_matter() -> None:
    rng = np.random.default_rng(3)
    log_p_nc, c = rng.normal(0, 3, (46, 24)), rng.uniform(0.5, 1, 46)
    order = rng.permutation(46)
    np.testing.assert_array_equal(solve(log_p_nc, c).labels[order], solve(log_p_nc[order], c[order]).labels)


@pytest.mark.parametrize(
    ("log_p_nc", "c"),
    [
        (np.zeros((3, 23)), np.ones(3)),
        (np.zeros((3, 24)), np.ones(2)),
        (np.full((1, 24), np.nan), np.ones(1)),
        (np.full((1, 24), -np.inf), np.ones(1)),
        (np.zeros((1, 24)), np.array([np.nan])),
    ],
)
def test_what_is_no_probability_is_refused(log_p_nc: np.ndarray, c: np.ndarray) -> None:
    with pytest.raises(ValueError, match="log_probabilities_nc|chromosome_probability"):
        solve(log_p_nc, c)


@pytest.mark.parametrize("change", [{"missed_rate": 0.0}, {"probability_floor": 0.1}, {"chromosome_ceiling": 0.4}])
def test_impossible_settings_are_refused(change: dict[str, float]) -> None:
    with pytest.raises(ConfigError, match=next(iter(change))):
        KaryotypeConfig(**change)


def test_it_repairs_more_than_it_breaks() -> None:
    # Gaussian features whose class posterior is known exactly, 2 % missed, 0.3 false a cell.
    rng = np.random.default_rng(0)
    before = after = total = 0
    for cell in range(40):
        labels = (MALE, FEMALE, np.append(MALE, 21))[cell % 3]
        labels = labels[rng.random(len(labels)) > 0.02]
        false = rng.integers(1, 25, rng.poisson(0.3))
        features = rng.normal(0, 1, (len(labels) + len(false), 24))
        features[np.arange(len(features)), np.concatenate([labels, false]) - 1] += 3.6
        c = np.concatenate([np.full(len(labels), 0.98), np.full(len(false), 0.7)])
        got = solve(3.6 * features, c).labels[: len(labels)]
        before += int((features[: len(labels)].argmax(1) + 1 == labels).sum())
        after += int((got == labels).sum())
        total += len(labels)
    assert before / total < 0.95
    assert after / total > before / total + 0.03
