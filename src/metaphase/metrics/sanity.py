"""How much the predicted label sets look like normal human karyotypes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from metaphase import chromosomes
from metaphase.metrics.comparison import Comparison
from metaphase.metrics.score import Pooled

__all__ = ["sanity"]


def sanity(comparisons: Sequence[Comparison]) -> dict[str, Pooled]:
    """`sanity`: mean over images of `chromosomes.sanity` of the predicted labels; `sanity_exact`: share of exactly 1.

    Images whose truth is one chromosome are no cells and are left out (`left_out` says how many). True aneuploidy
    lowers the score, so it is no call of an abnormality, and a false detection can raise it.
    """
    cells = np.array([len(c.truth) != 1 for c in comparisons], bool).reshape(-1, 1)
    scores = np.array([chromosomes.sanity(c.predicted.labels.tolist())["score"] for c in comparisons]).reshape(-1, 1)
    left_out = int((~cells).sum())
    images = cells.astype(np.float64)
    exact = scores >= 1.0 - 1e-9
    return {
        "sanity": Pooled(scores * images, images, left_out=left_out),
        "sanity_exact": Pooled(exact * images, images, left_out=left_out),
    }
