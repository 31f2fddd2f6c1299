"""Operating points of the calls that keep what they promise, on drawn scores."""

import fit_calls
import numpy as np
import pytest
from fit_calls import Sample, Weighed, operating_points, outcomes_out_of_fold, parts, thresholds_for, upper_bound

from metaphase.config import KaryotypeConfig
from metaphase.karyotype import hypotheses

KNOWN = hypotheses(KaryotypeConfig())
OF_KIND = {kind: [i for i, h in enumerate(KNOWN) if h.kind == kind] for kind in fit_calls.KINDS}


@pytest.fixture(autouse=True)
def few_points(monkeypatch):
    monkeypatch.setattr(fit_calls, "LOG_PRIORS", dict.fromkeys(fit_calls.KINDS[1:], (-5.0, -3.0, -1.0)))
    monkeypatch.setattr(fit_calls, "PARTITIONS", 2)


def drawn(seed=0, people=60):
    """Three normal cells of each person, and one of each kind of change; scores are truth and noise."""
    rng = np.random.default_rng(seed)
    samples, scores, best, right = [], [], [], []
    for person in range(people):
        for kind in ("normal", "normal", "normal", *fit_calls.KINDS[1:]):
            truth = int(rng.choice(OF_KIND[kind]))
            own = rng.normal(0, 1.5, len(KNOWN)) - 4
            own[truth] += 9
            own[0] += 4
            slots = np.bincount(KNOWN[truth].slots, minlength=24)
            samples.append(Sample(f"p{person}", kind, slots, np.zeros((0, 25))))
            scores.append(own)
            best.append([index[int(own[index].argmax())] for index in map(np.array, OF_KIND.values())])
            right.append([i == truth for i in best[-1]])
    free = np.ones((len(samples), len(fit_calls.KINDS)), bool)
    return Weighed(samples, np.array(scores), np.array(best), free, np.array(right))


def test_upper_bound():
    assert upper_bound(4, 224, 0.0) == pytest.approx(4 / 224)
    assert upper_bound(0, 100, 0.8) == pytest.approx(1 - 0.2 ** (1 / 100))
    assert upper_bound(2, 224, 0.8) < 0.02 < upper_bound(3, 224, 0.8)
    assert upper_bound(5, 5, 0.8) == 1.0


def test_people_stay_together():
    cases = [f"p{i % 23}" for i in range(100)]
    part = parts(cases, seed=3)
    assert all(len({p for p, c in zip(part, cases, strict=True) if c == case}) == 1 for case in cases)
    assert set(part) == set(range(fit_calls.FOLDS))


def test_most_probable_counts_every_hypothesis():
    weighed = drawn(people=2)
    chosen, p = fit_calls.most_probable(*weighed.by_kind(1.35), (0.0, -2.0, -3.0, -4.0, -5.0))
    prior = np.array([dict(zip(fit_calls.KINDS, (0.0, -2.0, -3.0, -4.0, -5.0), strict=True))[h.kind] for h in KNOWN])
    logits = weighed.scores / 1.35 + prior
    expected = np.exp(logits.max(1) - np.logaddexp.reduce(logits, 1))
    np.testing.assert_allclose(p, expected)
    assert [fit_calls.KINDS[k] for k in chosen] == [KNOWN[i].kind for i in logits.argmax(1)]


def test_threshold_calls_the_wanted_share():
    p = np.linspace(0.5, 0.995, 100)
    chosen, right, normal = np.zeros(100, int), np.ones(100, bool), np.ones(100, bool)
    assert (p >= thresholds_for(0.9, p, chosen, right, normal)[0]).sum() == 90


def test_a_bound_lets_fewer_wrong_calls_through_than_the_share():
    weighed = drawn()
    loose = operating_points(weighed, [0.8], 0.02, 0.0)[0.8]
    strict = operating_points(weighed, [0.8], 0.02, 0.8)[0.8]
    assert loose.value[0]
    assert strict.value[0]
    assert strict.value <= loose.value
    size = int(weighed.groups["normal"].sum())
    assert upper_bound(round(strict.outcome(weighed)["normal"][1] * size), size, 0.8) <= 0.02


def test_what_is_promised_holds_for_others():
    found = [outcomes_out_of_fold(drawn(seed), [0.8], 0.02, 0.8)[0.8] for seed in range(3)]
    assert np.mean([shares["normal"][1] for shares in found]) <= 0.02
    assert all(sum(shares[kind][:2]) <= 1 + 1e-9 for shares in found for kind in shares)


def test_point_and_config_say_the_same():
    weighed = drawn(people=20)
    point = operating_points(weighed, [0.8], 0.05, 0.0)[0.8]
    config = fit_calls.fit_curve(weighed, point, fit_calls.with_point(point, KaryotypeConfig()))
    config = fit_calls.with_thresholds(point, config)
    priors = np.array([h.log_prior for h in hypotheses(config)])
    logits = (weighed.scores + priors) / config.softness
    p = np.exp(logits.max(1) - np.logaddexp.reduce(logits, 1))
    _, expected = fit_calls.most_probable(*weighed.by_kind(point.softness), point.log_priors)
    np.testing.assert_allclose(p, expected, atol=5e-3)
