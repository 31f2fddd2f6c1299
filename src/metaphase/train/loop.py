"""The training loop: settings of a run, optimiser, learning rate, average of the weights, checkpoints. No model."""

from __future__ import annotations

import contextlib
import copy
import json
import math
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from metaphase.config import TrainConfig
from metaphase.errors import ConfigError, MetaphaseError
from metaphase.image_io import write_atomically
from metaphase.train import processes
from metaphase.train.curves import CURVE, VAL, append_row, cut_table, write_page

__all__ = [
    "BEST",
    "LAST",
    "SETTINGS",
    "Judge",
    "Progress",
    "fit",
    "keep_settings",
    "steps_done",
    "weights_of",
]

SETTINGS = "config.json"
"""Name of the file with every setting of a run, beside its checkpoint."""
LAST, BEST = "last.pt", "best.pt"
"""Names of the last checkpoint, which a run goes on from, and of the weights that val liked best."""

_MAY_CHANGE = {
    "data.folder",
    "data.out",
    "train.device",
    "train.judge_every",
    "train.patience",
    "train.report_every",
    "train.save_every",
    "train.steps",
    "train.threads",
    "train.workers",
}

Progress = dict[str, float]
Step = Callable[[nn.Module, object], dict[str, Tensor]]
Judge = Callable[[nn.Module], dict[str, float]]


def keep_settings(folder: Path, sections: Mapping[str, Any], resume: bool = False) -> None:
    """Write every setting of a run, defaults included, to `folder/config.json`.

    sections: dataclasses by the name of their section. A run that begins anew puts the checkpoint of the one before
    aside, as `previous.pt` (and `previous_best.pt`), so that all files belong together. With `resume`, raises
    ConfigError for the first setting that is another than at the start, save for paths, length, machine and reports,
    which may change.
    """
    path = folder / SETTINGS
    written = json.dumps({name: asdict(section) for name, section in sections.items()}, indent=1)
    settings: dict[str, dict[str, Any]] = json.loads(written)
    if resume and path.exists():
        _compare(path, settings)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name in () if resume else (LAST, BEST):
            if (folder / name).exists():
                (folder / name).replace(folder / name.replace("last", "previous").replace("best", "previous_best"))
    except OSError as error:
        raise ConfigError(f"{folder}: the run cannot be kept here ({error.strerror or error})") from error
    write_atomically(path, (written + "\n").encode("ascii"))


def weights_of(folder: Path) -> Path:
    """The checkpoint of a run whose averaged weights are to be used: the best of those judged, else the last."""
    return folder / BEST if (folder / BEST).exists() else folder / LAST


def _compare(path: Path, settings: Mapping[str, Mapping[str, Any]]) -> None:
    try:
        stored: dict[str, dict[str, Any]] = json.loads(path.read_text(encoding="utf-8"))
        before = {f"{name}.{key}": value for name, section in stored.items() for key, value in section.items()}
    except (OSError, ValueError, AttributeError) as error:
        raise ConfigError(f"{path}: expected the settings of the run; begin anew without --resume ({error})") from error
    now = {f"{name}.{key}": value for name, section in settings.items() for key, value in section.items()}
    for key in [*now, *sorted(before.keys() - now)]:
        was, is_now = before.get(key, "not known"), now.get(key, "not known")
        if was != is_now and key not in _MAY_CHANGE:
            raise ConfigError(
                f"{path}: {key} was {was} when the run began, but now is {is_now}; set it back or leave out --resume"
            )


def steps_done(folder: Path) -> int:
    """Steps of the run whose checkpoint lies here; 0 without one."""
    if not (folder / LAST).exists():
        return 0
    return int(torch.load(folder / LAST, map_location="cpu", weights_only=True, mmap=True)["step"])


def fit(
    network: nn.Module,
    batches: Iterator[object],
    loss_of: Step,
    config: TrainConfig,
    folder: Path,
    resume: bool = False,
    until: int | None = None,
    *,
    judge: Judge | None = None,
    images: int = 0,
) -> Iterator[Progress]:
    """Train for `config.steps` steps; yields a progress record now and then; leaves `folder/last.pt`.

    until: stop after this step (the schedule still spans `config.steps`). images: what a step looks at, for the speed.

    loss_of(network, batch) returns named losses; "loss" is minimised, the others are reported.
    judge(network), with the averaged weights, returns named numbers; of "score", the more the better: the best weights
    stay in `folder/best.pt`, and `config.patience` looks without a better score end the training.
    Writes `curve.csv` (one row a record), `val.csv` (one row a look at val) and `curve.html`, which shows both.
    With `resume`, goes on from `folder/last.pt`. One of several processes does its share (see `processes`).
    """
    folder.mkdir(parents=True, exist_ok=True)
    device = processes.device_of(config.device)
    network.to(device, memory_format=torch.channels_last).train()
    processes.prepare(network)
    optimiser = torch.optim.AdamW(_groups(network, config.weight_decay), lr=config.lr, betas=(0.9, 0.99))
    average = {k: v.detach().clone() for k, v in network.state_dict().items()}
    first, looks = _restore(folder, network, optimiser, average) if resume else (0, Looks())
    if processes.is_first():
        for name in (CURVE, VAL):
            cut_table(folder / name, first)
    if judge and config.judge_every and config.start and not first and processes.is_first():
        # What the run begins with is judged too: where nothing gets better, those weights stay.
        yield {"step": 0.0, "of": float(config.steps)} | looks.take(judge, network, average, 0, folder)
    report = _Report(config, first, images)
    end = config.steps if until is None else min(until, config.steps)
    for step in range(first, 0 if looks.enough(config) else end):
        for group in optimiser.param_groups:
            group["lr"] = config.lr * _schedule(step, config)
        with torch.autocast(device.type, torch.bfloat16, enabled=config.bf16):
            losses = loss_of(network, next(batches))
        optimiser.zero_grad(set_to_none=True)
        (losses["loss"] + processes.untouched(network)).backward()
        processes.average_gradients(network.parameters())
        nn.utils.clip_grad_norm_(network.parameters(), config.clip)
        optimiser.step()
        _follow(average, network, min(config.ema, (step + 1) / (step + 10)))
        report.add(losses)
        done, scores = step + 1, {}
        look = _due(done, config.judge_every, config.steps)  # also in processes that do not judge: all go on together
        if look and judge and processes.is_first():
            scores = looks.take(judge, network, average, done, folder)
        stop = look and processes.agree(looks.enough(config), device)
        if processes.is_first() and (look or _due(done, config.save_every, end)):
            state = {"network": network.state_dict(), "average": average, "step": done, "looks": asdict(looks)}
            _save({**state, "optimiser": optimiser.state_dict()}, folder / LAST)
        if look or _due(done, config.report_every, end):
            yield report.record(done, folder) | scores
        if stop:
            return


