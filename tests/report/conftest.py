"""Fabricated cells: straight banded rectangles, each class with a gray of its own."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from metaphase.chromosomes import relative_length, sanity
from metaphase.types import Instances, Karyotype, Spread, Straightened

Cell = tuple[Spread, Karyotype]
MakeCell = Callable[..., Cell]

WIDTH = 12


def gray_of(label: int) -> int:
    """Gray of a fabricated chromosome of this class."""
    return 20 + 8 * label


def _length(label: int) -> int:
    return round(10 * relative_length(max(1, label)))


def _groups(labels: list[int], status: list[str]) -> tuple[tuple[int, ...], ...]:
    found: list[list[int]] = [[] for _ in range(23)]
    for i in sorted(range(len(labels)), key=lambda i: labels[i]):
        if status[i] == "chromosome":
            found[min(labels[i], 23) - 1].append(i)
    return tuple(tuple(group) for group in found)


def make_cell(
    labels: list[int],
    status: list[str] | None = None,
    straightened: bool = True,
    upright: bool = True,
    size_hw: tuple[int, int] = (300, 1000),
) -> Cell:
    """Chromosomes in a grid, the upper third of each darker than the rest."""
    m = len(labels)
    status = status or ["chromosome"] * m
    gray = np.full(size_hw, 255, np.uint8)
    crops, offsets, laid = [], [], []
    for i, label in enumerate(labels):
        rows = _length(label)
        y, x = 4 + 95 * ((i * 18) // (size_hw[1] - 20)), 4 + (i * 18) % (size_hw[1] - 20)
        crop = np.ones((rows, WIDTH), bool)
        piece = np.full(crop.shape, gray_of(label), np.uint8)
        piece[: rows // 3] = 8
        height, width = gray[y : y + rows, x : x + WIDTH].shape
        gray[y : y + rows, x : x + WIDTH] = piece[:height, :width]
        crops.append(crop)
        offsets.append((x, y))
        laid.append(Straightened(np.pad(piece, 3, constant_values=255), np.pad(crop, 3)))
    p = np.full((m, 24), 0.1 / 23, np.float32)
    p[np.arange(m), np.array(labels, int) - 1] = 0.9
    instances = Instances.from_masks(
        *size_hw, crops, offsets, labels=labels, probabilities_nc=p, scores=np.full(m, 0.9), status=status
    )
    karyotype = Karyotype(
        instances=instances,
        groups=_groups(labels, status),
        tray=tuple(i for i in range(m) if status[i] != "chromosome"),
        sanity=sanity(label for label, s in zip(labels, status, strict=True) if s == "chromosome"),
        upright=np.full(m, upright),
        straightened=tuple(laid) if straightened else (),
    )
    return Spread(gray, float(WIDTH)), karyotype


@pytest.fixture(name="make_cell")
def _make_cell() -> MakeCell:
    return make_cell


@pytest.fixture
def male() -> list[int]:
    """Labels of a 46,XY cell."""
    return [*range(1, 23), *range(1, 23), 23, 24]
