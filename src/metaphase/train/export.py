"""Trained checkpoints to the ONNX files that prediction runs on."""

from __future__ import annotations

import contextlib
import json
import logging
import warnings
from collections.abc import Iterable, Mapping
from dataclasses import asdict
from pathlib import Path, PureWindowsPath
from typing import Any

import onnx
import torch
from torch import nn

from metaphase import __version__
from metaphase.datasets import ADAPTERS
from metaphase.errors import MetaphaseError
from metaphase.identify.network import IdentifierNetwork
from metaphase.identify.straighten import BREADTH, LENGTH
from metaphase.segment.network import OUTPUTS, SegmenterNetwork
from metaphase.train.sources import Source

__all__ = ["card", "export_identifier", "export_segmenter"]


def _averaged(network: nn.Module, checkpoint: Path) -> nn.Module:
    state = torch.load(checkpoint, map_location="cpu", weights_only=True)
    network.load_state_dict(state["average"])
    return network.eval()


def card(sources: Iterable[Source], sections: Mapping[str, Any]) -> dict[str, str]:
    """What a weight file says of itself: program, data sets with their terms, every setting of the run."""
    terms = {Path(one.name).name: adapter.LICENCE if (adapter := ADAPTERS.get(one.name)) else "own" for one in sources}
    settings = {name: asdict(section) for name, section in sections.items() if name != "data"}  # no path of a machine
    if settings.get("train", {}).get("start"):
        settings["train"]["start"] = PureWindowsPath(settings["train"]["start"]).name  # nor its folders
    return {"metaphase": __version__, "sets": json.dumps(terms), "settings": json.dumps(settings)}


def export_segmenter(checkpoint: Path, path: Path, about: Mapping[str, str] | None = None) -> None:
    """Write `path` (ONNX): darkness Float32[1, 1, H, W] to the maps of `SegmenterNetwork`. about: see `card`."""
    h, w = torch.export.Dim("h32", min=1, max=400), torch.export.Dim("w32", min=1, max=400)
    shapes = {"darkness_n1hw": {2: 32 * h, 3: 32 * w}}
    _export(_averaged(SegmenterNetwork(), checkpoint), torch.zeros(1, 1, 256, 320), OUTPUTS, shapes, path, about)


def export_identifier(checkpoint: Path, path: Path, about: Mapping[str, str] | None = None) -> None:
    """Write `path` (ONNX): darkness UInt8[N, 160, 32] to logits Float32[N, 48]. about: see `card`."""
    example = torch.zeros(5, LENGTH, BREADTH, dtype=torch.uint8)
    shapes = {"darkness_nlb": {0: torch.export.Dim("n", min=1, max=4096)}}
    _export(_averaged(IdentifierNetwork(), checkpoint), example, ("logits",), shapes, path, about)


def _export(
    network: nn.Module,
    example: torch.Tensor,
    outputs: tuple[str, ...],
    shapes: dict[str, Any],
    path: Path,
    about: Mapping[str, str] | None,
) -> None:
    # The exporter speaks of optional packages and of its own deprecations, which are nothing to whoever trains.
    logging.getLogger("torch.onnx").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        program = torch.onnx.export(
            network,
            (example,),
            input_names=["darkness"],
            output_names=list(outputs),
            dynamic_shapes=shapes,
            dynamo=True,
            verbose=False,
            external_data=False,
        )
    assert program is not None
    partial = path.with_name(f".{path.stem}.partial.onnx")
    try:
        program.save(str(partial))
        _describe(partial, dict(about or {}))
        partial.replace(path)  # whoever predicts meanwhile reads the file of before, whole
    except OSError as error:
        raise MetaphaseError(f"{path}: the network cannot be written ({error.strerror or error})") from error
    finally:
        with contextlib.suppress(OSError):
            partial.unlink(missing_ok=True)


def _describe(path: Path, about: dict[str, str]) -> None:
    """Keep `about` in the file; take out what the exporter writes beside each node: stack traces with paths."""
    model = onnx.load(str(path))
    for part in (model, model.graph, *model.graph.node, *model.graph.value_info, *model.graph.initializer):
        del part.metadata_props[:]
        part.doc_string = ""
    for value in (*model.graph.input, *model.graph.output):
        del value.metadata_props[:]
    onnx.helper.set_model_props(model, about)
    onnx.save(model, str(path))