def _due(done: int, every: int, end: int) -> bool:
    return every > 0 and (done % every == 0 or done == end)


def _restore(
    folder: Path, network: nn.Module, optimiser: torch.optim.Optimizer, average: dict[str, Tensor]
) -> tuple[int, Looks]:
    """Put everything back as the checkpoint holds it; returns the steps that are done and the looks at val."""
    if not (folder / LAST).exists():
        return 0, Looks()
    state = torch.load(folder / LAST, map_location=next(network.parameters()).device, weights_only=True)
    network.load_state_dict(state["network"])
    optimiser.load_state_dict(state["optimiser"])
    average.update(state["average"])
    return int(state["step"]), Looks(**state.get("looks", {}))


@dataclass
class Looks:
    """Looks at val so far: the best score and the looks since."""

    best: float = -math.inf
    since: int = 0

    def enough(self, config: TrainConfig) -> bool:
        """True where nothing got better for so many looks that training stops."""
        return 0 < config.patience <= self.since

    def take(
        self, judge: Judge, network: nn.Module, average: dict[str, Tensor], step: int, folder: Path
    ) -> dict[str, float]:
        """Judge the averaged weights and keep them where they are the best; the numbers, names beginning with val_."""
        judged = copy.deepcopy(network)
        judged.load_state_dict(average)
        scores = judge(judged.eval().requires_grad_(False))
        self.since += 1
        if scores["score"] > self.best:
            self.best, self.since = scores["score"], 0
            _save({"average": average, "step": step, "score": scores["score"]}, folder / BEST)
        named = {f"val_{name}": value for name, value in scores.items()}
        append_row(folder / VAL, {"step": float(step)} | named)
        return named


class _Report:
    """Losses since the last record, and the clock."""

    def __init__(self, config: TrainConfig, first: int, images: int) -> None:
        self._config, self._first, self._images = config, first, images
        self._began, self._sums, self._count = time.monotonic(), dict[str, Tensor](), 0

    def add(self, losses: Mapping[str, Tensor]) -> None:
        for name, value in losses.items():
            # As tensors: to ask a GPU for a number at every step would make it wait.
            self._sums[name] = self._sums[name] + value.detach() if name in self._sums else value.detach()
        self._count += 1

    def record(self, done: int, folder: Path) -> Progress:
        seconds = (time.monotonic() - self._began) / (done - self._first)
        record = {"step": float(done), "of": float(self._config.steps), "seconds_a_step": seconds}
        record["seconds_left"] = seconds * (self._config.steps - done)
        record["lr"] = self._config.lr * _schedule(done - 1, self._config)
        if self._images:
            record["images_a_second"] = self._images / max(seconds, 1e-9)
        record |= {name: value / self._count for name, value in processes.average(self._sums).items()}
        self._sums, self._count = {}, 0
        if processes.is_first():
            append_row(folder / CURVE, record)
            write_page(folder)
        return record


def _groups(network: nn.Module, weight_decay: float) -> list[dict[str, object]]:
    """Weight decay for matrices and kernels only."""
    decayed = [p for p in network.parameters() if p.ndim > 1]
    plain = [p for p in network.parameters() if p.ndim <= 1]
    return [{"params": decayed, "weight_decay": weight_decay}, {"params": plain, "weight_decay": 0.0}]


def _schedule(step: int, config: TrainConfig) -> float:
    """Linear warm-up, then a half cosine down to 1 %."""
    if step < config.warmup:
        return (step + 1) / config.warmup
    share = (step - config.warmup) / max(1, config.steps - config.warmup)
    return 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * min(1.0, share)))


@torch.no_grad()
def _follow(average: dict[str, Tensor], network: nn.Module, decay: float) -> None:
    """Exponential moving average of weights and buffers."""
    for name, value in network.state_dict().items():
        if value.dtype.is_floating_point:
            average[name].lerp_(value, 1 - decay)
        else:
            average[name].copy_(value)


def _save(state: dict[str, object], path: Path) -> None:
    partial = path.with_suffix(".partial")
    try:
        torch.save(state, partial)
        partial.replace(path)
    except (OSError, RuntimeError) as error:  # a full disk is a RuntimeError of PyTorch
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)
        said = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise MetaphaseError(f"{path}: the checkpoint cannot be written ({said}); make room and resume") from error
