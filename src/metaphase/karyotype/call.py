"""From weighed hypotheses to a proposal that a person can check: a string, or "cannot tell" and why."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from metaphase.chromosomes import NAMES, name_of, relative_lengths
from metaphase.config import KaryotypeConfig
from metaphase.karyotype.assignment import Assignment, Solution
from metaphase.karyotype.hypotheses import WHOLE
from metaphase.words import plural

__all__ = ["Call", "call_of", "obstacle", "odd_lengths", "probability_right", "signs_of_doubt"]

Float64 = NDArray[np.float64]

_LIKELY = 0.5  # P(is a chromosome) from which an instance without a slot is spoken of
_CONTRADICTED = 0.25  # P(the class of its slot) below which a chromosome rather of another class is spoken of
_HARDLY = 0.05  # P(the class of its slot) below which a placed instance is spoken of
_TOO_LONG = 1.7  # length over that of the class from which two chromosomes may lie end to end
_TOO_SHORT = 0.55  # the same, down to which a part may be hidden, cut off or missing
_WORTH_NAMING = 0.1  # posterior from which the next karyotype is named where all of the best one was found
_FEWEST_TO_COMPARE = 10  # placed instances that give the scale of lengths
_MOST_MISSING = 8  # empty slots up to which it means something which karyotype is the most probable
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


def obstacle(best: Assignment, log_evidence: Float64, config: KaryotypeConfig = _DEFAULTS) -> str | None:
    """Why this assignment may be no call, however probable its hypothesis is; None where nothing forbids it.

    The string would say more or less than the page shows, or hardly any chromosome could be told.
    """
    doubt, unexplained = signs_of_doubt(best, log_evidence)
    placed = int(best.placed.sum())
    if len(best.empty) > config.most_empty or unexplained > config.most_unexplained:
        return _misfit(best, log_evidence)
    # What `assemble` shows as a chromosome must be in the string.
    sure_over = int((1 - np.exp(log_evidence[~best.placed, 24]) >= config.extra_chromosome_below).sum())
    if sure_over:
        return f"{placed + sure_over} chromosomes are shown, but {best.hypothesis.iscn} has fewer"
    return f"about {doubt:.0f} of {placed} chromosomes could not be told" if doubt > config.most_doubt else None


def call_of(solution: Solution, log_evidence: Float64, ids: Sequence[int], config: KaryotypeConfig = _DEFAULTS) -> Call:
    """The proposal, or None with the reasons to abstain.

    log_evidence: Float64[M, 25] as `solve` took it; ids: M numbers by which the reasons name the instances.
    """
    best = solution.best
    found = int(best.placed.sum())
    if found < config.fewest_found:
        told = (
            f"only {plural(found, 'chromosome was', 'chromosomes were')} found" if found else "no chromosome was found"
        )
        return Call(None, (), (f"{told}: too few to tell a karyotype",))
    first = float(np.clip(solution.probabilities[0], 1e-9, 1 - 1e-9))
    right = probability_right(first, best.hypothesis.kind, config)
    share = min(1.0, (1 - right) / (1 - first))
    posterior = [right, *(float(p) * share for p in solution.probabilities[1:])]
    named = [(h.iscn, p) for h, p in zip(solution.hypotheses, posterior, strict=True)]
    ranked = tuple(sorted(named, key=lambda entry: -entry[1]))
    reasons = _left_over(best, log_evidence, ids)
    against = obstacle(best, log_evidence, config)
    if against is None and (right < getattr(config, f"call_{best.hypothesis.kind}_from") or posterior[1] >= right):
        against = _unsure(solution, posterior, ids)
        reasons = _unexplained_loss(solution, log_evidence, ids) + reasons
    elif against is not None and not best.empty and min(posterior[:2]) >= _WORTH_NAMING:
        reasons.insert(0, _unsure(solution, posterior, ids))
    if against is not None:
        # A part of a cell has its most probable karyotype too, that with the fewest chromosomes: it means nothing.
        return Call(None, () if len(best.empty) > _MOST_MISSING else ranked, (against, *reasons))
    if not best.hypothesis.normal:
        reasons.insert(0, _change(best, log_evidence, ids))
    return Call(best.hypothesis.iscn, ranked, tuple(reasons))


def odd_lengths(labels: NDArray[np.int64], placed: NDArray[np.bool_], lengths: Float64) -> list[str]:
    """Reasons that name placed instances much longer or shorter than their class is in this cell.

    labels: Int64[M], 1..24; placed: Bool[M]; lengths: Float64[M], pixels along the axis.
    """
    rows = np.flatnonzero(placed & (lengths > 0))
    if len(rows) < _FEWEST_TO_COMPARE:
        return []
    ratio = lengths[rows] / relative_lengths()[labels[rows] - 1]
    ratio /= np.median(ratio)

    def told(times: float) -> str | None:
        if times >= _TOO_LONG:
            return "two may lie end to end and count as one"
        return "a part may be hidden, cut off or missing" if times <= _TOO_SHORT else None

    return [
        f"instance {i} is {times:.1f} times as long as a chromosome {name_of(int(labels[i]))} should be here: {what}"
        for i, times in zip(rows.tolist(), ratio.tolist(), strict=True)
        if (what := told(times)) is not None
    ][:_MOST_NAMED]


def probability_right(first: float, kind: str, config: KaryotypeConfig = _DEFAULTS) -> float:
    """P(the most probable hypothesis is right), from its posterior `first` in (0, 1) and its kind."""
    offset = config.call_offset + (0.0 if kind == "normal" else float(getattr(config, f"call_{kind}")))
    return _sigmoid(config.call_slope * math.log(first / (1 - first)) + offset)


def _sigmoid(x: float) -> float:
    return 1 / (1 + math.exp(-max(-40.0, min(40.0, x))))


def _unsure(solution: Solution, posterior: Sequence[float], ids: Sequence[int]) -> str:
    """The two best hypotheses, the more probable first, and the instances that differ between them.

    posterior: in the order of `solution`; what is known of the kind of the best may put it behind the second.
    """
    a, b = solution.best, solution.second
    differ = np.flatnonzero((a.labels != b.labels) | (a.placed != b.placed))
    look = f": look at {_numbers([ids[int(i)] for i in differ])}" if len(differ) else ""
    two = sorted(zip(solution.hypotheses[:2], posterior[:2], strict=True), key=lambda entry: -entry[1])
    return f"unsure between {' and '.join(f'{h.iscn} ({100 * p:.0f} %)' for h, p in two)}{look}"


def _unexplained_loss(solution: Solution, log_evidence: Float64, ids: Sequence[int]) -> list[str]:
    """Where one of the two best hypotheses has a chromosome less: what may be it, and that nothing else may."""
    more, less = sorted((solution.best, solution.second), key=lambda found: -len(found.hypothesis.slots))
    lost = Counter(more.hypothesis.slots.tolist()) - Counter(less.hypothesis.slots.tolist())
    gained = Counter(less.hypothesis.slots.tolist()) - Counter(more.hypothesis.slots.tolist())
    if lost.total() != 1 or gained:
        return []
    missing = next(iter(lost))
    name = NAMES[missing]
    q = np.exp(log_evidence)
    looks = q[:, missing] >= _HARDLY * (1 - q[:, 24])  # it may be no chromosome at all, but it looks like this one
    filler = [ids[i] for i in np.flatnonzero(more.placed & ~less.placed & looks).tolist()]
    held = f"{_numbers(filler)} may be it" if filler else "nothing found may be it"
    explained = bool(filler) or bool(_over(more, log_evidence).size)
    end = "" if explained else ", and nothing that is left over explains where it is"
    return [f"{less.hypothesis.iscn} lacks one chromosome {name} of {more.hypothesis.iscn}: {held}{end}"]


def _over(best: Assignment, log_evidence: Float64) -> NDArray[np.int64]:
    """Instances without a slot that are rather chromosomes than not."""
    return np.flatnonzero(~best.placed & (1 - np.exp(log_evidence[:, 24]) > _LIKELY))


def _misfit(best: Assignment, log_evidence: Float64) -> str:
    """How far the cell is from the hypothesis that fits it best."""
    iscn, size = best.hypothesis.iscn, len(best.hypothesis.slots)
    over = len(_over(best, log_evidence))
    placed = int(best.placed.sum())
    found = f"only {placed} of the {size}" if best.empty else f"all {size}"
    more = f", and {plural(over, 'more that has', 'more that have')} no place in it" if over else ""
    return f"{found} chromosomes of {iscn} {'was' if placed == 1 else 'were'} found{more}"


def _left_over(best: Assignment, log_evidence: Float64, ids: Sequence[int]) -> list[str]:
    """What the best assignment leaves open."""
    reasons = []
    if best.empty:
        names = [f"{count} x {name_of(label)}" if count > 1 else name_of(label) for label, count in _counted(best)]
        shown = ", ".join(names[:_MOST_NAMED]) + (", ..." if len(names) > _MOST_NAMED else "")
        them = "it" if len(best.empty) == 1 else "them"
        reasons.append(f"not found, though {best.hypothesis.iscn} has {them}: {shown}")
    over = _over(best, log_evidence)
    if len(over):
        guesses = [f"no. {ids[i]} ({name_of(int(best.labels[i]))}?)" for i in over[:_MOST_NAMED].tolist()]
        more = ", ..." if len(over) > _MOST_NAMED else ""
        may = "may be a chromosome, but has" if len(over) == 1 else "may be chromosomes, but have"
        reasons.append(f"{may} no place in {best.hypothesis.iscn}: {', '.join(guesses)}{more}")
    elsewhere = _contradicted(best, log_evidence)
    if len(elsewhere):
        seen = [
            f"no. {ids[i]} (in {name_of(int(best.labels[i]))}, looks like {NAMES[int(log_evidence[i, :24].argmax())]})"
            for i in elsewhere[:_MOST_NAMED].tolist()
        ]
        rest = ", ..." if len(elsewhere) > _MOST_NAMED else ""
        reasons.append(f"put where there was room: {', '.join(seen)}{rest}")
    reasons += _hardly_supported(best, log_evidence, ids, set(elsewhere[:_MOST_NAMED].tolist()))
    return reasons


def _contradicted(best: Assignment, log_evidence: Float64) -> NDArray[np.int64]:
    """Chromosomes that took the slot of a class though they look like another, worst first: a gain may hide here."""
    q = np.exp(log_evidence[:, :24])
    own = q[np.arange(len(q)), best.labels - 1]
    found = np.flatnonzero(best.placed & (own < _CONTRADICTED) & (q.max(1, initial=0) > _LIKELY))
    return found[np.argsort(own[found], kind="stable")]


def _hardly_supported(best: Assignment, log_evidence: Float64, ids: Sequence[int], told: set[int]) -> list[str]:
    """What took a place though it hardly looks like that chromosome, or like any: dirt may complete a cell.

    told: indices of which something else was said already.
    """
    own = np.exp(log_evidence[np.arange(len(log_evidence)), best.labels - 1])
    weak = np.array([i for i in np.flatnonzero(best.placed & (own < _HARDLY)).tolist() if i not in told], np.int64)
    if not len(weak):
        return []
    shown = [
        f"no. {ids[i]} ({name_of(int(best.labels[i]))})" for i in weak[np.argsort(own[weak])][:_MOST_NAMED].tolist()
    ]
    places = "its place" if len(weak) == 1 else "their places"
    return [f"hardly supported in {places}: {', '.join(shown)}{', ...' if len(weak) > _MOST_NAMED else ''}"]


def _counted(best: Assignment) -> list[tuple[int, int]]:
    return sorted(Counter(best.empty).items())


def _change(best: Assignment, log_evidence: Float64, ids: Sequence[int]) -> str:
    """Which instances show the abnormality, and for a loss that nothing is left that might be the other one."""
    slots = np.bincount(best.hypothesis.slots, minlength=24)
    odd = [k for k in range(22) if slots[k] != 2] or [22, 23]
    parts = []
    for k in odd:
        shown = [ids[int(i)] for i in np.flatnonzero(best.placed & (best.labels == k + 1))]
        where = f" ({_numbers(shown)})" if shown else ""
        parts.append(f"{len(shown)} of chromosome {NAMES[k]}{where}")
    lost = len(best.hypothesis.slots) < WHOLE and not _over(best, log_evidence).size
    return " and ".join(parts) + (", and nothing is left over that could be another one" if lost else "")


def _numbers(ids: Sequence[int]) -> str:
    shown = ", ".join(str(i) for i in ids[:_MOST_NAMED])
    return f"instance{'' if len(ids) == 1 else 's'} {shown}{', ...' if len(ids) > _MOST_NAMED else ''}"
