"""Panoptic quality of each class, averaged over the classes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from metaphase.metrics.comparison import Comparison
from metaphase.metrics.score import Pooled

__all__ = ["mpq"]

CLASSES = 24


def mpq(comparisons: Sequence[Comparison]) -> dict[str, Pooled]:
    """`mPQ`: PQ of each class, matched within the class and pooled, then the mean over the classes that occur in truth
    or predictions. `mPQ_image`: in each image the mean over its classes, then the mean over images; `left_out` counts
    the absent pairs of image and class. With nothing on either side the value is 1.

    Instances whose class is not known have no part in it.
    """
    quality = np.zeros((len(comparisons), CLASSES))
    halves = np.zeros((len(comparisons), CLASSES))
    for i, comparison in enumerate(comparisons):
        labels = comparison.truth.labels[comparison.class_rows]
        np.add.at(quality[i], labels - 1, comparison.iou[comparison.class_rows, comparison.class_cols])
        for side in (comparison.truth.labels, comparison.predicted.labels):
            halves[i] += np.bincount(side, minlength=CLASSES + 1)[1:] / 2
    present = halves > 0
    ratios = np.where(present, quality / np.where(present, halves, 1), 0.0)
    counted = present.sum(1, keepdims=True)
    by_image = np.where(counted > 0, ratios.sum(1, keepdims=True) / np.maximum(counted, 1), 1.0)
    return {
        "mPQ": Pooled(quality, halves, empty=1.0),
        "mPQ_image": Pooled(by_image, np.ones_like(by_image), left_out=int((~present).sum())),
    }
