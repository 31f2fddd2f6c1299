"""The identifier's network: one straightened chromosome in, 24 classes times two orientations out."""

from __future__ import annotations

import torch
from torch import Tensor, nn

__all__ = ["IdentifierNetwork", "swap_orientation"]


class _Block(nn.Module):
    """Residual block of two 3x3 convolutions; the first may halve rows and columns."""

    def __init__(self, channels_in: int, channels: int, stride: int = 1) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(channels_in, channels, 3, stride, 1, bias=False)
        self.norm1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, 1, 1, bias=False)
        self.norm2 = nn.BatchNorm2d(channels)
        self.shortcut: nn.Module = nn.Identity()
        if stride != 1 or channels_in != channels:
            self.shortcut = nn.Sequential(
                nn.Conv2d(channels_in, channels, 1, stride, bias=False), nn.BatchNorm2d(channels)
            )

    def forward(self, x: Tensor) -> Tensor:
        y = torch.relu(self.norm1(self.conv1(x)))
        return torch.relu(self.norm2(self.conv2(y)) + self.shortcut(x))


class IdentifierNetwork(nn.Module):
    """Straightened chromosomes to class and orientation.

    Input: UInt8 or Float[N, 160, 32], darkness (`identify.straighten.to_input`), rows along the chromosome.
    Output: logits Float32[N, 48]: 24 classes with the p arm towards row 0, then 24 classes turned by 180 degrees.
    About 0.13 GMAC a chromosome at the default width.
    """

    def __init__(self, channels: tuple[int, int, int, int] = (32, 64, 128, 192), dropout: float = 0.2) -> None:
        super().__init__()
        a, b, c, d = channels
        self.stem = nn.Sequential(nn.Conv2d(1, a, (7, 5), 2, (3, 2), bias=False), nn.BatchNorm2d(a), nn.ReLU())
        self.trunk = nn.Sequential(
            _Block(a, a), _Block(a, b, 2), _Block(b, b), _Block(b, c, 2), _Block(c, c), _Block(c, d, 2)
        )
        self.reduce = nn.Sequential(nn.Conv2d(d, 96, 1, bias=False), nn.BatchNorm2d(96), nn.ReLU())
        self.dropout = nn.Dropout(dropout)
        self.classify = nn.Linear(96 * 10, 48)

    def forward(self, darkness_nlb: Tensor) -> Tensor:
        """Logits Float32[N, 48] of UInt8 or Float[N, 160, 32]."""
        x = darkness_nlb.float().unsqueeze(1) * 0.01
        x = self.reduce(self.trunk(self.stem(x)))
        return self.classify(self.dropout(x.mean(3).flatten(1))).float()


def swap_orientation(logits_n48: Tensor) -> Tensor:
    """The logits that the same chromosomes would have if turned by 180 degrees."""
    return torch.cat([logits_n48[:, 24:], logits_n48[:, :24]], 1)
