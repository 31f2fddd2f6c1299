"""From identified instances to a `Karyotype`: labels of the joint assignment, 23 groups, tray, call, sanity."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from metaphase.chromosomes import X, Y, sanity
from metaphase.config import KaryotypeConfig
from metaphase.karyotype.alternatives import exclusive, weaker_of_conflicts
from metaphase.karyotype.assignment import Solution, solve
from metaphase.karyotype.call import Call, call_of, odd_lengths
from metaphase.karyotype.evidence import lengths, log_evidence
from metaphase.karyotype.pairing import ordered
from metaphase.types import Instances, Karyotype, Straightened

__all__ = ["assemble", "standing"]

_DEFAULTS = KaryotypeConfig()


@dataclass(frozen=True, eq=False)
class _Named:
    """Instances with labels, scores and status set, which of them found a slot, and the call."""

    instances: Instances
    placed: NDArray[np.bool_]
    call: Call


def assemble(
    instances: Instances,
    upright: NDArray[np.bool_],
    straightened: Sequence[Straightened],
    config: KaryotypeConfig = _DEFAULTS,
) -> Karyotype:
    """Name the chromosomes of one cell, sort them into 23 groups and propose a karyotype.

    instances: `probabilities_nc` from the identifier, `scores` = P(is a chromosome). Those that already have the
    status "unknown" or "debris" keep it and take no slot.
    upright: Bool[M, 24], of each class that an instance may get; straightened: M of them, or none at all.
    Returns labels as assigned; scores = P(is a chromosome and has the assigned class); the status
    "unknown" where even the best class is improbable (`config.unknown_below`, and `config.extra_unknown_below` for
    those that found no slot) or where one without a slot may well be no chromosome (`config.extra_chromosome_below`;
    "debris" where it is more likely none). Instances without a slot that are only another reading of a chromosome
    that found one (`config.same_chromosome`) are left out, so fewer than M may come back. In each group homologues
    stand as `pairing.ordered` says: X before Y, an odd one last. The call is `call.call_of`'s.
    Raises ValueError where lengths differ.
    """
    m = len(instances)
    upright = np.asarray(upright, bool)
    if upright.shape != (m, 24):
        raise ValueError(f"upright must have shape ({m}, 24), but got {upright.shape}")
    if len(straightened) not in (0, m):
        raise ValueError(f"straightened must have {m} entries or none, but has {len(straightened)}")
    named, kept = _named(instances, straightened, config)
    m, before = len(kept), _best_classes(instances)[kept]
    straightened = tuple(straightened[i] for i in kept) if straightened else ()
    labels, status = named.instances.labels, named.instances.status
    upright = upright[kept, labels - 1]
    long = lengths(named.instances, straightened)
    groups: list[tuple[int, ...]] = []
    for label in range(1, Y + 1):
        members = [i for i in range(m) if labels[i] == label and status[i] == "chromosome"]
        groups.append(ordered(members, long, upright, straightened, named.placed))
    tray = sorted((i for i in range(m) if status[i] != "chromosome"), key=lambda i: (status[i] == "debris", -long[i]))
    return Karyotype(
        instances=named.instances,
        groups=(*groups[: X - 1], groups[X - 1] + groups[Y - 1]),
        tray=tuple(tray),
        sanity=sanity(labels[i] for group in groups for i in group),
        upright=upright,
        straightened=tuple(straightened),
        iscn=named.call.iscn,
        posterior=named.call.posterior,
        reasons=named.call.reasons,
        labels_before=before,
    )


def _best_classes(instances: Instances) -> NDArray[np.int64]:
    """Int64[M]: what the identifier alone would say."""
    return np.asarray(instances.probabilities_nc, np.float64).argmax(1).astype(np.int64) + 1


def _named(
    instances: Instances, straightened: Sequence[Straightened], config: KaryotypeConfig
) -> tuple[_Named, NDArray[np.int64]]:
    """Names and call; and which instances they are of, without other readings of chromosomes that found a slot."""
    log_q = log_evidence(instances, straightened, config.evidence)
    kept, candidates, (labels, placed, solution) = _stand(instances, log_q, config)
    whole = int(candidates.sum())
    instances, log_q, candidates = instances.select(kept), log_q[kept], candidates[kept]
    if candidates.sum() == whole:
        labels, placed = labels[kept], placed[kept]
    else:
        labels, placed, solution = _solved(instances, log_q, candidates, config)
    call = call_of(solution, log_q[candidates], np.flatnonzero(candidates).tolist(), config)
    standing_strips = [straightened[i] for i in kept] if straightened else []
    long = lengths(instances, standing_strips)
    if standing_strips:  # the evidence is fitted on strips as they are, cut to the longest single chromosome
        long *= [laid.shortened for laid in standing_strips]
    call = replace(call, reasons=(*call.reasons, *odd_lengths(labels, placed, long)))
    q = np.exp(log_q)
    chromosome = 1 - q[:, 24]
    best_class = q[:, :24].max(1, initial=0.0) / np.maximum(chromosome, 1e-12)
    doubtful = best_class < np.where(placed, config.unknown_below, config.extra_unknown_below)
    doubtful |= ~placed & (chromosome < config.extra_chromosome_below)
    none = ~placed & (chromosome < 0.5)
    status = tuple(
        given if given != "chromosome" else "debris" if no_chromosome else "unknown" if no_class else given
        for given, no_chromosome, no_class in zip(instances.status, none, doubtful, strict=True)
    )
    scores = np.clip(q[np.arange(len(labels)), labels - 1], 0, 1).astype(np.float32)
    return _Named(replace(instances, labels=labels, scores=scores, status=status), placed, call), kept


def standing(
    instances: Instances, log_q: NDArray[np.float64], config: KaryotypeConfig
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Which instances stand once the cell has chosen among readings that exclude each other.

    log_q: Float64[M, 25], see `log_evidence`. Returns indices of those that are placed or are no other reading of a
    placed one, and Bool[M], which instances may be placed: of two placed readings of one chromosome the weaker not.
    """
    kept, candidates, _ = _stand(instances, log_q, config)
    return kept, candidates


_Solved = tuple[NDArray[np.int64], NDArray[np.bool_], Solution]


def _stand(
    instances: Instances, log_q: NDArray[np.float64], config: KaryotypeConfig
) -> tuple[NDArray[np.int64], NDArray[np.bool_], _Solved]:
    """What `standing` returns, and `_solved` of all these candidates."""
    pairs = exclusive(instances, config.same_chromosome)
    candidates = np.array([status == "chromosome" for status in instances.status], bool)
    while True:
        labels, placed, solution = _solved(instances, log_q, candidates, config)
        lost = weaker_of_conflicts(pairs, placed, log_q[np.arange(len(labels)), labels - 1])
        if not lost:
            kept = np.flatnonzero(placed | ~pairs[:, placed].any(1))
            return kept, candidates, (labels, placed, solution)
        candidates[lost] = False


def _solved(
    instances: Instances, log_q: NDArray[np.float64], candidates: NDArray[np.bool_], config: KaryotypeConfig
) -> _Solved:
    """Labels of all instances, which of them found a slot, and the solution over the `candidates`."""
    labels, placed = _best_classes(instances), np.zeros(len(instances), bool)
    solution = solve(log_q[candidates], config)
    labels[candidates], placed[candidates] = solution.best.labels, solution.best.placed
    return labels, placed, solution
