"""A sheet that is drawn once and written twice: as pixels for a screen, as lines, letters and pictures for print."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from metaphase.report.lettering import font

__all__ = ["BLACK", "Colour", "Line", "Picture", "Rectangle", "Sheet", "Text", "gray"]

UInt8 = NDArray[np.uint8]
Colour = tuple[int, int, int]

BLACK: Colour = (0, 0, 0)


def gray(value: int) -> Colour:
    """The colour of a gray 0 (black) .. 255."""
    return value, value, value


@dataclass(frozen=True, eq=False)
class Picture:
    """A picture with its top left corner at (x, y), drawn `width` x `height` large.

    pixels: UInt8[h, w], gray, of which white lets through, or UInt8[h, w, 3], RGB.
    """

    x: float
    y: float
    width: float
    height: float
    pixels: UInt8


@dataclass(frozen=True)
class Line:
    """A line through points; dash: length of dash and gap, 0 for a solid line."""

    points: tuple[tuple[float, float], ...]
    colour: Colour
    width: float = 1.0
    dash: float = 0.0


@dataclass(frozen=True)
class Rectangle:
    """A filled rectangle [x0, y0, x1, y1)."""

    box: tuple[float, float, float, float]
    colour: Colour


@dataclass(frozen=True)
class Text:
    """Words with their anchor at (x, y) as Pillow names it: "l", "m" or "r", then "s" (baseline) or "m" (middle)."""

    x: float
    y: float
    words: str
    size: int
    colour: Colour
    anchor: str = "ls"


@dataclass(eq=False)
class Sheet:
    """A white sheet of `width` columns that grows downwards; all places in pixels from its top left corner."""

    width: int
    height: int = 0
    marks: list[Picture | Line | Rectangle | Text] = field(default_factory=list)

    def grow(self, rows: int) -> int:
        """Add rows below what there is; returns the first of them."""
        top = self.height
        self.height += max(1, rows)
        return top

    def picture(self, x: float, y: float, pixels: UInt8, size_wh: tuple[float, float] | None = None) -> None:
        """A picture, gray or RGB, by default one pixel of it for each pixel of the sheet."""
        width, height = size_wh or (pixels.shape[1], pixels.shape[0])
        self.marks.append(Picture(x, y, width, height, pixels))

    def line(
        self, points: Sequence[tuple[float, float]], colour: Colour, width: float = 1.0, dash: float = 0.0
    ) -> None:
        """A line through at least two points."""
        self.marks.append(Line(tuple(points), colour, width, dash))

    def rectangle(self, box: tuple[float, float, float, float], colour: Colour) -> None:
        """A filled rectangle."""
        self.marks.append(Rectangle(box, colour))

    def text(self, xy: tuple[float, float], words: str, size: int, colour: Colour = BLACK, anchor: str = "ls") -> None:
        """Words in one line."""
        self.marks.append(Text(xy[0], xy[1], words, size, colour, anchor))

    def rgb(self) -> UInt8:
        """UInt8[height, width, 3]: the sheet as pixels."""
        page = np.full((max(1, self.height), self.width, 3), 255, np.uint8)
        for mark in self.marks:
            if isinstance(mark, Picture):
                _paste(page, mark)
        image = Image.fromarray(page)
        canvas = ImageDraw.Draw(image)
        for mark in self.marks:
            if isinstance(mark, Line):
                _draw_line(canvas, mark)
            elif isinstance(mark, Rectangle):
                x0, y0, x1, y1 = (round(v) for v in mark.box)
                if x1 > x0 and y1 > y0:
                    canvas.rectangle((x0, y0, x1 - 1, y1 - 1), fill=mark.colour)
            elif isinstance(mark, Text):
                canvas.text((mark.x, mark.y), mark.words, font=font(mark.size), fill=mark.colour, anchor=mark.anchor)
        return np.asarray(image)


def _paste(page: UInt8, mark: Picture) -> None:
    pixels = mark.pixels
    size = (max(1, round(mark.width)), max(1, round(mark.height)))
    if size != pixels.shape[1::-1]:
        pixels = np.asarray(Image.fromarray(pixels).resize(size, Image.Resampling.LANCZOS))
    x, y = round(mark.x), round(mark.y)
    left, top = max(0, -x), max(0, -y)
    window = page[y + top : y + pixels.shape[0], x + left : x + pixels.shape[1]]
    shown = pixels[top : top + window.shape[0], left : left + window.shape[1]]
    np.minimum(window, shown if shown.ndim == 3 else shown[..., None], out=window)


def _draw_line(canvas: ImageDraw.ImageDraw, mark: Line) -> None:
    width = max(1, round(mark.width))
    for (x0, y0), (x1, y1) in zip(mark.points[:-1], mark.points[1:], strict=True):
        length = float(np.hypot(x1 - x0, y1 - y0))
        if not mark.dash or length == 0:
            canvas.line([(x0, y0), (x1, y1)], fill=mark.colour, width=width)
            continue
        for start in np.arange(0, length, 2 * mark.dash):
            a, b = start / length, min(1.0, (start + mark.dash) / length)
            ends = [(x0 + (x1 - x0) * t, y0 + (y1 - y0) * t) for t in (a, b)]
            canvas.line(ends, fill=mark.colour, width=width)
