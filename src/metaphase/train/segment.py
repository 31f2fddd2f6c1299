"""Train the segmenter on composites and on real spreads."""

from __future__ import annotations

import shutil
from collections.abc import Generator, Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.utils.data import DataLoader, IterableDataset

from metaphase.config import DataConfig, SegmentTraining, TrainConfig, read_sections
from metaphase.errors import DataError
from metaphase.predict import Model
from metaphase.segment.network import SegmenterNetwork
from metaphase.train import cache, export, judging, material, processes, pseudo, weights
from metaphase.train.crops import Crop, composite_crop, real_crop
from metaphase.train.loop import LAST, Judge, Progress, fit, keep_settings, steps_done, weights_of
from metaphase.train.segment_losses import losses

__all__ = ["run", "train_segmenter"]


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
        (folder / "identify.onnx").unlink(missing_ok=True)  # of an earlier version
        weights.complete(folder)
        model = Model(folder, pseudo.ASKED_LOOSELY)
        refreshed = pseudo.refresh(boxed.source.root, chosen, first, second, lambda s: model.identify(s).instances)
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
