"""The whole model as a PyTorch module, for those who train: the dictionary of `metaphase.load_model`, as tensors."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from metaphase import imaging, karyotype
from metaphase.identify import Identifier
from metaphase.identify.network import IdentifierNetwork
from metaphase.image_io import to_gray
from metaphase.segment import Segmenter
from metaphase.segment.network import SegmenterNetwork

__all__ = ["MetaphaseModule", "NetworkSession"]


class MetaphaseModule(nn.Module):
    """Both networks and what lies between them.

    `module(image)`: image UInt8 or Float[H, W] (or [1, H, W]); returns `boxes` Float32[M, 4], `labels` Int64[M],
    `scores` Float32[M], `masks` Float32[M, 1, H, W], as `predict.Model` does. No gradient flows through it: the two
    networks are trained by `train.segment` and `train.identify`, each with its own loss.
    """

    def __init__(self) -> None:
        super().__init__()
        self.segment = SegmenterNetwork()
        self.identify = IdentifierNetwork()

    @classmethod
    def from_checkpoints(cls, segment: Path, identify: Path) -> MetaphaseModule:
        """With the averaged weights of two checkpoints (`last.pt`)."""
        module = cls()
        for network, path in ((module.segment, segment), (module.identify, identify)):
            network.load_state_dict(torch.load(path, map_location="cpu", weights_only=True)["average"])
        return module.eval()

    @torch.no_grad()
    def forward(self, image: Tensor) -> dict[str, Tensor]:
        """Chromosomes of one image; see the class."""
        pixels = image.detach().cpu().numpy()
        pixels = pixels[0] if pixels.ndim == 3 and len(pixels) == 1 else pixels
        spread = imaging.normalise(to_gray(pixels).gray)
        segmenter, identifier = Segmenter(NetworkSession(self.segment)), Identifier(NetworkSession(self.identify))
        found = identifier(spread, segmenter(spread))
        named = karyotype.assemble(found.instances, found.upright, found.straightened).instances
        device = next(self.parameters()).device
        tensors = named.of_status("chromosome").as_tensors()
        return {name: torch.from_numpy(np.ascontiguousarray(value)).to(device) for name, value in tensors.items()}


class NetworkSession:
    """A network in the place of an ONNX Runtime session: arrays in, arrays out."""

    def __init__(self, network: nn.Module) -> None:
        self._network = network

    def run(self, _: object, inputs: Mapping[str, NDArray[np.generic]]) -> list[NDArray[np.float32]]:
        """The network's outputs for `inputs["darkness"]`."""
        device = next(self._network.parameters()).device
        was_training = self._network.training
        self._network.eval()
        try:
            out = self._network(torch.from_numpy(np.ascontiguousarray(inputs["darkness"])).to(device))
        finally:
            self._network.train(was_training)
        return [part.float().cpu().numpy() for part in (out if isinstance(out, tuple) else (out,))]
