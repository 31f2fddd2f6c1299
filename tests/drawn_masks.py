"""Masks drawn by hand, for tests of midlines, skeletons and pages."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def stroke(
    points: Sequence[tuple[float, float]], radius: float = 6.0, size: tuple[int, int] = (120, 130)
) -> np.ndarray:
    """Bool[size]: everything within `radius` of a polyline of points (column, row)."""
    rows, columns = np.mgrid[: size[0], : size[1]]
    mask = np.zeros(size, bool)
    for (x0, y0), (x1, y1) in zip(points[:-1], points[1:], strict=True):
        for t in np.linspace(0, 1, 80):
            mask |= np.hypot(columns - x0 - t * (x1 - x0), rows - y0 - t * (y1 - y0)) <= radius
    return mask
