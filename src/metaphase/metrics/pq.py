"""Panoptic quality without regard to class (Kirillov et al. 2019, "Panoptic Segmentation")."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from metaphase.metrics.comparison import Comparison
from metaphase.metrics.score import Pooled

__all__ = ["pq"]


def pq(comparisons: Sequence[Comparison]) -> dict[str, Pooled]:
    """`PQ_all`, `SQ_all`, `RQ_all`, pooled over the images, and `PQ_all_image`, the mean over images.

    PQ = sum of IoU over matched / (TP + FP / 2 + FN / 2); SQ = mean IoU of the matched; RQ = TP / (TP + FP/2 + FN/2);
    PQ = SQ * RQ. With nothing in any image on either side all are 1.
    """
    quality = np.array([[c.iou[c.rows, c.cols].sum()] for c in comparisons], np.float64).reshape(-1, 1)
    matched = np.array([[len(c.rows)] for c in comparisons], np.float64).reshape(-1, 1)
    # TP + FP/2 + FN/2 is half of all instances on both sides.
    halves = np.array([[(len(c.truth) + len(c.predicted)) / 2] for c in comparisons], np.float64).reshape(-1, 1)
    by_image = np.where(halves > 0, quality / np.where(halves > 0, halves, 1), 1.0)
    return {
        "PQ_all": Pooled(quality, halves, empty=1.0),
        "SQ_all": Pooled(quality, matched, empty=1.0, support=halves),
        "RQ_all": Pooled(matched, halves, empty=1.0),
        "PQ_all_image": Pooled(by_image, np.ones_like(by_image)),
    }
