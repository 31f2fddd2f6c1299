"""From identified instances to a `Karyotype`: labels of the joint assignment, 23 groups, tray, sanity."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from metaphase.chromosomes import X, sanity
from metaphase.config import KaryotypeConfig
from metaphase.karyotype.assignment import solve
from metaphase.types import Instances, Karyotype, Straightened

__all__ = ["assemble"]

_DEFAULTS = KaryotypeConfig()


def assemble(
    instances: Instances,
    upright: NDArray[np.bool_],
    straightened: Sequence[Straightened],
    config: KaryotypeConfig = _DEFAULTS,
) -> Karyotype:
    """Name the chromosomes of one cell and sort them into 23 groups.

    instances: `probabilities_nc` from the identifier, `scores` = P(is a chromosome). Those that already have the
    status "unknown" or "debris" keep it and take no slot.
    upright: Bool[M]; straightened: M of them, or none at all.
    Returns labels as assigned, scores = P(is a chromosome) times the probability of the assigned class, the status
    "unknown" where even the best class is improbable (`config.unknown_below`, and `config.extra_unknown_below` for
    those that found no slot) or where one without a slot may well be no chromosome (`config.extra_chromosome_below`;
    "debris" where it is more likely none); in each group the longest comes first (X before Y), and those without a
    slot come last.
    Raises ValueError where lengths differ.
    """
    m = len(instances)
    upright = np.asarray(upright, bool)
    if upright.shape != (m,):
        raise ValueError(f"upright must have shape ({m},), but got {upright.shape}")
    if len(straightened) not in (0, m):
        raise ValueError(f"straightened must have {m} entries or none, but has {len(straightened)}")
    named, placed = _named(instances, config)
    lengths = _lengths(named, straightened)
    order = sorted(range(m), key=lambda i: (named.labels[i], not placed[i], -lengths[i], -named.scores[i]))
    groups: list[list[int]] = [[] for _ in range(X)]
    for i in order:
        if named.status[i] == "chromosome":
            groups[min(int(named.labels[i]), X) - 1].append(i)
    tray = sorted(
        (i for i in order if named.status[i] != "chromosome"), key=lambda i: (named.status[i] == "debris", -lengths[i])
    )
    return Karyotype(
        instances=named,
        groups=tuple(tuple(group) for group in groups),
        tray=tuple(tray),
        sanity=sanity(named.labels[i] for group in groups for i in group),
        upright=upright,
        straightened=tuple(straightened),
    )


def _named(instances: Instances, config: KaryotypeConfig) -> tuple[Instances, NDArray[np.bool_]]:
    """Instances with labels, scores and status set, and which of them found a slot."""
    p_nc = np.asarray(instances.probabilities_nc, np.float64)
    labels = p_nc.argmax(1).astype(np.int64) + 1
    placed = np.zeros(len(instances), bool)
    candidates = np.array([status == "chromosome" for status in instances.status], bool)
    if candidates.any():
        # A probability that underflowed to 0 is no proof; `solve` puts its floor under it.
        log_p_nc = np.log(np.maximum(p_nc[candidates], np.finfo(np.float64).tiny))
        found = solve(log_p_nc, np.asarray(instances.scores, np.float64)[candidates], config)
        labels[candidates], placed[candidates] = found.labels, found.placed
    of_class = p_nc[np.arange(len(labels)), labels - 1]
    doubtful = p_nc.max(1, initial=0.0) < np.where(placed, config.unknown_below, config.extra_unknown_below)
    doubtful |= ~placed & (instances.scores < config.extra_chromosome_below)
    none = ~placed & (instances.scores < 0.5)
    status = tuple(
        given if given != "chromosome" else "debris" if no_chromosome else "unknown" if no_class else given
        for given, no_chromosome, no_class in zip(instances.status, none, doubtful, strict=True)
    )
    scores = np.clip(instances.scores * of_class, 0, 1).astype(np.float32)
    return replace(instances, labels=labels, scores=scores, status=status), placed


def _lengths(instances: Instances, straightened: Sequence[Straightened]) -> NDArray[np.float64]:
    """Length along the axis where it is known, else of the box's diagonal, pixels."""
    if straightened:
        return np.array([laid.inside.any(1).sum() for laid in straightened], np.float64)
    boxes = instances.boxes_xyxy.astype(np.float64)
    return np.hypot(boxes[:, 2] - boxes[:, 0], boxes[:, 3] - boxes[:, 1])
