"""From weighed hypotheses to a proposal that a person can check: a string, or "cannot tell" and why."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from metaphase.chromosomes import NAMES, name_of
from metaphase.config import KaryotypeConfig
from metaphase.karyotype.assignment import Assignment, Solution

__all__ = ["Call", "call_of", "signs_of_doubt"]

Float64 = NDArray[np.float64]

_LIKELY = 0.5  # P(is a chromosome) from which an instance without a slot is spoken of
_CONTRADICTED = 0.1  # P(the class of its slot) below which a chromosome surely of another class is spoken of
_HARDLY = 0.02  # P(the class of its slot) below which a placed instance is spoken of
_MOST_NAMED = 6  # instances named in one reason

_DEFAULTS = KaryotypeConfig()


@dataclass(frozen=True)
class Call:
    """A proposal for one cell.

    iscn: the string, None where the program abstains. posterior: (string, probability), the most probable first; what
    is missing to 1 is "something else". reasons: sentences for a person, with instance numbers.
    """

    iscn: str | None
    posterior: tuple[tuple[str, float], ...]
    reasons: tuple[str, ...]

    @property
    def abstained(self) -> bool:
        """True where there is no proposal."""
        return self.iscn is None


def signs_of_doubt(best: Assignment, log_evidence: Float64) -> tuple[float, float]:
    """How little the best assignment explains: doubt of its placed instances, and what it leaves unexplained.

    The first is the sum over placed instances of one minus the probability of their slot's class; the second counts
    empty slots, and instances without a slot by how likely they are chromosomes (0 at one half, 1 at certainty).
    """
    rows = np.flatnonzero(best.placed)
    doubt = float((1 - np.exp(log_evidence[rows, best.labels[rows] - 1])).sum())
    over = 1 - np.exp(log_evidence[~best.placed, 24])
    return doubt, len(best.empty) + float(np.clip(2 * over - 1, 0, None).sum())


def call_of(solution: Solution, log_evidence: Float64, ids: Sequence[int], config: KaryotypeConfig = _DEFAULTS) -> Call:
    """The proposal, or None with the reasons to abstain.

    log_evidence: Float64[M, 25] as `solve` took it; ids: M numbers by which the reasons name the instances.
    """
    best = solution.best
    doubt, unexplained = signs_of_doubt(best, log_evidence)
    first = float(np.clip(solution.probabilities[0], 1e-9, 1 - 1e-9))
    right = _sigmoid(
        config.call_slope * math.log(first / (1 - first))
        + config.call_doubt * doubt
        + config.call_unexplained * unexplained
        + config.call_offset
        + {"normal": 0.0, "sex": config.call_sex, "gain": config.call_gain, "loss": config.call_loss}[
            best.hypothesis.kind
        ]
    )
    share = min(1.0, (1 - right) / (1 - first))
    posterior = [right, *(float(p) * share for p in solution.probabilities[1:])]
    named = tuple((h.iscn, p) for h, p in zip(solution.hypotheses, posterior, strict=True))
    reasons = _left_over(best, log_evidence, ids)
    # What `assemble` shows as a chromosome must be in the string.
    sure_over = int((1 - np.exp(log_evidence[~best.placed, 24]) >= config.extra_chromosome_below).sum())
    needed = config.call_normal_from if best.hypothesis.normal else config.call_abnormal_from
    if len(best.empty) > config.most_empty or unexplained > config.most_unexplained:
        reasons.insert(0, _misfit(best, log_evidence))
    elif sure_over:
        reasons.insert(
            0, f"{int(best.placed.sum()) + sure_over} chromosomes are shown, but {best.hypothesis.iscn} has fewer"
        )
    elif doubt > config.most_doubt:
        reasons.insert(0, f"about {doubt:.0f} of {best.placed.sum()} chromosomes could not be told")
    elif right < needed or posterior[1] >= right:
        reasons.insert(0, _unsure(solution, posterior, ids))
    else:
        if not best.hypothesis.normal:
            reasons.insert(0, _change(best, ids))
        return Call(best.hypothesis.iscn, named, tuple(reasons))
    return Call(None, tuple(sorted(named, key=lambda entry: -entry[1])), tuple(reasons))


def _sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-max(-40.0, min(40.0, x))))


def _unsure(solution: Solution, posterior: Sequence[float], ids: Sequence[int]) -> str:
    """The two best hypotheses and the instances that differ between them."""
    a, b = solution.best, solution.second
    differ = np.flatnonzero((a.labels != b.labels) | (a.placed != b.placed))
    look = f": look at {_numbers([ids[int(i)] for i in differ])}" if len(differ) else ""
    names = (f"{h.iscn} ({100 * p:.0f} %)" for h, p in zip(solution.hypotheses, posterior[:2], strict=False))
    return f"unsure between {' and '.join(names)}{look}"


def _misfit(best: Assignment, log_evidence: Float64) -> str:
    """How far the cell is from the hypothesis that fits it best."""
    iscn, size = best.hypothesis.iscn, len(best.hypothesis.slots)
    over = int((1 - np.exp(log_evidence[~best.placed, 24]) > _LIKELY).sum())
    found = f"only {int(best.placed.sum())} of the {size}" if best.empty else f"all {size}"
    more = f", and {over} more that {'has' if over == 1 else 'have'} no place in it" if over else ""
    return f"{found} chromosomes of {iscn} were found{more}"


def _left_over(best: Assignment, log_evidence: Float64, ids: Sequence[int]) -> list[str]:
    """What the best assignment leaves open."""
    reasons = []
    if best.empty:
        names = [f"{count} x {name_of(label)}" if count > 1 else name_of(label) for label, count in _counted(best)]
        shown = ", ".join(names[:_MOST_NAMED]) + (", ..." if len(names) > _MOST_NAMED else "")
        reasons.append(f"not found, though {best.hypothesis.iscn} has it: {shown}")
    over = np.flatnonzero(~best.placed & (1 - np.exp(log_evidence[:, 24]) > _LIKELY))
    if len(over):
        guesses = [f"{ids[i]} ({name_of(int(best.labels[i]))}?)" for i in over[:_MOST_NAMED].tolist()]
        more = ", ..." if len(over) > _MOST_NAMED else ""
        reasons.append(f"may be chromosomes, but have no place in {best.hypothesis.iscn}: {', '.join(guesses)}{more}")
    reasons += _contradicted(best, log_evidence, ids)
    reasons += _hardly_supported(best, log_evidence, ids)
    return reasons


def _contradicted(best: Assignment, log_evidence: Float64, ids: Sequence[int]) -> list[str]:
    """Chromosomes that took the slot of one class though they are surely of another: a gain may hide behind a miss."""
    q = np.exp(log_evidence[:, :24])
    own = q[np.arange(len(q)), best.labels - 1]
    odd = np.flatnonzero(best.placed & (own < _CONTRADICTED) & (q.max(1, initial=0) > 1 - _CONTRADICTED))
    if not len(odd):
        return []
    shown = [f"{ids[i]} ({NAMES[int(q[i].argmax())]}, not {name_of(int(best.labels[i]))}?)" for i in odd[:_MOST_NAMED]]
    return [f"put where there was room: {', '.join(shown)}{', ...' if len(odd) > _MOST_NAMED else ''}"]


def _hardly_supported(best: Assignment, log_evidence: Float64, ids: Sequence[int]) -> list[str]:
    """What took a place though it hardly looks like that chromosome, or like any: dirt may complete a cell."""
    own = np.exp(log_evidence[np.arange(len(log_evidence)), best.labels - 1])
    weak = np.flatnonzero(best.placed & (own < _HARDLY))
    if not len(weak):
        return []
    shown = [f"{ids[i]} ({name_of(int(best.labels[i]))})" for i in weak[np.argsort(own[weak])][:_MOST_NAMED].tolist()]
    return [f"hardly supported in their places: {', '.join(shown)}{', ...' if len(weak) > _MOST_NAMED else ''}"]


def _counted(best: Assignment) -> list[tuple[int, int]]:
    return sorted(Counter(best.empty).items())


def _change(best: Assignment, ids: Sequence[int]) -> str:
    """Which instances show the abnormality."""
    slots = np.bincount(best.hypothesis.slots, minlength=24)
    odd = [k for k in range(22) if slots[k] != 2] or [22, 23]
    parts = []
    for k in odd:
        shown = [ids[int(i)] for i in np.flatnonzero(best.placed & (best.labels == k + 1))]
        where = f" ({_numbers(shown)})" if shown else ""
        parts.append(f"{len(shown)} of chromosome {NAMES[k]}{where}")
    return " and ".join(parts)


def _numbers(ids: Sequence[int]) -> str:
    shown = ", ".join(str(i) for i in ids[:_MOST_NAMED])
    return f"instance{'' if len(ids) == 1 else 's'} {shown}{', ...' if len(ids) > _MOST_NAMED else ''}"
