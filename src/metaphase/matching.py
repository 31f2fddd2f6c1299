"""The matching that every score but COCO's and Kumar's derives from."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment

__all__ = ["THRESHOLD", "match"]

THRESHOLD = 0.5
"""Pairs whose IoU is not above this are no match."""


def match(iou: NDArray[np.floating], threshold: float = THRESHOLD) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """One-to-one matching of largest total IoU among the pairs above `threshold`.

    iou: [T, P] in [0, 1]. Returns the rows and the columns of the matched pairs, rows ascending.
    Entries at or below the threshold are set to zero before the assignment: assigning first and filtering later loses
    matches, as in [[.60, .45], [.45, 0]].
    """
    usable = np.where(np.asarray(iou, np.float64) > threshold, iou, 0.0)
    rows, cols = linear_sum_assignment(usable, maximize=True)
    kept = usable[rows, cols] > 0
    return rows[kept].astype(np.int64), cols[kept].astype(np.int64)
