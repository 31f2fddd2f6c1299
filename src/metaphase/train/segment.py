"""Train the segmenter on composites and on real spreads."""

from __future__ import annotations

import shutil
from collections.abc import Generator, Iterator, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional
from torch.utils.data import DataLoader, IterableDataset

from metaphase.config import DataConfig, SegmentTraining, TrainConfig, read_sections
from metaphase.errors import DataError
from metaphase.identify import Identifier
from metaphase.segment.candidates import CELL, WINDOW
from metaphase.segment.network import SegmenterNetwork, mask_logits
from metaphase.segment.scale import WIDTH
from metaphase.segment.segmenter import Segmenter
from metaphase.train import cache, export, judging, material, processes, pseudo, weights
from metaphase.train.crops import Crop, composite_crop, real_crop
from metaphase.train.loop import LAST, Judge, Progress, fit, keep_settings, steps_done, weights_of

__all__ = ["losses", "run", "train_segmenter"]


class _Crops(IterableDataset[list[Crop]]):
    """Endless batches, each worker of each process with its own seed; shares: see `material.shares`."""

    def __init__(
        self,
        cells: list[cache.Material],
        config: SegmentTraining,
        seed: int,
        shares: NDArray[np.float64] | None = None,
    ) -> None:
        self.cells, self.config, self.seed, self.shares = cells, config, seed, shares
        self.rank, self.batch = processes.rank(), processes.share(config.batch, "segment.batch")

    def __iter__(self) -> Iterator[list[Crop]]:
        worker = torch.utils.data.get_worker_info()
        cv2.setNumThreads(1)
        rng = np.random.default_rng((self.seed, worker.id if worker else 0, self.rank))
        while True:
            yield [self.draw(rng) for _ in range(self.batch)]

    def draw(self, rng: np.random.Generator) -> Crop:
        """One crop."""
        cells = [self.cells[int(i)] for i in rng.choice(len(self.cells), 6, p=self.shares)]
        if rng.random() < self.config.real_share:
            return real_crop(cells[0], rng, self.config)
        return composite_crop(cells, rng, self.config)


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
    if len(cells):
        dice, entropy, quality = _mask_losses(kernel, features, which, cells, windows)
    else:
        dice = entropy = kernel.sum() * 0
        quality = kernel.new_zeros(0)
    score_loss = _objectness_loss(objectness, crops, quality, which, cells)
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


