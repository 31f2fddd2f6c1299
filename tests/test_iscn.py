"""Karyotype strings: what is right is read and written back, what is wrong is refused with its reason."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from metaphase.config import KaryotypeConfig
from metaphase.errors import IscnError
from metaphase.iscn import Change, Clone, Formula, formula_of, numerical_part, parse
from metaphase.karyotype import hypotheses

RIGHT = [
    "46,XX", "46,XY", "45,X", "47,XXX", "47,XXY", "47,XYY", "48,XXYY", "47,XY,+21", "45,XX,-7", "46,XX,-7,+8",
    "48,XX,+8,+8", "45,X,-Y", "45,X,-X", "47,XX,+X", "48,XY,+X,+Y", "46,X,+X,-Y", "45,Y,-X", "48,XXYc,+X", "46,XXYc,-X",
    "48,XY,+21c,+21", "46,XY,+21c,-21", "69,XXX", "70,XXX,+8", "92,XXYY",
    "32<2n>,XY,-1,-2,-3,-4,-5,-6,-7,-9,-9,-10,-11,-12,-13,-14",
    "mos 45,X[12]/46,XX[18]", "mos 47,XX,+8[2]/46,XX[28]", "chi 46,XX[10]/46,XY[5]", "47,XX,+8[10]/46,XX[10]",
    "46,XX[20]",
    "mos 45,X[3]/47,XXX[2]/46,XX[1]",
]  # fmt: skip
WRONG = [
    ("46,XY,+21", "its parts make 47"),
    ("47,XY", "its parts make 46"),
    ("45,XO", "written 45,X"),
    ("46,YX", "X first"),
    ("46,xx", "X and Y only"),
    ("46", "no sex field"),
    ("46,", "X and Y only"),
    ("XX,46", "begin with one number"),
    ("046,XX", "begin with one number"),
    ("45~48,XX", "begin with one number"),
    ("46,XX,", "not one whole chromosome"),
    ("47,XX,21", "not one whole chromosome"),
    ("47,XX,+23", "not one whole chromosome"),
    ("48,XX,+8x2", "not one whole chromosome"),
    ("47,XX,+mar", "not one whole chromosome"),
    ("46,XX,inc", "not one whole chromosome"),
    ("46,XX,t(9;22)(q34;q11)", "not one whole chromosome"),
    ("46, XX", "blank inside"),
    ("46 XX", "blank inside"),
    (" 46,XX", "begin with the count"),
    ("", "begin with the count"),
    ("46,XX,+8,-7", "write -7,\\+8"),
    ("47,XX,+8,+X,-9", "changes go X"),
    ("46,XX,-21,+21", "write \\+21,-21"),
    ("46,XX,+21,-21", "gained and lost"),
    ("46,XX,+21c,-21c", "gained and lost"),
    ("43,XX,-7,-7,-7", "more copies of 7"),
    ("48,XXY,+X", "mark another sex field with c"),
    ("46,XY,-X", "mark another sex field with c"),
    ("48,XXX,+Yc", "stands in the sex field"),
    ("46,XXc", "write XX alone"),
    ("45,Y", "has no X"),
    ("44,YY", "X first"),
    ("mos 46,XX", "needs two"),
    ("mos 45,X/46,XX", "number of cells"),
    ("46,XX[0]", "number of cells"),
    ("46,XX[3", "number of cells"),
    ("mos 46,XX[3]/45,X[3]", "stands last"),
    ("mos 45,X[2]/46,XX[18]", "a loss three"),
    ("mos 47,XXX[1]/46,XX[18]", "a gain needs two"),
    ("45,XX,-7[2]", "a loss three"),
    ("46,XX[5]/46,XX[5]", "same clone twice"),
    ("46,XX//46,XX", "begin with one number"),
]


@pytest.mark.parametrize("text", RIGHT)
def test_what_is_right_comes_back(text: str) -> None:
    assert str(parse(text)) == text


@pytest.mark.parametrize(("text", "reason"), WRONG)
def test_what_is_wrong_is_refused_with_its_reason(text: str, reason: str) -> None:
    with pytest.raises(IscnError, match=reason):
        parse(text)


@given(st.lists(st.integers(0, 4), min_size=22, max_size=22), st.integers(1, 4), st.integers(0, 3))
def test_emitter_and_parser_are_inverse(autosomes: list[int], x: int, y: int) -> None:
    counts = [*autosomes, x, y]
    text = str(formula_of(counts))
    read = parse(text)
    assert str(read) == text
    np.testing.assert_array_equal(read.clones[0].counts, counts)


@given(st.text(alphabet="0123456789XY,+-[]/cmos <n>", max_size=24))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        read = parse(text)
    except IscnError:
        return
    assert str(read) == text


def test_every_hypothesis_is_written_right() -> None:
    for hypothesis in hypotheses(KaryotypeConfig()):
        counts = parse(hypothesis.iscn).clones[0].counts
        np.testing.assert_array_equal(counts, np.bincount(hypothesis.slots, minlength=24))


def test_a_cell_without_sex_chromosomes_has_no_string() -> None:
    with pytest.raises(IscnError, match="X first"):
        formula_of([2] * 22 + [0, 0])
    with pytest.raises(IscnError, match="24 counts"):
        formula_of([2] * 23)


def test_parts_are_checked_when_they_are_made() -> None:
    with pytest.raises(IscnError, match="its parts make 47"):
        Clone(46, "XX", (Change(21, True),))
    with pytest.raises(IscnError, match="at least one clone"):
        Formula(())


@pytest.mark.parametrize(
    ("written", "clone", "aside"),
    [
        ("44,XX,-8, -13", "44,XX,-8,-13", ()),
        ("46,XY\x00\x00\x00", "46,XY", ()),
        ("44,XY,-11, -22\r\n8,10,13 on edge", "44,XY,-11,-22", ()),
        ("43,XY,-5,-12,-16,-17,+9,t(9;22)", "43,XY,-5,+9,-12,-16,-17", ("t(9;22)",)),
        ("47,XX,+r(9)Laboratory", "46,XX", ("+r(9)Laboratory",)),
        ("45,XX,-13,-18,+der(5)", "44,XX,-13,-18", ("+der(5)",)),
        ("46,XX,t(4;9)(p1,q2)", "46,XX", ("t(4;9)(p1,q2)",)),
        ("32,XY,-2,-3,-8,-9,-9,-10,-13,-14,-14,-15,-18,-19,-22,-22", None, ()),
    ],
)
def test_the_numerical_part_of_what_laboratories_write(written: str, clone: str | None, aside: tuple[str, ...]) -> None:
    read, rest = numerical_part(written)
    assert str(read) == (clone or written.replace("32,", "32<2n>,"))
    assert rest == aside


@pytest.mark.parametrize("written", ["", "hello", "46", "36,XY,-1,-18-,18", "46,XX,+8"])
def test_what_cannot_be_read_is_named(written: str) -> None:
    with pytest.raises(IscnError):
        numerical_part(written)


ROOT = os.environ.get("METAPHASE_DATA")


@pytest.mark.skipif(not ROOT or not (Path(ROOT) / "mfish").is_dir(), reason="METAPHASE_DATA names no M-FISH set")
def test_the_case_info_of_the_m_fish_set() -> None:
    refused = []
    files = sorted((Path(ROOT or "") / "mfish").glob("*/Case Info"))
    for file in files:
        try:
            clone, _ = numerical_part(file.read_text(encoding="latin-1"))
            assert str(parse(str(clone))) == str(clone)
        except IscnError:
            refused.append(file.parent.name)
    assert len(files) == 64
    assert refused == ["P12__38"], "its count does not follow: -18-,18"


@pytest.mark.parametrize("text", ["46,XX[1\u0663]", "4\u0666,XX", "47,XX,+2\u0661", "46,XX[123456]"])
def test_digits_are_those_of_ascii_and_few(text):
    with pytest.raises(IscnError):
        parse(text)
