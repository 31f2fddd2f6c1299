"""Weights that a run begins with: those that the package carries, an ONNX file, or a checkpoint.

An ONNX file for prediction has batch norm folded into the convolutions. It is unfolded so that the network computes the
same both ways: with stored statistics (eval) and, on data like that given here, with those of the batch (train). A
run that goes on from there starts where the weights are instead of falling back while the statistics settle.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import onnx
import torch
from onnx import numpy_helper
from torch import Tensor, nn

from metaphase.errors import WeightsError
from metaphase.image_io import write_atomically

__all__ = ["SHIPPED", "begin_with", "complete", "path_of", "unfold"]

SHIPPED = "shipped"
"""Stands for the weights that the package carries."""

_Pair = tuple[str, nn.Conv2d, nn.BatchNorm2d]


def complete(folder: Path) -> None:
    """Put the shipped weights of the other network beside those just trained, so that the folder serves prediction.

    Raises MetaphaseError where they cannot be copied.
    """
    for network in ("segment", "identify"):
        place = folder / f"{network}.onnx"
        if not place.exists():
            try:
                write_atomically(place, path_of(SHIPPED, network).read_bytes())
            except OSError as error:
                raise WeightsError(
                    f"{place}: the shipped weights cannot be read ({error.strerror or error})"
                ) from error


def path_of(start: str, network: str) -> Path:
    """The file that `start` means for "segment" or "identify". Raises WeightsError where it is not there."""
    path = Path(__file__).parents[1] / "weights" / f"{network}.onnx" if start == SHIPPED else Path(start)
    path = path / f"{network}.onnx" if path.is_dir() else path
    if not path.is_file():
        raise WeightsError(f"{path}: there are no weights here to begin with; give shipped, an ONNX file or a last.pt")
    return path


def begin_with(network: nn.Module, path: Path, inputs: Callable[[], Sequence[Tensor]]) -> None:
    """Fill the network with the weights in `path` (ONNX, or a checkpoint, of which the average is taken).

    inputs: makes batches as the network sees them in training; asked for where batch norm has to be unfolded. Raises
    WeightsError where the file cannot be read or holds another network.
    """
    if path.suffix.lower() == ".onnx":
        unfold(network, _initializers(path), inputs(), str(path))
        return
    try:
        network.load_state_dict(torch.load(path, map_location="cpu", weights_only=True)["average"])
    except (OSError, KeyError, TypeError, RuntimeError, EOFError, pickle.UnpicklingError) as error:
        said = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise WeightsError(f"{path}: expected a checkpoint of this network, such as last.pt ({said})") from error


@torch.no_grad()
def unfold(network: nn.Module, arrays: Mapping[str, Tensor], inputs: Sequence[Tensor], where: str = "weights") -> None:
    """Spread folded weights over convolutions and batch norms; the network is left in training mode.

    arrays: by name of the parameter in the network; the bias that folding gave a convolution without one is
    NAME.weight_bias. inputs: one batch or more, from which the statistics are taken. Raises WeightsError where the
    names or shapes are those of another network.
    """
    network.eval()
    pairs = _pairs(network, inputs[0])
    folded = {f"{name}.weight" for name, _, _ in pairs}
    normal = {id(p) for _, _, norm in pairs for p in norm.parameters()}
    for name, parameter in network.named_parameters():
        if name not in folded and id(parameter) not in normal:
            parameter.copy_(_get(arrays, name, parameter.shape, where))
    for name, convolution, norm in pairs:
        weight = _get(arrays, f"{name}.weight", convolution.weight.shape, where)
        # Kernels of norm 1, so that the learning rate means the same for all; batch norm carries their size.
        size = weight.flatten(1).norm(dim=1).clamp(min=1e-6)
        convolution.weight.copy_(weight / size[:, None, None, None])
        norm.weight.copy_(size)
        norm.bias.copy_(_get(arrays, f"{name}.weight_bias", norm.bias.shape, where))
        norm.running_mean.zero_()  # type: ignore[union-attr]
        norm.running_var.fill_(1 - norm.eps)  # type: ignore[union-attr]
    _take_statistics(network, [norm for _, _, norm in pairs], inputs)
    network.train()


def _take_statistics(network: nn.Module, norms: Iterable[nn.BatchNorm2d], inputs: Iterable[Tensor]) -> None:
    """Set each batch norm's statistics from data, and its weight and bias so that it computes what it did before."""
    sums: dict[nn.BatchNorm2d, list[Tensor]] = {norm: [] for norm in norms}

    def look(norm: nn.Module, given: tuple[Tensor, ...]) -> None:
        x = given[0].double()
        count = torch.full((x.shape[1],), x.numel() / x.shape[1], dtype=torch.float64, device=x.device)
        sums[norm].append(torch.stack([count, x.sum((0, 2, 3)), x.square().sum((0, 2, 3))]))  # type: ignore[index]

    hooks = [norm.register_forward_pre_hook(look) for norm in sums]
    for batch in inputs:
        network(batch)
    for hook in hooks:
        hook.remove()
    for norm, parts in sums.items():
        count, first, second = torch.stack(parts).sum(0)
        mean, variance = first / count, (second / count - (first / count).square()).clamp(min=1e-6)
        slope = norm.weight.double() / (norm.running_var.double() + norm.eps).sqrt()  # type: ignore[union-attr]
        norm.bias.add_(slope * (mean - norm.running_mean))  # type: ignore[operator, arg-type]
        norm.weight.copy_(slope * (variance + norm.eps).sqrt())
        norm.running_mean.copy_(mean)  # type: ignore[union-attr]
        norm.running_var.copy_(variance)  # type: ignore[union-attr]


def _pairs(network: nn.Module, example: Tensor) -> list[_Pair]:
    """Each convolution without a bias, by name, and the batch norm that takes its output: those that folding joined."""
    names = {module: name for name, module in network.named_modules()}
    made: list[tuple[nn.Conv2d, Tensor]] = []
    pairs: list[_Pair] = []

    def after(module: nn.Module, _: object, output: Tensor) -> None:
        made.append((module, output))  # type: ignore[arg-type]

    def before(norm: nn.Module, given: tuple[Tensor, ...]) -> None:
        source = next(module for module, output in made if output is given[0])
        pairs.append((names[source], source, norm))  # type: ignore[arg-type]

    hooks = [m.register_forward_hook(after) for m in names if isinstance(m, nn.Conv2d) and m.bias is None]
    hooks += [m.register_forward_pre_hook(before) for m in names if isinstance(m, nn.BatchNorm2d)]
    network(example)
    for hook in hooks:
        hook.remove()
    return pairs


def _initializers(path: Path) -> dict[str, Tensor]:
    try:
        entries = onnx.load(str(path)).graph.initializer
    except Exception as error:  # the reader raises what its protobuf library raises
        raise WeightsError(f"{path}: expected weights in ONNX format ({error})") from error
    return {entry.name: torch.from_numpy(np.array(numpy_helper.to_array(entry), np.float32)) for entry in entries}


def _get(arrays: Mapping[str, Tensor], name: str, shape: torch.Size, where: str) -> Tensor:
    if name not in arrays or arrays[name].shape != shape:
        found = f"has shape {list(arrays[name].shape)}" if name in arrays else "is missing"
        raise WeightsError(
            f"{where}: these are weights of another network: {name} of shape {list(shape)} was expected and {found}"
        )
    return arrays[name]
