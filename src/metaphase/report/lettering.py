"""Words on pictures: fonts, what they can write, and colours of the 24 classes."""

from __future__ import annotations

import colorsys
import unicodedata
from functools import cache

import numpy as np
from PIL import ImageFont

__all__ = ["QUIET", "colour_of", "font", "legible", "shorten", "text_size"]

QUIET = (120, 120, 120)
"""Gray (RGB) of what has no class."""


@cache
def font(size: int) -> ImageFont.FreeTypeFont:
    """The font that Pillow carries, `size` pixels high (at least 6)."""
    loaded = ImageFont.load_default(size=max(6, size))
    assert isinstance(loaded, ImageFont.FreeTypeFont), "with a size, Pillow gives this font or raises"
    return loaded


@cache
def text_size(text: str, size: int) -> tuple[int, int]:
    """Columns and rows of the ink of `text` at a font size of `size` pixels."""
    left, top, right, bottom = font(size).getbbox(text, anchor="ls")
    return int(np.ceil(right - left)), int(np.ceil(bottom - top))


def legible(text: str) -> str:
    """`text` with what the font cannot draw replaced: accents dropped, other letters as "?", control signs gone."""
    plain = unicodedata.normalize("NFKD", text)
    kept = (sign for sign in plain if not unicodedata.combining(sign) and sign.isprintable())
    return "".join(sign if sign.isascii() or sign == "·" else "?" for sign in kept)


def shorten(text: str, size: int, width: int) -> str:
    """`text`, its middle cut out until it is at most `width` pixels wide at this font size."""
    if text_size(text, size)[0] <= width:
        return text
    keep = len(text)
    while keep > 2 and text_size(_without_middle(text, keep), size)[0] > width:
        keep -= max(1, keep // 20)
    return _without_middle(text, keep)


def _without_middle(text: str, keep: int) -> str:
    head = (keep + 1) // 2
    return f"{text[:head]}...{text[len(text) - keep // 2 :]}"


@cache
def colour_of(label: int) -> tuple[int, int, int]:
    """RGB colour of a class: hues in steps of the golden angle, so that neighbouring numbers differ."""
    if not 1 <= label <= 24:
        return QUIET
    hue = (0.02 + (label - 1) * 0.381966) % 1.0
    # Yellow and green look brighter than blue at the same value: darken them, so that all read on a pale background.
    value = 0.92 - 0.22 * np.exp(-(((hue - 0.28) / 0.16) ** 2)) - 0.10 * ((label - 1) % 2)
    red, green, blue = colorsys.hsv_to_rgb(hue, 0.95, float(value))
    return round(red * 255), round(green * 255), round(blue * 255)
