"""When a karyotype is proposed, when the program abstains, and what it says of a loss."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest

from metaphase.chromosomes import relative_lengths
from metaphase.config import KaryotypeConfig
from metaphase.karyotype import call_of, obstacle, probability_right, solve
from metaphase.karyotype.call import odd_lengths

MALE = [*range(1, 23), *range(1, 23), 23, 24]
CONFIG = KaryotypeConfig()


def evidence(labels: list[int], sure: float = 0.9999) -> np.ndarray:
    """Float64[M, 25]: each instance surely of its class."""
    q = np.full((len(labels), 25), (1 - sure) / 24)
    q[np.arange(len(labels)), np.array(labels, int) - 1] = sure
    return np.log(q)


def without(label: int) -> list[int]:
    labels = list(MALE)
    labels.remove(label)
    return labels


@pytest.mark.parametrize("count", [0, 1, CONFIG.fewest_found - 1])
def test_a_cell_with_hardly_any_chromosomes_has_no_posterior(count: int) -> None:
    log_q = evidence(MALE[:count])
    call = call_of(solve(log_q), log_q, range(count))
    assert call.abstained
    assert call.posterior == ()
    assert "too few to tell" in call.reasons[0]


@pytest.mark.parametrize(
    ("count", "said"),
    [
        (1, "only 1 chromosome was found: too few"),
        (2, "only 2 chromosomes were found: too few"),
    ],
)
def test_one_chromosome_was_found_and_two_were(count: int, said: str) -> None:
    log_q = evidence(MALE[:count])
    assert call_of(solve(log_q), log_q, range(count)).reasons[0].startswith(said)


def test_a_part_of_a_cell_has_no_most_probable_karyotype() -> None:
    for missing, told in ((2, True), (20, False)):
        log_q = evidence(MALE[: 46 - missing])
        call = call_of(solve(log_q), log_q, range(46 - missing))
        assert call.iscn is None
        assert bool(call.posterior) == told


@pytest.mark.parametrize(
    ("labels", "said"),
    [
        ([*MALE, 20, 21], "may be a chromosome, but has no place in 47,XY,+20: "),
        ([*MALE, 19, 20, 21], "may be chromosomes, but have no place in 47,XY,+19: "),
        (MALE[:-3], "not found, though 45,X has them: "),
    ],
)
def test_what_is_left_open_is_counted(labels: list[int], said: str) -> None:
    log_q = evidence(labels)
    reasons = call_of(solve(log_q), log_q, range(len(labels))).reasons
    assert any(reason.startswith(said) for reason in reasons), reasons


def test_each_kind_has_its_threshold() -> None:
    log_q = evidence([*MALE, 21])
    solution = solve(log_q)
    assert call_of(solution, log_q, range(47)).iscn == "47,XY,+21"
    strict = replace(CONFIG, call_gain_from=0.9999999, call_slope=0.2)
    silent = call_of(solution, log_q, range(47), strict)
    assert silent.abstained
    assert "unsure between 47,XY,+21" in silent.reasons[0]
    assert call_of(solution, log_q, range(47), replace(strict, call_gain_from=0.01, call_loss_from=0.999)).iscn


@pytest.mark.parametrize("offset", [-6.0, -1.0, 0.0, 6.0])
def test_the_most_probable_comes_first_however_little_its_kind_is_trusted(offset: float) -> None:
    log_q = evidence(without(7), 0.9)
    log_q[6, 6], log_q[6, 8] = np.log(0.45), np.log(0.46)
    config = replace(CONFIG, call_loss=offset, call_sex_gain=offset, call_sex_loss=offset, call_gain=offset)
    call = call_of(solve(log_q, config), log_q, range(45), config)
    probabilities = [p for _, p in call.posterior]
    assert probabilities == sorted(probabilities, reverse=True)
    told = [reason for reason in call.reasons if reason.startswith("unsure between")]
    assert bool(told) == (call.abstained and offset < 6)
    for reason in told:
        first, second = (int(word) for word in re.findall(r"\((\d+) %\)", reason))
        assert first >= second
        assert reason.startswith(f"unsure between {call.posterior[0][0]} (")


def test_a_loss_that_only_a_doubtful_instance_fills_is_told() -> None:
    doubtful = np.full((1, 25), np.log(1e-6))
    doubtful[0, 6], doubtful[0, 24] = np.log(2e-3), np.log(0.998)
    log_q = np.concatenate([evidence(without(7)), doubtful])
    config = replace(CONFIG, call_normal_from=0.999, call_loss_from=0.999)
    call = call_of(solve(log_q, config), log_q, range(46), config)
    assert call.abstained
    told = [reason for reason in call.reasons if "lacks one chromosome 7" in reason]
    assert told == ["45,XY,-7 lacks one chromosome 7 of 46,XY: instance 45 may be it"]
    log_q[-1, 0], log_q[-1, 24] = np.log(0.3), np.log(0.698)
    call = call_of(solve(log_q, config), log_q, range(46), config)
    told = [reason for reason in call.reasons if "lacks one chromosome 7" in reason]
    assert told[0].startswith("45,XY,-7 lacks one chromosome 7 of 46,XY: nothing found may be it"), "it is like another"


def test_a_called_loss_says_that_nothing_is_left_over() -> None:
    log_q = evidence(without(7))
    config = replace(CONFIG, autosome_loss_prior=0.005, call_loss_from=0.01)
    call = call_of(solve(log_q, config), log_q, range(45), config)
    assert call.iscn == "45,XY,-7"
    assert call.reasons[0].endswith("nothing is left over that could be another one")


def test_what_is_shown_but_not_in_the_string_is_an_obstacle() -> None:
    log_q = evidence([*MALE, 20, 21])
    assert "chromosomes are shown" in str(obstacle(solve(log_q).best, log_q))
    assert obstacle(solve(log_q[:46]).best, log_q[:46]) is None


def test_the_curve_rises_with_the_posterior_and_knows_the_kind() -> None:
    config = replace(CONFIG, call_slope=1.0, call_offset=0.0, call_gain=1.0)
    assert probability_right(0.5, "normal", config) == pytest.approx(0.5)
    assert probability_right(0.5, "gain", config) == pytest.approx(1 / (1 + np.exp(-1)))
    assert probability_right(0.9, "loss", config) > probability_right(0.6, "loss", config)


def test_two_that_count_as_one_are_spoken_of() -> None:
    labels = np.array(MALE)
    lengths = 20 * relative_lengths()[labels - 1]
    placed = np.ones(46, bool)
    assert odd_lengths(labels, placed, lengths) == []
    lengths[9] *= 2
    (reason,) = odd_lengths(labels, placed, lengths)
    assert reason.startswith("instance 9 is 2.0 times as long as a chromosome 10 ")
    placed[9] = False
    assert odd_lengths(labels, placed, lengths) == []
    assert odd_lengths(labels[:3], np.ones(3, bool), lengths[:3]) == []


def test_one_that_is_half_as_long_as_it_should_be_is_spoken_of() -> None:
    labels = np.array(MALE)
    lengths = 20 * relative_lengths()[labels - 1]
    lengths[22] *= 0.5
    (reason,) = odd_lengths(labels, np.ones(46, bool), lengths)
    assert reason == (
        "instance 22 is 0.5 times as long as a chromosome 1 should be here: a part may be hidden, cut off or missing"
    )
    lengths[22] *= 1.5
    assert odd_lengths(labels, np.ones(46, bool), lengths) == []


def test_where_one_more_is_shown_than_the_best_string_has_the_next_one_is_told() -> None:
    log_q = evidence([*MALE, 21])
    config = replace(CONFIG, call_slope=1.0, call_offset=0.0, extra_chromosome_below=0.5, autosome_gain_prior=1e-9)
    solution = solve(log_q, config)
    close = replace(solution, probabilities=np.array([0.6, 0.3, *[0.0] * (len(solution.probabilities) - 2)]))
    call = call_of(close, log_q, range(47), config)
    assert call.iscn is None
    assert call.reasons[0] == f"47 chromosomes are shown, but {close.best.hypothesis.iscn} has fewer"
    assert call.reasons[1].startswith(f"unsure between {close.best.hypothesis.iscn} (60 %) and ")
    far = replace(close, probabilities=np.array([0.9, 0.05, *[0.0] * (len(solution.probabilities) - 2)]))
    assert not any("unsure" in reason for reason in call_of(far, log_q, range(47), config).reasons)


def test_where_chromosomes_are_missing_no_two_karyotypes_are_weighed() -> None:
    labels = MALE.copy()
    for label in (1, 2, 3, 4, 5):
        labels.remove(label)
    log_q = evidence(labels, 0.99)
    call = call_of(solve(log_q), log_q, range(len(labels)))
    assert call.reasons[0].startswith("only 41 of the ")
    assert not any("unsure" in reason for reason in call.reasons)
