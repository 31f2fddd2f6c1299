"""The typical chromosome width of an image, the yardstick of its scale."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from metaphase import masks

__all__ = ["measure_width"]

_LARGE = 4_000_000  # pixels above which a coarser copy is tried first
_ENOUGH = 8.0  # a width in pixels of the coarse copy that is exact enough
_LEVEL = 0.6  # where between the dark and the bright envelope a glowing chromosome ends
_WIDEST = 0.05  # share of the shorter side that a glowing chromosome is taken to be wide at most
_GLOW = 1.06  # outlines inside a glow are this much narrower than those of the bright-field convention


def measure_width(gray: NDArray[np.uint8], glowing: bool = False) -> float:
    """Typical chromosome width in pixels; 0.0 where nothing looks like a chromosome.

    gray: UInt8[H, W], dark chromosomes on a bright background. glowing: the image was fluorescent and is inverted; out
    of focus light between chromosomes then merges them for any global threshold, so a local one follows.
    On isolated chromosomes of known outline the error is about 2 % in bright field and 15 % in DAPI.
    """
    halvings = 0
    while gray.size >> (2 * halvings) > _LARGE:
        halvings += 1
    for step in range(halvings, 0, -1):
        coarse = cv2.resize(gray, None, fx=0.5**step, fy=0.5**step, interpolation=cv2.INTER_AREA)
        width = _measure(np.asarray(coarse, np.uint8), glowing)
        if width >= _ENOUGH:
            return width * 2**step
    return _measure(gray, glowing)


def _measure(gray: NDArray[np.uint8], glowing: bool) -> float:
    inside = masks.foreground(gray, masks.foreground_threshold(gray))
    width = masks.chromosome_width(inside)
    if not glowing or not inside.any():
        return width
    # A glow may merge the whole cell into one blob, which has no width of its own or a far too large one.
    widest = _WIDEST * min(gray.shape)
    narrow = masks.chromosome_width(
        inside & _darker_than_surroundings(gray, min(width, widest) if width > 0 else widest)
    )
    return _GLOW * narrow if narrow > 0 else width


def _darker_than_surroundings(gray: NDArray[np.uint8], width: float) -> NDArray[np.bool_]:
    """Bool[H, W]: darker than a level between the envelopes of a neighbourhood of 2.5 chromosome widths."""
    side = int(2.5 * width) | 1
    smooth = cv2.GaussianBlur(gray, (0, 0), 1.0)
    window = np.ones((side, side), np.uint8)
    bright = cv2.blur(cv2.dilate(smooth, window), (side, side)).astype(np.float32)
    dark = cv2.blur(cv2.erode(smooth, window), (side, side)).astype(np.float32)
    darker = gray < dark + np.float32(_LEVEL) * (bright - dark)
    return np.asarray(cv2.medianBlur(darker.astype(np.uint8), 3), bool)
