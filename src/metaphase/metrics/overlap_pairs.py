"""Two chromosomes that overlap or touch, and the region that both own."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from scipy.optimize import linear_sum_assignment

from metaphase.metrics.comparison import Comparison
from metaphase.metrics.score import Pooled

__all__ = ["overlap_pairs"]


def overlap_pairs(comparisons: Sequence[Comparison]) -> dict[str, Pooled]:
    """`IoU_1`, `IoU_2`, `IoU_chromosomes`, `IoU_overlap`, `two_found`, `touching_pairs`: means over images of a pair.

    The two truths take the two predictions of largest total IoU, in either order and whatever the IoU; a truth that
    gets none counts as IoU 0 (M = 0 or 1). `IoU_1` and `IoU_2` are those of the first and the second truth,
    `IoU_chromosomes` their mean. `IoU_overlap`: IoU of the region that both truths own and the one that both taken
    predictions own; pairs that only touch have no such region, are left out of it (`left_out`) and counted in
    `touching_pairs`, the share of such pairs. `two_found`: share of images with M = 2. Needs masks; images whose truth
    is not two chromosomes are left out of everything.
    """
    pairs = np.array([len(c.truth) == 2 for c in comparisons], bool)
    ious = np.zeros((len(comparisons), 2))
    regions = np.zeros(len(comparisons))
    touching = np.zeros(len(comparisons), bool)
    for i in np.flatnonzero(pairs).tolist():
        rows, cols = linear_sum_assignment(comparisons[i].iou, maximize=True)
        ious[i, rows] = comparisons[i].iou[rows, cols]
        region = _region(comparisons[i], rows, cols)
        touching[i] = region is None
        regions[i] = region or 0.0
    of_pair = pairs.astype(np.float64)[:, None]
    overlapping = of_pair * ~touching[:, None]
    left_out = int((~pairs).sum())
    two = np.array([[float(len(c.predicted) == 2)] for c in comparisons]).reshape(-1, 1)
    return {
        "IoU_1": Pooled(ious[:, :1], of_pair, left_out=left_out),
        "IoU_2": Pooled(ious[:, 1:], of_pair, left_out=left_out),
        "IoU_chromosomes": Pooled(ious.mean(1, keepdims=True), of_pair, left_out=left_out),
        "IoU_overlap": Pooled(regions[:, None], overlapping, left_out=int(left_out + (touching & pairs).sum())),
        "two_found": Pooled(two * of_pair, of_pair, left_out=left_out),
        "touching_pairs": Pooled(touching[:, None] * of_pair, of_pair, left_out=left_out),
    }


def _region(comparison: Comparison, rows: np.ndarray, cols: np.ndarray) -> float | None:
    """IoU of the overlap regions, 0 where fewer than two predictions were taken; None where the truths only touch."""
    truth, predicted = comparison.truth, comparison.predicted
    if truth.crops is None or predicted.crops is None:
        raise ValueError("the overlap of a pair needs masks, but these instances have boxes only")
    own = truth.mask(0) & truth.mask(1)
    if not own.any():
        return None
    if len(rows) < 2:
        return 0.0
    taken = predicted.mask(int(cols[0])) & predicted.mask(int(cols[1]))
    return float((own & taken).sum() / (own | taken).sum())
