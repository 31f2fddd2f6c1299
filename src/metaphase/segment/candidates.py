"""From the network's maps to mask windows: candidates, their masks, suppression by mask overlap. NumPy only."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import sparse

__all__ = [
    "CELL",
    "WINDOW",
    "Candidates",
    "find_candidates",
    "kernel_parts",
    "mask_probabilities",
    "pool",
    "shared_pixels",
    "suppress",
]

CELL = 8
"""Stride of the candidate grid, pixels."""
WINDOW = 72
"""Rows and columns of a mask window at stride 2."""

Float32 = NDArray[np.float32]


def kernel_parts(channels: int) -> tuple[int, ...]:
    """Numbers of weights and biases of three 1x1 convolutions that make one mask of `channels` features and two
    coordinates: channels + 2 -> 8 -> 8 -> 1.
    """
    return (8 * (channels + 2), 8, 64, 8, 8, 1)


@dataclass(frozen=True, eq=False)
class Candidates:
    """N possible chromosomes on the segmenter's grid.

    cells: Int64[N, 2], row and column at stride 8. scores: Float32[N] in [0, 1].
    boxes: Float32[N, 4], annotation boxes in grid pixels. kernels: Float32[N, K], what makes the masks.
    probabilities: Float32[N, 72, 72], mask windows at stride 2. class_logits: Float32[N, 24], what the network thinks
    of the class.
    """

    cells: NDArray[np.int64]
    scores: Float32
    boxes: Float32
    kernels: Float32
    probabilities: Float32
    class_logits: Float32

    def take(self, index: NDArray[np.generic]) -> Candidates:
        """The candidates at `index`."""
        return Candidates(
            self.cells[index],
            self.scores[index],
            self.boxes[index],
            self.kernels[index],
            self.probabilities[index],
            self.class_logits[index],
        )


def find_candidates(
    objectness: Float32,
    box: Float32,
    kernel: Float32,
    features: Float32,
    classes: Float32,
    *,
    threshold: float,
    most: int,
    unit: float,
) -> Candidates:
    """Cells whose objectness passes `threshold`, at `most` that many, best first, with their masks.

    objectness: [h, w] logits; box: [4, h, w] in units of `unit` pixels; kernel: [K, h, w]; features: [C, 4h, 4w];
    K = sum(kernel_parts(C));
    classes: [24, h, w] logits.
    A candidate's score is the objectness times the mean probability inside its mask.
    """
    probability = 1 / (1 + np.exp(-objectness))
    cells = np.argwhere(probability > threshold)
    order = np.argsort(-probability[cells[:, 0], cells[:, 1]], kind="stable")[:most]
    cells = cells[order]
    rows, columns = cells[:, 0], cells[:, 1]
    kernels = np.ascontiguousarray(kernel[:, rows, columns].T)
    windows = mask_probabilities(kernels, features, cells)
    inside = windows > 0.5
    filled = (windows * inside).sum((1, 2)) / np.maximum(inside.sum((1, 2)), 1)
    sides = box[:, rows, columns].T * unit
    centre = (cells[:, ::-1] + 0.5) * CELL
    boxes = np.concatenate([centre - sides[:, :2], centre + sides[:, 2:]], 1).astype(np.float32)
    scores = (probability[rows, columns] * filled).astype(np.float32)
    return Candidates(cells, scores, boxes, kernels, windows, np.ascontiguousarray(classes[:, rows, columns].T))


def mask_probabilities(kernels_nk: Float32, features: Float32, cells: NDArray[np.int64], size: int = WINDOW) -> Float32:
    """Float32[N, size, size]: what `network.mask_logits` computes, after the sigmoid, for windows around `cells`.

    size: rows and columns, even.
    """
    half = size // 2
    padded = np.pad(features, ((0, 0), (half, half), (half, half)))
    span = (np.arange(size, dtype=np.float32) - size / 2 + 0.5) * np.float32(2 / 32)
    grid = np.stack([np.tile(span, size), np.repeat(span, size)])
    out = np.empty((len(cells), size, size), np.float32)
    channels = len(features)
    splits = np.cumsum(kernel_parts(channels))[:-1]
    for i, (row, column) in enumerate(cells * CELL // 2 + CELL // 4):
        w1, b1, w2, b2, w3, b3 = np.split(kernels_nk[i], splits)
        w1 = w1.reshape(8, -1)
        x = w1[:, :channels] @ padded[:, row : row + size, column : column + size].reshape(channels, -1)
        x += w1[:, channels:] @ grid
        x += b1[:, None]
        np.maximum(x, 0, out=x)
        x = w2.reshape(8, 8) @ x
        x += b2[:, None]
        np.maximum(x, 0, out=x)
        logits = np.clip(w3 @ x + b3, -30, 30)
        out[i] = (1 / (1 + np.exp(-logits))).reshape(size, size)
    return out


def shared_pixels(candidates: Candidates, shape: tuple[int, int]) -> Float32:
    """Float32[N, N]: pixels that two masks share on the stride 2 grid of `shape`; the diagonal holds areas."""
    n = len(candidates.scores)
    index, rows, columns = np.nonzero(candidates.probabilities > 0.5)
    top = candidates.cells * CELL // 2 + CELL // 4 - WINDOW // 2
    rows, columns = rows + top[index, 0], columns + top[index, 1]
    kept = (rows >= 0) & (rows < shape[0]) & (columns >= 0) & (columns < shape[1])
    index, pixel = index[kept], rows[kept] * shape[1] + columns[kept]
    ones = np.ones(len(index), np.float32)
    table = sparse.csr_matrix((ones, (index, pixel)), shape=(n, shape[0] * shape[1]))
    return (table @ table.T).toarray()


def suppress(candidates: Candidates, shared: Float32, *, iou: float, contained: float) -> NDArray[np.int64]:
    """Indices of the candidates that stay, best first: greedy, on overlap of the masks themselves.

    shared: of `shared_pixels`. A candidate goes when its mask and a better one share more than `iou` of their union, or
    more than `contained` of the smaller mask. Boxes play no part: two chromosomes that cross in their middle share
    centre and box.
    """
    area = shared.diagonal()
    smaller = np.minimum(area[:, None], area[None, :])
    too_close = shared > iou * np.maximum(area[:, None] + area[None, :] - shared, 1)
    too_close |= shared > contained * np.maximum(smaller, 1)
    alive = area > 0
    chosen = []
    for i in np.argsort(-candidates.scores, kind="stable"):
        if alive[i]:
            chosen.append(int(i))
            alive &= ~too_close[i]
    return np.array(chosen, np.int64)


def pool(candidates: Candidates, kept: NDArray[np.int64], shared: Float32, *, alike: float) -> Candidates:
    """The candidates at `kept`, box and class averaged with those cells that answered with the same mask.

    shared: of `shared_pixels`. alike: masks that share more than this part of their union are the same.
    """
    area = shared.diagonal()
    iou = shared / np.maximum(area[:, None] + area[None, :] - shared, 1)
    weight = np.where(iou[kept] > alike, candidates.scores[None, :], 0)
    weight[np.arange(len(kept)), kept] = np.maximum(candidates.scores[kept], 1e-6)
    weight /= weight.sum(1, keepdims=True)
    own = candidates.take(kept)
    return replace(own, boxes=weight @ candidates.boxes, class_logits=weight @ candidates.class_logits)
