"""What is written above a karyogram, and which groups are marked."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from metaphase.config import ReportConfig
from metaphase.errors import ConfigError
from metaphase.report import evidence_sheet, karyogram_sheet
from metaphase.report.heading import CONFIRM, SANITY, abnormal_classes, proposal_words, sanity_words
from metaphase.report.lettering import text_size
from metaphase.report.sheet import Text


@pytest.mark.parametrize(
    ("iscn", "changes"),
    [
        (None, {}), ("46,XX", {}), ("46,XY", {}), ("47,XY,+21", {21: 1}), ("45,XX,-7", {7: -1}), ("45,X", {23: -1}),
        ("47,XXY", {23: 1}), ("47,XYY", {24: 1}), ("47,XXX", {23: 1}), ("45,Y,-X", {23: -1}),
    ],
)  # fmt: skip
def test_what_a_karyotype_has_more_or_fewer(iscn: str | None, changes: dict[int, int]) -> None:
    assert abnormal_classes(iscn) == changes


def words(sheet) -> list[str]:
    return [mark.words for mark in sheet.marks if isinstance(mark, Text)]


def test_a_proposal_is_written_with_its_probability_and_must_be_confirmed(make_cell, male: list[int]) -> None:
    spread, karyotype = make_cell([*male, 21])
    called = replace(
        karyotype, iscn="47,XY,+21", posterior=(("47,XY,+21", 0.91), ("46,XY", 0.05)), reasons=("look at 3",)
    )
    written = words(karyogram_sheet(spread, called, "case 7"))
    assert "47,XY,+21" in written
    assert "91 % sure; next 46,XY, 5 %" in written
    assert "look at 3" in written
    assert CONFIRM in written
    assert "+1" in written
    assert {str(i) for i in range(47)} <= set(written), "each has the number by which reasons and overlay speak of it"


def test_reasons_are_written_whole(make_cell, male: list[int]) -> None:
    spread, karyotype = make_cell(male)
    reasons = ("may be chromosomes: " + ", ".join(f"{i} ({i % 22}?)" for i in range(60)), "look at 3")
    written = words(karyogram_sheet(spread, replace(karyotype, reasons=reasons), "x"))
    lines = written[written.index("cannot tell") + 1 :]
    told = " ".join(line for line in lines if line)
    assert all(reason in told for reason in reasons)


def test_sanity_stands_below_the_page_and_says_what_it_is_not(make_cell, male: list[int]) -> None:
    spread, karyotype = make_cell([*male, 21])
    called = replace(karyotype, iscn="47,XY,+21", posterior=(("47,XY,+21", 0.91),))
    written = words(karyogram_sheet(spread, called, "case 7"))
    assert "47,XY,+21" in written
    assert "47 chromosomes  ·  0 unknown  ·  0 debris" in written
    assert written.index(f"sanity 0.98: {SANITY}") > written.index("X")
    assert "nothing of the call" in SANITY


@pytest.mark.parametrize(("score", "shown"), [(1.0, "1.00"), (0.9999, "0.99"), (0.98, "0.98"), (0.0, "0.00")])
def test_only_a_perfect_sanity_is_shown_as_one(make_cell, score: float, shown: str) -> None:
    _, karyotype = make_cell([1])
    assert sanity_words(replace(karyotype, sanity={"score": score})) == shown


def test_legend_and_confirmation_do_not_run_into_each_other(make_cell, male: list[int]) -> None:
    spread, karyotype = make_cell(male)
    for sheet in (karyogram_sheet(spread, karyotype, "x"), evidence_sheet(spread, karyotype, "x")):
        confirm = next(mark for mark in sheet.marks if isinstance(mark, Text) and mark.words == CONFIRM)
        for mark in sheet.marks:
            if isinstance(mark, Text) and mark.y == confirm.y and mark is not confirm:
                right = mark.x + text_size(mark.words, mark.size)[0]
                assert right < confirm.x - text_size(CONFIRM, confirm.size)[0]


def test_each_of_120_in_one_group_has_its_number(make_cell) -> None:
    spread, karyotype = make_cell([9] * 120, size_hw=(900, 1000))
    sheet = karyogram_sheet(spread, replace(karyotype, reasons=("look",)), "x")
    written = words(sheet)
    assert all(written.count(str(i)) == 1 for i in range(25, 120))
    assert sheet.height < 2 * sheet.width


def test_without_a_proposal_it_says_so(make_cell, male: list[int]) -> None:
    spread, karyotype = make_cell(male)
    silent = replace(karyotype, reasons=("unsure between a and b",))
    assert proposal_words(silent) == ("cannot tell", "")
    assert {"cannot tell", "unsure between a and b"} <= set(words(karyogram_sheet(spread, silent, "x")))


@pytest.mark.parametrize("layout", ["rows", "denver"])
@pytest.mark.parametrize("ideograms", [False, True])
@pytest.mark.parametrize("straightened", [False, True])
def test_every_look_has_every_name(
    make_cell, male: list[int], layout: str, ideograms: bool, straightened: bool
) -> None:
    look = ReportConfig(karyogram_layout=layout, karyogram_ideograms=ideograms, karyogram_straightened=straightened)
    spread, karyotype = make_cell(male)
    sheet = karyogram_sheet(spread, karyotype, "cell", look)
    assert {*map(str, range(1, 23)), "X", "Y"} <= set(words(sheet))
    assert sheet.rgb().shape == (sheet.height, sheet.width, 3)


def test_another_reading_of_a_placed_chromosome_is_not_called_debris(make_cell, male: list[int]) -> None:
    spread, karyotype = make_cell(male, ["chromosome"] * 44 + ["debris", "debris"])
    offsets = karyotype.instances.offsets_xy.copy()
    offsets[44] = offsets[3] + (2, 0)
    moved = replace(karyotype, instances=replace(karyotype.instances, offsets_xy=offsets))
    written = words(karyogram_sheet(spread, moved, "cell"))
    assert "44 chromosomes  ·  0 unknown  ·  1 debris  ·  1 other reading" in written
    assert (written.count("debris"), written.count("reading")) == (1, 1)
    assert {"debris", "reading"} <= set(words(evidence_sheet(spread, moved, "cell")))


def test_an_unknown_layout_is_refused() -> None:
    with pytest.raises(ConfigError, match="denver"):
        ReportConfig(karyogram_layout="circle")


def test_evidence_has_a_panel_for_each(make_cell, male: list[int]) -> None:
    spread, karyotype = make_cell(male, ["chromosome"] * 45 + ["debris"])
    written = words(evidence_sheet(spread, karyotype, "cell"))
    assert {f"no. {i}" for i in range(46)} <= set(written)
    assert "debris" in written
    with pytest.raises(ValueError, match="straightened"):
        evidence_sheet(spread, replace(karyotype, straightened=(), upright=np.zeros(0, bool)), "cell")
