"""Real images with one chromosome fewer or more: in-silico aneuploidy, whose truth is known.

A chromosome is erased by painting the background over it, or a copy of it is multiplied into a free place, turned.
Noise and the uneven background of the place stay, so that nothing but the chromosome itself tells that something was
done.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

__all__ = ["erase", "paste_copy"]

UInt8 = NDArray[np.uint8]
Bool = NDArray[np.bool_]

_RIM = 3  # pixels around a mask that still belong to the soft edge of a chromosome
_TRIES = 400


def erase(gray: UInt8, mask: Bool, others: Bool, rng: np.random.Generator) -> UInt8:
    """UInt8[H, W]: the image without one chromosome.

    gray: dark chromosomes on a bright background. mask: Bool[H, W] of the one to erase; others: Bool[H, W] of
    everything that stays, whose pixels are not touched. The hole takes the smooth background around it and the noise
    of the background.
    Raises ValueError where the two masks have another shape than the image.
    """
    _same_shape(gray, mask, others)
    hole = cv2.dilate(mask.astype(np.uint8), np.ones((2 * _RIM + 1, 2 * _RIM + 1), np.uint8)).astype(bool) & ~others
    occupied = cv2.dilate((mask | others).astype(np.uint8), np.ones((2 * _RIM + 1, 2 * _RIM + 1), np.uint8)) > 0
    smooth, noise = _background(gray, ~occupied)
    painted = gray.astype(np.float32)
    painted[hole] = smooth[hole] + rng.choice(noise, int(hole.sum()))
    return np.clip(np.rint(painted), 0, 255).astype(np.uint8)


def paste_copy(gray: UInt8, mask: Bool, occupied: Bool, rng: np.random.Generator) -> tuple[UInt8, Bool] | None:
    """The image with a second copy of a chromosome in a free place, turned by a random angle, and the copy's mask.

    mask: Bool[H, W] of the one to copy; occupied: Bool[H, W] of all chromosomes, nuclei and dirt. Absorption adds, so
    the copy's transmittance is multiplied in. None where there is no room for it. Raises ValueError as `erase`.
    """
    _same_shape(gray, mask, occupied)
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    if not len(rows):
        raise ValueError("the mask of the chromosome to copy is empty")
    near = cv2.dilate(occupied.astype(np.uint8), np.ones((2 * _RIM + 1, 2 * _RIM + 1), np.uint8)) > 0
    smooth, _ = _background(gray, ~near)
    window = np.s_[max(0, rows[0] - _RIM) : rows[-1] + 1 + _RIM, max(0, columns[0] - _RIM) : columns[-1] + 1 + _RIM]
    soft = cv2.dilate(mask[window].astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    transmittance = np.where(soft, np.clip(gray[window] / np.maximum(smooth[window], 1), 0.02, 1), 1.0)
    turned, inside = _turned(transmittance.astype(np.float32), mask[window], float(rng.uniform(0, 360)))
    place = _free_place(near, inside, rng)
    if place is None:
        return None
    x, y = place
    height, width = inside.shape
    pasted = gray.astype(np.float32)
    pasted[y : y + height, x : x + width] *= turned
    where = np.zeros(gray.shape, bool)
    where[y : y + height, x : x + width] = inside
    return np.clip(np.rint(pasted), 0, 255).astype(np.uint8), where


def _same_shape(gray: UInt8, *masks: Bool) -> None:
    for mask in masks:
        if mask.shape != gray.shape:
            raise ValueError(f"a mask must have the shape {gray.shape} of its image, but has {mask.shape}")


def _background(gray: UInt8, free: Bool) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Float32[H, W], the smooth background everywhere, and what remains of it as a list of noise."""
    if not free.any():
        return np.full(gray.shape, 255, np.float32), np.zeros(1, np.float32)
    weight = free.astype(np.float32)
    sigma = 0.04 * max(gray.shape)
    level = float(gray[free].mean())
    known = cv2.GaussianBlur((gray.astype(np.float32) - level) * weight, (0, 0), sigma)
    share = cv2.GaussianBlur(weight, (0, 0), sigma)
    smooth = level + known / np.maximum(share, 0.02)
    return np.asarray(smooth, np.float32), np.asarray((gray - smooth)[free], np.float32)


def _turned(transmittance: NDArray[np.float32], mask: Bool, degrees: float) -> tuple[NDArray[np.float32], Bool]:
    height, width = mask.shape
    reach = int(np.ceil(np.hypot(height, width))) + 2
    matrix = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), degrees, 1.0)
    matrix[:, 2] += [(reach - width) / 2, (reach - height) / 2]
    turned = cv2.warpAffine(transmittance, matrix, (reach, reach), flags=cv2.INTER_LINEAR, borderValue=(1.0,))
    inside = cv2.warpAffine(mask.astype(np.uint8) * 255, matrix, (reach, reach), flags=cv2.INTER_LINEAR) > 127
    rows, columns = np.flatnonzero(inside.any(1)), np.flatnonzero(inside.any(0))
    window = np.s_[max(0, rows[0] - _RIM) : rows[-1] + 1 + _RIM, max(0, columns[0] - _RIM) : columns[-1] + 1 + _RIM]
    return np.asarray(turned[window], np.float32), np.asarray(inside[window], bool)


def _free_place(occupied: Bool, inside: Bool, rng: np.random.Generator) -> tuple[int, int] | None:
    """Column and row for a crop so that nothing of it lies on what is occupied."""
    rooms = (occupied.shape[0] - inside.shape[0], occupied.shape[1] - inside.shape[1])
    if min(rooms) < 1:
        return None
    grown = cv2.dilate(inside.astype(np.uint8), np.ones((2 * _RIM + 1, 2 * _RIM + 1), np.uint8)) > 0
    for _ in range(_TRIES):
        y, x = int(rng.integers(rooms[0])), int(rng.integers(rooms[1]))
        if not (occupied[y : y + inside.shape[0], x : x + inside.shape[1]] & grown).any():
            return x, y
    return None
