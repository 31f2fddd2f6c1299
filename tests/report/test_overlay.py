"""The overlay: outlines beside the mask, in colour, crossing ones both visible, names where nothing is covered."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from PIL import ImageDraw

from metaphase.config import ReportConfig
from metaphase.report import draw_overlay
from metaphase.report.lettering import QUIET, colour_of
from metaphase.types import Instances, Karyotype, Spread


def cell(crops: list[np.ndarray], offsets: list[tuple[int, int]], labels: list[int], **columns: object) -> Karyotype:
    instances = Instances.from_masks(200, 200, crops, offsets, labels=labels, **columns)
    return Karyotype(instances, ((),) * 23, (), {"score": 0.0, "count": 0.0, "pairs": 0.0, "sex": 0.0})


def close(rgb: np.ndarray, colour: tuple[int, int, int]) -> np.ndarray:
    return np.abs(rgb.astype(int) - colour).max(-1) < 40


SAME_SIZE = ReportConfig(overlay_chromosome_width=1)
SPREAD = Spread(np.full((200, 200), 220, np.uint8), 14.0)
BAR = np.ones((14, 90), bool)


def test_an_empty_cell_is_the_image_itself() -> None:
    rgb = draw_overlay(SPREAD, cell([], [], []), SAME_SIZE)
    np.testing.assert_array_equal(rgb, np.full((200, 200, 3), 220, np.uint8))
    rgb[:] = 0
    assert SPREAD.gray.min() == 220


def test_the_outline_surrounds_the_mask_and_leaves_the_bands_alone() -> None:
    karyotype = cell([BAR], [(40, 90)], [1])
    rgb = draw_overlay(SPREAD, karyotype, SAME_SIZE)
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
    rgb = draw_overlay(SPREAD, karyotype, SAME_SIZE)
    assert close(rgb, colour_of(1))[87:91, 82:92].any()
    assert close(rgb, colour_of(2))[92:102, 77:81].any()


def test_outlines_on_top_of_each_other_alternate() -> None:
    rgb = draw_overlay(SPREAD, cell([BAR, BAR], [(40, 90), (40, 90)], [1, 2]), SAME_SIZE)
    line = rgb[88:91, 45:125]
    assert close(line, colour_of(1)).any(0).sum() > 20
    assert close(line, colour_of(2)).any(0).sum() > 20


def test_names_stand_beside_the_chromosome_and_apart_from_each_other() -> None:
    karyotype = cell([BAR, BAR], [(40, 90), (40, 104)], [8, 12])
    rgb = draw_overlay(SPREAD, karyotype, SAME_SIZE)
    white = (rgb == 255).all(-1)
    rows = np.flatnonzero(white.any(1))
    # One name above the two touching bars, one below; no halo on the bands.
    assert rows.min() < 90
    assert rows.max() > 118
    assert not white[91:117, 41:129].any()


def test_unknown_and_debris_are_gray() -> None:
    rgb = draw_overlay(SPREAD, cell([BAR, BAR], [(40, 50), (40, 120)], [1, 2], status=["unknown", "debris"]), SAME_SIZE)
    assert close(rgb[40:52], QUIET).any()
    assert close(rgb[110:122], QUIET).any()
    chroma = rgb.astype(int).max(-1) - rgb.astype(int).min(-1)
    assert chroma.max() == 0


@pytest.mark.parametrize("offset", [(0, 0), (110, 186), (0, 186), (110, 0)])
def test_names_stay_inside_the_image(offset: tuple[int, int]) -> None:
    rgb = draw_overlay(SPREAD, cell([BAR], [offset], [22]), SAME_SIZE)
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
    above = draw_overlay(spread, karyotype, SAME_SIZE)[: size // 2, size // 3 + 3 * unit]
    thickness = max(2, round(unit / 14))
    assert thickness - 1 <= close(above, colour_of(3)).sum() <= 2 * thickness + 2


def test_colours_of_the_classes_differ() -> None:
    colours = np.array([colour_of(label) for label in range(1, 25)])
    distance = np.abs(colours[:, None] - colours[None]).sum(-1) + 999 * np.eye(24)
    assert distance.min() > 20
    assert min(distance[i, i + 1] for i in range(23)) > 140
    assert colour_of(0) == QUIET


def seen_without(cones: str, rgb: np.ndarray) -> np.ndarray:
    """Linear RGB as an eye without red or green cones sees it (Machado et al. 2009)."""
    matrix = {
        "red": [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]],
        "green": [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]],
        "none": np.eye(3),
    }[cones]
    return np.clip(((rgb / 255) ** 2.2) @ np.transpose(matrix), 0, 1)


@pytest.mark.parametrize("cones", ["none", "red", "green"])
def test_classes_that_are_taken_for_each_other_have_colours_far_apart(cones: str) -> None:
    seen = seen_without(cones, np.array([colour_of(label) for label in range(1, 25)], float)) ** (1 / 2.2)
    for classes in [(3, 16, 24), (2, 10, 23), *((label, label + 1) for label in range(1, 24))]:
        for a in classes:
            for b in classes:
                assert a == b or np.linalg.norm(seen[a - 1] - seen[b - 1]) > 0.2, (a, b)


def test_each_instance_has_its_number_as_in_the_result_debris_too(monkeypatch: pytest.MonkeyPatch) -> None:
    crops, offsets = [BAR, BAR, BAR], [(40, 30), (40, 90), (40, 150)]
    written: list[tuple[str, float]] = []
    text = ImageDraw.ImageDraw.text

    def watch(self: ImageDraw.ImageDraw, xy: tuple[float, float], words: str, **how: object) -> None:
        written.append((words, xy[1]))
        text(self, xy, words, **how)

    monkeypatch.setattr(ImageDraw.ImageDraw, "text", watch)
    status = ["chromosome", "unknown", "debris"]
    draw_overlay(SPREAD, cell(crops, offsets, [11, 12, 13], status=status), SAME_SIZE)
    beside = {words: int(y // 60) for words, y in written}
    assert beside == {"11": 0, "0": 0, "12?": 1, "1": 1, "2": 2}


def test_narrow_chromosomes_are_enlarged_for_the_numbers() -> None:
    karyotype = cell([BAR], [(40, 90)], [1])
    assert draw_overlay(SPREAD, karyotype).shape == (400, 400, 3)
    assert draw_overlay(replace(SPREAD, chromosome_width=8.0), karyotype).shape == (600, 600, 3)
    assert draw_overlay(replace(SPREAD, chromosome_width=30.0), karyotype).shape == (200, 200, 3)
    assert draw_overlay(replace(SPREAD, chromosome_width=0.0), karyotype).shape == (200, 200, 3)
    outlined = np.argwhere(np.ptp(draw_overlay(SPREAD, karyotype).astype(int), axis=2) > 60)
    assert abs(int(outlined[:, 1].min()) - 80) <= 4
    inner = draw_overlay(SPREAD, karyotype)[186:202, 86:254]
    np.testing.assert_array_equal(inner, np.full_like(inner, 220))


def test_boxes_alone_are_refused() -> None:
    boxes = Instances.from_boxes(200, 200, np.array([[0, 0, 5, 5]]), labels=[9])
    with pytest.raises(ValueError, match="boxes only"):
        draw_overlay(SPREAD, replace(cell([], [], []), instances=boxes), SAME_SIZE)


def test_a_fluorescence_image_is_shown_as_it_was_taken() -> None:
    rgb = draw_overlay(replace(SPREAD, inverted=True), cell([], [], []), SAME_SIZE)
    np.testing.assert_array_equal(rgb, np.full((200, 200, 3), 35, np.uint8))
