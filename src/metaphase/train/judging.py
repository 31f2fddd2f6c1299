"""What a segmenter in training is judged on: val spreads, and frozen composites of chromosomes of val cases."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from torch import nn

from metaphase import imaging, metrics
from metaphase.datasets.composites import compose, cut_out
from metaphase.segment.scale import CLEAR, WIDTH
from metaphase.segment.segmenter import Segmenter
from metaphase.train.cache import Material
from metaphase.train.loop import Judge
from metaphase.train.material import Prepared
from metaphase.train.module import NetworkSession
from metaphase.train.sources import read
from metaphase.types import Instances, Spread

__all__ = ["composites", "for_segmenter", "judge_on", "val_spreads"]

_SEED = 20_221
"""Of the composites: the same in every run, so that runs can be compared."""
_SIZE = 512
"""Rows and columns of a composite, on the segmenter's grid."""


def for_segmenter(sets: Sequence[Prepared], count: int) -> Judge | None:
    """Judges a network on `count` val spreads (0: all) and as many composites; None where there are no val cells."""
    spreads = [spread for one in sets for spread in val_spreads(one, math.ceil(count / len(sets)))]
    composed = composites([cell for one in sets for cell in one.load("val")], count or len(spreads))
    if not spreads and not composed:
        return None
    return lambda network: judge_on(network, spreads, composed)


def judge_on(network: nn.Module, spreads: Sequence[Spread], composed: Sequence[Spread]) -> dict[str, float]:
    """Figures of both kinds, and "score", the mean of their panoptic qualities: the more the better.

    `found` and `SQ` are of the composites, by mask; `real_found` and `real_iou` of the real spreads, by mask where the
    truth has masks, else by annotation box; all pooled over images, with matches above an IoU of .5.
    """
    segmenter = Segmenter(NetworkSession(network))
    scores: dict[str, float] = {}
    qualities = []
    for kind, (found, quality) in {"": ("found", "SQ"), "real": ("real_found", "real_iou")}.items():
        chosen = spreads if kind else composed
        if not chosen:
            continue
        compared = [_compare(spread, segmenter(spread)) for spread in chosen]
        figures = metrics.pq(compared)
        scores[found] = metrics.counts(compared)["found"].value
        scores[quality] = figures["SQ_all"].value
        qualities.append(figures["PQ_all"].value)
    return {"score": float(np.mean(qualities))} | scores


def _compare(spread: Spread, found: Instances) -> metrics.Comparison:
    assert spread.truth is not None
    return metrics.compare(spread.truth, found, "mask" if spread.truth.has_masks else "annotation_box")


def val_spreads(one: Prepared, count: int) -> list[Spread]:
    """Spreads with truth of `count` val cells of a set (0: all), spread evenly over its list."""
    names = one.val if not count else one.val[:: max(1, len(one.val) // count)][:count]
    spreads = []
    for name in names:
        record = read(one.source.name, one.source.root, name)
        if len(record.truth) and record.has_image:
            spreads.append(replace(imaging.normalise(record.gray().gray, name), truth=record.truth))
    return spreads


def composites(cells: Sequence[Material], count: int) -> list[Spread]:
    """`count` composed spreads of 512x512 with exact masks, the same for the same cells; none without masks."""
    usable = [cell for cell in cells if cell.masks]
    if not usable:
        return []
    rng = np.random.default_rng(_SEED)
    spreads = []
    for _ in range(count):
        cutouts = []
        for _ in range(int(rng.integers(30, 47))):
            cell = usable[int(rng.integers(len(usable)))]
            k = int(rng.integers(len(cell.masks)))
            mask, x, y = cell.masks[k]
            cutouts.append(cut_out(cell.spread, mask, x, y, int(cell.labels[k]), clear=CLEAR))
        made = compose(cutouts, rng, _SIZE)
        gray = np.clip(np.rint(made.transmittance * CLEAR), 0, 255).astype(np.uint8)
        crops, places = [mask for mask, _, _ in made.masks], [(x, y) for _, x, y in made.masks]
        truth = Instances.from_masks(_SIZE, _SIZE, crops, places, labels=made.labels)
        spreads.append(Spread(gray, WIDTH, truth=truth))
    return spreads
