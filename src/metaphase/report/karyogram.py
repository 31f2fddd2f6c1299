"""The karyogram: one white page with the chromosomes of a cell in pairs, in the rows that cytogeneticists know."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from metaphase.chromosomes import DENVER_GROUPS, NAMES, X, Y, group_of, name_of, relative_length
from metaphase.config import ReportConfig
from metaphase.report.heading import SANITY, STRUCTURAL, abnormal_classes, draw_footer, draw_header, sanity_words
from metaphase.report.ideogram import draw_ideogram
from metaphase.report.sheet import BLACK, Sheet, gray
from metaphase.report.strips import Strip, cut_strips, page_unit
from metaphase.types import Karyotype, Spread

__all__ = ["draw_karyogram", "karyogram_sheet"]

UInt8 = NDArray[np.uint8]

_LAYOUTS: dict[str, tuple[tuple[int, ...], ...]] = {
    "rows": (tuple(range(1, 6)), tuple(range(6, 13)), tuple(range(13, 19)), (*range(19, 23), X, Y)),
    "denver": (tuple(range(1, 6)), (*range(6, 13), X), tuple(range(13, 19)), (*range(19, 23), Y)),
}
_LONGEST_LINE = 8
"""Chromosomes side by side in one place; more go on the next line, and where there are very many, lines grow too."""

_MIDDLE, _PALE, _BAR = gray(130), gray(200), gray(120)
_ACCENT = (168, 30, 36)


@dataclass(frozen=True, eq=False)
class _Place:
    """Where the homologues of one class stand: lines of strips above a rule, empty places at the end of the last.

    block: what stands together: a Denver group, or a sex chromosome of its own. ideogram: whether it is drawn beside
    the last line. change: how many more or fewer than usual are proposed.
    """

    label: int
    block: str
    lines: list[list[Strip]]
    missing: int
    expected_height: int
    unit: int
    ideogram: bool
    change: int

    @property
    def foot(self) -> int:
        """Room below each line for the bars and the numbers."""
        return round(0.75 * self.unit)

    @property
    def gap(self) -> int:
        return round(0.4 * self.unit)

    @property
    def ideogram_width(self) -> int:
        return round(0.95 * self.unit) if self.ideogram else 0

    def line_width(self, line: list[Strip], missing: int) -> int:
        widths = [strip.width for strip in line] + [self.unit] * missing
        return sum(widths) + self.gap * max(0, len(widths) - 1)

    @property
    def width(self) -> int:
        lines = self.lines or [[]]
        widths = [self.line_width(line, 0) for line in lines[:-1]] + [self.line_width(lines[-1], self.missing)]
        return max(*widths, round(2.9 * self.unit)) + self.ideogram_width

    def line_height(self, at: int) -> int:
        tallest = max((strip.height for strip in self.lines[at]), default=0) if self.lines else 0
        last = at >= len(self.lines) - 1
        return max(tallest, self.expected_height if last and (self.missing or self.ideogram) else 0)

    @property
    def height(self) -> int:
        count = max(1, len(self.lines))
        return sum(self.line_height(at) for at in range(count)) + self.gap * (count - 1) + self.foot * (count - 1)


def draw_karyogram(spread: Spread, karyotype: Karyotype, title: str, config: ReportConfig | None = None) -> UInt8:
    """UInt8[H, W, 3] RGB: `karyogram_sheet` as pixels."""
    return karyogram_sheet(spread, karyotype, title, config).rgb()


def karyogram_sheet(spread: Spread, karyotype: Karyotype, title: str, config: ReportConfig | None = None) -> Sheet:
    """The page, to be shown (`Sheet.rgb`) or printed (`pdf.encode_pdf`).

    Rows as `config.karyogram_layout` says; homologues side by side in the order of the groups, p arm up, all at
    one scale; a dashed frame where one of a pair is missing; extras in their place; unknown and debris in a tray at
    the bottom. The bar under a chromosome is as long as the program is sure of it; the number below it is the one in
    result.json and the overlay. Classes of which the proposed karyotype has more or fewer than usual are marked,
    without a proposal those of which more are shown.
    title: for example case and cell. Raises ValueError where there is nothing to cut out from.
    """
    config = config or ReportConfig()
    unit = page_unit(spread, config)
    strips = cut_strips(spread, karyotype, config)
    places = _places(karyotype, strips, unit, config)
    rows = [[places[label - 1] for label in labels] for labels in _LAYOUTS[config.karyogram_layout]]
    margin = 2 * unit
    content = max(39 * unit, *(_narrowest(row, unit) for row in rows))
    sheet = Sheet(width=content + 2 * margin)
    draw_header(sheet, margin, unit, title, karyotype)
    for row in rows:
        _draw_row(sheet, margin, row, karyotype)
    if karyotype.tray:
        _draw_tray(sheet, margin, unit, karyotype, [strips[i] for i in karyotype.tray])
    sanity = f"sanity {sanity_words(karyotype)}: {SANITY}"
    marks = "bar: how sure of a chromosome; small number: the same in the overlay"
    draw_footer(sheet, margin, unit, marks, STRUCTURAL, sanity)
    return sheet


def _places(karyotype: Karyotype, strips: list[Strip], unit: int, config: ReportConfig) -> list[_Place]:
    """One place for each of the 24 classes."""
    changes = abnormal_classes(karyotype.iscn)
    labels = karyotype.instances.labels
    members: list[list[int]] = [list(group) for group in karyotype.groups[:22]]
    sex = karyotype.groups[22]
    members += [[i for i in sex if labels[i] != Y], [i for i in sex if labels[i] == Y]]
    if karyotype.iscn is None:  # nothing is proposed, but what is shown is shown
        usual = [2] * 22 + [1 if members[-1] else 2, 1]
        changes = {at + 1: len(group) - usual[at] for at, group in enumerate(members) if len(group) > usual[at]}
    # Nobody lacks a Y: where there is none, two X are expected.
    expected = [2] * 22 + [max(1, 2 - len(members[-1])), 0]
    # Lengths of empty places follow the ideogram, at the scale of the chromosomes that are there.
    scales = [strips[i].height / relative_length(at + 1) for at, group in enumerate(members) for i in group]
    per_percent = float(np.median(scales)) if len(scales) >= 5 else 0.9 * unit
    return [
        _Place(
            label=at + 1,
            block=_block(at + 1, config.karyogram_layout),
            lines=[
                [strips[i] for i in group[start : start + _line_length(len(group))]]
                for start in range(0, len(group), _line_length(len(group)))
            ],
            missing=max(0, expected[at] - len(group)),
            expected_height=round(per_percent * relative_length(at + 1)),
            unit=unit,
            ideogram=config.karyogram_ideograms,
            change=changes.get(at + 1, 0),
        )
        for at, group in enumerate(members)
    ]


def _line_length(count: int) -> int:
    longest = max(_LONGEST_LINE, round(float(np.sqrt(2.5 * count))))
    lines = max(1, -(-count // longest))
    return max(1, -(-count // lines))


def _block(label: int, layout: str) -> str:
    """Denver group; in rows X and Y stand at the end, apart from theirs."""
    return group_of(label) if label < X or layout == "denver" else NAMES[label - 1]


def _gap_weights(row: list[_Place]) -> list[float]:
    """How wide each gap of a row is against the others: wider between Denver groups."""
    return [1.0 if a.block == b.block else 1.9 for a, b in pairwise(row)]


def _narrowest(row: list[_Place], unit: int) -> int:
    return sum(place.width for place in row) + round(1.2 * unit * sum(_gap_weights(row)))


def _draw_row(sheet: Sheet, margin: int, row: list[_Place], karyotype: Karyotype) -> None:
    unit = row[0].unit
    height = max(place.height for place in row)
    foot = row[0].foot
    top = sheet.grow(height + foot + round(4.05 * unit))
    weights = _gap_weights(row)
    spare = sheet.width - 2 * margin - sum(place.width for place in row)
    x = float(margin)
    left: list[int] = []
    rule = top + height + foot + round(0.1 * unit)
    for place, weight in zip(row, [*weights, 0.0], strict=True):
        x0 = round(x)
        left.append(x0)
        _draw_place(sheet, place, x0, top + height, karyotype)
        sheet.line([(x0, rule), (x0 + place.width, rule)], BLACK, max(1, unit // 16))
        colour = _ACCENT if place.change else BLACK
        centre, size = x0 + place.width / 2, round(0.85 * unit)
        sheet.text((centre, rule + 1.1 * unit), NAMES[place.label - 1], size, colour, "ms")
        if place.change:
            sheet.text((centre + unit, rule + 1.1 * unit), f"{place.change:+d}", round(0.65 * unit), _ACCENT, "ls")
            sheet.line([(x0, rule + 2), (x0 + place.width, rule + 2)], _ACCENT, max(2, unit // 10))
        x += place.width + spare * weight / sum(weights)
    _draw_denver(sheet, row, left, rule + 1.75 * unit, unit)


def _draw_place(sheet: Sheet, place: _Place, x0: int, bottom: int, karyotype: Karyotype) -> None:
    """Homologues side by side, centred in the place, standing on its rule; full lines above, missing ones framed."""
    if place.ideogram and (place.lines or place.missing):
        box = (x0, bottom - place.expected_height, x0 + round(0.55 * place.unit), bottom)
        draw_ideogram(sheet, place.label, box)
    x0, room = x0 + place.ideogram_width, place.width - place.ideogram_width
    if not place.lines and place.missing:
        _draw_missing(sheet, place, x0 + (room - place.line_width([], place.missing)) // 2, bottom)
    for at in reversed(range(len(place.lines))):
        line, last = place.lines[at], at == len(place.lines) - 1
        x = x0 + (room - place.line_width(line, place.missing if last else 0)) // 2
        for strip in line:
            sheet.picture(x, bottom - strip.height, strip.gray)
            _draw_mark(sheet, strip, x, bottom, place, karyotype)
            x += strip.width + place.gap
        if last:
            _draw_missing(sheet, place, x, bottom)
        bottom -= place.line_height(at) + place.gap + place.foot


def _draw_mark(sheet: Sheet, strip: Strip, x: int, floor: int, place: _Place, karyotype: Karyotype) -> None:
    """The bar under a chromosome, as long as the program is sure of it, and its number."""
    unit, score = place.unit, float(karyotype.instances.scores[strip.index])
    middle, reach = x + strip.width / 2, 0.5 * unit * min(1.0, max(0.0, score))
    y = floor + round(0.16 * unit)
    sheet.rectangle((middle - reach, y, middle + reach, y + max(2, unit // 14)), _BAR)
    sheet.text((middle, floor + 0.7 * unit), str(strip.index), round(0.45 * unit), _MIDDLE, "ms")


def _draw_missing(sheet: Sheet, place: _Place, x: int, bottom: int) -> None:
    """A dashed frame for each homologue that was not found."""
    dash = max(3, place.unit // 6)
    for _ in range(place.missing):
        x1, y0, y1 = x + place.unit, bottom - place.expected_height, bottom - 2
        sheet.line([(x, y0), (x1, y0), (x1, y1), (x, y1), (x, y0)], _PALE, 1, dash)
        x += place.unit + place.gap


def _draw_denver(sheet: Sheet, row: list[_Place], left: list[int], y: float, unit: int) -> None:
    """A pale rule under each Denver group, with its letter."""
    for letter in dict.fromkeys(place.block for place in row if place.block in DENVER_GROUPS):
        members = [(x0, x0 + place.width) for place, x0 in zip(row, left, strict=True) if place.block == letter]
        x0, x1 = members[0][0], members[-1][1]
        centre, clear = (x0 + x1) / 2, 0.6 * unit
        sheet.line([(x0, y), (centre - clear, y)], _PALE)
        sheet.line([(centre + clear, y), (x1, y)], _PALE)
        sheet.text((centre, y), letter, round(0.65 * unit), _MIDDLE, "mm")


def _draw_tray(sheet: Sheet, margin: int, unit: int, karyotype: Karyotype, strips: list[Strip]) -> None:
    """Unknown with its best guess, debris, and other readings of what has a place, in as many lines as it takes."""
    instances = karyotype.instances
    top = sheet.grow(round(1.6 * unit))
    sheet.line([(margin, top + 1), (sheet.width - margin, top + 1)], _PALE)
    words = "not placed: unknown chromosomes, with the best guess, debris"
    words += ", and other readings of what has a place" if karyotype.other_readings else ""
    sheet.text((margin, top + round(1.1 * unit)), words, round(0.6 * unit), _MIDDLE)
    gap, room = round(0.9 * unit), sheet.width - 2 * margin
    lines: list[list[Strip]] = [[]]
    for strip in strips:
        if lines[-1] and sum(max(s.width, unit) + gap for s in lines[-1]) + max(strip.width, unit) > room:
            lines.append([])
        lines[-1].append(strip)
    for line in lines:
        height = max(strip.height for strip in line)
        top = sheet.grow(height + round(1.9 * unit))
        x = margin
        for strip in line:
            width = max(strip.width, unit)
            sheet.picture(x + (width - strip.width) // 2, top + height - strip.height, strip.gray)
            label = int(instances.labels[strip.index])
            unknown = instances.status[strip.index] == "unknown"
            guess = f"{name_of(label) if label else ''}?"
            caption = guess if unknown else "reading" if strip.index in karyotype.other_readings else "debris"
            size = round((0.7 if unknown else 0.5) * unit)
            sheet.text((x + width / 2, top + height + unit), caption, size, _MIDDLE, "ms")
            number = round(0.45 * unit)
            sheet.text((x + width / 2, top + height + 1.58 * unit), str(strip.index), number, _MIDDLE, "ms")
            x += width + gap
