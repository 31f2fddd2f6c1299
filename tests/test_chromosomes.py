"""The 24 classes, their ideograms and the sanity of a label set."""

from __future__ import annotations

import numpy as np
import pytest

from metaphase import chromosomes
from metaphase.chromosomes import bands, centromeric_index, group_of, label_of, name_of, relative_length, sanity

# Relative length and centromeric index in percent, as published for the ISCN ideogram.
TABLE = {
    "1": (8.44, 49.0), "2": (8.05, 39.3), "3": (6.54, 47.6), "4": (6.25, 27.7), "5": (5.93, 26.8), "6": (5.65, 38.2),
    "7": (5.23, 36.3), "8": (4.61, 33.2), "9": (4.45, 33.1), "10": (4.50, 32.5), "11": (4.46, 42.0),
    "12": (4.19, 28.1), "13": (3.64, 18.5), "14": (3.52, 19.4), "15": (3.39, 21.0), "16": (2.86, 42.7),
    "17": (2.77, 32.7), "18": (2.60, 28.0), "19": (2.30, 45.6), "20": (2.11, 45.9), "21": (1.79, 37.6),
    "22": (1.90, 36.2), "X": (4.81, 37.6), "Y": (2.04, 24.2),
}  # fmt: skip
AUTOSOMES = [*range(1, 23)] * 2


@pytest.mark.parametrize("level", [400, 550])
@pytest.mark.parametrize("name", TABLE)
def test_lengths_and_centromeres_of_the_ideogram(name: str, level: int) -> None:
    length, index = TABLE[name]
    assert relative_length(label_of(name), level) == pytest.approx(length, abs=0.006)
    assert centromeric_index(label_of(name), level) == pytest.approx(index, abs=0.06)


def test_relative_lengths_of_the_haploid_set_with_x_sum_to_100() -> None:
    assert chromosomes.relative_lengths()[:23].sum() == pytest.approx(100.0)
    order = np.argsort(-chromosomes.relative_lengths()) + 1
    assert list(order).index(10) < list(order).index(9), "length order is not number order"


@pytest.mark.parametrize("level", chromosomes.LEVELS)
@pytest.mark.parametrize("label", range(1, 25))
def test_bands_cover_a_chromosome_from_tip_to_tip(label: int, level: int) -> None:
    own = bands(label, level)
    assert own[0].start == 0
    assert all(one.stop == other.start for one, other in zip(own, own[1:], strict=False))
    assert "".join(band.arm for band in own).strip("p").strip("q") == "", "p arm first, then q arm, never mixed"
    assert {band.stain for band in own} <= set(chromosomes.STAINS)
    assert all((band.density > 0) == (band.stain == "gpos") for band in own)


def test_finer_levels_have_more_bands() -> None:
    counts = [sum(len(bands(label, level)) for label in range(1, 25)) for level in chromosomes.LEVELS]
    assert counts == sorted(counts)
    assert counts[0] < counts[1] < counts[2]


def test_names_and_labels_are_inverse() -> None:
    assert [label_of(name_of(label)) for label in range(1, 25)] == list(range(1, 25))
    assert (label_of("x"), label_of(" Y "), name_of(23)) == (23, 24, "X")


@pytest.mark.parametrize("name", ["0", "23", "", "chr1"])
def test_an_unknown_name_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=r"1\.\.22, X or Y"):
        label_of(name)


@pytest.mark.parametrize("label", [0, 25, -1])
def test_a_label_outside_the_classes_is_refused(label: int) -> None:
    with pytest.raises(ValueError, match=r"1\.\.24"):
        name_of(label)
    with pytest.raises(ValueError, match=r"1\.\.24"):
        group_of(label)


def test_an_unknown_level_is_refused() -> None:
    with pytest.raises(ValueError, match="400, 550 or 850"):
        bands(1, 300)


def test_every_class_is_in_exactly_one_denver_group() -> None:
    members = sorted(label for group in chromosomes.DENVER_GROUPS.values() for label in group)
    assert members == list(range(1, 25))
    assert (group_of(1), group_of(23), group_of(13), group_of(24)) == ("A", "C", "D", "G")


@pytest.mark.parametrize(("sex", "score"), [([23, 24], 1.0), ([23, 23], 1.0), ([23], 0.5), ([23, 23, 24], 0.5)])
def test_sex_score(sex: list[int], score: float) -> None:
    assert sanity(AUTOSOMES + sex)["sex"] == score


@pytest.mark.parametrize("sex", [[], [24, 24], [23, 23, 24, 24], [23] * 4])
def test_sex_score_of_impossible_sets_is_zero(sex: list[int]) -> None:
    assert sanity(AUTOSOMES + sex)["sex"] == 0.0


def test_a_normal_karyotype_is_wholly_sane() -> None:
    assert sanity([*AUTOSOMES, 23, 24]) == {"score": 1.0, "count": 1.0, "pairs": 1.0, "sex": 1.0}


def test_a_trisomy_costs_half_a_pair_and_one_count() -> None:
    scores = sanity([*AUTOSOMES, 21, 23, 24])
    assert scores["count"] == pytest.approx(1 - 1 / 23)
    assert scores["pairs"] == pytest.approx(1 - 0.5 / 22)
    assert scores["score"] == pytest.approx(0.25 * scores["count"] + 0.5 * scores["pairs"] + 0.25)


def test_nothing_at_all_scores_zero() -> None:
    assert sanity([]) == {"score": 0.0, "count": 0.0, "pairs": 0.0, "sex": 0.0}


def test_unknown_chromosomes_count_but_do_not_pair() -> None:
    scores = sanity([0] * 46)
    assert (scores["count"], scores["pairs"], scores["sex"]) == (1.0, 0.0, 0.0)
    with pytest.raises(ValueError, match=r"0\.\.24"):
        sanity([25])
