"""Outlines that exclude each other: the segmenter shows more than one reading of a cluster, and the cell decides."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from metaphase import masks
from metaphase.types import Instances

__all__ = ["exclusive", "weaker_of_conflicts"]

Bool = NDArray[np.bool_]
Float64 = NDArray[np.float64]


def exclusive(instances: Instances, share: float) -> Bool:
    """Bool[M, M]: pairs of which one lies in the other by more than `share` of the smaller mask.

    Chromosomes that cross share far less. False everywhere for instances that have boxes only.
    """
    if instances.crops is None:
        return np.zeros((len(instances),) * 2, bool)
    offsets = instances.offsets_xy
    shared = masks.mask_intersections(instances.crops, offsets, instances.crops, offsets)
    areas = np.maximum(shared.diagonal(), 1)
    pairs = shared > share * np.minimum(areas[:, None], areas[None, :])
    np.fill_diagonal(pairs, False)
    return np.asarray(pairs)


def weaker_of_conflicts(exclusive_mm: Bool, placed: Bool, strength: Float64) -> list[int]:
    """Indices to give up so that no two placed instances exclude each other, the weaker one of each pair.

    strength: Float64[M], larger is better; of equal ones the later goes.
    """
    kept: list[int] = []
    lost: list[int] = []
    for i in np.argsort(-strength, kind="stable").tolist():
        if placed[i]:
            (lost if exclusive_mm[i, kept].any() else kept).append(i)
    return lost
