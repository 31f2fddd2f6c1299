"""The masks of COCO files and result files: polygons or RLE to a crop."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from metaphase import masks as geometry
from metaphase.datasets.formats.shapes import rasterise

__all__ = ["finite_numbers", "mask_of", "probabilities_of"]

_ROUNDING = 1e-6  # a softmax in 32 bits may give a little more than 1


def mask_of(value: object, size_hw: tuple[int, int]) -> tuple[NDArray[np.bool_], tuple[int, int]]:
    """The tight crop Bool[h, w] of a COCO segmentation and its (column, row), without ever making the full mask.

    value: an RLE, compressed or not, or a list of polygons [x, y, x, y, ...] whose vertices are centres of boundary
    pixels. Raises `masks.EmptyMaskError` where no pixel lies inside the image, another ValueError for what is no mask
    of an image of this size.
    """
    if isinstance(value, dict):
        size = value.get("size")
        if size != list(size_hw):
            raise ValueError(f"the RLE is of size {size} (height, width), but the image of {list(size_hw)}")
        if "counts" not in value:
            raise ValueError("the RLE has no counts")
        try:
            return geometry.decode_rle_crop(value)
        except (OverflowError, TypeError) as error:
            raise ValueError(f"the counts of the RLE are no runs ({error})") from error
    if not isinstance(value, list) or not all(isinstance(points, list) for points in value):
        raise ValueError("segmentation must be an RLE or a list of polygons")
    crop, offset = rasterise([_outline(points, size_hw) for points in value])
    return geometry.tighten(crop, offset, size_hw)


def finite_numbers(value: object) -> list[float] | None:
    """The numbers of a JSON list; None where it is no list or holds anything else."""
    if not isinstance(value, list | tuple):
        return None
    if not all(isinstance(v, int | float) and not isinstance(v, bool) for v in value):
        return None
    try:
        numbers = [float(v) for v in value]
    except OverflowError:
        return None
    return numbers if all(math.isfinite(v) for v in numbers) else None


def probabilities_of(value: object) -> list[float]:
    """The probabilities of the 24 classes. Raises ValueError for what is no list of 24 numbers from 0 to 1."""
    numbers = finite_numbers(value)
    if numbers is None or len(numbers) != 24 or not all(0 <= p <= 1 + _ROUNDING for p in numbers):
        raise ValueError("probabilities must be 24 numbers from 0 to 1")
    return numbers


def _outline(points: object, size_hw: tuple[int, int]) -> NDArray[np.float64]:
    numbers = finite_numbers(points)
    far = np.array(size_hw[::-1])
    if not numbers or len(numbers) % 2:
        raise ValueError("a polygon must be pairs of finite numbers in or near the image")
    outline = np.array(numbers).reshape(-1, 2)
    if (outline < -far).any() or (outline > 2 * far).any():
        raise ValueError("a polygon must be pairs of finite numbers in or near the image")
    return outline
