"""Groups, tray, order and scores of an assembled karyotype."""

from __future__ import annotations

import sys
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from metaphase.chromosomes import relative_lengths
from metaphase.config import KaryotypeConfig
from metaphase.karyotype import assemble, call_of, solve
from metaphase.types import Instances, Karyotype, Straightened

# `metaphase.karyotype.assemble` is the function; its file is found by name.
assemble_file = sys.modules["metaphase.karyotype.assemble"]
MALE = [*range(1, 23), *range(1, 23), 23, 24]


def cell(labels: list[int], sure: float = 0.95, **columns: object) -> tuple[Instances, np.ndarray, list[Straightened]]:
    m = len(labels)
    p = np.full((m, 24), (1 - sure) / 23, np.float32)
    p[np.arange(m), np.array(labels, int) - 1] = sure
    columns.setdefault("scores", np.full(m, 0.9))
    # As long as their classes should be; of homologues the later is the longer one.
    usual = 8 * relative_lengths()[np.array(labels, int) - 1]
    crops = [np.ones((round(float(usual[i])) + labels[:i].count(labels[i]), 8), bool) for i in range(m)]
    offsets = [(10 * i, 0) for i in range(m)]
    instances = Instances.from_masks(200, 10 * m + 20, crops, offsets, probabilities_nc=p, **columns)
    straightened = [Straightened(np.full(crop.shape, 90, np.uint8), crop) for crop in crops]
    return instances, np.ones((m, 24), bool), straightened


def everyone(karyotype: Karyotype) -> list[int]:
    return sorted([i for group in karyotype.groups for i in group] + list(karyotype.tray))


def test_a_normal_cell_fills_its_23_groups() -> None:
    karyotype = assemble(*cell(MALE, 0.9999, scores=np.full(46, 0.999)))
    assert [len(group) for group in karyotype.groups] == [2] * 23
    assert karyotype.tray == ()
    assert karyotype.sanity["score"] == 1
    np.testing.assert_array_equal(karyotype.instances.labels, MALE)
    np.testing.assert_array_equal(karyotype.labels_before, MALE)
    assert (karyotype.instances.scores > 0.3).all()
    # Instance 22 + k is the longer homologue of k, so it comes first; X comes before Y.
    assert all(karyotype.groups[k] == (22 + k, k) for k in range(22))
    assert karyotype.groups[22] == (44, 45)


def test_an_extra_stays_in_its_group_on_the_right() -> None:
    karyotype = assemble(*cell([*MALE, 21, 20], 0.9999, scores=np.full(48, 0.999)))
    assert (len(karyotype.groups[19]), len(karyotype.groups[20])) == (3, 3)
    assert karyotype.tray == ()
    assert everyone(karyotype) == list(range(48))


@pytest.mark.parametrize(("score", "status"), [(0.3, "debris"), (0.85, "unknown")])
def test_one_without_a_slot_that_may_be_none_is_laid_aside(score: float, status: str) -> None:
    scores = np.full(47, 0.97)
    scores[46] = score
    karyotype = assemble(*cell([*MALE, 21], 0.99, scores=scores))
    assert karyotype.tray == (46,)
    assert karyotype.instances.status[46] == status
    assert karyotype.sanity["score"] == 1


def test_sure_cells_are_called_and_doubtful_ones_are_not() -> None:
    sure = {"sure": 0.9999, "scores": np.full(46, 0.999)}
    karyotype = assemble(*cell(MALE, **sure))
    assert (karyotype.iscn, karyotype.abstained) == ("46,XY", False)
    assert karyotype.posterior[0][0] == "46,XY"
    assert sum(p for _, p in karyotype.posterior) <= 1 + 1e-9
    gained = assemble(*cell([*MALE, 21], 0.9999, scores=np.full(47, 0.999)))
    assert gained.iscn == "47,XY,+21"
    assert "3 of chromosome 21" in gained.reasons[0]
    doubtful = assemble(*cell(MALE, 1 / 24 + 1e-6, scores=np.full(46, 0.5)))
    assert doubtful.abstained
    assert doubtful.reasons


def test_unknown_and_debris_go_to_the_tray_and_nobody_is_dropped() -> None:
    status = ["chromosome"] * 44 + ["unknown", "debris"]
    instances, upright, straightened = cell(MALE, status=status)
    p = instances.probabilities_nc.copy()
    p[3] = 1 / 24
    instances = Instances.from_masks(
        200, 480, instances.crops or (), instances.offsets_xy, probabilities_nc=p, status=status
    )
    karyotype = assemble(instances, upright, straightened, KaryotypeConfig(unknown_below=0.3))
    assert karyotype.instances.status[3] == "unknown"
    assert set(karyotype.tray) == {3, 44, 45}
    assert karyotype.tray[-1] == 45
    assert karyotype.instances.labels[44] == 23
    assert everyone(karyotype) == list(range(46))


@pytest.mark.parametrize("labels", [[], [5], [9] * 120, MALE[:20]])
def test_odd_cells(labels: list[int]) -> None:
    karyotype = assemble(*cell(labels))
    assert len(karyotype.groups) == 23
    assert everyone(karyotype) == list(range(len(labels)))
    assert (karyotype.instances.scores <= 1).all()
    assert karyotype.sanity["score"] < 1
    assert karyotype.abstained


def test_a_gain_that_fills_the_gap_of_a_miss_is_spoken_of() -> None:
    labels = [*MALE, 21]
    labels.remove(22)
    karyotype = assemble(*cell(labels, 0.999, scores=np.full(46, 0.999)))
    assert any(
        "put where there was room" in reason and "in 22, looks like 21" in reason for reason in karyotype.reasons
    )
    assert not any("put where" in reason for reason in assemble(*cell(MALE, 0.99)).reasons)


