"""Clones, mosaics and cells that disagree."""

from __future__ import annotations

import pytest

from metaphase.iscn import parse
from metaphase.karyotype import consensus
from metaphase.types import Instances, Karyotype


def cell(iscn: str | None, posterior: tuple[tuple[str, float], ...] | None = None, count: int = 46) -> Karyotype:
    instances = Instances.from_masks(8, 8, [[[1]]] * count, [(0, 0)] * count)
    known = posterior if posterior is not None else ((iscn, 0.95),) if iscn else ()
    return Karyotype(instances, ((),) * 23, (), {}, iscn=iscn, posterior=known)


def cells(*proposals: str | None) -> list[tuple[str, Karyotype]]:
    return [(f"c{i}", cell(iscn)) for i, iscn in enumerate(proposals)]


@pytest.mark.parametrize(
    ("proposals", "iscn"),
    [
        (["46,XX"] * 5, "46,XX[5]"),
        (["45,X"] * 4 + ["46,XX"] * 6, "mos 45,X[4]/46,XX[6]"),
        (["46,XX"] * 2 + ["47,XX,+8"] * 2 + ["47,XX,+21"] * 3, "mos 47,XX,+21[3]/47,XX,+8[2]/46,XX[2]"),
        (["47,XY,+21"] * 2, "47,XY,+21[2]"),
        (["45,X"] * 2 + ["46,XX"] * 6, "46,XX[6]"),
        (["46,XY"] * 9 + ["46,XX"], "46,XY[9]"),
        (["46,XY"] * 3 + ["46,XX"] * 2, None),
        ([None] * 4, None),
        (["47,XY,+21"], None),
        ([], None),
    ],
)
def test_the_string_of_a_case(proposals: list[str | None], iscn: str | None) -> None:
    case = consensus("person", cells(*proposals))
    assert case.iscn == iscn
    if iscn is not None:
        assert str(parse(iscn)) == iscn
    else:
        assert case.reasons or not proposals


def test_cells_that_disagree_and_cells_without_proposal_are_named() -> None:
    case = consensus("person", cells("46,XX", "46,XX", "47,XX,+9", None))
    assert case.disagreeing == ("c2",)
    assert case.undecided == ("c3",)
    assert "47,XX,+9" in " ".join(case.reasons)
    assert case.clones == (("46,XX", 2),)


@pytest.mark.parametrize(
    ("proposals", "said"),
    [
        (["46,XX"] * 9 + ["46,XY"], "1 of 10 cells looks like 46,XY, 9 like 46,XX"),
        (["46,XX"] * 3 + ["46,XY"] * 2, "2 of 5 cells look like 46,XY, 3 like 46,XX: are they of one person?"),
        (
            ["46,XX"] * 3 + ["46,XY", "47,XX,+8", "47,XX,+8"],
            "1 of 6 cells looks like 46,XY, 3 like 46,XX: are they of one person?",
        ),
        (["46,XY", "47,XX,+18"], "46,XY in c0, beside 1 cell with two X and no Y: are they of one person?"),
        (["46,XX"] * 5 + ["47,XY,+8"], "47,XY,+8 in c5, beside 5 cells with two X and no Y"),
        ([None], "no proposal for 1 of 1 cell"),
        ([None, None, "46,XX"], "no proposal for 2 of 3 cells"),
    ],
)
def test_one_cell_is_not_many_in_the_reasons(proposals: list[str | None], said: str) -> None:
    assert said in consensus("person", cells(*proposals)).reasons


def test_images_without_a_metaphase_are_told_and_count_nowhere() -> None:
    case = consensus("person", cells("46,XX", "46,XX"), [("blank", "nothing there"), ("nuclei", "few")])
    assert (case.iscn, len(case.cells), case.undecided) == ("46,XX[2]", 2, ())
    assert case.left_out == (("blank", "nothing there"), ("nuclei", "few"))
    assert case.reasons == ("2 images left out: blank (nothing there); nuclei (few)",)


def test_images_that_could_not_be_read_are_told_of() -> None:
    case = consensus("person", cells("46,XX"), unreadable=[("torn", "it is cut off")])
    assert (case.iscn, case.unreadable) == ("46,XX[1]", (("torn", "it is cut off"),))
    assert case.reasons == ("1 image could not be read: torn",)


def test_hints_in_several_cells_forbid_a_false_normal() -> None:
    hint = (("46,XY", 0.7), ("47,XY,+21", 0.2))
    case = consensus("person", [(f"c{i}", cell("46,XY", hint)) for i in range(5)])
    assert case.iscn is None
    assert "47,XY,+21 is possible in 5 cells" in case.reasons[0]


def test_the_modal_number() -> None:
    numbers = [45, 46, 46, 47]
    assert consensus("p", [(str(i), cell("46,XX", count=n)) for i, n in enumerate(numbers)]).modal_number == 46
    assert consensus("p", []).modal_number is None


def test_cells_of_both_sexes_are_no_case() -> None:
    assert consensus("person", cells("46,XY", "47,XX,+18")).iscn is None
    assert consensus("person", cells(*["46,XX"] * 5, "47,XY,+8")).iscn == "46,XX[5]"
    mosaic = consensus("person", cells(*["45,X"] * 3, "46,XY", "46,XY"))
    assert mosaic.iscn == "mos 45,X[3]/46,XY[2]"
    assert not any("one person" in reason for reason in mosaic.reasons)
