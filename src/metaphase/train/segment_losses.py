"""What the segmenter learns: the losses of its maps on crops."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from metaphase.segment.candidates import CELL, WINDOW
from metaphase.segment.network import mask_logits
from metaphase.segment.scale import WIDTH
from metaphase.train.crops import UNKNOWN, Crop

__all__ = ["losses"]

_FITS = 0.5
"""IoU of boxes from which on a cell may answer for a chromosome: what counts as found."""

_MEANT = 0.3
"""IoU of boxes below which no cell means the chromosome, or the box is a slip of the annotator."""

_ENOUGH = 8
"""Pixels that must be a chromosome's before its mask can be judged by them."""

_EDGE = 2.0
"""Pixels around a side of a box where the end of a mask is not known."""


def losses(network: nn.Module, batch: object) -> dict[str, Tensor]:
    """Quality focal loss for objectness (Li et al. 2020), dice and cross entropy for masks, IoU for boxes."""
    crops: list[Crop] = batch  # type: ignore[assignment]
    device = next(network.parameters()).device
    darkness = torch.from_numpy(np.stack([c.darkness for c in crops])).to(device)
    image = darkness.unsqueeze(1).contiguous(memory_format=torch.channels_last)
    objectness, box, kernel, features, classes = network(image)
    which = torch.from_numpy(np.concatenate([np.full(len(c.cells), i) for i, c in enumerate(crops)])).to(device)
    cells = torch.from_numpy(np.concatenate([c.cells for c in crops])).to(device)
    windows = torch.from_numpy(np.concatenate([c.windows for c in crops])).to(device).float().flatten(1) / 4
    boxed = _matched_cells(box.detach(), crops)
    logits = _mask_logits(kernel, features, torch.cat([which, boxed.which]), torch.cat([cells, boxed.cells]))
    dice, entropy, quality = _mask_losses(logits[: len(cells)], windows)
    projected, partial, likeness = _boxed_losses(logits[len(cells) :], boxed)
    dice, entropy = _mean(torch.cat([dice, projected]), kernel), _mean(torch.cat([entropy, partial]), kernel)
    score_loss = _objectness_loss(objectness, crops, quality, which, cells, boxed, likeness)
    box_loss = _box_loss(box, crops, which, cells)
    class_loss = _class_loss(classes, crops, which, cells)
    return {
        "loss": 2 * dice + entropy + score_loss + box_loss + 0.3 * class_loss,
        "dice": dice.detach(),
        "entropy": entropy.detach(),
        "objectness": score_loss.detach(),
        "box": box_loss.detach(),
        "class": class_loss.detach(),
        "mask_iou": quality.mean() if len(quality) else dice.detach() * 0,
    }


def _mask_logits(kernel: Tensor, features: Tensor, which: Tensor, cells: Tensor) -> Tensor:
    """Float32[P, 72 * 72]: logits of the masks that the `cells` of the images `which` answer with."""
    kernels = kernel[which, :, cells[:, 0], cells[:, 1]]
    half = WINDOW // 2
    padded = functional.pad(features, (half, half, half, half))
    tops = _tops(cells)
    if not tops:
        return kernels.new_zeros(0, WINDOW * WINDOW)
    taken: Tensor = _CutWindows.apply(padded, which.tolist(), tops)  # type: ignore[no-untyped-call]
    relative = _relative_grid(features.device)
    return mask_logits(kernels, taken, relative.expand(len(cells), 2, -1))


