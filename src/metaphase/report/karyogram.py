"""The karyogram: one white page with the chromosomes of a cell in pairs, in the rows that cytogeneticists know."""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from metaphase import __version__
from metaphase.chromosomes import NAMES, X, Y, group_of, name_of, relative_length
from metaphase.config import ReportConfig
from metaphase.report.lettering import font, legible, shorten, text_size
from metaphase.report.strips import Strip, cut_strips
from metaphase.types import Karyotype, Spread

__all__ = ["draw_karyogram"]

UInt8 = NDArray[np.uint8]

_ROWS = (range(1, 6), range(6, 13), range(13, 19), (*range(19, 23), X, Y))
_FOOTER = f"proposed by metaphase {__version__}; a cytogeneticist must confirm"
_LONGEST_LINE = 8
"""Chromosomes side by side in one place; more go on the next line."""

_BLACK, _DARK, _MIDDLE, _PALE = 0, 70, 130, 200


@dataclass(frozen=True, eq=False)
class _Place:
    """Where the homologues of one class stand: lines of strips above a rule, empty places at the end of the last."""

    label: int
    lines: list[list[Strip]]
    missing: int
    missing_height: int
    unit: int

    @property
    def gap(self) -> int:
        return round(0.4 * self.unit)

    def line_width(self, line: list[Strip], missing: int) -> int:
        widths = [strip.width for strip in line] + [self.unit] * missing
        return sum(widths) + self.gap * max(0, len(widths) - 1)

    @property
    def width(self) -> int:
        lines = self.lines or [[]]
        widths = [self.line_width(line, 0) for line in lines[:-1]] + [self.line_width(lines[-1], self.missing)]
        return max(*widths, round(2.9 * self.unit))

    def line_height(self, at: int) -> int:
        tallest = max((strip.height for strip in self.lines[at]), default=0) if self.lines else 0
        return max(tallest, self.missing_height if self.missing and at >= len(self.lines) - 1 else 0)

    @property
    def height(self) -> int:
        count = max(1, len(self.lines))
        return sum(self.line_height(at) for at in range(count)) + self.gap * (count - 1)


@dataclass(eq=False)
class _Page:
    """A gray page that grows downwards while it is drawn."""

    width: int
    unit: int
    pieces: list[UInt8] = field(default_factory=list)

    def add(self, height: int) -> UInt8:
        """A white band of the whole width below what there is."""
        self.pieces.append(np.full((max(1, height), self.width), 255, np.uint8))
        return self.pieces[-1]

    def rgb(self) -> UInt8:
        """UInt8[H, W, 3]."""
        return cv2.cvtColor(np.concatenate(self.pieces), cv2.COLOR_GRAY2RGB).astype(np.uint8)


def draw_karyogram(spread: Spread, karyotype: Karyotype, title: str, config: ReportConfig | None = None) -> UInt8:
    """UInt8[H, W, 3] RGB: the page.

    Rows 1-5, 6-12, 13-18, 19-22 with X and Y; homologues side by side in the order of the groups, p arm up, all at
    one scale; a dashed frame where one of a pair is missing; extras in their place; unknown and debris in a tray at
    the bottom. title: for example the name of the file. Raises ValueError where there is nothing to cut out from.
    """
    config = config or ReportConfig()
    unit = config.karyogram_chromosome_width
    strips = cut_strips(spread, karyotype, config)
    places = _places(karyotype, strips, unit)
    rows = [[places[label - 1] for label in labels] for labels in _ROWS]
    margin = 2 * unit
    content = max(39 * unit, *(_narrowest(row, unit) for row in rows))
    page = _Page(width=content + 2 * margin, unit=unit)
    _draw_header(page, margin, title, karyotype)
    for row in rows:
        _draw_row(page, margin, row)
    if karyotype.tray:
        _draw_tray(page, margin, karyotype, [strips[i] for i in karyotype.tray])
    _draw_footer(page, margin)
    return page.rgb()


