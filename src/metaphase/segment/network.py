"""The segmenter's network: a darkness image in, candidates with the kernels of their masks out."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from metaphase.segment.candidates import kernel_parts

__all__ = ["KERNEL_SIZE", "MASK_CHANNELS", "OUTPUTS", "SegmenterNetwork", "mask_logits"]

MASK_CHANNELS = 16
"""Channels of the mask features."""
KERNEL_SIZE = sum(kernel_parts(MASK_CHANNELS))
"""Numbers that describe one mask: three 1x1 convolutions, 18 -> 8 -> 8 -> 1, with their biases."""
OUTPUTS = ("objectness", "box", "kernel", "features", "classes")


def _conv(channels_in: int, channels: int, stride: int = 1, size: int = 3) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(channels_in, channels, size, stride, size // 2, bias=False), nn.BatchNorm2d(channels), nn.ReLU()
    )


class _Block(nn.Module):
    """Residual block of two 3x3 convolutions."""

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.first = _conv(channels, channels)
        self.second = nn.Sequential(nn.Conv2d(channels, channels, 3, 1, 1, bias=False), nn.BatchNorm2d(channels))

    def forward(self, x: Tensor) -> Tensor:
        return torch.relu(x + self.second(self.first(x)))


class SegmenterNetwork(nn.Module):
    """One-stage instance segmentation with dynamic mask kernels.

    After Tian et al. 2020 (CondInst) and Chen et al. 2020 (BlendMask).

    Input: darkness Float[N, 1, H, W], H and W multiples of 32, 12 pixels to a chromosome width.
    Output, on the grid of stride 8 (h, w = H / 8, W / 8) and of stride 2:
    objectness Float32[N, h, w] logits; box Float32[N, 4, h, w], distances left, top, right, bottom of the annotation
    box from the cell's centre in units of 12 pixels; kernel Float32[N, 233, h, w];
    features Float32[N, 16, H / 2, W / 2]; classes Float32[N, 24, h, w] logits.
    """

    def __init__(self, channels: tuple[int, int, int, int] = (32, 64, 128, 160), head: int = 96) -> None:
        super().__init__()
        c2, c3, c4, c5 = channels
        self.stem = nn.Sequential(_conv(1, 16, 2, 5))
        self.stage2 = nn.Sequential(_conv(16, c2, 2), _Block(c2), _Block(c2))
        self.stage3 = nn.Sequential(_conv(c2, c3, 2), _Block(c3), _Block(c3))
        self.stage4 = nn.Sequential(_conv(c3, c4, 2), _Block(c4), _Block(c4), _Block(c4), _Block(c4))
        self.stage5 = nn.Sequential(_conv(c4, c5, 2), _Block(c5), _Block(c5), _Block(c5), _Block(c5))
        self.lateral5 = nn.Conv2d(c5, head, 1)
        self.lateral4 = nn.Conv2d(c4, head, 1)
        self.lateral3 = nn.Conv2d(c3, head, 1)
        self.merge4 = _conv(head, head)
        self.merge3 = _conv(head, head)
        self.context = _Block(head)
        self.context2 = _Block(head)
        self.down8 = _conv(head, 32, 1, 1)
        self.mask4 = nn.Sequential(_conv(32 + c2, 48), _conv(48, 32))
        self.mask2 = nn.Sequential(_conv(32 + 16, 24), nn.Conv2d(24, MASK_CHANNELS, 1))
        self.head = nn.Sequential(_conv(head, head), _conv(head, head))
        self.objectness = nn.Conv2d(head, 1, 1)
        self.box = nn.Conv2d(head, 4, 1)
        self.outline = _Block(head)
        self.kernel = nn.Conv2d(head, KERNEL_SIZE, 1)
        self.classes = nn.Sequential(_conv(head, head), nn.Conv2d(head, 24, 1))
        nn.init.constant_(self.objectness.bias, -4.0)  # type: ignore[arg-type]
        nn.init.normal_(self.kernel.weight, std=0.02)
        nn.init.constant_(self.box.bias, 1.5)  # type: ignore[arg-type]

    def forward(self, darkness_n1hw: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor, Tensor]:
        """The maps named in `OUTPUTS`."""
        s2 = self.stem(darkness_n1hw)
        s4 = self.stage2(s2)
        s8 = self.stage3(s4)
        s16 = self.stage4(s8)
        s32 = self.stage5(s16)
        up = nn.functional.interpolate
        p16 = self.merge4(self.lateral4(s16) + up(self.lateral5(s32), scale_factor=2.0, mode="nearest"))
        p8 = self.context2(self.context(self.merge3(self.lateral3(s8) + up(p16, scale_factor=2.0, mode="nearest"))))
        m4 = self.mask4(torch.cat([up(self.down8(p8), scale_factor=2.0, mode="nearest"), s4], 1))
        features = self.mask2(torch.cat([up(m4, scale_factor=2.0, mode="nearest"), s2], 1))
        x = self.head(p8)
        box = nn.functional.softplus(self.box(x).float())
        classes = self.classes(x).float()
        return self.objectness(x)[:, 0].float(), box, self.kernel(self.outline(x)).float(), features.float(), classes


def mask_logits(kernels_nk: Tensor, features_ncp: Tensor, relative_n2p: Tensor) -> Tensor:
    """Logits Float[N, P] of N masks at P pixels each.

    kernels_nk: Float[N, K], K = sum(kernel_parts(C)). features_ncp: Float[N, C, P], mask features at the pixels.
    relative_n2p: Float[N, 2, P], column and row relative to the candidate, in units of 32 pixels.
    """
    n, c = features_ncp.shape[:2]
    x = torch.cat([features_ncp, relative_n2p], 1)
    w1, b1, w2, b2, w3, b3 = kernels_nk.split(kernel_parts(c), 1)
    x = torch.relu(torch.baddbmm(b1.unsqueeze(2), w1.reshape(n, 8, c + 2), x))
    x = torch.relu(torch.baddbmm(b2.unsqueeze(2), w2.reshape(n, 8, 8), x))
    return torch.baddbmm(b3.unsqueeze(2), w3.reshape(n, 1, 8), x).squeeze(1)