def test_too_few_are_told_in_numbers() -> None:
    reasons = assemble(*cell(MALE[:20], 0.9999, scores=np.full(20, 0.999))).reasons
    assert reasons[0] == "only 20 chromosomes were found: too few to tell a karyotype"


def test_one_too_long_for_its_class_is_named_also_where_its_strip_was_shortened() -> None:
    instances, upright, straightened = cell(MALE, 0.9999, scores=np.full(46, 0.999))
    # Strips as long as their classes are; the first chromosome 2, instance 1, is twice as long and was cut to half.
    rows = [round(1500 * float(v)) for v in relative_lengths()[np.array(MALE) - 1]]
    straightened = [Straightened(np.full((n, 8), 90, np.uint8), np.ones((n, 8), bool)) for n in rows]
    named = [r for r in assemble(instances, upright, straightened).reasons if "end to end" in r]
    assert named == []
    straightened[1] = replace(straightened[1], shortened=2.0)
    named = [r for r in assemble(instances, upright, straightened).reasons if "end to end" in r]
    assert len(named) == 1
    assert named[0].startswith("instance 1 is 2.0 times as long as a chromosome 2 ")


@settings(max_examples=60, deadline=None)
@given(
    m=st.sampled_from([0, 1, 2, 20, 46, 47, 120]),
    label=st.none() | st.integers(1, 24),
    sure=st.floats(0, 1),
    score=st.floats(0, 1),
    stacked=st.booleans(),
    laid=st.booleans(),
)
def test_no_sense_is_never_called_and_never_raises(
    m: int, label: int | None, sure: float, score: float, stacked: bool, laid: bool
) -> None:
    """One class only, or (label None) all probabilities equal; side by side or one on top of the other."""
    p = np.full((m, 24), 1 / 24 if label is None else (1 - sure) / 23)
    if label is not None:
        p[:, label - 1] = sure
    crops = [np.ones((20 + i % 9, 8), bool) for i in range(m)]
    offsets = [(0 if stacked else 10 * i, 0) for i in range(m)]
    instances = Instances.from_masks(200, 1300, crops, offsets, probabilities_nc=p, scores=np.full(m, score))
    straightened = [Straightened(np.full(crop.shape, 90, np.uint8), crop) for crop in crops] if laid else []
    karyotype = assemble(instances, np.ones((m, 24), bool), straightened)
    assert karyotype.iscn is None
    assert karyotype.reasons
    assert len(karyotype.groups) == 23
    assert everyone(karyotype) == list(range(len(karyotype.instances)))
    assert len(karyotype.instances) <= m
    assert np.isfinite(karyotype.instances.scores).all()
    assert np.isfinite([probability for _, probability in karyotype.posterior]).all()


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), m=st.integers(0, 40), sharp=st.floats(0.01, 30))
def test_a_cell_with_too_few_chromosomes_is_never_called_normal(seed: int, m: int, sharp: float) -> None:
    instances, upright, straightened = cell([1] * m)
    p = np.random.default_rng(seed).dirichlet(np.full(24, 1 / sharp), m)
    crops, offsets = instances.crops or (), instances.offsets_xy
    noise = Instances.from_masks(200, 10 * m + 20, crops, offsets, probabilities_nc=p, scores=np.ones(m))
    assert assemble(noise, upright, straightened).iscn not in ("46,XX", "46,XY")


def test_without_straightened_the_box_gives_the_length() -> None:
    instances, upright, _ = cell(MALE)
    assert assemble(instances, upright, []).groups[0] == (22, 0)


def test_other_lengths_are_refused() -> None:
    instances, upright, straightened = cell(MALE)
    with pytest.raises(ValueError, match="upright"):
        assemble(instances, upright[1:], straightened)
    with pytest.raises(ValueError, match="straightened"):
        assemble(instances, upright, straightened[1:])


@pytest.mark.parametrize("turned", [False, True])
def test_a_chromosome_that_the_cell_renames_is_turned_to_its_new_class(turned: bool) -> None:
    instances, upright, straightened = cell(MALE, 0.6)
    upright[4] = turned
    upright[4, 4] = not turned
    p = np.array(instances.probabilities_nc)
    p[4] = (1 - 0.5 - 0.45) / 22  # its own best class is 4, of which there are two already
    p[4, 3], p[4, 4] = 0.5, 0.45
    karyotype = assemble(replace(instances, probabilities_nc=p), upright, straightened)
    assert (karyotype.labels_before[4], karyotype.instances.labels[4]) == (4, 5)
    assert karyotype.upright[4] == (not turned)
    assert karyotype.upright[[i for i in range(46) if i != 4]].all()


def test_what_hardly_supports_its_place_is_spoken_of() -> None:
    labels = np.array(MALE)
    log_q = np.full((46, 25), np.log(1e-5))
    log_q[np.arange(46), labels - 1] = np.log(0.999)
    sure = solve(log_q)
    assert not any("hardly supported" in reason for reason in call_of(sure, log_q, range(46)).reasons)
    log_q[7, 7], log_q[7, 24] = np.log(0.01), np.log(0.98)  # more likely dirt than an 8, but an 8 is missing
    told = call_of(solve(log_q), log_q, range(100, 146))
    assert "hardly supported in its place: no. 107 (8)" in told.reasons


def test_a_cell_without_other_readings_is_solved_once(monkeypatch: pytest.MonkeyPatch) -> None:
    solved = []
    monkeypatch.setattr(assemble_file, "solve", lambda *args: solved.append(1) or solve(*args))
    assemble(*cell(MALE, 0.9999, scores=np.full(46, 0.999)))
    assert len(solved) == 1
