"""Aggregated Jaccard index of masks (Kumar et al. 2017, "A Dataset and a Technique for Generalized Nuclear Segmentation
for Computational Pathology"), and its one-to-one variant AJI+ (Graham et al. 2019, HoVer-Net).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from metaphase.matching import match
from metaphase.metrics.comparison import Comparison
from metaphase.metrics.score import Pooled

__all__ = ["aji"]


def aji(comparisons: Sequence[Comparison]) -> dict[str, Pooled]:
    """`AJI` and `AJI_plus`, pooled over the images, and their means over images `AJI_image`, `AJI_plus_image`.

    AJI: each truth takes the prediction of largest IoU (ties: the lowest index; one prediction may be taken twice);
    sum of intersections / (sum of unions + areas of the predictions nobody took). A truth without any overlap adds its
    area to the denominator. AJI_plus: pairs by the one-to-one assignment of largest total IoU above 0.
    A pixel that two instances own counts for each. With nothing on either side the value is 1.
    """
    scores: dict[str, Pooled] = {}
    for key, pairing in (("AJI", _kumar_pairs), ("AJI_plus", _assigned_pairs)):
        terms = np.array([_terms(c, *pairing(c)) for c in comparisons], np.float64).reshape(-1, 2)
        numerators, denominators = terms[:, :1], terms[:, 1:]
        by_image = np.where(denominators > 0, numerators / np.where(denominators > 0, denominators, 1), 1.0)
        scores[key] = Pooled(numerators, denominators, empty=1.0)
        scores[f"{key}_image"] = Pooled(by_image, np.ones_like(by_image))
    return scores


def _kumar_pairs(comparison: Comparison) -> tuple[np.ndarray, np.ndarray]:
    if not len(comparison.truth) or not len(comparison.predicted):
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    best = comparison.iou.argmax(1)
    rows = np.flatnonzero(comparison.iou[np.arange(len(best)), best] > 0)
    return rows, best[rows]


def _assigned_pairs(comparison: Comparison) -> tuple[np.ndarray, np.ndarray]:
    return match(comparison.iou, threshold=0.0)


def _terms(comparison: Comparison, rows: np.ndarray, cols: np.ndarray) -> tuple[float, float]:
    """Intersections and (unions + unused predictions + truths without overlap) of one image, in pixels."""
    shared = comparison.shared[rows, cols]
    unions = comparison.truth_areas[rows] + comparison.predicted_areas[cols] - shared
    unused = np.delete(comparison.predicted_areas, np.unique(cols)).sum()
    missed = np.delete(comparison.truth_areas, rows).sum()
    return float(shared.sum()), float(unions.sum() + unused + missed)
