"""Several processes that train one network, started by `torchrun`: who is who, and what they average.

Each process has its own share of the global batch. Gradients are averaged once a step, after the backward pass, and
batch norm takes its statistics over all processes, so that N processes take the step that one process would take with
the whole batch, up to rounding, where the loss is a mean over the batch. PyTorch's own SyncBatchNorm runs on GPUs only;
`SynchronisedNorm` runs anywhere. Without `torchrun` every function here does nothing.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import torch
from torch import Tensor, distributed, nn

from metaphase.errors import ConfigError

__all__ = [
    "SynchronisedNorm",
    "agree",
    "average",
    "average_gradients",
    "device_of",
    "is_first",
    "joined",
    "prepare",
    "rank",
    "share",
    "untouched",
    "wait",
    "world",
]

_PATIENCE = timedelta(hours=12)  # the first process prepares the material of a large set while the others wait


@contextmanager
def joined(device: str) -> Iterator[None]:
    """Within, this process is one of those that `torchrun` started; without `torchrun`, it is alone.

    device: "cpu" (gloo) or "cuda" (nccl, one GPU a process). Raises ConfigError where there is no such device.
    """
    where = device_of(device)
    if int(os.environ.get("WORLD_SIZE", "1")) < 2 or distributed.is_initialized():
        yield
        return
    if where.type == "cuda":
        torch.cuda.set_device(where)
    # Its functions take the group of the moment as a default when they are first imported, which an optimiser does: a
    # group held there outlives `destroy_process_group`, and its threads may abort the process at its end.
    importlib.import_module("torch.distributed.nn")
    distributed.init_process_group("nccl" if where.type == "cuda" else "gloo", timeout=_PATIENCE)
    try:
        yield
    finally:
        distributed.destroy_process_group()


def device_of(device: str) -> torch.device:
    """The device of this process; with several processes on one machine each has its own GPU. Raises ConfigError."""
    if device not in {"cpu", "cuda"}:
        raise ConfigError(f"train.device must be cpu or cuda, but is {device!r}")
    if device == "cpu":
        return torch.device("cpu")
    count, local = torch.cuda.device_count() if torch.cuda.is_available() else 0, int(os.environ.get("LOCAL_RANK", "0"))
    if not count:
        raise ConfigError(
            "train.device is cuda, but PyTorch sees no NVIDIA GPU; use --device cpu, or install a CUDA build of torch"
        )
    if local >= count:
        raise ConfigError(f"process {local + 1} has no GPU of its own: start torchrun with --nproc-per-node {count}")
    return torch.device("cuda", local)


def world() -> int:
    """How many processes train together."""
    return distributed.get_world_size() if distributed.is_initialized() else 1


def rank() -> int:
    """Which of them this is, from 0."""
    return distributed.get_rank() if distributed.is_initialized() else 0


def is_first() -> bool:
    """True for the process that prepares, judges, reports and writes."""
    return rank() == 0


def share(batch: int, name: str) -> int:
    """What each process takes of a global batch; ConfigError where it cannot be parted evenly."""
    if batch % world():
        raise ConfigError(f"{name} is {batch}, which {world()} processes cannot part evenly; make it a multiple")
    return batch // world()


def wait() -> None:
    """Go on when every process has come here."""
    if world() > 1:
        distributed.barrier()


def agree(decision: bool, device: torch.device) -> bool:
    """What the first process has decided."""
    if world() == 1:
        return decision
    told = torch.tensor(int(decision), device=device)
    distributed.broadcast(told, 0)
    return bool(told.item())


def average(values: Mapping[str, Tensor]) -> dict[str, float]:
    """Numbers by name, averaged over the processes."""
    together = torch.stack([value.detach().double() for value in values.values()])
    if world() > 1:
        distributed.all_reduce(together)
    return dict(zip(values, (together / world()).tolist(), strict=True))


def prepare(network: nn.Module) -> None:
    """Make a network one of several: the first process's weights everywhere, batch norm over all of them."""
    if world() == 1:
        return
    _synchronise(network)
    for value in network.state_dict().values():
        distributed.broadcast(value, 0)
    network.register_forward_hook(_remember)


def untouched(network: nn.Module) -> Tensor | float:
    """0, with a gradient of 0 for every output of the last forward pass.

    A batch without chromosomes leaves a part of the network without a gradient, whose batch norm would then be missed
    by the other processes, which wait for it for ever. Added to the loss, this keeps every part in step.
    """
    outputs = getattr(network, "_last_outputs", ())
    network._last_outputs = ()  # type: ignore[assignment]
    return sum((output.sum() * 0 for output in outputs), 0.0)


def average_gradients(parameters: Iterable[nn.Parameter]) -> None:
    """Replace each gradient by its mean over the processes; one that is missing counts as 0."""
    if world() == 1:
        return
    wanted = [p for p in parameters if p.requires_grad]
    for p in wanted:
        if p.grad is None:
            p.grad = torch.zeros_like(p)
    flat = torch.cat([p.grad.reshape(-1) for p in wanted if p.grad is not None])
    distributed.all_reduce(flat)
    flat /= world()
    for p, part in zip(wanted, flat.split([p.numel() for p in wanted]), strict=True):
        assert p.grad is not None
        p.grad.copy_(part.view_as(p.grad))


class SynchronisedNorm(nn.BatchNorm2d):
    """Batch norm whose statistics, while training, are those of the batches of all processes together."""

    def forward(self, x: Tensor) -> Tensor:
        """Float[N, C, H, W] of any float type; the same out."""
        if not self.training or world() == 1:
            return super().forward(x)
        wide = x if x.dtype == torch.float64 else x.float()
        variance, mean = torch.var_mean(wide, (0, 2, 3), correction=0)
        local = torch.stack([torch.ones_like(mean), mean, variance + mean * mean]).double()
        pixels = x.numel() / x.shape[1]
        count, first, second = _SumOfAll.apply(local * pixels)
        mean = first / count
        mean, variance = mean.to(wide), (second / count - mean.square()).clamp(min=0).to(wide)
        with torch.no_grad():
            unbiased = variance * (count / (count - 1)).to(wide)
            self.running_mean.lerp_(mean, self.momentum)  # type: ignore[union-attr, arg-type]
            self.running_var.lerp_(unbiased, self.momentum)  # type: ignore[union-attr, arg-type]
            self.num_batches_tracked += 1  # type: ignore[operator]
        scale = self.weight * torch.rsqrt(variance + self.eps)
        shift = self.bias - mean * scale
        return (wide * scale[:, None, None] + shift[:, None, None]).to(x.dtype)


class _SumOfAll(torch.autograd.Function):
    """Sum over the processes; so is the gradient of their summed losses."""

    @staticmethod
    def forward(_: Any, value: Tensor) -> Tensor:  # noqa: ANN401
        total = value.clone()
        distributed.all_reduce(total)
        return total

    @staticmethod
    def backward(_: Any, gradient: Tensor) -> Tensor:  # noqa: ANN401
        total = gradient.contiguous().clone()
        distributed.all_reduce(total)
        return total


def _synchronise(network: nn.Module) -> None:
    for name, child in network.named_children():
        if type(child) is nn.BatchNorm2d:
            norm = SynchronisedNorm(child.num_features, child.eps, child.momentum)
            norm.to(child.weight).load_state_dict(child.state_dict())
            network.add_module(name, norm.train(child.training))
        else:
            _synchronise(child)


def _remember(network: nn.Module, _: object, outputs: Tensor | tuple[Tensor, ...]) -> None:
    network._last_outputs = outputs if isinstance(outputs, tuple) else (outputs,)  # type: ignore[assignment]
