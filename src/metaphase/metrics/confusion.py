"""Which class is taken for which, missed and false chromosomes included."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from metaphase.metrics.comparison import Comparison

__all__ = ["confusion"]


def confusion(comparisons: Sequence[Comparison]) -> NDArray[np.int64]:
    """Int64[25, 25]: rows are the truth's classes 1..24, columns the predicted; the last column counts the missed
    truths of each class and the last row the false predictions.

    Index 24 (the last) also takes instances whose class is not known.
    """
    table = np.zeros((25, 25), np.int64)
    for comparison in comparisons:
        # Label 0 becomes -1, which indexes the last row or column.
        truth, predicted = comparison.truth.labels - 1, comparison.predicted.labels - 1
        missed, false = np.delete(truth, comparison.rows), np.delete(predicted, comparison.cols)
        np.add.at(table, (truth[comparison.rows], predicted[comparison.cols]), 1)
        np.add.at(table, (missed, np.full_like(missed, -1)), 1)
        np.add.at(table, (np.full_like(false, -1), false), 1)
    return table
