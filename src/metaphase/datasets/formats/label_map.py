"""Label maps of two chromosomes and their overlap: pixels 0, 1, 2, 3, or painted red, green and blue.

3 and blue are the overlap, which belongs to both chromosomes.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from metaphase.datasets.formats.label_image import as_labels
from metaphase.errors import DataError
from metaphase.image_io import read_rgb
from metaphase.types import Instances
from metaphase.words import plural

__all__ = ["OVERLAP", "instances_of_map", "read_label_map"]

OVERLAP = 3
"""Value of the pixels that belong to both chromosomes."""

_PAINTED = 96  # a colour counts as painted where its channels differ by more than this; white, gray and black do not


def read_label_map(path: Path) -> NDArray[np.uint8]:
    """UInt8[H, W]: 0 background, 1 and 2 the chromosomes, 3 their overlap.

    Painted maps may have soft edges: each pixel takes the colour that dominates. Raises DataError for a gray picture
    with other values and for what is no image.
    """
    with as_labels():
        rgb = read_rgb(path, min_side=1)
    low, high = rgb.min(2), rgb.max(2)
    painted = high.astype(np.int16) - low > _PAINTED
    if painted.any():
        return np.where(painted, rgb.argmax(2) + 1, 0).astype(np.uint8)
    if int(high.max()) > OVERLAP:
        raise DataError(
            f"{path}: expected a label map with the values 0 to 3, or painted red, green and blue, but the values "
            f"reach {int(high.max())}; is this the image instead of its labels?"
        )
    return high


def instances_of_map(label_map: NDArray[np.uint8]) -> tuple[Instances, tuple[str, ...]]:
    """The two chromosomes of a map, the overlap in both masks, class not known; a warning where one is empty."""
    height, width = label_map.shape
    masks = [mask for mask in ((label_map == k) | (label_map == OVERLAP) for k in (1, 2)) if mask.any()]
    warnings = () if len(masks) == 2 else (f"the label map shows {plural(len(masks), 'chromosome')} instead of 2",)
    return Instances.from_masks(height, width, masks, [(0, 0)] * len(masks)), warnings
