"""Scores that count matched, missed and false chromosomes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from metaphase.metrics.comparison import Comparison
from metaphase.metrics.score import Pooled

__all__ = ["counts"]


def counts(comparisons: Sequence[Comparison]) -> dict[str, Pooled]:
    """Counting scores over the images, pooled.

    `found`: matched truths / truths. `false_per_cell`: unmatched predictions an image. `end_to_end`: matched and of the
    right class / truths. `cells_without_error`: share of images with every truth found and named right and nothing
    false. `class_accuracy`: right class among the matched. `count_error`: mean of |M - truths|. `exact_count`: share of
    images with M = truths. Not defined (NaN) where their denominator is 0.
    """
    truths = _column(len(c.truth) for c in comparisons)
    predictions = _column(len(c.predicted) for c in comparisons)
    matched = _column(len(c.rows) for c in comparisons)
    right = _column(np.count_nonzero(c.right) for c in comparisons)
    images = np.ones_like(truths)
    perfect = ((right == truths) & (predictions == truths)).astype(np.float64)
    return {
        "found": Pooled(matched, truths),
        "false_per_cell": Pooled(predictions - matched, images),
        "end_to_end": Pooled(right, truths),
        "cells_without_error": Pooled(perfect, images),
        "class_accuracy": Pooled(right, matched),
        "count_error": Pooled(np.abs(predictions - truths), images),
        "exact_count": Pooled((predictions == truths).astype(np.float64), images),
    }


def _column(values: object) -> np.ndarray:
    return np.array(list(values), np.float64).reshape(-1, 1)  # type: ignore[call-overload]
