"""Drawn metaphases: the truth that comes with them is exact."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from metaphase import masks
from metaphase.datasets.procedural import DrawnSpread, SpreadStyle, draw_spread, labels_of_karyotype
from metaphase.errors import ConfigError
from metaphase.types import Instances

SIZE = (640, 680)


@pytest.fixture(scope="module")
def drawn() -> DrawnSpread:
    return draw_spread(
        np.random.default_rng(4), SpreadStyle(size_hw=SIZE, karyotype="46,XY", overlap=0.25, nuclei=1), name="cell"
    )


def truth_of(drawn: DrawnSpread) -> Instances:
    assert drawn.spread.truth is not None
    return drawn.spread.truth


def counts(drawn: DrawnSpread) -> np.ndarray:
    """How many chromosomes lie on each pixel."""
    truth = truth_of(drawn)
    return np.sum([truth.mask(i) for i in range(len(truth))], axis=0)


def test_a_normal_cell_has_its_46_chromosomes(drawn: DrawnSpread) -> None:
    truth = truth_of(drawn)
    assert drawn.spread.gray.shape == SIZE
    assert (drawn.spread.name, drawn.spread.inverted) == ("cell", False)
    assert sorted(truth.labels) == sorted([*range(1, 23), *range(1, 23), 23, 24])
    assert (truth.probabilities_nc.argmax(1) + 1 == truth.labels).all()
    boxes = truth.boxes_xyxy
    assert (boxes[:, :2] >= 0).all()
    assert (boxes[:, 2:] <= SIZE[::-1]).all()


def test_chromosomes_are_dark_on_a_bright_background(drawn: DrawnSpread) -> None:
    gray, truth = drawn.spread.gray, truth_of(drawn)
    background = np.median(gray[counts(drawn) == 0])
    assert 190 < background < 252
    for i in range(len(truth)):
        assert gray[truth.mask(i)].mean() < background - 35


def test_masks_agree_with_the_visible_outline(drawn: DrawnSpread) -> None:
    """A threshold finds the same pixels near the chromosomes: the truth is neither wider nor narrower."""
    seen = masks.foreground(drawn.spread.gray, masks.foreground_threshold(drawn.spread.gray))
    union = counts(drawn) > 0
    near = cv2.dilate(union.astype(np.uint8), np.ones((7, 7), np.uint8)) > 0
    assert (seen & union).sum() / ((seen & near) | union).sum() > 0.9


def test_crossings_exist_belong_to_both_and_are_darker(drawn: DrawnSpread) -> None:
    gray, truth, layers = drawn.spread.gray, truth_of(drawn), counts(drawn)
    shared = masks.mask_intersections(truth.crops, truth.offsets_xy, truth.crops, truth.offsets_xy)
    pairs = np.argwhere(np.triu(shared, 1) > 30)
    assert len(pairs) >= 3
    for i, j in pairs:
        both = truth.mask(int(i)) & truth.mask(int(j))
        assert (layers[both] >= 2).all()
    assert gray[layers >= 2].mean() < gray[layers == 1].mean() - 15


def test_without_overlap_or_touch_no_pixel_is_shared() -> None:
    drawn = draw_spread(
        np.random.default_rng(1), SpreadStyle(size_hw=(1000, 1000), overlap=0, touch=0, width_range=(12, 13))
    )
    assert counts(drawn).max() == 1


def test_a_chromosome_is_in_one_piece(drawn: DrawnSpread) -> None:
    truth = truth_of(drawn)
    assert truth.crops is not None
    for crop in truth.crops:
        _, _, stats, _ = cv2.connectedComponentsWithStats(crop.astype(np.uint8), connectivity=8)
        assert stats[1:, cv2.CC_STAT_AREA].max() >= 0.99 * crop.sum()


def test_areas_follow_the_relative_lengths(drawn: DrawnSpread) -> None:
    truth = truth_of(drawn)
    mean = {label: truth.areas[truth.labels == label].mean() for label in (1, 9, 21)}
    assert mean[1] / mean[9] == pytest.approx(8.44 / 4.45, rel=0.2)
    assert mean[1] / mean[21] == pytest.approx(8.44 / 1.79, rel=0.3)


def test_chromosome_width_is_the_one_that_a_threshold_measures(drawn: DrawnSpread) -> None:
    seen = masks.foreground(drawn.spread.gray, masks.foreground_threshold(drawn.spread.gray))
    assert masks.chromosome_width(seen) == pytest.approx(drawn.spread.chromosome_width, rel=0.15)


def test_the_direction_points_to_the_p_arm() -> None:
    """The long arm of Y ends dark, so its darkness lies towards q."""
    drawn = draw_spread(
        np.random.default_rng(8), SpreadStyle(size_hw=(500, 500), karyotype=(24,) * 10, bend=0, overlap=0, touch=0)
    )
    truth = truth_of(drawn)
    assert np.allclose(np.linalg.norm(drawn.p_arm_direction_xy, axis=1), 1, atol=1e-5)
    assert drawn.p_arm_direction_xy.dtype == np.float32
    for i in range(len(truth)):
        ys, xs = np.nonzero(truth.mask(i))
        points = np.stack([xs, ys], 1).astype(float)
        darkness = 255.0 - drawn.spread.gray[ys, xs]
        towards_dark = (points * darkness[:, None]).sum(0) / darkness.sum() - points.mean(0)
        assert towards_dark @ drawn.p_arm_direction_xy[i] < 0
        # The long axis of a straight chromosome is the direction.
        axis = np.linalg.svd(points - points.mean(0), full_matrices=False)[2][0]
        assert abs(axis @ drawn.p_arm_direction_xy[i]) > 0.95


def test_the_generator_alone_decides() -> None:
    one, same, other = (draw_spread(np.random.default_rng(seed), SpreadStyle(size_hw=(700, 700))) for seed in (3, 3, 4))
    assert np.array_equal(one.spread.gray, same.spread.gray)
    assert np.array_equal(truth_of(one).labels, truth_of(same).labels)
    assert np.array_equal(one.p_arm_direction_xy, same.p_arm_direction_xy)
    assert not np.array_equal(one.spread.gray, other.spread.gray)


@pytest.mark.parametrize(
    ("karyotype", "count", "changed"),
    [
        ("46,XX", 46, (23, 2)),
        ("45,X", 45, (23, 1)),
        ("47,XY,+21", 47, (21, 3)),
        ("46,XX,-7,+8", 46, (7, 1)),
        ("47, XY, +21", 47, (21, 3)),
        ("45,X,-Y", 45, (24, 0)),
        ("69,XXY", 69, (1, 3)),
    ],
)
def test_karyotypes_are_understood(karyotype: str, count: int, changed: tuple[int, int]) -> None:
    labels = labels_of_karyotype(karyotype)
    assert len(labels) == count
    assert labels.count(changed[0]) == changed[1]


@pytest.mark.parametrize("karyotype", ["", "46", "46,XO", "45,XX", "46,XY,21", "46,XY,+25", "46,YX", (), (0,), (1, 25)])
def test_karyotypes_that_do_not_add_up_are_refused(karyotype: str | tuple[int, ...]) -> None:
    with pytest.raises(ConfigError, match=r"\S"):
        labels_of_karyotype(karyotype)


def test_a_mosaic_is_no_cell() -> None:
    with pytest.raises(ConfigError, match=r"2 clones.*write 45,X\[12\] alone"):
        labels_of_karyotype("mos 45,X[12]/46,XX[18]")


def test_too_small_an_image_is_refused() -> None:
    with pytest.raises(ConfigError, match="do not fit"):
        draw_spread(np.random.default_rng(0), SpreadStyle(size_hw=(100, 100)))


@pytest.mark.parametrize(
    "setting",
    [
        {"level": 300},
        {"karyotype": "46,XO"},
        {"karyotype": "47,XY"},
        {"size_range": (900, 600)},
        {"size_hw": (0, 700)},
        {"width_range": (2.0, 15.0)},
        {"overlap": 0.8, "touch": 0.4},
        {"overlap": -0.1},
        {"bend": -1.0},
        {"nuclei": -1},
    ],
)
def test_impossible_settings_are_refused(setting: dict[str, object]) -> None:
    with pytest.raises(ConfigError):
        SpreadStyle(**setting)
