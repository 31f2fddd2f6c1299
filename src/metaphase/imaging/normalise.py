"""Gray pixels to a `Spread`."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from metaphase.imaging.polarity import is_bright_on_dark
from metaphase.imaging.scale import measure_width
from metaphase.types import Spread

__all__ = ["normalise"]


def normalise(gray: NDArray[np.uint8], name: str = "", case: str = "", warnings: tuple[str, ...] = ()) -> Spread:
    """A `Spread` with dark chromosomes on a bright background and its chromosome width.

    gray: UInt8[H, W], 0 is black, either polarity. name, case: see `Spread`. warnings: what the reader had to say.
    Pixels stay where they are; a bright-on-dark image is inverted. Raises ValueError for another shape or type.
    """
    inverted = is_bright_on_dark(gray)
    upright = np.asarray(cv2.bitwise_not(gray), np.uint8) if inverted else gray
    width = measure_width(upright, glowing=inverted)
    return Spread(upright, width, name=name, case=case, inverted=inverted, warnings=warnings)