def _places(karyotype: Karyotype, strips: list[Strip], unit: int) -> list[_Place]:
    """One place for each of the 24 classes."""
    labels = karyotype.instances.labels
    members: list[list[int]] = [list(group) for group in karyotype.groups[:22]]
    sex = karyotype.groups[22]
    members += [[i for i in sex if labels[i] != Y], [i for i in sex if labels[i] == Y]]
    # Nobody lacks a Y: where there is none, two X are expected.
    expected = [2] * 22 + [max(1, 2 - len(members[-1])), 0]
    # Lengths of empty places follow the ideogram, at the scale of the chromosomes that are there.
    scales = [strips[i].height / relative_length(at + 1) for at, group in enumerate(members) for i in group]
    per_percent = float(np.median(scales)) if len(scales) >= 5 else 0.9 * unit
    return [
        _Place(
            label=at + 1,
            lines=[
                [strips[i] for i in group[start : start + _LONGEST_LINE]]
                for start in range(0, len(group), _LONGEST_LINE)
            ],
            missing=max(0, expected[at] - len(group)),
            missing_height=round(per_percent * relative_length(at + 1)),
            unit=unit,
        )
        for at, group in enumerate(members)
    ]


def _denver(place: _Place) -> str:
    """Denver group as the rows show it; X and Y stand apart from theirs."""
    return group_of(place.label) if place.label < X else NAMES[place.label - 1]


def _gap_weights(row: list[_Place]) -> list[float]:
    """How wide each gap of a row is against the others: wider between Denver groups."""
    return [1.0 if _denver(a) == _denver(b) else 1.9 for a, b in pairwise(row)]


def _narrowest(row: list[_Place], unit: int) -> int:
    return sum(place.width for place in row) + round(1.2 * unit * sum(_gap_weights(row)))


def _draw_header(page: _Page, margin: int, title: str, karyotype: Karyotype) -> None:
    unit = page.unit
    band = page.add(round(4.2 * unit))
    status = karyotype.instances.status
    found = status.count("chromosome")
    counts = f"{found} chromosome{'' if found == 1 else 's'}"
    counts += f"  ·  {status.count('unknown')} unknown  ·  {status.count('debris')} debris"
    with _Canvas(band) as canvas:
        big, small = round(1.05 * unit), round(0.7 * unit)
        base = round(2.4 * unit)
        room = page.width - 2 * margin - text_size(counts, small)[0] - 2 * unit
        canvas.text((margin, base), shorten(legible(title), big, room), font=font(big), fill=_BLACK, anchor="ls")
        canvas.text((page.width - margin, base), counts, font=font(small), fill=_DARK, anchor="rs")
        canvas.line([(margin, round(3.1 * unit)), (page.width - margin, round(3.1 * unit))], fill=_PALE, width=1)