def _tops(cells: Tensor) -> list[list[int]]:
    """First row and column of each cell's window on the padded grid of stride 2."""
    return (cells * CELL // 2 + CELL // 4).tolist()  # type: ignore[no-any-return]


def _mean(values: Tensor, anything: Tensor) -> Tensor:
    """The mean, and 0 of nothing, with a gradient all the same."""
    return values.mean() if len(values) else anything.sum() * 0


def _mask_losses(logits: Tensor, windows: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Dice loss, cross entropy, and IoU (detached) of each mask, Float[P].

    logits, windows: Float[P, 72 * 72], what the cells answer and what they should.
    """
    probability = logits.sigmoid()
    inside = (probability * windows).sum(1)
    dice = 1 - (2 * inside + 1) / (probability.square().sum(1) + windows.square().sum(1) + 1)
    square = windows.reshape(-1, 1, WINDOW, WINDOW)
    near = functional.max_pool2d(functional.max_pool2d(square, (9, 1), 1, (4, 0)), (1, 9), 1, (0, 4)).flatten(1)
    weight = 0.1 + 0.9 * near
    entropy = functional.binary_cross_entropy_with_logits(logits, windows, reduction="none")
    entropy = (entropy * weight).sum(1) / weight.sum(1)
    with torch.no_grad():
        hard, truth = probability > 0.5, windows >= 0.5
        quality = (hard & truth).sum(1) / (hard | truth).sum(1).clamp(min=1)
    return dice, entropy, quality


@dataclass(frozen=True, eq=False)
class _Matched:
    """Cells that answer for chromosomes that have a box and no mask, L of them.

    which: Int64[L], image; cells: Int64[L, 2]; maps: UInt8[L, 72, 72], see `Boxed.maps`; spans: Float32[L, 2, 72, 2],
    for columns and rows of the window, whether they lie inside of the box, and whether that is known.
    silent: Bool[N, h, w], cells whose box fits no chromosome of their image: those of the images with such chromosomes.
    """

    which: Tensor
    cells: Tensor
    maps: Tensor
    spans: Tensor
    silent: Tensor


def _matched_cells(box_n4hw: Tensor, crops: list[Crop]) -> _Matched:
    """The cell whose annotation box, as the network sees it, fits best to that of each chromosome without a mask.

    Nobody knows which cell is nearest to the middle of a chromosome whose mask is not known; the network's own boxes
    tell it (Ge et al. 2021, YOLOX, assign all positives so).
    """
    device, (h, w) = box_n4hw.device, box_n4hw.shape[2:]
    silent = torch.zeros(len(crops), h, w, dtype=torch.bool, device=device)
    rows, columns = torch.meshgrid(torch.arange(h, device=device), torch.arange(w, device=device), indexing="ij")
    x, y = columns * CELL + CELL / 2, rows * CELL + CELL / 2
    which, cells, maps, spans = [], [], [], []
    for i, crop in enumerate(crops):
        if not len(crop.boxed.boxes):
            continue
        left, top, right, bottom = box_n4hw[i] * WIDTH
        mine = torch.stack([x - left, y - top, x + right, y + bottom], 2).reshape(-1, 4)
        everyone = torch.from_numpy(crop.boxed.all_boxes).to(device)
        silent[i] = _box_iou(mine, everyone).amax(1).reshape(h, w) < _FITS
        free = torch.from_numpy(crop.owner == -2).to(device)
        boxes, ends = (torch.from_numpy(b).to(device) for b in (crop.boxed.boxes, crop.boxed.tight))
        for one, end, known in zip(boxes, ends, crop.boxed.maps, strict=True):
            inside = free & (x > one[0]) & (x < one[2]) & (y > one[1]) & (y < one[3])
            fit = torch.where(inside.flatten(), _box_iou(mine, one[None])[:, 0], -1.0)
            if fit.max() < _MEANT:
                continue
            cell = torch.stack([rows.flatten()[fit.argmax()], columns.flatten()[fit.argmax()]])
            free[cell[0], cell[1]] = False
            which.append(i)
            cells.append(cell)
            (row, column), half = _tops(cell[None])[0], WINDOW // 2
            maps.append(np.pad(known, half)[row : row + WINDOW, column : column + WINDOW])
            spans.append(_spans(end, row - half, column - half))
    if not which:
        nothing = torch.zeros(0, dtype=torch.long, device=device)
        maps_of_none = torch.zeros(0, WINDOW, WINDOW, dtype=torch.uint8, device=device)
        return _Matched(nothing, nothing.reshape(0, 2), maps_of_none, box_n4hw.new_zeros(0, 2, WINDOW, 2), silent)
    return _Matched(
        torch.tensor(which, device=device),
        torch.stack(cells),
        torch.from_numpy(np.stack(maps)).to(device),
        torch.stack(spans),
        silent,
    )


def _spans(box: Tensor, row: int, column: int) -> Tensor:
    """See `_Matched.spans`; row, column: where the window begins at stride 2."""
    at = (torch.arange(WINDOW, device=box.device) + 0.5) * 2
    spans = []
    for start, low, high in ((column, box[0], box[2]), (row, box[1], box[3])):
        place = at + 2 * start
        depth = torch.minimum(place - low, high - place)
        spans.append(torch.stack([(depth > 0).float(), (depth.abs() >= _EDGE).float()], 1))
    return torch.stack(spans)


def _boxed_losses(logits: Tensor, boxed: _Matched) -> tuple[Tensor, Tensor, Tensor]:
    """Dice loss of the projections on both axes (Tian et al. 2021, BoxInst), cross entropy of the pixels that are
    known, and the IoU of mask and truth as far as it is known (detached), of each chromosome that has a box only.
    """
    if not len(logits):
        return logits.sum(1), logits.sum(1), logits.sum(1).detach()
    probability = logits.sigmoid()
    square = probability.reshape(-1, WINDOW, WINDOW)
    projected = torch.stack([square.amax(1), square.amax(2)], 1)
    truth, sure = boxed.spans.unbind(3)
    both = (projected * truth * sure).sum(2)
    dice = 1 - (2 * both + 1) / (((projected.square() + truth) * sure).sum(2) + 1)
    maps = boxed.maps.flatten(1)
    known, own = (maps != UNKNOWN).float(), (maps == 1).float()
    inside = (truth[:, 1, :, None] * truth[:, 0, None, :]).flatten(1)
    weight = (0.1 + 0.9 * inside) * known
    entropy = functional.binary_cross_entropy_with_logits(logits, own, reduction="none")
    entropy = (entropy * weight).sum(1) / weight.sum(1).clamp(min=1)
    with torch.no_grad():
        hard = (square > 0.5) & (boxed.maps != UNKNOWN)
        right = boxed.maps == 1
        likeness = (hard & right).flatten(1).sum(1) / (hard | right).flatten(1).sum(1).clamp(min=1)
        likeness = likeness * (1 - dice.mean(1))
    return dice.mean(1), entropy, likeness


def _box_iou(a_n4: Tensor, b_k4: Tensor) -> Tensor:
    """Float[N, K]: intersection over union of boxes."""
    a, b = a_n4[:, None], b_k4[None]
    shared = (torch.minimum(a[..., 2:], b[..., 2:]) - torch.maximum(a[..., :2], b[..., :2])).clamp(min=0).prod(2)
    union = (a[..., 2:] - a[..., :2]).clamp(min=0).prod(2) + (b[..., 2:] - b[..., :2]).prod(2) - shared
    return shared / union.clamp(min=1e-6)


class _CutWindows(torch.autograd.Function):
    """Windows of a feature map; PyTorch's own indexing takes most of a training step in its backward pass."""

    @staticmethod
    def forward(ctx: Any, padded: Tensor, which: list[int], tops: list[list[int]]) -> Tensor:  # noqa: ANN401
        ctx.where = (padded.shape, which, tops)
        cut = [padded[n, :, y : y + WINDOW, x : x + WINDOW] for n, (y, x) in zip(which, tops, strict=True)]
        return torch.stack(cut).flatten(2)

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None]:  # noqa: ANN401
        shape, which, tops = ctx.where
        total = gradient.new_zeros(shape)
        for part, n, (y, x) in zip(gradient.unflatten(2, (WINDOW, WINDOW)), which, tops, strict=True):
            total[n, :, y : y + WINDOW, x : x + WINDOW] += part
        return total, None, None


def _relative_grid(device: torch.device) -> Tensor:
    """Float[2, 72 * 72]: column and row relative to the window's centre in units of 32 image pixels."""
    span = (torch.arange(WINDOW, device=device, dtype=torch.float32) - WINDOW / 2 + 0.5) * (2 / 32)
    rows, columns = torch.meshgrid(span, span, indexing="ij")
    return torch.stack([columns.flatten(), rows.flatten()])


def _objectness_loss(
    objectness: Tensor,
    crops: list[Crop],
    quality: Tensor,
    which: Tensor,
    cells: Tensor,
    boxed: _Matched,
    likeness: Tensor,
) -> Tensor:
    """Positive cells learn the IoU of their instance's mask, background cells 0; the rest does not count.

    Where a chromosome has a box only, the cell that fits it best learns how like its mask is to what is known, if
    enough is, and all cells of its image that would not count and whose boxes fit no chromosome learn 0.
    """
    device = objectness.device
    owner = torch.from_numpy(np.stack([c.owner for c in crops])).to(device).long()
    target = torch.zeros_like(objectness)
    instance = torch.from_numpy(np.concatenate([c.instance for c in crops])).to(device)
    for i in range(len(crops)):
        mine = which == i
        table = torch.zeros(int(owner[i].max()) + 2, device=device)
        counts = torch.zeros_like(table)
        table.index_add_(0, instance[mine], quality[mine].float())
        counts.index_add_(0, instance[mine], torch.ones_like(quality[mine].float()))
        mean = table / counts.clamp(min=1)
        positive = owner[i] >= 0
        target[i][positive] = mean[owner[i][positive]]
    target[which, cells[:, 0], cells[:, 1]] = quality.float()
    counted = (owner != -2) | boxed.silent
    enough = (boxed.maps == 1).flatten(1).sum(1) >= _ENOUGH
    target[boxed.which, boxed.cells[:, 0], boxed.cells[:, 1]] = likeness.float()
    counted[boxed.which, boxed.cells[:, 0], boxed.cells[:, 1]] = enough
    probability = objectness.sigmoid()
    weight = (target - probability).abs().square().detach()
    entropy = functional.binary_cross_entropy_with_logits(objectness, target, reduction="none")
    positives = (owner >= 0).sum() + enough.sum()
    return (entropy * weight * counted).sum() / positives.clamp(min=1) * 2


def _box_loss(box: Tensor, crops: list[Crop], which: Tensor, cells: Tensor) -> Tensor:
    """-log IoU of the annotation box where one is known."""
    boxes = torch.from_numpy(np.concatenate([c.boxes[c.instance] for c in crops])).to(box.device)
    known = ~boxes.isnan().any(1)
    if not known.any():
        return box.sum() * 0
    which, cells, boxes = which[known], cells[known], boxes[known]
    predicted = box[which, :, cells[:, 0], cells[:, 1]] * WIDTH
    y, x = cells[:, 0] * CELL + CELL / 2, cells[:, 1] * CELL + CELL / 2
    truth = torch.stack([x - boxes[:, 0], y - boxes[:, 1], boxes[:, 2] - x, boxes[:, 3] - y], 1).clamp(min=0.5)
    shared = torch.minimum(predicted, truth)
    overlap = (shared[:, 0] + shared[:, 2]) * (shared[:, 1] + shared[:, 3])
    union = (predicted[:, 0] + predicted[:, 2]) * (predicted[:, 1] + predicted[:, 3])
    union = union + (truth[:, 0] + truth[:, 2]) * (truth[:, 1] + truth[:, 3]) - overlap
    return -(overlap / union.clamp(min=1)).clamp(min=1e-4).log().mean()


def _class_loss(classes: Tensor, crops: list[Crop], which: Tensor, cells: Tensor) -> Tensor:
    """Cross entropy of the class at the positive cells whose class is known."""
    labels = torch.from_numpy(np.concatenate([c.labels[c.instance] for c in crops])).to(classes.device)
    known = labels > 0
    if not known.any():
        return classes.sum() * 0
    logits = classes[which[known], :, cells[known, 0], cells[known, 1]]
    return functional.cross_entropy(logits, labels[known] - 1, label_smoothing=0.05)
