"""Trained checkpoints to the ONNX files that prediction runs on."""

from __future__ import annotations

from pathlib import Path

import torch
from torch import nn

from metaphase.identify.network import IdentifierNetwork
from metaphase.segment.network import OUTPUTS, SegmenterNetwork

__all__ = ["export_identifier", "export_segmenter"]


def _averaged(network: nn.Module, checkpoint: Path) -> nn.Module:
    state = torch.load(checkpoint, map_location="cpu", weights_only=True)
    network.load_state_dict(state["average"])
    return network.eval()


def export_segmenter(checkpoint: Path, path: Path) -> None:
    """Write `path` (ONNX): darkness Float32[1, 1, H, W] to the maps of `SegmenterNetwork`."""
    network = _averaged(SegmenterNetwork(), checkpoint)
    h, w = torch.export.Dim("h32", min=1, max=400), torch.export.Dim("w32", min=1, max=400)
    program = torch.onnx.export(
        network,
        (torch.zeros(1, 1, 256, 320),),
        input_names=["darkness"],
        output_names=list(OUTPUTS),
        dynamic_shapes={"darkness_n1hw": {2: 32 * h, 3: 32 * w}},
        dynamo=True,
        verbose=False,
        external_data=False,
    )
    assert program is not None
    program.save(str(path))


def export_identifier(checkpoint: Path, path: Path) -> None:
    """Write `path` (ONNX): darkness UInt8[N, 160, 32] to logits Float32[N, 48]."""
    network = _averaged(IdentifierNetwork(), checkpoint)
    program = torch.onnx.export(
        network,
        (torch.zeros(5, 160, 32, dtype=torch.uint8),),
        input_names=["darkness"],
        output_names=["logits"],
        dynamic_shapes={"darkness_nlb": {0: torch.export.Dim("n", min=1, max=4096)}},
        dynamo=True,
        verbose=False,
        external_data=False,
    )
    assert program is not None
    program.save(str(path))
