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
from metaphase.karyotype import assign, call_of, hypotheses, scores, solve

CONFIG = KaryotypeConfig()
MALE = np.array([*range(1, 23), *range(1, 23), 23, 24])
FEMALE = np.array([*range(1, 23), *range(1, 23), 23, 23])


def log_q(
    labels: np.ndarray,
    sure: float = 0.995,
    none: float | np.ndarray = 0.002,
    second: dict[int, tuple[int, float]] | None = None,
) -> np.ndarray:
    """Evidence with `sure` on each label; `second` gives row -> (other label, its probability)."""
    q = np.full((len(labels), 25), (1 - sure) / 24)
    q[np.arange(len(labels)), np.asarray(labels, int) - 1] = sure
    for row, (label, probability) in (second or {}).items():
        q[row, label - 1] = probability
    q[:, :24] *= (1 - np.asarray(none, float).reshape(-1, 1)) / q[:, :24].sum(1, keepdims=True)
    q[:, 24] = none
    return np.log(q)


def brute_force(log_q: np.ndarray, config: KaryotypeConfig) -> float:
    """Highest score over every hypothesis and every way to hand out classes, written straight from the definition."""
    q = np.exp(log_q) / np.exp(log_q).sum(1, keepdims=True)
    q = np.maximum(q, config.probability_floor)
    q /= q.sum(1, keepdims=True)
    columns = np.unique(np.argsort(-q[:, :24], axis=1)[:, :3])
    best = -math.inf
    for choice in itertools.product([-1, *columns], repeat=len(q)):
        own = 0.0
        for i, k in enumerate(choice):
            own += math.log(q[i, 24] + (1 - q[i, 24]) * config.extra_rate) if k < 0 else math.log(q[i, k])
        taken = np.bincount([k for k in choice if k >= 0], minlength=24)
        for h in hypotheses(config):
            slots = np.bincount(h.slots, minlength=24)
            if (taken <= slots).all():
                best = max(best, own + math.log(config.missed_rate) * (slots - taken).sum() + h.log_prior)
    return best


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 4), st.booleans())
def test_optimal_against_brute_force(seed: int, m: int, crowded: bool) -> None:
    rng = np.random.default_rng(seed)
    logits = np.full((m, 25), -30.0)
    classes = rng.choice(24, 3, replace=False) if not crowded else np.array([20, 21, 22])
    logits[:, classes] = rng.normal(0, 2, (m, 3))
    logits[:, 24] = rng.normal(0, 2, m)
    config = KaryotypeConfig(missed_rate=0.2, extra_rate=0.1, softness=1.0)
    solution = solve(logits, config)
    assert solution.best.score + solution.hypotheses[0].log_prior == pytest.approx(
        brute_force(logits, config), abs=1e-9
    )
    np.testing.assert_allclose(solution.probabilities.sum(), 1)
    assert (np.diff(solution.probabilities) <= 0).all()


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(0, 60), st.floats(0, 8))
def test_scores_are_those_of_the_assignments(seed: int, m: int, sure: float) -> None:
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 2, (m, 25))
    logits[np.arange(m), rng.integers(0, 25, m)] += sure
    expected = [assign(logits, hypothesis).score for hypothesis in hypotheses(CONFIG)]
    np.testing.assert_allclose(scores(logits), expected, atol=1e-8)


def test_hypotheses_are_the_ones_asked_for() -> None:
    named = {h.iscn: h for h in hypotheses(CONFIG)}
    assert len(named) == len(hypotheses(CONFIG)) == 7 + 2 * 2 * 22
    assert {"46,XX", "46,XY", "45,X", "47,XXX", "47,XXY", "47,XYY", "45,Y,-X", "47,XX,+21", "45,XY,-7"} <= set(named)
    assert all(int(h.iscn.split(",")[0]) == len(h.slots) for h in named.values())
    assert max(named.values(), key=lambda h: h.log_prior).iscn in {"46,XX", "46,XY"}
    kinds = {iscn: named[iscn].kind for iscn in ("46,XX", "45,X", "45,Y,-X", "47,XXY", "47,XX,+21", "45,XY,-7")}
    assert list(kinds.values()) == ["normal", "sex_loss", "loss", "sex_gain", "gain", "loss"]


@pytest.mark.parametrize(("labels", "iscn"), [(MALE, "46,XY"), (FEMALE, "46,XX")])
def test_a_sure_normal_cell_is_left_alone(labels: np.ndarray, iscn: str) -> None:
    solution = solve(log_q(labels))
    assert solution.hypotheses[0].iscn == iscn
    assert solution.probabilities[0] > 0.9
    assert solution.best.placed.all()
    assert solution.best.empty == ()
    np.testing.assert_array_equal(solution.best.labels, labels)


def test_three_9s_and_one_11_become_two_pairs() -> None:
    labels = MALE.copy()
    wrong = int(np.flatnonzero(labels == 11)[0])
    labels[wrong] = 9
    np.testing.assert_array_equal(solve(log_q(labels, second={wrong: (11, 0.2)})).best.labels, MALE)


