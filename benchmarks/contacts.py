"""How often chromosomes touch, overlap and pile up: in real cells, and in the composites that are to stand for them.

Real cells: CIL has boxes only, so masks come from the training material (`metaphase train segment`): outlines by
threshold where a chromosome lies alone, the model's own, chosen by the annotated boxes, in clusters. Some 2 of 46 have
none; they are counted apart. `gband_masks`, drawn by hand, checks the instrument: nothing is chosen on it.

All lengths and areas are given at a chromosome width of 16 px. Two chromosomes overlap where they share `LEAST` pixels
or more, as in composites.py; they touch where they do not, but come within `NEAR` px. A pile is three or more that hang
together by overlaps. An overlap cuts a chromosome where what it leaves of it falls into two parts.
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from composites import AS_IN_CELLS, LEAST, axis_degrees
from numpy.typing import NDArray
from provenance import date, machine
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from metaphase import masks as geometry
from metaphase.config import SegmentTraining
from metaphase.datasets import cil, gband_masks
from metaphase.datasets.composites import CutOut, compose, cut_out, is_cut
from metaphase.segment.scale import CLEAR, WIDTH
from metaphase.synth import compose_numbered
from metaphase.train import cache
from metaphase.train.crops import composite
from metaphase.types import Instances

Bool = NDArray[np.bool_]
MaskAt = tuple[Bool, int, int]

NEAR = 2.0
"""Pixels between two chromosomes that touch, at most, at a chromosome width of 16."""

SMALLEST = 0.5
"""Masks below this part of a squared chromosome width are pieces that the border left, and are not counted."""


@dataclass
class Contacts:
    """What was counted over some cells. pixels, angles: one entry an overlapping pair; cuts: how many of the two it
    cuts in two; partners: overlaps of each overlapping chromosome; clusters: chromosomes of each connected foreground.
    """

    cells: int = 0
    chromosomes: int = 0
    without_mask: int = 0
    apart: int = 0
    touching: int = 0
    overlapping_one: int = 0
    piled: int = 0
    pixels: list[float] = field(default_factory=list)
    angles: list[float] = field(default_factory=list)
    cuts: list[int] = field(default_factory=list)
    partners: list[int] = field(default_factory=list)
    clusters: list[int] = field(default_factory=list)

    def add(self, placed: Sequence[MaskAt], width: float, without_mask: int = 0) -> None:
        """One cell: its masks as (crop, column, row), and the width of its chromosomes in pixels."""
        placed = [(crop, x, y) for crop, x, y in placed if np.count_nonzero(crop) >= SMALLEST * width**2]
        count = len(placed)
        unit = (16 / width) ** 2
        shared = np.zeros((count, count))
        near, joined = np.zeros((count, count), bool), np.zeros((count, count), bool)
        for i in range(count):
            for j in range(i + 1, count):
                if _far(placed[i], placed[j], NEAR * width / 16 + 2):
                    continue
                pixels, gap = _meeting(placed[i], placed[j], NEAR * width / 16)
                shared[i, j] = pixels * unit
                near[i, j] = gap * 16 / width <= NEAR
                joined[i, j] = gap < 0.5
        overlaps = shared >= LEAST
        for i, j in np.argwhere(overlaps).tolist():
            self._add_pair(placed[i], placed[j], shared[i, j])
        overlaps |= overlaps.T
        size = _sizes(overlaps)
        alone = ~(overlaps | near | near.T).any(1)
        self.cells += 1
        self.chromosomes += count
        self.without_mask += without_mask
        self.apart += int(alone.sum())
        self.touching += int((~alone & (size == 1)).sum())
        self.overlapping_one += int((size == 2).sum())
        self.piled += int((size >= 3).sum())
        self.partners += overlaps.sum(1)[size >= 2].tolist()
        self.clusters += _sizes(joined | joined.T).tolist()

    def _add_pair(self, one: MaskAt, other: MaskAt, pixels: float) -> None:
        angle = abs(axis_degrees(one[0]) - axis_degrees(other[0])) % 180
        self.pixels.append(pixels)
        self.angles.append(min(angle, 180 - angle))
        self.cuts.append(_cuts(one, other) + _cuts(other, one))


def _sizes(linked: Bool) -> NDArray[np.int64]:
    """Int64[N]: how many hang together with each one, itself included."""
    if not len(linked):
        return np.zeros(0, np.int64)
    _, component = connected_components(coo_array(linked), directed=False)
    return np.asarray(np.bincount(component)[component], np.int64)


def _far(one: MaskAt, other: MaskAt, reach: float) -> bool:
    (a, ax, ay), (b, bx, by) = one, other
    return (
        max(ax, bx) - min(ax + a.shape[1], bx + b.shape[1]) > reach
        or max(ay, by) - min(ay + a.shape[0], by + b.shape[0]) > reach
    )


def _onto(one: MaskAt, other: MaskAt, margin: int = 0) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Both masks on the frame of the first, widened by a margin."""
    (a, ax, ay), (b, bx, by) = one, other
    height, width = a.shape[0] + 2 * margin, a.shape[1] + 2 * margin
    first = np.pad(a.astype(np.uint8), margin)
    second = np.zeros((height, width), np.uint8)
    x, y = bx - ax + margin, by - ay + margin
    x0, y0, x1, y1 = max(0, x), max(0, y), min(width, x + b.shape[1]), min(height, y + b.shape[0])
    if x1 > x0 and y1 > y0:
        second[y0:y1, x0:x1] = b[y0 - y : y1 - y, x0 - x : x1 - x]
    return first, second


