"""Plots of a set's numbers, drawn with what the program carries: four panels on one sheet."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from metaphase.report.lettering import colour_of, font, legible, shorten, text_size
from metaphase.words import plural

__all__ = ["draw_statistics"]

_WIDTH, _HEIGHT = 640, 400  # pixels of a panel
_LEFT, _RIGHT, _TOP, _BOTTOM = 62, 18, 44, 48
_TEXT, _TITLE = 13, 16
_INK, _FAINT, _BAR, _PAPER = (40, 40, 40), (222, 222, 222), (70, 110, 160), (255, 255, 255)


def draw_statistics(numbers: Mapping[str, Any]) -> NDArray[np.uint8]:
    """UInt8[H, W, 3] RGB: chromosomes a cell, class counts, image sizes, and relative lengths against the ideogram.

    numbers: the last result of `curate.statistics`.
    """
    sheet = Image.new("RGB", (2 * _WIDTH, 2 * _HEIGHT + 40), _PAPER)
    title = (
        f"{numbers['set']}: {plural(numbers['images'], 'image')}, {plural(numbers['chromosomes'], 'chromosome')}, "
        f"{plural(numbers['cases'], 'case')}"
    )
    ImageDraw.Draw(sheet).text((16, 12), legible(title), fill=_INK, font=font(_TITLE + 2))
    for number, panel in enumerate((_per_image, _classes, _sizes, _lengths)):
        at = (number % 2 * _WIDTH, 40 + number // 2 * _HEIGHT)
        sheet.paste(panel(numbers).image, at)
    return np.asarray(sheet, np.uint8)


class _Panel:
    """One plot: a frame with axes in data units; `x` and `y` give pixels."""

    def __init__(
        self, title: str, below: str, x_range: tuple[float, float], y_range: tuple[float, float], whole: bool = False
    ) -> None:
        self.image = Image.new("RGB", (_WIDTH, _HEIGHT), _PAPER)
        self.pen = ImageDraw.Draw(self.image)
        self._x, self._y = x_range, y_range
        self.pen.text((_LEFT, 14), title, fill=_INK, font=font(_TITLE))
        self.centred(below, (_LEFT + _WIDTH - _RIGHT) / 2, _HEIGHT - 20)
        for value in _ticks(*y_range, whole=whole):
            self.pen.line([(_LEFT, self.y(value)), (_WIDTH - _RIGHT, self.y(value))], fill=_FAINT)
            word = f"{value:g}"
            self.pen.text((_LEFT - 8 - text_size(word, _TEXT)[0], self.y(value) - 8), word, fill=_INK, font=font(_TEXT))
        self.pen.line([(_LEFT, self.y(y_range[0])), (_WIDTH - _RIGHT, self.y(y_range[0]))], fill=_INK)

    def x(self, value: float) -> float:
        low, high = self._x
        return _LEFT + (value - low) / ((high - low) or 1) * (_WIDTH - _LEFT - _RIGHT)

    def y(self, value: float) -> float:
        low, high = self._y
        return _HEIGHT - _BOTTOM - (value - low) / ((high - low) or 1) * (_HEIGHT - _TOP - _BOTTOM)

    def centred(self, word: str, x: float, y: float) -> None:
        self.pen.text((x - text_size(word, _TEXT)[0] / 2, y), word, fill=_INK, font=font(_TEXT))

    def bar(self, x: float, height: float, colour: tuple[int, int, int]) -> None:
        half = max(1.0, 0.4 * (self.x(1) - self.x(0)))
        top, bottom = self.y(height), self.y(0)
        if bottom - top >= 0.5:
            self.pen.rectangle([self.x(x) - half, top, self.x(x) + half, bottom], fill=colour)


def _per_image(numbers: Mapping[str, Any]) -> _Panel:
    found = {int(count): int(images) for count, images in numbers["per_image"].items()} or {0: 0}
    low, high, top = min(found), max(found), _room(max(found.values()))
    panel = _Panel("Chromosomes of an image", "chromosomes", (low - 1, high + 1), (0, top), whole=True)
    for count, images in found.items():
        panel.bar(count, images, _BAR)
    for value in _ticks(low, high, whole=True):
        panel.centred(f"{value:g}", panel.x(value), _HEIGHT - _BOTTOM + 6)
    return panel


def _classes(numbers: Mapping[str, Any]) -> _Panel:
    found = numbers["classes"]
    top, below = _room(max(found.values(), default=1)), "class (?: not named)" if "?" in found else "class"
    panel = _Panel("Chromosomes of a class", below, (-1, len(found)), (0, top), whole=True)
    for place, (name, count) in enumerate(found.items()):
        panel.bar(place, count, colour_of(0 if name == "?" else list(found).index(name) + ("?" not in found)))
        panel.centred(name, panel.x(place), _HEIGHT - _BOTTOM + 6)
    return panel


def _sizes(numbers: Mapping[str, Any]) -> _Panel:
    found: Sequence[Sequence[int]] = numbers["image_sizes"] or [[0, 0, 0]]
    wide, high = max(size[0] for size in found), max(size[1] for size in found)
    panel = _Panel("Image sizes", "width and, upwards, height in pixels", (0, _room(wide)), (0, _room(high)))
    most = max(1, *(size[2] for size in found))
    for width, height, images in found:
        radius = 2 + 6 * (images / most) ** 0.5
        x, y = panel.x(width), panel.y(height)
        panel.pen.ellipse([x - radius, y - radius, x + radius, y + radius], outline=_BAR, width=2)
    for value in _ticks(0, _room(wide)):
        panel.centred(f"{value:g}", panel.x(value), _HEIGHT - _BOTTOM + 6)
    return panel


def _lengths(numbers: Mapping[str, Any]) -> _Panel:
    found = numbers["lengths"]
    rows = [(name, entry["ideogram"], entry["mean"], entry["sd"]) for name, entry in found.items()]
    top = _room(max([row[1] for row in rows] + [row[2] + row[3] for row in rows], default=9.0))
    correlation = numbers["length_correlation"]
    title = "Relative length in %, measured (upwards) against the ISCN ideogram"
    panel = _Panel(shorten(title, _TITLE, _WIDTH - _LEFT), "ideogram", (0, top), (0, top))
    panel.pen.line([(panel.x(0), panel.y(0)), (panel.x(top), panel.y(top))], fill=_FAINT, width=2)
    for value in _ticks(0, top):
        panel.centred(f"{value:g}", panel.x(value), _HEIGHT - _BOTTOM + 6)
    for number, (name, expected, mean, deviation) in enumerate(rows):
        x, colour = panel.x(expected), colour_of(number + 1)
        panel.pen.line([(x, panel.y(mean - deviation)), (x, panel.y(mean + deviation))], fill=colour)
        panel.pen.ellipse([x - 3, panel.y(mean) - 3, x + 3, panel.y(mean) + 3], fill=colour)
        panel.pen.text((x + 5, panel.y(mean) - 14), name, fill=colour, font=font(11))
    if correlation is not None:
        words = f"correlation {correlation:.3f}"
    elif any(count for name, count in numbers["classes"].items() if name != "?"):
        words = "no whole cell with classes, so no lengths to compare"
    else:
        words = "no classes, so no lengths to compare"
    panel.pen.text((_LEFT + 12, _TOP + 6), words, fill=_INK, font=font(_TEXT))
    return panel


def _room(largest: float) -> float:
    return largest * 1.08 if largest > 0 else 1.0


def _ticks(low: float, high: float, whole: bool = False) -> list[float]:
    """About five round numbers between low and high."""
    span = max(high - low, 1e-9)
    step = 10 ** np.floor(np.log10(span / 4))
    step *= next((factor for factor in (1, 2, 5, 10) if span / (step * factor) <= 6), 10)
    step = max(1.0, step) if whole else step
    first = np.ceil(low / step) * step
    return [float(value) for value in np.arange(first, high + 1e-9, step)]
