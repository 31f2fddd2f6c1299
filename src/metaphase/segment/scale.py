"""The segmenter's view of a spread: transmittance on a grid where a chromosome is 12 pixels wide."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

__all__ = ["CLEAR", "STRIDE", "WIDTH", "network_input", "transmittance"]

WIDTH = 12.0
"""Chromosome width in pixels of the segmenter's grid."""
CLEAR = 200.0
"""Value of a fully transparent pixel in the UInt8 transmittance image."""
STRIDE = 32
"""Rows and columns of the network's input are multiples of this."""


def transmittance(gray: NDArray[np.uint8], scale: float, background: float) -> NDArray[np.uint8]:
    """UInt8 image of `CLEAR` * gray / background, resized by `scale` (area average where it shrinks)."""
    size = (max(1, round(gray.shape[1] * scale)), max(1, round(gray.shape[0] * scale)))
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    resized = cv2.resize(gray, size, interpolation=how).astype(np.float32)
    return np.clip(np.rint(resized * (CLEAR / max(background, 1.0))), 0, 255).astype(np.uint8)


def network_input(transmittance_hw: NDArray[np.uint8], dark: float) -> NDArray[np.float32]:
    """Float32[h', w'] darkness, 0 at the background and 1 at the mean chromosome, padded to multiples of `STRIDE`.

    dark: mean transmittance of the chromosomes, in (0, 1).
    """
    h, w = transmittance_hw.shape
    padded = np.zeros((-(-h // STRIDE) * STRIDE, -(-w // STRIDE) * STRIDE), np.float32)
    padded[:h, :w] = (1.0 - transmittance_hw.astype(np.float32) / CLEAR) / max(1e-3, 1.0 - dark)
    return padded