def _meeting(one: MaskAt, other: MaskAt, reach: float) -> tuple[int, float]:
    """Shared pixels, and the pixels of background between the two: 0 for neighbours, infinite beyond `reach`."""
    first, second = _onto(one, other, int(np.ceil(reach)) + 2)
    pixels = int(np.count_nonzero(first & second))
    if pixels or not second.any():
        return pixels, 0.0 if pixels else np.inf
    distance = cv2.distanceTransform(1 - first, cv2.DIST_L2, 5)
    gap = max(0.0, float(distance[second > 0].min()) - 1)
    # Pixels that meet at a corner are a distance of 1.4 apart, and hang together.
    return 0, 0.0 if gap < 0.5 else gap


def _cuts(mask: MaskAt, by: MaskAt) -> bool:
    return is_cut(*_onto(mask, by))


def some(folder: Path, limit: int) -> list[str]:
    """Names of cells in the folder, drawn with a fixed seed."""
    names = sorted(path.stem for path in folder.glob("[!.]*.npz"))
    return [names[i] for i in sorted(np.random.default_rng(0).permutation(len(names))[:limit])]


def real_cells(folder: Path, limit: int) -> Contacts:
    """Cells of CIL by their training material."""
    found = Contacts()
    for name in some(folder, limit):
        cell = cache.load(folder, name)
        found.add(cell.masks, WIDTH, len(cell.boxes) - len(cell.masks))
    return found


def drawn_by_hand(root: Path) -> Contacts:
    """`gband_masks`."""
    found, index = Contacts(), gband_masks.find(root)
    for name in gband_masks.splits(index)["test"]:
        truth = gband_masks.read(index, name).truth
        found.add(_placed(truth), geometry.chromosome_width(truth.union()))
    return found


def numbered(index: cil.Index, names: Sequence[str], count: int, **how: float) -> Contacts:
    """Composites as `metaphase synth --from cil` and composites.py make them."""
    found = Contacts()
    for number in range(count):
        _, truth, _ = compose_numbered(index, names, 1, number, size=700, **how)
        found.add(_placed(truth), 15.0)
    return found


def _placed(truth: Instances) -> list[MaskAt]:
    return [(crop, int(x), int(y)) for crop, (x, y) in zip(truth.crops or (), truth.offsets_xy, strict=True)]


def training(cells: list[cache.Material], count: int, config: SegmentTraining) -> Contacts:
    """Composites as training draws them."""
    found, rng = Contacts(), np.random.default_rng(1)
    for _ in range(count):
        chosen = [cells[int(i)] for i in rng.choice(len(cells), 6)]
        found.add(composite(chosen, rng, config).masks, WIDTH)
    return found


def whole(cells: list[cache.Material], count: int, size: int, **how: float) -> Contacts:
    """46 cut-outs on the segmenter's grid with given shares: what the grid of `--grid` compares."""
    found, rng = Contacts(), np.random.default_rng(1)
    for _ in range(count):
        cutouts: list[CutOut] = []
        while len(cutouts) < 46:
            cell = cells[int(rng.integers(len(cells)))]
            mask, x, y = cell.masks[int(rng.integers(len(cell.masks)))]
            cutouts.append(cut_out(cell.spread, mask, x, y, 1, clear=CLEAR))
        found.add(compose(cutouts, rng, size, **how).masks, WIDTH)
    return found


