"""The identifier: masks in, class probabilities, straightened chromosomes and their orientation out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray

from metaphase import masks
from metaphase.banding import LARGEST_MARGIN, align, profile_of
from metaphase.config import IdentifyConfig
from metaphase.identify.straighten import straighten, to_input
from metaphase.onnx_session import open_session
from metaphase.types import Instances, Spread, Straightened

__all__ = ["Identified", "Identifier", "upright"]

_PLAUSIBLE = 0.1
"""Probability of a class from which bands are laid against its ideogram; below it for the best one only."""


@dataclass(frozen=True, eq=False)
class Identified:
    """Instances with probabilities and labels; for each one the straightened chromosome, and which end is its p arm.

    upright: Bool[M, 24], for each class that it may have: False where the straightened image has then to be turned by
    180 degrees. up_log_odds: Float64[M, 24], what the network alone says about that, in nats.
    """

    instances: Instances
    upright: NDArray[np.bool_]
    straightened: tuple[Straightened, ...]
    up_log_odds: NDArray[np.float64]

    def select(self, index: NDArray[np.int64]) -> Identified:
        """Those at `index`."""
        laid = tuple(self.straightened[i] for i in index.tolist())
        return Identified(self.instances.select(index), self.upright[index], laid, self.up_log_odds[index])

    def joined_with(self, more: Identified) -> Identified:
        """These, then those of `more`, which belong to the same image."""
        return Identified(
            self.instances.joined_with(more.instances),
            np.concatenate([self.upright, more.upright]),
            self.straightened + more.straightened,
            np.concatenate([self.up_log_odds, more.up_log_odds]),
        )


def upright(
    up_log_odds: NDArray[np.float64],
    probabilities: NDArray[np.floating],
    straightened: Sequence[Straightened],
    config: IdentifyConfig,
) -> NDArray[np.bool_]:
    """Bool[M, 24]: whether the p arm is at row 0, from the network's log-odds and the bands against the ideogram.

    up_log_odds, probabilities: [M, 24], of each class. The two fail differently: the network knows satellites and
    shapes, the ideogram has exact signs but says little where bands are nearly symmetric. Bands are laid against
    plausible classes only, and where they could outweigh the network.
    """
    decided = up_log_odds.copy()
    open_to_bands = np.abs(up_log_odds) <= config.bands_weight * LARGEST_MARGIN
    asked = open_to_bands & (probabilities >= np.minimum(_PLAUSIBLE, probabilities.max(1, keepdims=True)))
    for i in np.flatnonzero(asked.any(1)).tolist():
        profile = profile_of(straightened[i].gray, straightened[i].inside)
        for k in np.flatnonzero(asked[i]).tolist() if len(profile) > 1 else ():
            decided[i, k] += config.bands_weight * align(profile, k + 1).margin
    return np.asarray(decided >= 0)


class Identifier:
    """Names chromosomes by their bands: `identifier(spread, instances)` returns `Identified`."""

    def __init__(self, session: onnxruntime.InferenceSession, config: IdentifyConfig | None = None) -> None:
        self._session = session
        self._config = config or IdentifyConfig()

    @classmethod
    def load(cls, folder: Path, config: IdentifyConfig | None = None) -> Identifier:
        """Read `folder/identify.onnx`. Raises WeightsError where it is missing or damaged."""
        return cls(open_session(folder / "identify.onnx", "identifier"), config)

    def __call__(self, spread: Spread, instances: Instances, among: Instances | None = None) -> Identified:
        """Name the chromosomes of `instances`, which need masks; scores, status and boxes stay as they are.

        among: chromosomes of the cell, from which its brightness is taken; left out, `instances`.

        What `instances.probabilities_nc` already says of the classes counts too, with `segmenter_weight`; uniform rows
        say nothing.
        """
        if not len(instances):
            return Identified(instances, np.zeros((0, 24), bool), (), np.zeros((0, 24)))
        assert instances.crops is not None
        levels = masks.photometry(spread.gray, (among or instances).union())
        straightened = tuple(
            straighten(spread.gray, crop, xy, spread.chromosome_width)
            for crop, xy in zip(instances.crops, instances.offsets_xy, strict=True)
        )
        inputs = np.stack([to_input(chromosome, levels) for chromosome in straightened])
        log_up, log_down = self._log_probabilities(inputs)
        log_class = np.logaddexp(log_up, log_down)
        before = np.log(np.maximum(instances.probabilities_nc.astype(np.float64), 1e-6))
        log_class += self._config.segmenter_weight * before
        log_class -= log_class.max(1, keepdims=True)
        probabilities = np.exp(log_class)
        probabilities /= probabilities.sum(1, keepdims=True)
        labels = probabilities.argmax(1).astype(np.int64) + 1
        named = replace(instances, labels=labels, probabilities_nc=probabilities.astype(np.float32))
        up = log_up - log_down
        return Identified(named, upright(up, probabilities, straightened, self._config), straightened, up)

    def _log_probabilities(self, inputs: NDArray[np.uint8]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Float64[N, 24] twice: log P(class, p arm up) and log P(class, p arm down)."""
        logits = self._session.run(None, {"darkness": inputs})[0].astype(np.float64)
        if self._config.both_ways:
            turned = self._session.run(None, {"darkness": np.ascontiguousarray(inputs[:, ::-1, ::-1])})[0]
            logits = (logits + np.concatenate([turned[:, 24:], turned[:, :24]], 1)) / 2
        logits /= self._config.temperature
        logits -= logits.max(1, keepdims=True)
        log_p = logits - np.log(np.exp(logits).sum(1, keepdims=True))
        return log_p[:, :24], log_p[:, 24:]
