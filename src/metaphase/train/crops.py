"""Training crops of the segmenter: image, positive cells, mask windows, ignored cells."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import cv2
import numpy as np
from numpy.typing import NDArray

from metaphase.config import SegmentTraining
from metaphase.datasets.composites import Composite, CutOut, compose, cut_out
from metaphase.datasets.procedural_chromosome import draw_chromosome
from metaphase.segment.candidates import CELL, WINDOW
from metaphase.segment.scale import CLEAR, WIDTH
from metaphase.train.cache import SMALLEST, Material

__all__ = ["UNKNOWN", "Boxed", "Crop", "composite", "composite_crop", "real_crop"]

MaskAt = tuple[NDArray[np.bool_], int, int]

UNKNOWN = 2
"""Of a pixel that may belong to a chromosome that has a box only."""

_SLACK = 1.5
"""Pixels by which a side of an annotated box may stray from what is usual in its cell (standard deviation 1.1)."""

_CLEAR, _DARK = 0.15, 0.5
"""Darkness, of a mean chromosome 1, below which a pixel is background, and from which on it is a chromosome's."""


def _no_boxes() -> NDArray[np.float32]:
    return np.zeros((0, 4), np.float32)


@dataclass(frozen=True, eq=False)
class Boxed:
    """What is known of chromosomes of a crop that have an annotated box and no mask, L of them.

    boxes, tight: Float32[L, 4], the annotated boxes, and where the masks should end in them. maps: UInt8[L, S/2, S/2],
    1 where a pixel must be theirs, 0 where it cannot, `UNKNOWN` elsewhere. all_boxes: Float32[K, 4], annotated boxes of
    all chromosomes of the crop; left empty where L is 0.
    """

    boxes: NDArray[np.float32] = field(default_factory=_no_boxes)
    tight: NDArray[np.float32] = field(default_factory=_no_boxes)
    maps: NDArray[np.uint8] = field(default_factory=lambda: np.zeros((0, 0, 0), np.uint8))
    all_boxes: NDArray[np.float32] = field(default_factory=_no_boxes)


@dataclass(frozen=True, eq=False)
class Crop:
    """One training image and its targets.

    darkness: Float32[S, S]. owner: Int16[S/8, S/8], instance of a positive cell, -1 background, -2 ignored.
    cells: Int64[P, 2] (row, column) of the cells whose masks are learnt; windows: UInt8[P, 72, 72] their targets, 0..4;
    instance: Int64[P]; boxes: Float32[M, 4] annotation boxes by instance, NaN where there is none; labels: Int64[M],
    1..24, 0 where the class is not known; boxed: the chromosomes that have a box only.
    """

    darkness: NDArray[np.float32]
    owner: NDArray[np.int16]
    cells: NDArray[np.int64]
    windows: NDArray[np.uint8]
    instance: NDArray[np.int64]
    boxes: NDArray[np.float32]
    labels: NDArray[np.int64]
    boxed: Boxed = field(default_factory=Boxed)


def composite(cells: list[Material], rng: np.random.Generator, config: SegmentTraining) -> Composite:
    """An image composed of cut-outs of a few cells, some of the chromosomes drawn."""
    cutouts: list[CutOut] = []
    wanted = int(rng.integers(12, 50))
    for _ in range(wanted):
        if rng.random() < config.drawn_share:
            cutouts.append(_drawn(rng))
            continue
        cell = cells[int(rng.integers(len(cells)))]
        if not cell.masks:
            continue
        # The larger of two: long chromosomes are what crossings cut into pieces.
        k = max(rng.integers(len(cell.masks), size=2).tolist(), key=lambda i: cell.masks[i][0].size)
        mask, x, y = cell.masks[k]
        cutouts.append(cut_out(cell.spread, mask, x, y, int(cell.labels[k]), clear=CLEAR))
    crossing, touching = float(rng.uniform(0.05, 0.4)), float(rng.uniform(0.1, 0.5))
    return compose(
        cutouts,
        rng,
        config.crop,
        crossing=crossing,
        touching=touching,
        piling=config.piling,
        linked=config.linked,
        as_in_cells=bool(rng.random() < config.as_in_cells),
    )


def composite_crop(cells: list[Material], rng: np.random.Generator, config: SegmentTraining) -> Crop:
    """A training crop made of a `composite`."""
    composed = composite(cells, rng, config)
    known = np.zeros(composed.transmittance.shape, bool)
    for mask, x, y in composed.masks:
        known[y : y + mask.shape[0], x : x + mask.shape[1]] |= mask
    dark = float(composed.transmittance[known].mean()) if known.any() else 0.5
    darkness = _darkness(composed.transmittance, dark, rng)
    boxes = np.full((len(composed.masks), 4), np.nan, np.float32)
    nothing = np.zeros(known.shape, bool)
    return _targets(darkness, composed.masks, boxes, nothing, rng, composed.labels, config.learnt_cells)


