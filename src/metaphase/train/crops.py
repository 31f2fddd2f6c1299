"""Training crops of the segmenter: image, positive cells, mask windows, ignored cells."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from metaphase.config import SegmentTraining
from metaphase.datasets.composites import Composite, CutOut, compose, cut_out
from metaphase.datasets.procedural_chromosome import draw_chromosome
from metaphase.segment.candidates import CELL, WINDOW
from metaphase.segment.scale import CLEAR, WIDTH
from metaphase.train.cache import Material

__all__ = ["Crop", "composite", "composite_crop", "real_crop"]

MaskAt = tuple[NDArray[np.bool_], int, int]


@dataclass(frozen=True, eq=False)
class Crop:
    """One training image and its targets.

    darkness: Float32[S, S]. owner: Int16[S/8, S/8], instance of a positive cell, -1 background, -2 ignored.
    cells: Int64[P, 2] (row, column) of the cells whose masks are learnt; windows: UInt8[P, 72, 72] their targets, 0..4;
    instance: Int64[P]; boxes: Float32[M, 4] annotation boxes by instance, NaN where there is none; labels: Int64[M],
    1..24, 0 where the class is not known.
    """

    darkness: NDArray[np.float32]
    owner: NDArray[np.int16]
    cells: NDArray[np.int64]
    windows: NDArray[np.uint8]
    instance: NDArray[np.int64]
    boxes: NDArray[np.float32]
    labels: NDArray[np.int64]


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
    """A crop of a real spread: its isolated chromosomes with exact masks, the clustered ones ignored."""
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
    for k in set(range(len(boxes))) - set(cell.owner.tolist()):
        x0, y0, x1, y1 = np.clip(boxes[k], 0, size).astype(int)
        unknown[y0:y1, x0:x1] = True
    own = boxes[cell.owner[chosen]].reshape(-1, 4)
    darkness = _darkness(image, cell.dark, rng)
    if rng.random() < config.turned_share:
        turns, mirrored = int(rng.integers(4)), bool(rng.random() < 0.5)
        darkness, unknown = _dihedral(darkness, turns, mirrored), _dihedral(unknown, turns, mirrored)
        masks = [_dihedral_mask(mask, size, turns, mirrored) for mask in masks]
        own = np.full_like(own, np.nan)
    return _targets(np.ascontiguousarray(darkness), masks, own, unknown, rng, cell.labels[chosen], config.learnt_cells)


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


def _darkness(image: NDArray[np.float32], dark: float, rng: np.random.Generator) -> NDArray[np.float32]:
    """Normalised darkness, the mean chromosome `dark` as uncertain as in prediction, contrast varied."""
    if rng.random() < 0.4:
        image = np.clip(image, 0, None) ** float(rng.uniform(0.7, 1.4))
    darkness = (1 - image) / max(0.05, 1 - dark) * float(rng.uniform(0.8, 1.25))
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
