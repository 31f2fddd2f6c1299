"""What is known of each instance for itself: is it a chromosome of class k, or none at all?

The identifier only compares classes, the segmenter only tells chromosomes from background. Here their answers meet what
the cell as a whole shows: a piece of a chromosome is shorter and smaller than its class should be, two that were taken
for one are larger, a second outline
of the same chromosome lies on pixels that are explained already, and debris is paler or darker than chromosomes are. A
multinomial logistic model joins them; its weights (`EvidenceConfig`) are fitted on annotated cells.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from metaphase import masks as geometry
from metaphase.banding import profile_of
from metaphase.chromosomes import relative_lengths
from metaphase.config import EvidenceConfig
from metaphase.types import Instances, Straightened

__all__ = ["FEATURES", "features", "lengths", "log_evidence"]

Float64 = NDArray[np.float64]

FEATURES = (
    "class_probability",
    "shorter",
    "smaller",
    "larger",
    "score",
    "sure_score",
    "contained",
    "off_darkness",
    "uncertainty",
    "banding",
    "at_edge",
    "covered",
    "constant",
)
"""The last axis of `features`, in this order; each has its weight in `EvidenceConfig`."""

_SURE = 0.9  # score and class probability from which an instance serves as the yardstick for the others
_TINY = 1e-6
_DEFAULTS = EvidenceConfig()


def log_evidence(
    instances: Instances, straightened: Sequence[Straightened], config: EvidenceConfig = _DEFAULTS
) -> Float64:
    """Float64[M, 25]: log-probabilities of the classes 1..24 and, last, of "no chromosome of this cell"; rows sum to 1.

    instances: `probabilities_nc` from the identifier, `scores` = P(is a chromosome) from the segmenter.
    straightened: M of them, or none.
    """
    if not len(instances):
        return np.zeros((0, 25))
    weights = np.array([getattr(config, name) for name in FEATURES])
    logits = np.concatenate([features(instances, straightened) @ weights, np.zeros((len(instances), 1))], 1)
    return np.asarray(logits - np.logaddexp.reduce(logits, 1, keepdims=True), np.float64)


def features(instances: Instances, straightened: Sequence[Straightened]) -> Float64:
    """Float64[M, 24, F]: what speaks for instance i being a chromosome of class k, in the order of `FEATURES`."""
    p_nc = np.maximum(np.asarray(instances.probabilities_nc, np.float64), _TINY)
    scores = np.clip(np.asarray(instances.scores, np.float64), 1e-3, 1 - 1e-4)
    sure = (scores > _SURE) & (p_nc.max(1) > _SURE)
    sure = sure if sure.sum() >= 5 else np.ones(len(p_nc), bool)
    expected = np.log(relative_lengths())
    best = p_nc.argmax(1)

    def against_class(size: Float64, sign: float) -> Float64:
        """Log of size over the size that the class should have here, where it has this sign, squared and capped."""
        scale = np.median((size - expected[best])[sure])
        off = np.maximum(sign * (size[:, None] - scale - expected[None]), 0)
        return np.minimum(off**2, 0.25) * 10

    areas = _areas(instances)
    odds = np.log(scores / (1 - scores))
    contained, covered = _overlaps(instances, areas, sure)
    darkness, banding = _photometry(straightened, len(p_nc))
    off = np.minimum(np.abs(darkness - np.median(darkness[sure])) * 5, 2.0) ** 2
    columns = (
        np.log(p_nc),
        against_class(np.log(np.maximum(lengths(instances, straightened), 1)), -1),
        against_class(np.log(np.maximum(areas, 1)), -1),
        # Boxes of those that lie askew or bend are larger than they are.
        against_class(np.log(np.maximum(areas, 1)), 1) * instances.has_masks,
        odds,
        np.maximum(odds - 2, 0),
        contained,
        off,
        np.log(1 - p_nc.max(1) + 1e-3),
        np.maximum(banding - np.median(banding[sure]), 0),
        _at_edge(instances),
        covered,
        np.ones(len(p_nc)),
    )
    rows = [column if column.ndim == 2 else np.repeat(column[:, None], 24, 1) for column in columns]
    return np.stack(rows, 2)


def lengths(instances: Instances, straightened: Sequence[Straightened]) -> Float64:
    """Float64[M]: length along the axis where it is known, else of the box's diagonal, pixels."""
    if straightened:
        return np.array([laid.inside.any(1).sum() for laid in straightened], np.float64)
    boxes = instances.boxes_xyxy.astype(np.float64)
    return np.hypot(boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1])


def _areas(instances: Instances) -> Float64:
    if instances.has_masks:
        return instances.areas.astype(np.float64)
    boxes = instances.boxes_xyxy.astype(np.float64)
    return np.clip(boxes[:, 2:] - boxes[:, :2], 0, None).prod(1)


def _overlaps(instances: Instances, areas: Float64, sure: NDArray[np.bool_]) -> tuple[Float64, Float64]:
    """Share of each instance inside the one better one that holds most of it, and inside all other sure ones."""
    if instances.crops is None:
        return np.zeros(len(areas)), np.zeros(len(areas))
    shared = geometry.mask_intersections(
        instances.crops, instances.offsets_xy, instances.crops, instances.offsets_xy
    ).astype(np.float64)
    rank = instances.scores * np.sqrt(areas)
    contained = (shared * (rank[None] > rank[:, None]) / areas[:, None]).max(1)
    count = np.zeros((instances.height, instances.width), np.uint8)
    for i in np.flatnonzero(sure):
        _window(count, instances, int(i))[:] += instances.crops[i]
    covered = [
        float((_window(count, instances, i)[crop] > int(sure[i])).mean()) for i, crop in enumerate(instances.crops)
    ]
    return contained, np.array(covered)


def _window(canvas: NDArray[np.uint8], instances: Instances, index: int) -> NDArray[np.uint8]:
    assert instances.crops is not None
    (x, y), crop = instances.offsets_xy[index], instances.crops[index]
    return canvas[y : y + crop.shape[0], x : x + crop.shape[1]]


def _at_edge(instances: Instances) -> Float64:
    """1 where the box reaches the edge of the image: what is cut off there has lost its length and some of its
    bands.
    """
    boxes, limits = instances.boxes_xyxy, np.array([instances.width, instances.height]) - 1
    return np.asarray(((boxes[:, :2] <= 1) | (boxes[:, 2:] >= limits)).any(1), np.float64)


def _photometry(straightened: Sequence[Straightened], count: int) -> tuple[Float64, Float64]:
    """Log of the mean darkness of each chromosome, and log of how much its bands differ; 0 where none is
    straightened.
    """
    if not straightened:
        return np.zeros(count), np.zeros(count)
    darkness, banding = np.zeros(count), np.zeros(count)
    for i, laid in enumerate(straightened):
        profile = profile_of(laid.gray, laid.inside)
        mean = max(1.0, float(profile.mean()) if len(profile) else 0.0)
        darkness[i] = np.log(mean)
        banding[i] = np.log(float(profile.std()) / mean + 0.02) if len(profile) else np.log(0.02)
    return darkness, banding
