"""Trained checkpoints to the ONNX files that prediction runs on."""

from __future__ import annotations

import logging
import warnings
from pathlib import Path
from typing import Any

import onnx
import torch
from torch import nn

from metaphase.identify.network import IdentifierNetwork
from metaphase.identify.straighten import BREADTH, LENGTH
from metaphase.segment.network import OUTPUTS, SegmenterNetwork

__all__ = ["export_identifier", "export_segmenter"]


def _averaged(network: nn.Module, checkpoint: Path) -> nn.Module:
    state = torch.load(checkpoint, map_location="cpu", weights_only=True)
    network.load_state_dict(state["average"])
    return network.eval()


def export_segmenter(checkpoint: Path, path: Path) -> None:
    """Write `path` (ONNX): darkness Float32[1, 1, H, W] to the maps of `SegmenterNetwork`."""
    h, w = torch.export.Dim("h32", min=1, max=400), torch.export.Dim("w32", min=1, max=400)
    shapes = {"darkness_n1hw": {2: 32 * h, 3: 32 * w}}
    _export(_averaged(SegmenterNetwork(), checkpoint), torch.zeros(1, 1, 256, 320), OUTPUTS, shapes, path)


def export_identifier(checkpoint: Path, path: Path) -> None:
    """Write `path` (ONNX): darkness UInt8[N, 160, 32] to logits Float32[N, 48]."""
    example = torch.zeros(5, LENGTH, BREADTH, dtype=torch.uint8)
    shapes = {"darkness_nlb": {0: torch.export.Dim("n", min=1, max=4096)}}
    _export(_averaged(IdentifierNetwork(), checkpoint), example, ("logits",), shapes, path)


def _export(
    network: nn.Module, example: torch.Tensor, outputs: tuple[str, ...], shapes: dict[str, Any], path: Path
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
    program.save(str(path))
    _forget_where_it_was_made(path)


def _forget_where_it_was_made(path: Path) -> None:
    """Take out what the exporter writes beside each node: Python stack traces with the paths of this machine."""
    model = onnx.load(str(path))
    for part in (model, model.graph, *model.graph.node, *model.graph.value_info, *model.graph.initializer):
        del part.metadata_props[:]
        part.doc_string = ""
    for value in (*model.graph.input, *model.graph.output):
        del value.metadata_props[:]
    onnx.save(model, str(path))