@pytest.mark.parametrize("label", range(1, 25))
def test_a_sure_gain_is_called_and_not_repaired(label: int) -> None:
    labels = np.append(MALE, label)
    solution = solve(log_q(labels, 0.9999, 1e-5))
    np.testing.assert_array_equal(solution.best.labels, labels)
    assert solution.hypotheses[0].iscn == {23: "47,XXY", 24: "47,XYY"}.get(label, f"47,XY,+{label}")
    assert solution.best.placed.all()


@pytest.mark.parametrize("label", range(1, 25))
def test_a_sure_loss_is_called(label: int) -> None:
    labels = np.delete(MALE, np.flatnonzero(label == MALE)[0])
    solution = solve(log_q(labels, 0.9999, 1e-5))
    np.testing.assert_array_equal(solution.best.labels, labels)
    assert solution.hypotheses[0].iscn == {23: "45,Y,-X", 24: "45,X"}.get(label, f"45,XY,-{label}")


def test_the_improbable_chromosome_is_the_one_left_over() -> None:
    none = np.full(47, 0.002)
    none[0] = 0.9
    solution = solve(log_q(np.append(MALE, 1), none=none))
    assert solution.hypotheses[0].iscn == "46,XY"
    assert not solution.best.placed[0]
    assert solution.best.labels[0] == 1
    assert solution.best.placed[1:].all()


def test_one_hypothesis_alone() -> None:
    turner = next(h for h in hypotheses(CONFIG) if h.iscn == "45,X")
    found = assign(log_q(MALE), turner)
    assert found.placed.sum() == 45
    assert not found.placed[45]
    short = assign(log_q(MALE[:40]), turner)
    assert short.empty == (19, 20, 21, 22, 23)


@pytest.mark.parametrize("m", [0, 1, 20, 46, 120])
@pytest.mark.parametrize("kind", ["one class", "equal", "random", "impossible"])
def test_odd_cells_get_an_answer(m: int, kind: str) -> None:
    solution = solve(odd_evidence(m, kind))
    assert solution.best.labels.shape == (m,)
    assert solution.best.labels.dtype == np.int64
    assert m == 0 or (solution.best.labels.min() >= 1 and solution.best.labels.max() <= 24)
    assert math.isfinite(solution.best.score)
    assert np.isfinite(solution.probabilities).all()


def odd_evidence(m: int, kind: str) -> np.ndarray:
    rng = np.random.default_rng(m)
    noise = rng.normal(0, 3, (m, 25))
    return {
        "one class": log_q(np.full(m, 9), 1 - 1e-12) if m else np.zeros((0, 25)),
        "equal": np.full((m, 25), -math.log(25)),
        "random": noise - np.logaddexp.reduce(noise, 1, keepdims=True),
        "impossible": np.where(np.arange(25) == 4, 0.0, -np.inf) * np.ones((m, 1)),
    }[kind]


@pytest.mark.parametrize("m", [0, 1, 20, 120])
@pytest.mark.parametrize("kind", ["one class", "equal", "random", "impossible"])
def test_odd_cells_are_never_called(m: int, kind: str) -> None:
    evidence = odd_evidence(m, kind)
    call = call_of(solve(evidence), evidence, range(m))
    assert call.iscn is None
    assert call.abstained
    assert call.reasons


def test_equal_probabilities_of_46_are_not_called_normal() -> None:
    evidence = np.full((46, 25), -math.log(25))
    assert call_of(solve(evidence), evidence, range(46)).iscn is None


def test_order_of_instances_does_not_matter() -> None:
    rng = np.random.default_rng(3)
    evidence, order = rng.normal(0, 3, (46, 25)), rng.permutation(46)
    np.testing.assert_array_equal(solve(evidence).best.labels[order], solve(evidence[order]).best.labels)


@pytest.mark.parametrize(
    "evidence", [np.zeros((3, 24)), np.zeros(25), np.full((1, 25), np.nan), np.full((1, 25), -np.inf)]
)
def test_what_is_no_probability_is_refused(evidence: np.ndarray) -> None:
    with pytest.raises(ValueError, match="log_evidence"):
        solve(evidence)


@pytest.mark.parametrize("change", [{"missed_rate": 0.0}, {"probability_floor": 0.1}, {"softness": 0.0}])
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
        log_p = 3.6 * features - np.logaddexp.reduce(3.6 * features, 1, keepdims=True)
        c = np.concatenate([np.full(len(labels), 0.98), np.full(len(false), 0.5)])[:, None]
        got = solve(np.concatenate([log_p + np.log(c), np.log(1 - c)], 1)).best.labels[: len(labels)]
        before += int((features[: len(labels)].argmax(1) + 1 == labels).sum())
        after += int((got == labels).sum())
        total += len(labels)
    assert before / total < 0.95
    assert after / total > before / total + 0.03
