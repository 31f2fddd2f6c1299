"""The karyogram page: everybody in the right place, upright, at one scale, and nobody dropped."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from drawn_masks import stroke

from metaphase.config import ReportConfig
from metaphase.report import draw_karyogram, draw_overlay, karyogram_sheet
from metaphase.report.sheet import Text
from metaphase.report.strips import cut_strips
from metaphase.types import Instances, Spread, Straightened

ROWS = (range(1, 6), range(6, 13), range(13, 19), range(19, 25))
CONFIG = ReportConfig()


def places(page: np.ndarray) -> dict[int, tuple[int, int, int, int]]:
    """Label -> (x0, y0, x1, y1) of its place, read from the black rules on the page."""
    black = page[..., 0] == 0
    rules = [y for y in np.flatnonzero(black.sum(1) > 200) if not black[y - 1].sum() > 200]
    assert len(rules) == 4
    found: dict[int, tuple[int, int, int, int]] = {}
    top = 0
    for labels, y in zip(ROWS, rules, strict=True):
        edges = np.flatnonzero(np.diff(np.concatenate([[0], black[y].astype(int), [0]])))
        segments = edges.reshape(-1, 2)
        assert len(segments) == len(labels)
        found |= {label: (int(x0), top, int(x1), int(y)) for label, (x0, x1) in zip(labels, segments, strict=True)}
        top = y
    return found


def ink(page: np.ndarray, strip: np.ndarray, box: tuple[int, int, int, int]) -> float:
    """Share of the pixels of the strip's own gray (in its middle) that lie in the box."""
    value = int(strip[strip.shape[0] // 2, strip.shape[1] // 2])
    x0, y0, x1, y1 = box
    return float((page[y0:y1, x0:x1, 0] == value).sum() / (strip == value).sum())


def test_each_chromosome_stands_in_its_place(make_cell, male: list[int]) -> None:
    spread, karyotype = make_cell(male)
    page = draw_karyogram(spread, karyotype, "cell")
    strips = cut_strips(spread, karyotype, CONFIG)
    assert page.dtype == np.uint8
    assert page.shape[2] == 3
    where = places(page)
    for i, label in enumerate(male):
        twins = male.count(label)
        assert ink(page, strips[i].gray, where[label]) == pytest.approx(twins, rel=0.05)


def test_all_at_one_scale(make_cell, male: list[int]) -> None:
    spread, karyotype = make_cell(male)
    strips = cut_strips(spread, karyotype, CONFIG)
    lengths = np.array([int((s.gray < 245).any(1).sum()) for s in strips])
    natural = karyotype.instances.boxes_xyxy[:, 3] - karyotype.instances.boxes_xyxy[:, 1]
    scale = CONFIG.karyogram_chromosome_width / 12
    np.testing.assert_allclose(lengths, natural * scale, atol=2 * scale)


def test_a_chromosome_that_lies_head_down_is_turned(make_cell) -> None:
    for upright in (True, False):
        strip = cut_strips(*make_cell([1], upright=upright), CONFIG)[0].gray.astype(int)
        third = strip.shape[0] // 3
        assert (strip[:third].mean() < strip[-third:].mean()) == upright


def test_without_straightened_images_the_outlines_are_cut_out_and_stood_up(make_cell) -> None:
    spread, karyotype = make_cell([1], straightened=False, size_hw=(120, 120))
    lying = Instances.from_masks(120, 120, [np.ones((12, 84), bool)], [(10, 40)], labels=[1])
    strip = cut_strips(spread, replace(karyotype, instances=lying), CONFIG)[0]
    assert strip.height > 5 * strip.width


@pytest.mark.parametrize("straightened", [True, False])
@pytest.mark.parametrize(
    "labels",
    [[], [24], [9] * 40, [*range(1, 23), *range(1, 23), 23, 24, 21], [23, 23, 23], [24, 24], list(range(1, 21))],
)
def test_nobody_is_dropped(make_cell, labels: list[int], straightened: bool) -> None:
    spread, karyotype = make_cell(labels, straightened=straightened)
    page = draw_karyogram(spread, karyotype, "cell")
    strips = cut_strips(spread, karyotype, CONFIG)
    where = places(page)
    for i, label in enumerate(labels):
        assert ink(page, strips[i].gray, where[label]) == pytest.approx(labels.count(label), rel=0.1)


def test_an_empty_cell_draws_a_page_with_every_name(make_cell, male: list[int]) -> None:
    empty = draw_karyogram(*make_cell([]), "nothing")
    assert len(places(empty)) == 24
    assert empty.min() == 0


def test_a_missing_homologue_leaves_an_empty_frame(make_cell, male: list[int]) -> None:
    whole, lacking = (draw_karyogram(*make_cell(labels), "cell") for labels in (male, male[1:]))
    x0, _, x1, y1 = places(lacking)[1]
    place = np.s_[y1 - 230 : y1, x0:x1, 0]
    assert (lacking[place] == 200).sum() > (whole[place] == 200).sum() + 100
    assert (lacking[place] < 100).sum() < 0.6 * (whole[place] < 100).sum()


def test_a_female_cell_lacks_no_y(make_cell, male: list[int]) -> None:
    page = draw_karyogram(*make_cell([*male[:-1], 23]), "cell")
    x0, y0, x1, y1 = places(page)[24]
    assert (page[y0 + 100 : y1, x0:x1] == 255).all()


def test_unknown_and_debris_stand_in_the_tray(make_cell, male: list[int]) -> None:
    status = ["chromosome"] * 45 + ["unknown"]
    spread, karyotype = make_cell(male, status)
    page = draw_karyogram(spread, karyotype, "cell")
    bottom = places(page)[24][3]
    tray = (0, bottom, page.shape[1], page.shape[0])
    assert ink(page, cut_strips(spread, karyotype, CONFIG)[45].gray, tray) == pytest.approx(1, rel=0.05)
    without = draw_karyogram(*make_cell(male[:45]), "cell")
    assert page.shape[0] > without.shape[0]


def test_a_full_tray_takes_more_lines(make_cell) -> None:
    pages = [draw_karyogram(*make_cell([5] * m, ["debris"] * m), "cell") for m in (1, 60)]
    assert pages[1].shape[0] > pages[0].shape[0] + 100
    assert pages[1].shape[1] == pages[0].shape[1]


@pytest.mark.parametrize("title", ["", "染色体.png", "x" * 4000, "a\nb\tc.png", "Zelle_für_Müller.tif"])
def test_any_title_fits(make_cell, title: str) -> None:
    plain, titled = draw_karyogram(*make_cell([1]), "cell"), draw_karyogram(*make_cell([1]), title)
    assert plain.shape == titled.shape
    # The margins stay clean.
    assert (titled[:, :40] == 255).all()
    assert (titled[:, -40:] == 255).all()


def test_odd_straightened_images_do_not_break_the_page(make_cell) -> None:
    spread, karyotype = make_cell([1, 2, 3])
    empty = Straightened(np.full((4, 4), 255, np.uint8), np.zeros((4, 4), bool))
    long = Straightened(np.full((5000, 9), 80, np.uint8), np.ones((5000, 9), bool))
    page = draw_karyogram(spread, replace(karyotype, straightened=(empty, long, karyotype.straightened[2])), "cell")
    assert page.shape[0] < 3 * CONFIG.karyogram_longest


def test_boxes_alone_are_refused(make_cell) -> None:
    spread, karyotype = make_cell([9], straightened=False)
    boxes = Instances.from_boxes(300, 1000, np.array([[0, 0, 5, 5]]), labels=[9])
    with pytest.raises(ValueError, match="boxes only"):
        draw_karyogram(spread, replace(karyotype, instances=boxes), "cell")


@pytest.mark.parametrize("value", [0, 128, 255])
@pytest.mark.parametrize("crop", [np.ones((1, 1), bool), np.ones((1, 30), bool), np.eye(30, dtype=bool)])
def test_thin_outlines_and_flat_images_still_draw(make_cell, crop: np.ndarray, value: int) -> None:
    _, karyotype = make_cell([4], straightened=False)
    instances = Instances.from_masks(64, 64, [crop], [(20, 20)], labels=[4])
    spread = Spread(np.full((64, 64), value, np.uint8), 0.0)
    page = draw_karyogram(spread, replace(karyotype, instances=instances), "cell")
    assert len(places(page)) == 24
    assert draw_overlay(spread, replace(karyotype, instances=instances)).shape == (64, 64, 3)


def test_specks_of_a_neighbour_are_not_drawn(make_cell) -> None:
    spread, karyotype = make_cell([1])
    laid = karyotype.straightened[0]
    inside, gray = np.pad(laid.inside, ((0, 0), (0, 20))), np.pad(laid.gray, ((0, 0), (0, 20)), constant_values=9)
    inside[10:14, -4:] = True
    spotted = replace(karyotype, straightened=(Straightened(gray, inside),))
    np.testing.assert_array_equal(
        cut_strips(spread, spotted, CONFIG)[0].gray, cut_strips(spread, karyotype, CONFIG)[0].gray
    )
    inside[10:60, -16:] = True
    assert cut_strips(spread, replace(spotted, straightened=(Straightened(gray, inside),)), CONFIG)[0].width > 40


def test_x_and_y_stand_in_their_denver_groups(make_cell, male: list[int]) -> None:
    spread, karyotype = make_cell(male)

    def letters(layout: str) -> dict[str, float]:
        sheet = karyogram_sheet(spread, karyotype, "cell", ReportConfig(karyogram_layout=layout))
        places = {mark.words: mark.x for mark in sheet.marks if isinstance(mark, Text) and mark.size > 15}
        return {
            name: (places[name] - places[first]) / (places[last] - places[first])
            for name, first, last in (("C", "6", "X"), ("G", "21", "Y"))
        }

    # In Denver groups the letter stands in the middle of a bracket that ends with X or Y; in rows it does not.
    assert letters("denver") == pytest.approx({"C": 0.5, "G": 0.5}, abs=0.03)
    assert letters("rows")["G"] < 0.3


def test_bands_are_sampled_from_the_image_itself(make_cell) -> None:
    """Stripes finer than the identifier's picture can hold are seen on the page."""
    width, rows = 48, 480
    gray = np.full((560, 120), 255, np.uint8)
    gray[40 : 40 + rows, 36 : 36 + width] = np.where((np.arange(rows) // 2) % 2, 60, 160)[:, None]
    _, karyotype = make_cell([1])
    instances = Instances.from_masks(560, 120, [np.ones((rows, width), bool)], [(36, 40)], labels=[1])
    t = 40 + (np.arange(160) + 0.5) * 3 - 0.5
    axis = np.stack([np.full(160, 59.5), t, np.ones(160), np.zeros(160)], 1).astype(np.float32)
    flat = Straightened(np.full((160, 16), 110, np.uint8), np.ones((160, 16), bool), axis)
    karyotype = replace(karyotype, instances=instances, straightened=(flat,))
    (strip,) = cut_strips(Spread(gray, float(width)), karyotype, CONFIG)
    assert (strip.height, strip.width) == pytest.approx((rows, width), abs=8)
    middle = strip.gray[20:-20, strip.width // 2].astype(int)
    assert np.ptp(middle) > 100
    assert np.abs(np.diff(np.sign(middle - middle.mean()))).sum() / 2 == pytest.approx(rows / 2, rel=0.15)


def test_each_pixel_of_a_hairpin_is_drawn_once(make_cell) -> None:
    """Both arms lie within reach of each other's axis."""
    width = 12
    mask = np.zeros((110, 60), bool)
    mask[20:100, 16:28] = mask[20:100, 32:44] = mask[12:24, 16:44] = True
    turn = np.radians(np.arange(0, 181, 5))
    round_about = np.stack([30 - 8 * np.cos(turn), 20 - 4 * np.sin(turn)], 1)
    path = np.concatenate([[[22, y] for y in range(100, 20, -1)], round_about, [[38, y] for y in range(20, 101)]])
    tangent = np.gradient(path, axis=0)
    tangent /= np.hypot(*tangent.T)[:, None]
    axis = np.concatenate([path, np.stack([-tangent[:, 1], tangent[:, 0]], 1)], 1).astype(np.float32)
    _, karyotype = make_cell([1])
    instances = Instances.from_masks(110, 60, [mask], [(0, 0)], labels=[1])
    laid = Straightened(np.full((190, 32), 110, np.uint8), np.ones((190, 32), bool), axis)
    gray = np.where(mask, 60, 255).astype(np.uint8)
    karyotype = replace(karyotype, instances=instances, straightened=(laid,))
    (strip,) = cut_strips(Spread(gray, float(width)), karyotype, CONFIG)
    scale = CONFIG.karyogram_chromosome_width / width
    assert (strip.gray < 200).sum() == pytest.approx(mask.sum() * scale**2, rel=0.12)


def test_an_elbow_is_drawn_straight_and_whole(make_cell) -> None:
    width = 12
    mask = stroke([(20, 40), (70, 40), (84, 62)], width / 2)
    x = np.arange(2.0, 102, 0.75)
    axis = np.stack([x, 40 + (x - 20) * 0.3, np.full(len(x), -0.29), np.full(len(x), 0.96)], 1).astype(np.float32)
    _, karyotype = make_cell([1])
    instances = Instances.from_masks(120, 130, [mask], [(0, 0)], labels=[1])
    laid = Straightened(np.full((len(x), 32), 110, np.uint8), np.ones((len(x), 32), bool), axis)
    karyotype = replace(karyotype, instances=instances, straightened=(laid,))
    gray = np.where(mask, 60, 255).astype(np.uint8)
    (strip,) = cut_strips(Spread(gray, float(width)), karyotype, CONFIG)
    dark = strip.gray < 200
    scale = strip.height / (50 + np.hypot(14, 22) + width)
    assert dark.any(0).sum() < 1.35 * width * scale, "straight"
    assert dark.sum() == pytest.approx(mask.sum() * scale**2, rel=0.08), "whole"


def test_without_a_proposal_what_is_shown_too_often_is_marked(make_cell, male: list[int]) -> None:
    spread, karyotype = make_cell([*male, 23])
    karyotype = replace(karyotype, iscn=None)
    words = [mark.words for mark in karyogram_sheet(spread, karyotype, "cell", CONFIG).marks if isinstance(mark, Text)]
    assert words.count("+1") == 1, "two X beside a Y"
    spread, karyotype = make_cell(male)
    sheet = karyogram_sheet(spread, replace(karyotype, iscn=None), "cell", CONFIG)
    assert "+1" not in [mark.words for mark in sheet.marks if isinstance(mark, Text)]
