"""The training loop: optimiser, learning rate, moving average of the weights, checkpoints. It knows no model."""

from __future__ import annotations

import csv
import math
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import torch
from torch import Tensor, nn

from metaphase.config import TrainConfig

__all__ = ["Progress", "fit"]

Progress = dict[str, float]
Step = Callable[[nn.Module, object], dict[str, Tensor]]


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
