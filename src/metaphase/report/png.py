"""Pictures as PNG files."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from metaphase.config import ReportConfig

__all__ = ["encode_png"]

_DEFAULTS = ReportConfig()


def encode_png(rgb: NDArray[np.uint8], config: ReportConfig = _DEFAULTS) -> bytes:
    """PNG file of a UInt8[H, W, 3] RGB (or [H, W] gray) picture. Raises ValueError for anything else."""
    picture = np.asarray(rgb)
    if picture.dtype != np.uint8 or not (picture.ndim == 2 or picture.shape[2:] == (3,)) or not picture.size:
        raise ValueError(
            f"a picture must be uint8 of shape (H, W, 3) or (H, W), but got {picture.dtype} {picture.shape}"
        )
    bgr = picture if picture.ndim == 2 else cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)
    done, data = cv2.imencode(".png", bgr, [cv2.IMWRITE_PNG_COMPRESSION, config.png_compression])
    if not done:
        raise ValueError(f"OpenCV could not write a picture of shape {picture.shape} as PNG")
    return data.tobytes()