def _draw_row(page: _Page, margin: int, row: list[_Place]) -> None:
    unit = page.unit
    height = max(place.height for place in row)
    band = page.add(height + round(4.4 * unit))
    weights = _gap_weights(row)
    spare = page.width - 2 * margin - sum(place.width for place in row)
    x = float(margin)
    left: list[int] = []
    for place, weight in zip(row, [*weights, 0.0], strict=True):
        left.append(round(x))
        _paste_place(band, place, round(x), height)
        x += place.width + spare * weight / sum(weights)
    with _Canvas(band) as canvas:
        rule = height + round(0.35 * unit)
        for place, x0 in zip(row, left, strict=True):
            canvas.line([(x0, rule), (x0 + place.width, rule)], fill=_BLACK, width=max(1, unit // 16))
            _draw_missing(canvas, place, x0, height)
            centre = x0 + place.width / 2
            size = round(0.85 * unit)
            canvas.text((centre, rule + 1.1 * unit), NAMES[place.label - 1], font=font(size), fill=_BLACK, anchor="ms")
        _draw_denver(canvas, row, left, rule + 1.75 * unit, unit)


def _paste_place(band: UInt8, place: _Place, x0: int, height: int) -> None:
    """Homologues side by side, centred in the place, standing on its rule; full lines above."""
    bottom = height
    for at in reversed(range(len(place.lines))):
        line = place.lines[at]
        missing = place.missing if at == len(place.lines) - 1 else 0
        x = x0 + (place.width - place.line_width(line, missing)) // 2
        for strip in line:
            window = band[bottom - strip.height : bottom, x : x + strip.width]
            np.minimum(window, strip.gray, out=window)
            x += strip.width + place.gap
        bottom -= place.line_height(at) + place.gap


def _draw_missing(canvas: ImageDraw.ImageDraw, place: _Place, x0: int, height: int) -> None:
    """A dashed frame for each homologue that was not found."""
    last = place.lines[-1] if place.lines else []
    x = x0 + (place.width - place.line_width(last, place.missing)) // 2 + sum(s.width + place.gap for s in last)
    for _ in range(place.missing):
        _dashed_frame(canvas, (x, height - place.missing_height, x + place.unit, height - 2), max(3, place.unit // 6))
        x += place.unit + place.gap


def _dashed_frame(canvas: ImageDraw.ImageDraw, box: tuple[int, int, int, int], dash: int) -> None:
    x0, y0, x1, y1 = box
    for start in range(x0, x1, 2 * dash):
        for y in (y0, y1):
            canvas.line([(start, y), (min(start + dash, x1), y)], fill=_PALE)
    for start in range(y0, y1, 2 * dash):
        for x in (x0, x1):
            canvas.line([(x, start), (x, min(start + dash, y1))], fill=_PALE)


def _draw_denver(canvas: ImageDraw.ImageDraw, row: list[_Place], left: list[int], y: float, unit: int) -> None:
    """A pale rule under each Denver group, with its letter."""
    for letter in dict.fromkeys(_denver(place) for place in row if place.label < X):
        members = [(x0, x0 + place.width) for place, x0 in zip(row, left, strict=True) if _denver(place) == letter]
        x0, x1 = members[0][0], members[-1][1]
        centre, clear = (x0 + x1) / 2, 0.6 * unit
        canvas.line([(x0, y), (centre - clear, y)], fill=_PALE, width=1)
        canvas.line([(centre + clear, y), (x1, y)], fill=_PALE, width=1)
        canvas.text((centre, y), letter, font=font(round(0.65 * unit)), fill=_MIDDLE, anchor="mm")


def _draw_tray(page: _Page, margin: int, karyotype: Karyotype, strips: list[Strip]) -> None:
    """Unknown and debris, each with its best guess, in as many lines as it takes."""
    unit, instances = page.unit, karyotype.instances
    band = page.add(round(1.6 * unit))
    with _Canvas(band) as canvas:
        canvas.line([(margin, 1), (page.width - margin, 1)], fill=_PALE, width=1)
        words = "not placed: unknown chromosomes, with the best guess, and debris"
        canvas.text((margin, round(1.1 * unit)), words, font=font(round(0.6 * unit)), fill=_MIDDLE, anchor="ls")
    gap, room = round(0.9 * unit), page.width - 2 * margin
    lines: list[list[Strip]] = [[]]
    for strip in strips:
        if lines[-1] and sum(max(s.width, unit) + gap for s in lines[-1]) + max(strip.width, unit) > room:
            lines.append([])
        lines[-1].append(strip)
    for line in lines:
        height = max(strip.height for strip in line)
        band = page.add(height + round(1.7 * unit))
        x = margin
        captions: list[tuple[float, str]] = []
        for strip in line:
            width = max(strip.width, unit)
            at = x + (width - strip.width) // 2
            band[height - strip.height : height, at : at + strip.width] = strip.gray
            label = int(instances.labels[strip.index])
            guess = name_of(label) if label else ""
            captions.append((x + width / 2, f"{guess}?" if instances.status[strip.index] == "unknown" else "debris"))
            x += width + gap
        with _Canvas(band) as canvas:
            for centre, caption in captions:
                size = round((0.7 if caption.endswith("?") else 0.5) * unit)
                canvas.text((centre, height + unit), caption, font=font(size), fill=_MIDDLE, anchor="ms")


def _draw_footer(page: _Page, margin: int) -> None:
    band = page.add(2 * page.unit)
    with _Canvas(band) as canvas:
        place = (page.width - margin, round(1.1 * page.unit))
        canvas.text(place, _FOOTER, font=font(round(0.55 * page.unit)), fill=_MIDDLE, anchor="rs")


class _Canvas:
    """Draw with Pillow on a band of the page; what was drawn is in the band after the `with` block."""

    def __init__(self, band: UInt8) -> None:
        self._band = band
        self._picture = Image.fromarray(band)

    def __enter__(self) -> ImageDraw.ImageDraw:
        return ImageDraw.Draw(self._picture)

    def __exit__(self, *_: object) -> None:
        self._band[:] = np.asarray(self._picture)
