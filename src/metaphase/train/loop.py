"""The training loop: settings of a run, optimiser, learning rate, average of the weights, checkpoints. No model."""

from __future__ import annotations

import csv
import json
import math
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from metaphase.config import TrainConfig
from metaphase.errors import ConfigError
from metaphase.image_io import write_atomically

__all__ = ["SETTINGS", "Progress", "fit", "keep_settings"]

SETTINGS = "config.json"
"""Name of the file with every setting of a run, beside its checkpoint."""

_MAY_CHANGE = {
    "data.folder",
    "data.out",
    "train.device",
    "train.report_every",
    "train.save_every",
    "train.steps",
    "train.threads",
}

Progress = dict[str, float]
Step = Callable[[nn.Module, object], dict[str, Tensor]]


def keep_settings(folder: Path, sections: Mapping[str, Any], resume: bool = False) -> None:
    """Write every setting of a run, defaults included, to `folder/config.json`.

    sections: dataclasses by the name of their section. A run that begins anew puts the checkpoint of the one before
    aside, as `previous.pt`, so that the two files belong together. With `resume`, raises ConfigError for the first
    setting that is another than at the start, save for paths, length, machine and reports, which may change.
    """
    path, checkpoint = folder / SETTINGS, folder / "last.pt"
    settings: dict[str, dict[str, Any]] = {name: asdict(section) for name, section in sections.items()}
    if resume and path.exists():
        _compare(path, settings)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        if not resume and checkpoint.exists():
            checkpoint.replace(folder / "previous.pt")
    except OSError as error:
        raise ConfigError(f"{folder}: the run cannot be kept here ({error.strerror or error})") from error
    write_atomically(path, (json.dumps(settings, indent=1) + "\n").encode("ascii"))


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


def fit(
    network: nn.Module,
    batches: Iterator[object],
    loss_of: Step,
    config: TrainConfig,
    folder: Path,
    resume: bool = False,
    until: int | None = None,
) -> Iterator[Progress]:
    """Train for `config.steps` steps; yields a progress record now and then; leaves `folder/last.pt`.

    until: stop after this step (the schedule still spans `config.steps`).

    loss_of(network, batch) returns named losses; "loss" is minimised, the others are reported.
    Writes `curve.csv` (one row a record). With `resume`, goes on from `folder/last.pt`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    device = torch.device(config.device)
    network.to(device, memory_format=torch.channels_last).train()
    optimiser = torch.optim.AdamW(_groups(network, config.weight_decay), lr=config.lr, betas=(0.9, 0.99))
    average = {k: v.detach().clone() for k, v in network.state_dict().items()}
    first, checkpoint = 0, folder / "last.pt"
    if resume and checkpoint.exists():
        state = torch.load(checkpoint, map_location=device, weights_only=True)
        network.load_state_dict(state["network"])
        optimiser.load_state_dict(state["optimiser"])
        average, first = state["average"], int(state["step"])
    if not first:
        (folder / "curve.csv").unlink(missing_ok=True)
    seconds, sums, count, began = 0.0, {}, 0, time.monotonic()
    end = config.steps if until is None else min(until, config.steps)
    for step in range(first, end):
        for group in optimiser.param_groups:
            group["lr"] = config.lr * _schedule(step, config)
        batch = next(batches)
        with torch.autocast(device.type, torch.bfloat16, enabled=config.bf16):
            losses = loss_of(network, batch)
        optimiser.zero_grad(set_to_none=True)
        losses["loss"].backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(network.parameters(), config.clip)
        optimiser.step()
        _follow(average, network, min(config.ema, (step + 1) / (step + 10)))
        for name, value in losses.items():
            sums[name] = sums.get(name, 0.0) + float(value.detach())
        count += 1
        last = step + 1 == end
        if last or (step + 1) % config.save_every == 0:
            state = {"network": network.state_dict(), "average": average, "step": step + 1}
            _save({**state, "optimiser": optimiser.state_dict()}, checkpoint)
        if last or (step + 1) % config.report_every == 0:
            seconds = (time.monotonic() - began) / (step + 1 - first)
            record = {"step": step + 1.0, "of": float(config.steps), "seconds_a_step": seconds}
            record |= {"seconds_left": seconds * (config.steps - step - 1)} | {k: v / count for k, v in sums.items()}
            _append(folder / "curve.csv", record)
            sums, count = {}, 0
            yield record


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
    torch.save(state, partial)
    partial.replace(path)


def _append(path: Path, record: Progress) -> None:
    fresh = not path.exists()
    with path.open("a", newline="") as file:
        writer = csv.writer(file)
        if fresh:
            writer.writerow(record.keys())
        writer.writerow(f"{v:.6g}" for v in record.values())
