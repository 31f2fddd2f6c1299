"""Karyotype strings: the numerical part of ISCN 2024, read strictly, checked and written.

    string  = ["mos " | "chi "] clone {"/" clone}
    clone   = count ["<" ploidy "n>"] "," sex ["c"] {"," change} ["[" cells "]"]
    change  = ("+" | "-") chromosome ["c"]

Examples: `46,XY`, `45,X`, `47,XY,+21`, `45,X,-Y`, `48,XXYc,+X`, `mos 45,X[12]/46,XX[18]`. What a string says must hold:

- The count follows from the rest. A lost sex chromosome is already missing from the sex field (`45,X,-Y` is XY that
  lost its Y), except where the field is constitutional ("c": `46,XXYc,-X`).
- X before Y in the sex field; changes of X, then of Y, then of 1 to 22. One chromosome is not gained and lost at once,
  unless one of the two is constitutional (`46,XX,+21c,-21`). Copies are written out (`+8,+8`), not multiplied.
- An acquired change of a sex chromosome starts from XX or XY; any other start is marked "c".
- Several clones each have their number of cells; the normal one stands last; no two are alike. A clone with a gain
  needs two cells, one with a loss three.

Structural changes, markers, "inc", ranges and composite clones are not the numerical part: `parse` refuses them by
name, `numerical_part` sets them aside by name.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from metaphase.chromosomes import NAMES, X, Y, label_of
from metaphase.errors import IscnError

__all__ = ["GAIN_CELLS", "LOSS_CELLS", "Change", "Clone", "Formula", "formula_of", "numerical_part", "parse"]

GAIN_CELLS, LOSS_CELLS = 2, 3
"""Cells with the same gain, and with the same loss, that make a clone (ISCN 2024)."""

_CLONE = re.compile(r"(?P<body>[^\[\]]*)(?:\[(?P<cells>[1-9][0-9]{0,4})\])?")
_COUNT = re.compile(r"(?P<count>[1-9][0-9]{0,2})(?:<(?P<ploidy>[1-4])n>)?")
_CHANGE = re.compile(r"(?P<sign>[+-])(?P<name>[1-9][0-9]?|X|Y)(?P<c>c?)")
_HIGHEST = {1: 34, 2: 57, 3: 80, 4: 103}
"""Highest count that is taken as near-haploid, near-diploid, near-triploid, near-tetraploid."""


@dataclass(frozen=True, order=True)
class Change:
    """One chromosome more (`gain`) or less; label 1..24; constitutional: marked "c"."""

    label: int
    gain: bool
    constitutional: bool = False

    def __str__(self) -> str:
        return f"{'+' if self.gain else '-'}{NAMES[self.label - 1]}{'c' * self.constitutional}"


@dataclass(frozen=True)
class Clone:
    """Cells of one karyotype. Checked when it is made: IscnError where it is against the rules.

    count: chromosomes of each cell. sex: the sex field, such as "XX". changes: in the order of the string.
    cells: how many were counted, None where the string does not say. constitutional: the sex field is marked "c".
    ploidy: 1..4, None where it follows from the count.
    """

    count: int
    sex: str
    changes: tuple[Change, ...] = ()
    cells: int | None = None
    constitutional: bool = False
    ploidy: int | None = None

    def __post_init__(self) -> None:
        _check_sex(self)
        _check_changes(self)
        counts = self.counts
        if (counts < 0).any():
            gone = NAMES[int(np.flatnonzero(counts < 0)[0])]
            raise IscnError(f'"{self}" loses more copies of {gone} than there are')
        if counts.sum() != self.count:
            raise IscnError(
                f'"{self}" says {self.count} chromosomes, but its parts make {counts.sum()}; correct one of the two'
            )

    @property
    def level(self) -> int:
        """Sets of chromosomes that changes are counted from: 2 in a near-diploid cell."""
        if self.ploidy is not None:
            return self.ploidy
        return next((n for n, highest in _HIGHEST.items() if self.count <= highest), 4)

    @property
    def counts(self) -> NDArray[np.int64]:
        """Int64[24]: copies of each class in a cell."""
        counts = np.array([self.level] * 22 + [self.sex.count("X"), self.sex.count("Y")], np.int64)
        for change in self.changes:
            if change.gain:
                counts[change.label - 1] += 1
            elif change.label < X or self.constitutional:
                counts[change.label - 1] -= 1
        return counts

    @property
    def normal(self) -> bool:
        """True for 46,XX and 46,XY."""
        return not self.changes and self.sex in ("XX", "XY") and self.count == 46 and not self.constitutional

    @property
    def needed(self) -> int:
        """Cells that make it a clone: three where something is lost, two where something is gained, else one."""
        if self.normal:
            return 1
        lost = any(not change.gain for change in self.changes) or len(self.sex) < self.level
        return LOSS_CELLS if lost else GAIN_CELLS

    def __str__(self) -> str:
        count = f"{self.count}<{self.ploidy}n>" if self.ploidy is not None else str(self.count)
        cells = f"[{self.cells}]" if self.cells is not None else ""
        return ",".join([count, self.sex + "c" * self.constitutional, *map(str, self.changes)]) + cells


@dataclass(frozen=True)
class Formula:
    """A whole string: one clone or several. Checked when it is made: IscnError where it is against the rules.

    prefix: "mos", "chi" or "".
    """

    clones: tuple[Clone, ...]
    prefix: str = ""

    def __post_init__(self) -> None:
        if not self.clones:
            raise IscnError("a karyotype has at least one clone, such as 46,XX")
        if self.prefix and len(self.clones) == 1:
            raise IscnError(f'"{self}" has one clone; {self.prefix} needs two')
        if len(self.clones) > 1:
            for clone in self.clones:
                if clone.cells is None:
                    raise IscnError(f'"{self}": clone {clone} needs its number of cells, such as {clone}[12]')
            if len({replace(clone, cells=None) for clone in self.clones}) < len(self.clones):
                raise IscnError(f'"{self}" has the same clone twice; add up its cells')
            if any(a.normal and not b.normal for a, b in pairwise(self.clones)):
                raise IscnError(f'"{self}": the normal clone stands last')
        for clone in self.clones:
            if clone.cells is not None and clone.cells < clone.needed:
                raise IscnError(f'"{self}": {clone} is no clone; a gain needs two cells, a loss three')

    def __str__(self) -> str:
        return (f"{self.prefix} " if self.prefix else "") + "/".join(map(str, self.clones))


def parse(text: str) -> Formula:
    """Read a string of the numerical part strictly; `str` of the answer is `text`.

    Raises IscnError, which names the part and the rule, for anything against the rules or beyond the numerical part.
    """
    if text != text.strip() or not text:
        raise IscnError(f'"{text}" must begin with the count and end with the last change; remove blanks around it')
    prefix, _, rest = text.partition(" ") if text[:4] in ("mos ", "chi ") else ("", "", text)
    if re.search(r"\s", rest):
        raise IscnError(f'"{text}" has a blank inside; ISCN allows one after mos or chi only')
    return Formula(tuple(_clone(part, text) for part in rest.split("/")), prefix)


def formula_of(counts: Iterable[int]) -> Formula:
    """The string of a near-diploid cell from Int[24], copies of each class.

    Sex chromosomes are taken as constitutional (45,X; 47,XXY). Raises IscnError where there is no sex chromosome or
    the changes cannot be told from 2n.
    """
    copies = [int(count) for count in counts]
    if len(copies) != len(NAMES) or min(copies) < 0:
        raise IscnError(f"a cell has {len(NAMES)} counts of 0 or more, but got {copies}")
    changes = tuple(
        Change(label, copies[label - 1] > 2) for label in range(1, X) for _ in range(abs(copies[label - 1] - 2))
    )
    total = sum(copies)
    ploidy = None if _HIGHEST[1] < total <= _HIGHEST[2] else 2
    return Formula((Clone(total, "X" * copies[X - 1] + "Y" * copies[Y - 1], changes, ploidy=ploidy),))


def numerical_part(text: str) -> tuple[Clone, tuple[str, ...]]:
    """The first clone of a string as laboratories write it, and by name what is not its numerical part.

    Forgiven: blanks, control signs, anything after the first line, changes out of order, a far from diploid count that
    is counted from 2n. A structural chromosome with "+" or "-" counts as one more or less. Raises IscnError where the
    count and sex field cannot be read, or the count does not follow from the rest.
    """
    line = re.split(r"[\r\n]", text.strip())[0] if text.strip() else ""
    line = re.sub(r"[\s\x00-\x1f]", "", line)
    head, *parts = _parts(line.split("/")[0])
    count = _COUNT.fullmatch(head)
    sex = re.fullmatch("(X*Y*)(c?)", parts[0]) if parts else None
    if count is None or sex is None or not sex[1]:
        raise IscnError(f'"{line}" must begin with a count and a sex field, such as 46,XY')
    changes: list[Change] = []
    aside: list[str] = []
    extra = 0
    for part in parts[1:]:
        known = _CHANGE.fullmatch(part)
        if known is not None and known["name"] in NAMES:
            changes.append(Change(label_of(known["name"]), known["sign"] == "+", bool(known["c"])))
            continue
        aside.append(part)
        extra += {"+": 1, "-": -1}.get(part[:1], 0)
    changes.sort(key=_place)
    whole = int(count["count"]) - extra
    # Laboratories count from 2n even where so much is lost that ISCN would count from n.
    from_2n = whole <= _HIGHEST[1] and whole + len(changes) >= 44
    ploidy = int(count["ploidy"]) if count["ploidy"] else 2 if from_2n else None
    try:
        return Clone(whole, sex[1], tuple(changes), constitutional=bool(sex[2]), ploidy=ploidy), tuple(aside)
    except IscnError as error:
        raise IscnError(f'"{line}" cannot be read: {error}') from error


def _parts(text: str) -> list[str]:
    """Split at commas that are not inside brackets."""
    return re.split(r",(?![^()]*\))", re.sub(r"\[.*?\]$", "", text))


def _clone(text: str, whole: str) -> Clone:
    framed = _CLONE.fullmatch(text)
    if framed is None:
        raise IscnError(f'"{whole}": "{text}" must end with a number of cells in square brackets, or have none')
    head, *parts = _parts(framed["body"])
    count = _COUNT.fullmatch(head)
    if count is None:
        raise IscnError(f'"{whole}" must begin with one number of chromosomes, such as 46, but begins with "{head}"')
    if not parts:
        raise IscnError(f'"{whole}" has no sex field; write it after the count, such as 46,XX')
    sex = re.fullmatch("([XY]+)(c?)", parts[0])
    if sex is None:
        hint = "; 45,XO is written 45,X" if parts[0] in ("XO", "X0") else ""
        raise IscnError(f'"{whole}": the sex field must hold X and Y only, but is "{parts[0]}"{hint}')
    changes = tuple(_change(part, whole) for part in parts[1:])
    cells, ploidy = framed["cells"], count["ploidy"]
    return Clone(
        int(count["count"]),
        sex[1],
        changes,
        cells=int(cells) if cells else None,
        constitutional=bool(sex[2]),
        ploidy=int(ploidy) if ploidy else None,
    )


def _change(text: str, whole: str) -> Change:
    found = _CHANGE.fullmatch(text)
    if found is None or found["name"] not in NAMES:
        raise IscnError(f'"{whole}": "{text}" is not one whole chromosome gained or lost, such as +21 or -X')
    return Change(label_of(found["name"]), found["sign"] == "+", bool(found["c"]))


def _place(change: Change) -> tuple[int, int, bool, bool]:
    """Where a change stands: X, Y, 1 to 22; of one chromosome the constitutional ones first, gains before losses."""
    return (0 if change.label >= X else 1, change.label, not change.constitutional, not change.gain)


def _check_sex(clone: Clone) -> None:
    if not re.fullmatch("X+Y*|Y", clone.sex):
        raise IscnError(f'"{clone}": the sex field must hold the X first, then the Y, but is "{clone.sex}"')
    sexual = [change for change in clone.changes if change.label >= X]
    if clone.sex == "Y" and not any(change.label == X and not change.gain for change in sexual) and clone.level > 1:
        raise IscnError(f'"{clone}" has no X; where it was lost, write 45,Y,-X')
    if clone.constitutional and not (clone.changes or clone.cells):
        raise IscnError(f'"{clone}": c marks what was there before an acquired change; write {clone.sex} alone')
    if any(change.constitutional for change in sexual):
        raise IscnError(f'"{clone}": a constitutional sex chromosome stands in the sex field, such as XXYc')
    if sexual and not clone.constitutional and clone.level == 2:
        lost: Sequence[int] = [change.label for change in sexual if not change.gain]
        before = Counter(clone.sex) + Counter(NAMES[label - 1] for label in lost)
        if before not in (Counter("XX"), Counter("XY")):
            raise IscnError(f'"{clone}": an acquired change starts from XX or XY; mark another sex field with c')


def _check_changes(clone: Clone) -> None:
    if list(clone.changes) != sorted(clone.changes, key=_place):
        right = ",".join(map(str, sorted(clone.changes, key=_place)))
        raise IscnError(f'"{clone}": changes go X, Y, then 1 to 22; write {right}')
    for change in clone.changes:
        if change.gain and replace(change, gain=False) in clone.changes:
            raise IscnError(f'"{clone}": {NAMES[change.label - 1]} is gained and lost at once')
