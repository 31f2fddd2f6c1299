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


@dataclass(frozen=True, eq=False)
class Identified:
    """Instances with probabilities and labels; for each one the straightened chromosome, and whether its p arm is up.

    upright: Bool[M]: False where the straightened image has to be turned by 180 degrees.
    up_log_odds: Float64[M], what the network alone says about that for its best class, in nats.
    """

    instances: Instances
    upright: NDArray[np.bool_]
    straightened: tuple[Straightened, ...]
    up_log_odds: NDArray[np.float64]


def upright(
    up_log_odds: NDArray[np.float64],
    labels: NDArray[np.int64],
    straightened: Sequence[Straightened],
    config: IdentifyConfig,
) -> NDArray[np.bool_]:
    """Bool[M]: whether the p arm is at row 0, from the network's log-odds and the bands against the ideogram.

    labels: 1..24. The two fail differently: the network knows satellites and shapes, the ideogram has exact signs but
    says little where bands are nearly symmetric. Where the bands could not outweigh the network they are not aligned.
    """
    decided = up_log_odds.copy()
    for i in np.flatnonzero(np.abs(up_log_odds) <= config.bands_weight * LARGEST_MARGIN).tolist():
        profile = profile_of(straightened[i].gray, straightened[i].inside)
        if len(profile) > 1:
            decided[i] += config.bands_weight * align(profile, int(labels[i])).margin
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

    def __call__(self, spread: Spread, instances: Instances) -> Identified:
        """Name the chromosomes of `instances`, which need masks; scores, status and boxes stay as they are.

        What `instances.probabilities_nc` already says of the classes counts too, with `segmenter_weight`; uniform rows
        say nothing.
        """
        if not len(instances):
            return Identified(instances, np.zeros(0, bool), (), np.zeros(0))
        assert instances.crops is not None
        levels = masks.photometry(spread.gray, instances.union())
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
        best = log_class.argmax(1)
        rows = np.arange(len(best))
        named = replace(
            instances,
            labels=best.astype(np.int64) + 1,
            probabilities_nc=(probabilities / probabilities.sum(1, keepdims=True)).astype(np.float32),
        )
        up = log_up[rows, best] - log_down[rows, best]
        return Identified(named, upright(up, named.labels, straightened, self._config), straightened, up)

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