def real_crop(cell: Material, rng: np.random.Generator, config: SegmentTraining) -> Crop:
    """A crop of a real spread: chromosomes with masks, and what the boxes tell of those without."""
    size, scale = config.crop, float(np.exp(rng.uniform(-0.18, 0.18)))
    corner = _corner(cell, rng, size, scale, config.dense_share)
    matrix = np.array([[1 / scale, 0, corner[0] / scale], [0, 1 / scale, corner[1] / scale]])
    how = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    image = cv2.warpAffine(cell.spread, matrix, (size, size), flags=how, borderValue=CLEAR).astype(np.float32) / CLEAR
    masks: list[MaskAt] = []
    chosen = []
    for k, (mask, x, y) in enumerate(cell.masks):
        placed = _place(mask, x, y, scale, corner, size)
        if placed is not None:
            masks.append(placed)
            chosen.append(k)
    boxes = cell.boxes * scale - np.tile(corner, 2).astype(np.float32)
    unknown = np.zeros((size, size), bool)
    without = sorted(set(range(len(boxes))) - set(cell.owner.tolist()))
    for k in without:
        x0, y0, x1, y1 = np.clip(boxes[k], 0, size).astype(int)
        unknown[y0:y1, x0:x1] = True
    own = boxes[cell.owner[chosen]].reshape(-1, 4)
    boxed = _boxed(_of_mean(image, cell.dark), masks, boxes, without, _margins(cell) * scale)
    darkness = _darkness(image, cell.dark, rng)
    if rng.random() < config.turned_share:
        turns, mirrored = int(rng.integers(4)), bool(rng.random() < 0.5)
        darkness, unknown = _dihedral(darkness, turns, mirrored), _dihedral(unknown, turns, mirrored)
        masks = [_dihedral_mask(mask, size, turns, mirrored) for mask in masks]
        own = np.full_like(own, np.nan)
        boxed = _dihedral_boxed(boxed, size, turns, mirrored)
    dark = np.ascontiguousarray(darkness)
    crop = _targets(dark, masks, own, unknown, rng, cell.labels[chosen], config.learnt_cells)
    return replace(crop, boxed=boxed)


def _margins(cell: Material) -> NDArray[np.float32]:
    """Float32[4]: right to the mask, how far the annotated boxes of this cell reach beyond the masks, as xyxy."""
    beyond = []
    for (mask, x, y), owner in zip(cell.masks, cell.owner, strict=True):
        rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
        if len(rows):
            tight = np.array([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1]) + np.array([x, y, x, y])
            beyond.append(cell.boxes[owner] - tight)
    return np.median(beyond, axis=0).astype(np.float32) if beyond else np.zeros(4, np.float32)


def _boxed(
    darkness: NDArray[np.float32],
    masks: list[MaskAt],
    boxes: NDArray[np.float32],
    without: list[int],
    margins: NDArray[np.float32],
) -> Boxed:
    """What the boxes tell of the chromosomes `without` masks that lie in the crop whole.

    darkness: Float32[S, S], S even, 1 for a mean chromosome. boxes: Float32[B, 4], of all of the spread. margins: see
    `_margins`. Dark pixels that only one chromosome can explain are its own; pale ones and those outside of its box are
    not; those of the masks and of several boxes are not known.
    """
    half = len(darkness) // 2
    tight = (boxes - margins).astype(np.float32)
    # Smaller ones hold no chromosome; sets with masks have such specks.
    large = (tight[:, 2:] - tight[:, :2]).clip(min=0).prod(1) >= SMALLEST * WIDTH**2
    without = [k for k in without if large[k]]
    whole = [k for k in without if (tight[k] >= 0).all() and (tight[k] <= 2 * half).all()]
    if not whole:
        return Boxed()
    taken = np.zeros((2 * half, 2 * half), np.uint8)
    for mask, x, y in masks:
        taken[y : y + mask.shape[0], x : x + mask.shape[1]] |= mask
    dark, free = _halved(darkness), _halved(taken) < 0.5
    inside = np.zeros((len(without), half, half), bool)
    for i, k in enumerate(without):
        # Pixel n of the half grid has its centre at 2 n + 1.
        first, last = tight[k, :2] - _SLACK, tight[k, 2:] + _SLACK
        (x0, y0), (x1, y1) = np.ceil((first - 1) / 2).astype(int), np.floor((last - 1) / 2).astype(int) + 1
        inside[i, max(0, y0) : max(0, y1), max(0, x0) : max(0, x1)] = True
    alone = (inside.sum(0) == 1) & free & (dark >= _DARK)
    ours = np.where(alone, np.uint8(1), np.uint8(UNKNOWN)) * (dark >= _CLEAR)
    maps = [ours * inside[i] for i, k in enumerate(without) if k in whole]
    within = (boxes[:, 2:] > 0).all(1) & (boxes[:, :2] < 2 * half).all(1)
    return Boxed(boxes[whole].astype(np.float32), tight[whole], np.stack(maps), boxes[within].astype(np.float32))


