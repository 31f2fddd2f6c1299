"""The overlay: outlines beside the mask, in colour, crossing ones both visible, names where nothing is covered."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from metaphase.report import draw_overlay
from metaphase.report.lettering import QUIET, colour_of
from metaphase.types import Instances, Karyotype, Spread


def cell(crops: list[np.ndarray], offsets: list[tuple[int, int]], labels: list[int], **columns: object) -> Karyotype:
    instances = Instances.from_masks(200, 200, crops, offsets, labels=labels, **columns)
    return Karyotype(instances, ((),) * 23, (), {"score": 0.0, "count": 0.0, "pairs": 0.0, "sex": 0.0})


def close(rgb: np.ndarray, colour: tuple[int, int, int]) -> np.ndarray:
    return np.abs(rgb.astype(int) - colour).max(-1) < 40


SPREAD = Spread(np.full((200, 200), 220, np.uint8), 14.0)
BAR = np.ones((14, 90), bool)


def test_an_empty_cell_is_the_image_itself() -> None:
    rgb = draw_overlay(SPREAD, cell([], [], []))
    np.testing.assert_array_equal(rgb, np.full((200, 200, 3), 220, np.uint8))
    rgb[:] = 0
    assert SPREAD.gray.min() == 220


def test_the_outline_surrounds_the_mask_and_leaves_the_bands_alone() -> None:
    karyotype = cell([BAR], [(40, 90)], [1])
    rgb = draw_overlay(SPREAD, karyotype)
    inner = rgb[93:101, 43:127]
    np.testing.assert_array_equal(inner, np.full_like(inner, 220))
    red = close(rgb, colour_of(1))
    # Every row and column of the bar meets its outline on both sides, just outside the mask.
    assert red[91:103, 37:41].any(1).all()
    assert red[91:103, 129:133].any(1).all()
    assert red[87:91, 41:129].any(0).all()
    assert red[103:107, 41:129].any(0).all()


def test_crossing_outlines_are_both_visible() -> None:
    karyotype = cell([BAR, BAR.T], [(40, 90), (80, 50)], [1, 2])
    rgb = draw_overlay(SPREAD, karyotype)
    assert close(rgb, colour_of(1))[87:91, 82:92].any()
    assert close(rgb, colour_of(2))[92:102, 77:81].any()


def test_outlines_on_top_of_each_other_alternate() -> None:
    rgb = draw_overlay(SPREAD, cell([BAR, BAR], [(40, 90), (40, 90)], [1, 2]))
    line = rgb[88:91, 45:125]
    assert close(line, colour_of(1)).any(0).sum() > 20
    assert close(line, colour_of(2)).any(0).sum() > 20


def test_names_stand_beside_the_chromosome_and_apart_from_each_other() -> None:
    karyotype = cell([BAR, BAR], [(40, 90), (40, 104)], [8, 12])
    rgb = draw_overlay(SPREAD, karyotype)
    white = (rgb == 255).all(-1)
    rows = np.flatnonzero(white.any(1))
    # One name above the two touching bars, one below; no halo on the bands.
    assert rows.min() < 90
    assert rows.max() > 118
    assert not white[91:117, 41:129].any()


def test_unknown_and_debris_are_gray() -> None:
    rgb = draw_overlay(SPREAD, cell([BAR, BAR], [(40, 50), (40, 120)], [1, 2], status=["unknown", "debris"]))
    assert close(rgb[40:52], QUIET).any()
    assert close(rgb[110:122], QUIET).any()
    chroma = rgb.astype(int).max(-1) - rgb.astype(int).min(-1)
    assert chroma.max() == 0


@pytest.mark.parametrize("offset", [(0, 0), (110, 186), (0, 186), (110, 0)])
def test_names_stay_inside_the_image(offset: tuple[int, int]) -> None:
    rgb = draw_overlay(SPREAD, cell([BAR], [offset], [22]))
    text = (rgb == 255).all(-1)
    assert text.any()
    border = np.ones_like(text)
    border[1:-1, 1:-1] = False
    assert not (text & border).any()


@pytest.mark.parametrize("size", [64, 300, 3000])
def test_lines_follow_the_size_of_the_image(size: int) -> None:
    unit = max(2, size // 50)
    instances = Instances.from_masks(
        size, size, [np.ones((unit, 6 * unit), bool)], [(size // 3, size // 2)], labels=[3]
    )
    spread = Spread(np.full((size, size), 220, np.uint8), float(unit))
    karyotype = replace(cell([], [], []), instances=instances)
    above = draw_overlay(spread, karyotype)[: size // 2, size // 3 + 3 * unit]
    thickness = max(1, round(unit / 9))
    assert thickness - 1 <= close(above, colour_of(3)).sum() <= 2 * thickness + 2


def test_colours_of_the_classes_differ() -> None:
    colours = np.array([colour_of(label) for label in range(1, 25)])
    distance = np.abs(colours[:, None] - colours[None]).sum(-1) + 999 * np.eye(24)
    assert distance.min() > 20
    assert min(distance[i, i + 1] for i in range(23)) > 150
    assert colour_of(0) == QUIET


def test_boxes_alone_are_refused() -> None:
    boxes = Instances.from_boxes(200, 200, np.array([[0, 0, 5, 5]]), labels=[9])
    with pytest.raises(ValueError, match="boxes only"):
        draw_overlay(SPREAD, replace(cell([], [], []), instances=boxes))


def test_a_fluorescence_image_is_shown_as_it_was_taken() -> None:
    rgb = draw_overlay(replace(SPREAD, inverted=True), cell([], [], []))
    np.testing.assert_array_equal(rgb, np.full((200, 200, 3), 35, np.uint8))
