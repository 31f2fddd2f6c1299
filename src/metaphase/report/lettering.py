"""Words on pictures: fonts, what they can write, and colours of the 24 classes."""

from __future__ import annotations

import re
import unicodedata
from functools import cache

import numpy as np
from PIL import ImageFont

__all__ = ["QUIET", "colour_of", "font", "legible", "shorten", "text_size", "wrap"]

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


def wrap(text: str, size: int, width: int) -> list[str]:
    """`text` in lines of at most `width` pixels at this font size; a longer word is cut through.

    Broken at blanks, but not before a bracket: in "49 (2?)" it belongs to the number.
    """
    lines: list[str] = []
    for word in re.split(r" +(?!\()", text.strip()) if text.strip() else []:
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and text_size(longer, size)[0] <= width:
            lines[-1] = longer
            continue
        while len(word) > 1 and text_size(word, size)[0] > width:
            fits = next((n for n in range(len(word) - 1, 1, -1) if text_size(word[:n], size)[0] <= width), 1)
            lines.append(word[:fits])
            word = word[fits:]  # noqa: PLW2901 - the rest of a word goes on as a word
        lines.append(word)
    return lines


def _without_middle(text: str, keep: int) -> str:
    head = (keep + 1) // 2
    return f"{text[:head]}...{text[len(text) - keep // 2 :]}"


_COLOURS = (
    (100, 63, 0), (0, 180, 46), (123, 0, 148), (112, 116, 0), (211, 0, 148), (226, 133, 0), (0, 79, 89), (128, 69, 254),
    (0, 129, 50), (0, 69, 144), (255, 100, 158), (148, 0, 25), (0, 112, 206), (143, 0, 76), (176, 156, 0),
    (0, 171, 186), (225, 0, 28), (0, 45, 205), (10, 122, 144), (174, 88, 0), (212, 112, 254), (0, 83, 0), (0, 163, 243),
    (254, 110, 73),
)  # fmt: skip
"""Eight hues at three lightnesses, all readable on a pale background. Given out so that neighbouring numbers and the
members of a Denver group lie far apart, for eyes that lack the red or the green cones too."""


def colour_of(label: int) -> tuple[int, int, int]:
    """RGB colour of a class, `QUIET` for what is none. No eye tells 24 colours apart: the name must stand beside."""
    return _COLOURS[label - 1] if 1 <= label <= len(_COLOURS) else QUIET