def _halved(image: NDArray[np.generic]) -> NDArray[np.float64]:
    """Means of two by two pixels."""
    rows, columns = image.shape
    return np.asarray(image.reshape(rows // 2, 2, columns // 2, 2).mean((1, 3)))


def _dihedral_boxed(boxed: Boxed, size: int, turns: int, mirrored: bool) -> Boxed:
    maps = [np.ascontiguousarray(_dihedral(one, turns, mirrored)) for one in boxed.maps]

    def turned(boxes: NDArray[np.float32]) -> NDArray[np.float32]:
        x0, y0, x1, y1 = boxes.T
        for _ in range(turns):
            x0, y0, x1, y1 = y0, size - x1, y1, size - x0
        if mirrored:
            x0, x1 = size - x1, size - x0
        return np.stack([x0, y0, x1, y1], 1)

    stacked = np.stack(maps) if maps else boxed.maps
    return Boxed(turned(boxed.boxes), turned(boxed.tight), stacked, turned(boxed.all_boxes))


def _corner(
    cell: Material, rng: np.random.Generator, size: int, scale: float, dense_share: float
) -> NDArray[np.float64]:
    """Column and row of the crop's corner on the scaled spread; in `dense_share` of crops the fullest of three."""
    h, w = cell.spread.shape
    spans = [(min(0, n * scale - size), max(0, n * scale - size)) for n in (w, h)]
    corners = [np.array([rng.uniform(*span) for span in spans]) for _ in range(3)]
    if rng.random() >= dense_share:
        return corners[0]
    middles = (cell.boxes[:, :2] + cell.boxes[:, 2:]) / 2 * scale
    return max(corners, key=lambda corner: int(((middles > corner) & (middles < corner + size)).all(1).sum()))


def _drawn(rng: np.random.Generator) -> CutOut:
    """A procedural chromosome at the segmenter's scale."""
    label = int(rng.integers(1, 25))
    drawn = draw_chromosome(
        label,
        rng,
        level=int(rng.choice([400, 550])),
        width_px=WIDTH * rng.uniform(0.9, 1.1),
        chromosome1_widths=rng.uniform(6.5, 9.0),
    )
    return CutOut(drawn.transmittance, drawn.inside, label)


def _of_mean(image: NDArray[np.float32], dark: float) -> NDArray[np.float32]:
    """Darkness of a transmittance, 1 at that of the mean chromosome."""
    return (1 - image) / np.float32(max(0.05, 1 - dark))


def _darkness(image: NDArray[np.float32], dark: float, rng: np.random.Generator) -> NDArray[np.float32]:
    """Normalised darkness, the mean chromosome `dark` as uncertain as in prediction, contrast varied."""
    if rng.random() < 0.4:
        image = np.clip(image, 0, None) ** float(rng.uniform(0.7, 1.4))
    darkness = _of_mean(image, dark) * float(rng.uniform(0.8, 1.25))
    return darkness.astype(np.float32)


def _place(
    mask: NDArray[np.bool_], x: int, y: int, scale: float, corner: NDArray[np.float64], size: int
) -> MaskAt | None:
    """A mask on the crop's grid, cut to it; None where nothing of it lies inside."""
    x0, y0 = int(np.floor(x * scale - corner[0])), int(np.floor(y * scale - corner[1]))
    w, h = int(np.ceil(mask.shape[1] * scale)) + 2, int(np.ceil(mask.shape[0] * scale)) + 2
    matrix = np.array([[1 / scale, 0, (x0 + corner[0]) / scale - x], [0, 1 / scale, (y0 + corner[1]) / scale - y]])
    how = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    warped = cv2.warpAffine(mask.astype(np.float32), matrix, (w, h), flags=how) >= 0.5
    cx0, cy0, cx1, cy1 = max(0, x0), max(0, y0), min(size, x0 + w), min(size, y0 + h)
    if cx1 <= cx0 or cy1 <= cy0:
        return None
    inner = warped[cy0 - y0 : cy1 - y0, cx0 - x0 : cx1 - x0]
    return (inner, cx0, cy0) if inner.any() else None


def _dihedral(array: NDArray[np.generic], turns: int, mirrored: bool) -> NDArray[np.generic]:
    turned = np.rot90(array, turns)
    return turned[:, ::-1] if mirrored else turned


def _dihedral_mask(mask: MaskAt, size: int, turns: int, mirrored: bool) -> MaskAt:
    crop, x, y = mask
    full = np.zeros((size, size), bool)
    full[y : y + crop.shape[0], x : x + crop.shape[1]] = crop
    full = _dihedral(full, turns, mirrored)
    rows, columns = np.flatnonzero(full.any(1)), np.flatnonzero(full.any(0))
    part = full[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    return np.ascontiguousarray(part), int(columns[0]), int(rows[0])


def _targets(
    darkness: NDArray[np.float32],
    masks: list[MaskAt],
    boxes: NDArray[np.float32],
    unknown: NDArray[np.bool_],
    rng: np.random.Generator,
    labels: NDArray[np.int64] | None = None,
    learnt_per_instance: int = 1,
    cells_per_instance: int = 5,
) -> Crop:
    """Positive cells: those whose centres lie on the mask nearest to its middle, outside of overlaps first."""
    size = darkness.shape[0]
    grid = size // CELL
    count = np.zeros((size, size), np.uint8)
    for mask, x, y in masks:
        count[y : y + mask.shape[0], x : x + mask.shape[1]] += mask
    owner = np.where(unknown[CELL // 2 :: CELL, CELL // 2 :: CELL], -2, -1).astype(np.int16)
    best = np.full((grid, grid), np.inf)
    for i, (mask, x, y) in enumerate(masks):
        if np.count_nonzero(mask) < 40:
            continue
        rows, columns = np.nonzero(mask)
        rows, columns = rows + y, columns + x
        middle = np.array([rows.mean(), columns.mean()])
        distance = np.hypot(rows - middle[0], columns - middle[1]) + 14.0 * (count[rows, columns] > 1)
        on_grid = (rows % CELL == CELL // 2) & (columns % CELL == CELL // 2)
        # Cells near the middle may answer or not; those on the arms must be silent, or they answer with fragments.
        near = on_grid & (distance <= distance.min() + 1.7 * WIDTH)
        around = (rows[near] // CELL, columns[near] // CELL)
        owner[around] = np.where(owner[around] == -1, -2, owner[around])
        if not on_grid.any():
            nearest = int(distance.argmin())
            candidates = [(float(distance[nearest]), int(rows[nearest]) // CELL, int(columns[nearest]) // CELL)]
        else:
            order = np.argsort(distance[on_grid])[:cells_per_instance]
            r, c, d = rows[on_grid][order] // CELL, columns[on_grid][order] // CELL, distance[on_grid][order]
            reach = d[0] + 16
            candidates = [(float(a), int(b), int(e)) for a, b, e in zip(d, r, c, strict=True) if a <= reach]
        for d, r, c in candidates:
            if r < grid and c < grid and d < best[r, c]:
                best[r, c] = d
                owner[r, c] = i
    known = np.zeros(len(masks), np.int64) if labels is None else labels
    return _windows(darkness, masks, boxes, known, owner, rng, learnt_per_instance)


def _windows(
    darkness: NDArray[np.float32],
    masks: list[MaskAt],
    boxes: NDArray[np.float32],
    labels: NDArray[np.int64],
    owner: NDArray[np.int16],
    rng: np.random.Generator,
    learnt_per_instance: int,
) -> Crop:
    """Pick cells whose masks are learnt, and cut their target windows."""
    size = darkness.shape[0]
    cells, windows, instance = [], [], []
    for i, (mask, x, y) in enumerate(masks):
        own = np.argwhere(owner == i)
        if not len(own):
            continue
        half = np.zeros((size // 2 + WINDOW, size // 2 + WINDOW), np.uint8)
        even = np.pad(mask.astype(np.uint8), ((y % 2, (y + mask.shape[0]) % 2), (x % 2, (x + mask.shape[1]) % 2)))
        quarter = even[::2, ::2] + even[1::2, ::2] + even[::2, 1::2] + even[1::2, 1::2]
        row, column = y // 2 + WINDOW // 2, x // 2 + WINDOW // 2
        half[row : row + quarter.shape[0], column : column + quarter.shape[1]] = quarter
        for r, c in own[rng.permutation(len(own))[:learnt_per_instance]]:
            top, left = r * CELL // 2 + CELL // 4, c * CELL // 2 + CELL // 4
            cells.append((r, c))
            windows.append(half[top : top + WINDOW, left : left + WINDOW])
            instance.append(i)
    return Crop(
        darkness=darkness,
        owner=owner,
        cells=np.array(cells, np.int64).reshape(-1, 2),
        windows=np.array(windows, np.uint8).reshape(-1, WINDOW, WINDOW),
        instance=np.array(instance, np.int64),
        boxes=boxes.astype(np.float32).reshape(-1, 4),
        labels=np.asarray(labels, np.int64).reshape(-1),
    )