def _mask_losses(
    kernel: Tensor, features: Tensor, which: Tensor, cells: Tensor, windows: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Dice loss, cross entropy, and the IoU of each mask (detached)."""
    kernels = kernel[which, :, cells[:, 0], cells[:, 1]]
    half = WINDOW // 2
    padded = functional.pad(features, (half, half, half, half))
    tops = (cells * CELL // 2 + CELL // 4).tolist()
    taken: Tensor = _CutWindows.apply(padded, which.tolist(), tops)  # type: ignore[no-untyped-call]
    relative = _relative_grid(features.device)
    logits = mask_logits(kernels, taken, relative.expand(len(cells), 2, -1))
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
    return dice.mean(), entropy.mean(), quality


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


def _objectness_loss(objectness: Tensor, crops: list[Crop], quality: Tensor, which: Tensor, cells: Tensor) -> Tensor:
    """Positive cells learn the IoU of their instance's mask, background cells 0; the rest does not count."""
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
    counted = owner != -2
    probability = objectness.sigmoid()
    weight = (target - probability).abs().square().detach()
    entropy = functional.binary_cross_entropy_with_logits(objectness, target, reduction="none")
    return (entropy * weight * counted).sum() / (owner >= 0).sum().clamp(min=1) * 2


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


def train_segmenter(
    cells: list[cache.Material],
    folder: Path,
    training: TrainConfig,
    config: SegmentTraining,
    *,
    resume: bool = False,
    until: int | None = None,
    shares: NDArray[np.float64] | None = None,
    judge: Judge | None = None,
) -> Iterator[Progress]:
    """Train on cached spreads; yields progress records. shares: see `material.shares`; until, judge: see `fit`."""
    torch.manual_seed(training.seed)
    if training.threads:
        torch.set_num_threads(training.threads)
    # OpenCV's threads do not survive a fork: a worker that ends them waits for ever. So they end here, before it.
    cv2.setNumThreads(1)
    done = steps_done(folder) if resume else 0
    data = _Crops(cells, config, training.seed + 1_000_003 * done, shares)  # who goes on sees other crops
    network = SegmenterNetwork()
    if training.start and not done:
        weights.begin_with(network, weights.path_of(training.start, "segment"), lambda: _as_images(data, training.seed))
    workers = training.workers
    loader = DataLoader(data, batch_size=None, num_workers=workers, prefetch_factor=4 if workers else None)
    yield from fit(network, iter(loader), losses, training, folder, resume, until, judge=judge, images=config.batch)


def _as_images(data: _Crops, seed: int, count: int = 32) -> list[Tensor]:
    """Darkness Float[1, 1, S, S] of some crops, the same in every process."""
    rng = np.random.default_rng(seed)
    return [torch.from_numpy(data.draw(rng).darkness)[None, None] for _ in range(count)]


def run(
    config_path: Path | None, resume: bool = False, root: Path | None = None, settings: Sequence[str] = ()
) -> Generator[Progress, None, Path]:
    """`metaphase train segment`: material, first round, masks for clustered chromosomes, second round, ONNX.

    config_path, settings: see `read_sections`. root: the folder of all data sets; left out, METAPHASE_DATA names it.
    Leaves `out/segment.onnx` and returns its path. The first round is for CIL, which has boxes only: without it in
    `data.sets`, or with `segment.first_steps` 0, there is one round. Raises ConfigError, also where `resume` meets
    other settings than the run began with, DataError and WeightsError.
    """
    sections = read_sections(config_path, settings, data=DataConfig, train=TrainConfig, segment=SegmentTraining)
    data, training, config = sections["data"], sections["train"], sections["segment"]
    with processes.joined(training.device):
        out = Path(data.out)
        folder = out / "segment"
        place = material.root(root)
        material.find(data, training.seed, place, whole=True)  # so that a wrong name puts no earlier run aside
        if processes.is_first():
            keep_settings(folder, sections, resume)
        sets = yield from material.prepare(data, training.seed, place)
        judge = judging.for_segmenter(sets, training.judge_cells) if processes.is_first() else None
        boxed = next((one for one in sets if one.source.name == "cil"), None)
        if boxed and processes.is_first() and not resume:
            shutil.rmtree(boxed.folders[1], ignore_errors=True)
        if boxed and config.first_steps:
            yield from _first_round(sets, boxed, folder, training, config, resume)
            resume = True
        cells, shares = _with_masks(sets)
        yield from train_segmenter(cells, folder, training, config, resume=resume, shares=shares, judge=judge)
        if processes.is_first():
            about = export.card((one.source for one in sets), sections)
            export.export_segmenter(weights_of(folder), out / "segment.onnx", about)
            if training.start == weights.SHIPPED:
                weights.complete(out)
        processes.wait()
    return out / "segment.onnx"


def _first_round(
    sets: list[material.Prepared],
    boxed: material.Prepared,
    folder: Path,
    training: TrainConfig,
    config: SegmentTraining,
    resume: bool,
) -> Iterator[Progress]:
    """Train for `config.first_steps`, then let the model add masks to clustered chromosomes where boxes agree."""
    # With `resume`, steps that are done and cells that are there are passed over.
    cells, shares = _with_masks(sets, refreshed=False)
    until = config.first_steps
    yield from train_segmenter(cells, folder, training, config, resume=resume, until=until, shares=shares)
    if processes.is_first():
        chosen = boxed.train[: config.refreshed_cells]
        # Beside the checkpoint: the place of the finished network keeps what an earlier run left there until the end.
        export.export_segmenter(folder / LAST, folder / "segment.onnx")
        first, second = boxed.folders
        segmenter = Segmenter.load(folder, pseudo.ASKED_LOOSELY)
        identifier = Identifier.load(weights.path_of(weights.SHIPPED, "identify").parent)
        refreshed = pseudo.refresh(boxed.source.root, chosen, first, second, segmenter, identifier)
        yield from material.counted(refreshed, len(chosen), "masks_from_model")
    processes.wait()


def _with_masks(
    sets: list[material.Prepared], *, refreshed: bool = True
) -> tuple[list[cache.Material], NDArray[np.float64] | None]:
    """The train cells that have masks, and their shares. Raises DataError for a set without any."""
    found = []
    for one in sets:
        folders = one.folders if refreshed else one.folders[:1]
        cells = [cell for cell in cache.load_all(folders, one.train) if cell.masks]
        if not cells:
            raise DataError(
                f"{one.source.name}: none of its {len(one.train)} train images gives an outline to learn; image files "
                "are needed, and masks, or boxes in which chromosomes lie alone"
            )
        found.append(cells)
    return [cell for cells in found for cell in cells], material.shares(sets, [len(cells) for cells in found])
