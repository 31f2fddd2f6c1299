"""How a part of the true chromosomes fares: those that touch, those that overlap, those of one class."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from metaphase.metrics.comparison import Comparison
from metaphase.metrics.score import Pooled

__all__ = ["subgroup"]


def subgroup(comparisons: Sequence[Comparison], members: Sequence[NDArray[np.bool_]]) -> dict[str, Pooled]:
    """`found`, `SQ_all`, `class_accuracy`, `end_to_end` over the truths that `members` (Bool[T] for each image) names.

    Matching is that of the whole image. What needs the predictions of a group (false ones, PQ, AP) is not defined for
    it: a false prediction touches nobody. Not defined (NaN) where nobody belongs to the group.
    """
    columns = np.zeros((len(comparisons), 4))
    for i, (comparison, chosen) in enumerate(zip(comparisons, members, strict=True)):
        matched = chosen[comparison.rows]
        quality = comparison.iou[comparison.rows, comparison.cols]
        right = comparison.right & matched
        columns[i] = chosen.sum(), matched.sum(), quality[matched].sum(), right.sum()
    truths, found, quality_sum, named = (columns[:, k : k + 1] for k in range(4))
    return {
        "found": Pooled(found, truths),
        "SQ_all": Pooled(quality_sum, found),
        "class_accuracy": Pooled(named, found),
        "end_to_end": Pooled(named, truths),
    }