def row(name: str, found: Contacts) -> str:
    """One line of the table."""
    chromosomes = max(1, found.chromosomes)
    shares = [found.apart, found.touching, found.overlapping_one, found.piled]
    pairs = len(found.pixels)
    cut = np.bincount(found.cuts, minlength=3) / max(1, pairs)
    clusters = np.array(found.clusters)
    spans = [(1, 1), (2, 2), (3, 4), (5, 99)]
    return " | ".join(
        [
            f"| {name}",
            f"{found.cells}",
            f"{chromosomes / max(1, found.cells):.1f}",
            *(f"{share / chromosomes:.1%}" for share in shares),
            f"{pairs / max(1, found.cells):.2f}",
            _quantiles(found.pixels),
            _quantiles(found.angles),
            " / ".join(f"{share:.0%}" for share in cut[::-1]),
            " / ".join(f"{((clusters >= a) & (clusters <= b)).mean():.0%}" for a, b in spans) + " |",
        ]
    )


def _quantiles(values: Sequence[float]) -> str:
    return " / ".join(f"{v:.0f}" for v in np.quantile(values, [0.1, 0.5, 0.9])) if values else "–"


HEAD = (
    "| | cells | chromosomes a cell | apart | touching | overlapping one | in piles | overlapping pairs a cell | "
    "shared pixels 10/50/90 % | angle 10/50/90 % | cuts both / one / none | in foregrounds of 1 / 2 / 3–4 / 5+ |\n"
    "|---|" + "---:|" * 11
)


def rows(options: argparse.Namespace) -> Iterator[tuple[str, Callable[[], Contacts]]]:
    """Name and measurement of each line."""
    root = Path(options.root)
    index = cil.find(root)
    splits = cil.splits(index)
    folder = Path(options.material)
    yield "CIL train, real cells", lambda: real_cells(folder, options.limit)
    yield "`gband_masks`, drawn by hand", lambda: drawn_by_hand(root)
    cells = [cell for cell in (cache.load(folder, name) for name in some(folder, 60)) if cell.masks]
    default = SegmentTraining()
    shares = f"piling {default.piling}, linked {default.linked}, as in cells {default.as_in_cells}"
    name = f"training composites ({shares})"
    yield name, lambda: training(cells, options.count, default)
    before = SegmentTraining(piling=1.0, linked=0.0, as_in_cells=0.0)
    yield "training composites, piling 1, linked 0", lambda: training(cells, options.count, before)
    yield "`synth --from cil`", lambda: numbered(index, splits["train"], options.count // 2, as_in_cells=True)
    yield "frozen composites (crossing .25)", lambda: numbered(index, splits["test"], options.count // 2, crossing=0.25)
    like_cells = {**AS_IN_CELLS, "as_in_cells": True}
    yield "frozen composites, as in cells", lambda: numbered(index, splits["test"], options.count // 2, **like_cells)
    for text in options.grid:
        how = dict(zip(("crossing", "touching", "piling", "linked"), map(float, text.split(":")), strict=False))
        name = f"compose: {', '.join(f'{key} {value:g}' for key, value in how.items())}, {options.size} px"
        yield name, lambda how=how: whole(cells, options.count // 2, options.size, **how)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--root", type=Path, default=os.environ.get("METAPHASE_DATA"))
    parser.add_argument("--material", type=Path, default=Path("runs/cells/refreshed"), help="of cil, with masks")
    parser.add_argument("--limit", type=int, default=400, help="real cells")
    parser.add_argument("--count", type=int, default=120, help="training composites; of whole cells half as many")
    parser.add_argument("--grid", nargs="*", default=[], help="crossing:touching:piling:linked of further composites")
    parser.add_argument("--size", type=int, default=560, help="rows and columns of those, 12 px to a width")
    parser.add_argument("--only", default="", help="only lines whose name holds this")
    options = parser.parse_args()
    if options.root is None:
        parser.error("name the folder of the data sets with --root or METAPHASE_DATA")
    print(f"{date()}; {machine()}\n\n    {' '.join(['python', *sys.argv])}\n\n{HEAD}")
    for name, measure in rows(options):
        if options.only in name:
            found = measure()
            print(row(name, found), flush=True)
            if found.without_mask:
                every = found.without_mask + found.chromosomes
                print(f"{found.without_mask} of {every} annotated chromosomes have no mask", file=sys.stderr)


if __name__ == "__main__":
    main()
