"""M-FISH, DAPI channel, a smarter reading of the class maps for training (`mfish-rejoined`); never a benchmark.

The benchmark's rule merges homologues that touch and leaves a chromosome in two that an overlap cuts. Here `Case Info`
says how many chromosomes of a class to expect. Where pieces are too many, those are joined that lie nearest to each
other, end to end; where they are too few, a piece that is too large for its class is parted at its neck or overlap.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from metaphase import masks as geometry
from metaphase.chromosomes import relative_length
from metaphase.datasets.formats.mfish_folder import (
    CITATION,
    LICENCE,
    OVERLAP,
    chromosome_counts,
    contradictions,
    find_mfish,
    karyotype_of,
    pieces_of,
    read_class_map,
)
from metaphase.datasets.record import Index, Record
from metaphase.errors import DataError
from metaphase.types import Instances

__all__ = ["BRIGHT", "CITATION", "LICENCE", "SOURCE", "contradictions", "find", "read", "splits"]

SOURCE = "as mfish"
BRIGHT = True
"""The images are bright on dark."""
Bool = NDArray[np.bool_]

_REACH = 25.0  # pixels between two pieces of one chromosome: two widths, the one that lies across and some glow
_TOO_LARGE = 1.45  # a piece of this many expected areas may be two chromosomes
_SMALLEST_PART = 0.3  # share of a piece that each of its two parts has at least


@dataclass(frozen=True, eq=False)
class _Piece:
    """A mask crop, its (column, row), and its pixels that are of its own class alone."""

    crop: Bool
    offset: tuple[int, int]
    own: int


def find(root: Path) -> Index:
    """Index of the set under `root`: the folder of all data sets (`mfish`) or the set's own. DataError otherwise."""
    return find_mfish(root)


def splits(index: Index) -> dict[str, list[str]]:
    """Image names of `train`, `val` and `test` (by slide, one cell line on one side) and `all`."""
    return {split: list(names) for split, names in index.splits.items()}


def read(index: Index, name: str) -> Record:
    """One image's masks and labels 1..24, pieces joined and parted; says how often. DataError as in `mfish`."""
    if name not in index.images:
        raise DataError(f"{index.root}: there is no image {name} with a class map")
    class_map = read_class_map(index.labels[name])
    expected = chromosome_counts(karyotype_of(index, name))
    unit = _area_of_a_percent(class_map, expected)
    crops: list[Bool] = []
    offsets: list[tuple[int, int]] = []
    labels: list[int] = []
    joined = parted = 0
    for label in range(1, 25):
        pieces = [_Piece(*piece) for piece in pieces_of(class_map, label)]
        wanted = len(pieces) if expected is None else int(expected[label])
        while len(pieces) > wanted and (nearest := _join_nearest(pieces)) is not None:
            pieces, joined = nearest, joined + 1
        while len(pieces) < wanted and (more := _part_largest(pieces, unit * relative_length(label))) is not None:
            pieces, parted = more, parted + 1
        crops += [piece.crop for piece in pieces]
        offsets += [piece.offset for piece in pieces]
        labels += [label] * len(pieces)
    height, width = class_map.shape
    truth = Instances.from_masks(height, width, crops, offsets, labels=np.array(labels, np.int64))
    said = [f"{joined} pieces are joined"] * bool(joined) + [f"{parted} touching chromosomes are parted"] * bool(parted)
    return Record(name, index.images[name], index.cases[name], truth, tuple(said))


def _area_of_a_percent(class_map: NDArray[np.uint8], expected: NDArray[np.int64] | None) -> float:
    """Pixels of a chromosome for each percent of relative length, were width the same everywhere."""
    pixels = int(np.count_nonzero((class_map > 0) & (class_map < OVERLAP)))
    counts = np.full(25, 2) if expected is None else expected
    return pixels / max(1.0, sum(counts[label] * relative_length(label) for label in range(1, 25)))


def _join_nearest(pieces: list[_Piece]) -> list[_Piece] | None:
    """The two pieces that are nearest end to end become one; None where none are near enough."""
    best: tuple[float, int, int] | None = None
    for i, first in enumerate(pieces):
        for j in range(i + 1, len(pieces)):
            gap = _gap(first, pieces[j])
            if gap <= _REACH and (best is None or gap < best[0]):
                best = (gap, i, j)
    if best is None:
        return None
    _, i, j = best
    rest = [piece for k, piece in enumerate(pieces) if k not in (i, j)]
    return [*rest, _united(pieces[i], pieces[j])]


def _gap(a: _Piece, b: _Piece) -> float:
    """Smallest distance in pixels between two pieces."""
    first, second = (_points(_outline(piece.crop), piece.offset) for piece in (a, b))
    return float(np.sqrt(((first[:, None] - second[None]) ** 2).sum(-1).min()))


def _outline(crop: Bool) -> Bool:
    inner = cv2.erode(np.pad(crop, 1).astype(np.uint8), np.ones((3, 3), np.uint8))[1:-1, 1:-1]
    return crop & ~inner.astype(bool)


def _points(crop: Bool, offset: tuple[int, int]) -> NDArray[np.float64]:
    rows, columns = np.nonzero(crop)
    return np.stack([columns + offset[0], rows + offset[1]], 1).astype(np.float64)


def _united(a: _Piece, b: _Piece) -> _Piece:
    x0, y0 = min(a.offset[0], b.offset[0]), min(a.offset[1], b.offset[1])
    x1 = max(a.offset[0] + a.crop.shape[1], b.offset[0] + b.crop.shape[1])
    y1 = max(a.offset[1] + a.crop.shape[0], b.offset[1] + b.crop.shape[0])
    crop = np.zeros((y1 - y0, x1 - x0), bool)
    for piece in (a, b):
        x, y = piece.offset[0] - x0, piece.offset[1] - y0
        crop[y : y + piece.crop.shape[0], x : x + piece.crop.shape[1]] |= piece.crop
    return _Piece(crop, (x0, y0), a.own + b.own)


def _part_largest(pieces: list[_Piece], expected_area: float) -> list[_Piece] | None:
    """The largest piece becomes two where it is too large for one chromosome and has a neck; None otherwise."""
    if not pieces:
        return None
    largest = max(range(len(pieces)), key=lambda i: pieces[i].own)
    piece = pieces[largest]
    if piece.own < _TOO_LARGE * expected_area:
        return None
    seeds = _seeds(piece.crop)
    if seeds is None:
        return None
    marked = np.asarray(
        cv2.watershed(np.zeros((*piece.crop.shape, 3), np.uint8), _markers(piece.crop, seeds)), np.int32
    )
    halves = [_nearest(marked, piece.crop) == k for k in (1, 2)]
    if min(int(half.sum()) for half in halves) < _SMALLEST_PART * int(piece.crop.sum()):
        return None
    parts = []
    for half in halves:
        crop, offset = geometry.tighten(half, (0, 0), half.shape)
        parts.append(_Piece(crop, (piece.offset[0] + offset[0], piece.offset[1] + offset[1]), int(crop.sum())))
    return [*(other for i, other in enumerate(pieces) if i != largest), *parts]


def _seeds(crop: Bool) -> NDArray[np.int32] | None:
    """Labels 1 and 2 of the two cores that are left when the piece is worn down until its neck breaks."""
    distance = cv2.distanceTransform(np.pad(crop, 1).astype(np.uint8), cv2.DIST_L2, 5)[1:-1, 1:-1]
    for level in np.arange(0.75, float(distance.max()), 0.25):
        count, parts, stats, _ = cv2.connectedComponentsWithStats((distance > level).astype(np.uint8))
        if count < 3:
            continue
        areas = stats[1:, cv2.CC_STAT_AREA]
        first, second = np.argsort(areas)[::-1][:2] + 1
        if areas[second - 1] >= 0.5 * _SMALLEST_PART * int((distance > level).sum()):
            return np.where(parts == first, 1, np.where(parts == second, 2, 0)).astype(np.int32)
    return None


def _markers(crop: Bool, seeds: NDArray[np.int32]) -> NDArray[np.int32]:
    """Seeds 1 and 2, background 3, 0 where the watershed decides."""
    return np.where(crop, seeds, 3).astype(np.int32)


def _nearest(marked: NDArray[np.int32], crop: Bool) -> NDArray[np.int32]:
    """The watershed's answer inside the piece, its one-pixel lines given to the side that is nearer."""
    sides = [cv2.distanceTransform((marked != k).astype(np.uint8), cv2.DIST_L2, 5) for k in (1, 2)]
    return np.where(crop, np.where(sides[0] <= sides[1], 1, 2), 0).astype(np.int32)
