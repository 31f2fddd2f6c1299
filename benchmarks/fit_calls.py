"""Fit what turns found chromosomes into a call, on annotated cells, and write it into karyotype_config.py (with
--write).

Three steps. (1) Weights of the evidence: a multinomial logistic model of "class k or none" for every instance, whose
targets are the best assignment under the annotated karyotype, supported by overlap with the annotated boxes, so that
one wrong box does not count as a false chromosome; four rounds. (2) The operating point: priors, softness and a
threshold for each kind of karyotype, chosen together on the real cells and on copies of the normal ones from which one
found chromosome was taken away or in which one was doubled. Of all that call at least `--right` of the normal cells
right and at most `--wrong` wrong, the one that calls fewest changed and annotated abnormal cells normal (and half as
much: most of them right). (3) The curve of P(call is right).

Few normal cells come out wrong, and a thousand points are compared on them: the best one promises too much. So (2) and
(3) look at predictions whose evidence was fitted on other people's cells, `--wrong` must hold for the upper bound of
the share at `--confidence`, not for the share itself, and what is reported is out of fold: points chosen on four fifths
of the people, counted on the last fifth. The table of operating points shows what another `--right` would cost.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np
from cells import Cell, arguments, load_cells
from provenance import heading
from scipy.optimize import minimize
from scipy.stats import beta

from metaphase import karyotype_config
from metaphase.config import EvidenceConfig, KaryotypeConfig
from metaphase.datasets import cil
from metaphase.karyotype import (
    FEATURES,
    Hypothesis,
    assign,
    call_of,
    features,
    hypotheses,
    obstacle,
    probability_right,
    scores,
    solve,
    standing,
)
from metaphase.karyotype.alternatives import exclusive
from metaphase.matching import match
from metaphase.metrics import compare
from metaphase.predict import load_model

ROUNDS = 4
SUPPORT = 3.0
"""Nats that overlap with an annotated box of the class adds while targets are chosen."""
LOOSE = 0.25
"""Overlap of boxes that supports: annotated boxes are shifted in some images."""
SAME = 0.5
"""Share of the smaller outline from which another one is erased with a chromosome."""
KINDS = ("normal", "sex_gain", "sex_loss", "gain", "loss")
"""Kinds of hypotheses."""
LOG_PRIORS = {
    "sex_gain": (-4.5, -3.5, -2.5, -1.5),
    "sex_loss": (-6.5, -5.5, -4.5, -3.5, -2.5),
    "gain": (-7.5, -6.0, -5.0, -4.0, -3.0),
    "loss": (-9.0, -8.0, -7.0, -6.0, -5.0),
}
"""Log-priors that are tried, of one karyotype of the kind over one normal karyotype, after softening."""
SOFTNESS = (1.0, 1.35)
"""What is tried of it."""
LOWEST = 0.3
"""No abnormal karyotype is called from a posterior below this."""
FALSE_ALARMS = {"sex_gain": 0.0005, "sex_loss": 0.0005, "gain": 0.002, "loss": 0.002}
"""Share of the normal cells that may be called each kind of abnormal: most false alarms were sex chromosomes."""
CURVE = (0.8, 0.86, 0.9, 0.93, 0.95, 0.96)
"""Shares of normal cells called right for which the operating point is shown."""
WEIGHT = {"gain": 30.0, "loss": 30.0, "sex_gain": 8.0, "sex_loss": 8.0}
"""How many real cells all changed copies of a kind are worth together."""
FOLDS = 5
"""Parts of the people; each is left out once."""
PARTITIONS = 2
"""Ways to part them, over which the reported shares are averaged."""

Float64 = np.ndarray
Outcome = dict[str, tuple[float, ...]]
"""(right, wrong, of these called normal) of each kind of sample, shares."""


@dataclass(frozen=True, eq=False)
class Seen:
    """A cell, the features of its instances (Float64[M, F]), and how annotated boxes support them (`supported`)."""

    cell: Cell
    x: Float64
    bonus: Float64


@dataclass(eq=False)
class Sample:
    """One real cell, or a changed copy. case: the person. truth: Int64[24]; kind: normal, abnormal, or of `WEIGHT`."""

    case: str
    kind: str
    truth: Float64
    log_q: Float64
    weight: float = 1.0


def counts_of(cell: Cell) -> Float64:
    """Int64[24]: annotated copies of each class."""
    return np.bincount(cell.truth.labels, minlength=25)[1:]


def supported(cell: Cell) -> Float64:
    """Float64[M, 24]: SUPPORT where an instance lies on an annotated box of the class."""
    found = compare(cell.truth, cell.identified.instances, "annotation_box")
    rows, cols = match(found.iou, LOOSE)
    bonus = np.zeros((len(cell.identified.instances), 24))
    bonus[cols, found.truth.labels[rows] - 1] = SUPPORT
    return bonus


def evidence_of(x: Float64, weights: Float64) -> Float64:
    """Float64[M, 25] as `karyotype.log_evidence` gives it, from features that are at hand."""
    logits = np.concatenate([x @ weights, np.zeros((len(x), 1))], 1)
    return logits - np.logaddexp.reduce(logits, 1, keepdims=True)


def fit_evidence(seen: Sequence[Seen]) -> EvidenceConfig:
    """The weights under which annotated karyotypes are best explained."""
    weights = np.array([getattr(EvidenceConfig(), name) for name in FEATURES])
    stacked = np.concatenate([s.x for s in seen])
    for _ in range(ROUNDS):
        targets = [target_of(evidence_of(s.x, weights), s.bonus, counts_of(s.cell)) for s in seen]
        weights = minimize(_loss, weights, (stacked, np.concatenate(targets)), jac=True, method="L-BFGS-B").x
    return EvidenceConfig(**{name: round(float(w), 3) for name, w in zip(FEATURES, weights, strict=True)})


def target_of(log_q: Float64, bonus: Float64, counts: Float64) -> Float64:
    """Int64[M]: the class of each instance under the annotated karyotype, 0 where it has no slot."""
    pushed = log_q + np.concatenate([bonus, np.zeros((len(bonus), 1))], 1)
    truth = Hypothesis("truth", np.repeat(np.arange(24), counts), 0.0)
    found = assign(pushed, truth, KaryotypeConfig(missed_rate=1e-3, extra_rate=1e-6))
    return np.where(found.placed, found.labels, 0)


def _loss(weights: Float64, x: Float64, target: Float64) -> tuple[float, Float64]:
    """Mean negative log-likelihood and its gradient."""
    log_q = evidence_of(x, weights)
    column = np.where(target > 0, target - 1, 24)
    rest = np.exp(log_q[:, :24])
    rows = np.flatnonzero(target > 0)
    rest[rows, target[rows] - 1] -= 1
    loss = -log_q[np.arange(len(x)), column].mean() + 1e-5 * weights @ weights
    return float(loss), np.einsum("nk,nkf->f", rest, x) / len(x) + 2e-5 * weights


def samples(seen: Sequence[Seen], evidence: EvidenceConfig, normal: frozenset[str]) -> list[Sample]:
    """The real cells, and copies of the normal ones with one chromosome fewer or more."""
    weights = np.array([getattr(evidence, name) for name in FEATURES])
    rng = np.random.default_rng(0)
    made: list[Sample] = []
    for s in seen:
        counts, log_q = counts_of(s.cell), evidence_of(s.x, weights)
        balanced = (counts[:22] == 2).all() and tuple(counts[22:]) in ((2, 0), (1, 1))
        kind = "normal" if s.cell.name in normal else "listed as abnormal" if balanced else "abnormal"
        # What prediction leaves out, other readings of chromosomes that found a place, is left out here too.
        kept, candidates = standing(s.cell.identified.instances, log_q, KaryotypeConfig())
        kept = kept[candidates[kept]]
        made.append(Sample(s.cell.case, kind, counts, log_q[kept]))
        if kind == "normal":
            same = exclusive(s.cell.identified.instances.select(kept), SAME)
            made += changed(made[-1], target_of(log_q, s.bonus, counts)[kept], same, rng)
    return weighted(made)


def weighted(made: list[Sample]) -> list[Sample]:
    """The same samples, with `WEIGHT` shared out among those of a kind."""
    for kind, worth in WEIGHT.items():
        of_kind = [s for s in made if s.kind == kind]
        for sample in of_kind:
            sample.weight = worth / len(of_kind)
    return made


def changed(cell: Sample, target: Float64, same: Float64, rng: np.random.Generator) -> list[Sample]:
    """Two autosomes lost, two gained, a sex chromosome lost and one gained, each in a copy of its own.

    target: Int64[M], see `target_of`; same: Bool[M, M], outlines that lie on each other, which are lost together. Where
    the X of an XY cell is lost, 45,Y,-X, that is of the kind "loss", as the hypothesis is.
    """
    autosomes, sexes = np.flatnonzero((target > 0) & (target < 23)), np.flatnonzero(target >= 23)
    plans = [("loss", i, -1) for i in rng.choice(autosomes, 2)] + [("gain", i, 1) for i in rng.choice(autosomes, 2)]
    steps = {"sex_loss": -1, "sex_gain": 1}
    plans += [(kind, rng.choice(sexes), step) for kind, step in steps.items() if len(sexes)]
    copies = []
    for kind, i, step in plans:
        truth = cell.truth.copy()
        truth[target[i] - 1] += step
        gone = same[i] | (np.arange(len(target)) == i)
        q = cell.log_q[~gone] if step < 0 else np.concatenate([cell.log_q, cell.log_q[i : i + 1]])
        copies.append(Sample(cell.case, "loss" if not truth[22] else kind, truth, q))
    return copies


@dataclass(frozen=True, eq=False)
class Weighed:
    """What the assignment says of every sample, before any prior. N samples, K kinds of hypotheses as in `KINDS`.

    scores: Float64[N, H] of all hypotheses. best: Int64[N, K], the best one of each kind; free: Bool[N, K], nothing but
    its probability may forbid to call it; right: Bool[N, K], it has the annotated chromosomes.
    """

    samples: list[Sample]
    scores: Float64
    best: Float64
    free: Float64
    right: Float64

    @cached_property
    def groups(self) -> dict[str, Float64]:
        """Bool[N] by kind: its samples."""
        kinds = np.array([sample.kind for sample in self.samples])
        return {kind: kinds == kind for kind in ("normal", "abnormal", *WEIGHT)}

    def at(self, rows: Float64) -> Weighed:
        """Some of the samples; Bool[N]."""
        kept = [sample for sample, row in zip(self.samples, rows, strict=True) if row]
        return Weighed(kept, self.scores[rows], self.best[rows], self.free[rows], self.right[rows])

    def by_kind(self, softness: float) -> tuple[Float64, Float64]:
        """Float64[K, N] each: softened, of each kind of hypotheses the best score and the logarithm of their sum."""
        kind_of = np.array([h.kind for h in hypotheses(KaryotypeConfig())])
        of_kinds = [self.scores[:, kind_of == kind] / softness for kind in KINDS]
        return np.stack([v.max(1) for v in of_kinds]), np.stack([np.logaddexp.reduce(v, 1) for v in of_kinds])


def most_probable(top: Float64, mass: Float64, log_priors: Sequence[float]) -> tuple[Float64, Float64]:
    """Int64[N], the kind of the most probable hypothesis, and Float64[N], its posterior; see `Weighed.by_kind`."""
    shift = np.array(log_priors)[:, None]
    return (top + shift).argmax(0), np.exp((top + shift).max(0) - np.logaddexp.reduce(mass + shift, 0))


@dataclass(frozen=True)
class Point:
    """An operating point: softness, log-priors of the kinds over that of a normal karyotype (after softening), and
    thresholds of the posterior. value: what is maximised.
    """

    value: tuple[bool, float]
    softness: float
    log_priors: tuple[float, ...]
    thresholds: tuple[float, ...]

    def outcome(self, weighed: Weighed) -> Outcome:
        """What it makes of samples."""
        chosen, p = most_probable(*weighed.by_kind(self.softness), self.log_priors)
        return outcome(weighed, chosen, p, np.array(self.thresholds))


def outcome(weighed: Weighed, chosen: Float64, p: Float64, thresholds: Float64) -> Outcome:
    """Shares, from kinds and posteriors as `most_probable` gives them."""
    rows = np.arange(len(chosen))
    called = (p >= thresholds[chosen]) & weighed.free[rows, chosen]
    right = called & weighed.right[rows, chosen]
    wrong = called & ~right
    false_normal = wrong & (chosen == 0)
    return {
        kind: tuple(float(t[group].sum() / max(1, group.sum())) for t in (right, wrong, false_normal))
        for kind, group in weighed.groups.items()
    }


def weigh(made: list[Sample], config: KaryotypeConfig) -> Weighed:
    """Solve every sample once."""
    known = hypotheses(config)
    of_kind = [np.array([i for i, h in enumerate(known) if h.kind == kind]) for kind in KINDS]
    worth = np.array([scores(s.log_q, config) for s in made])
    best = np.stack([index[worth[:, index].argmax(1)] for index in of_kind], 1)
    found = [[assign(s.log_q, known[i], config) for i in row] for s, row in zip(made, best, strict=True)]
    free = [[obstacle(a, s.log_q, config) is None for a in row] for s, row in zip(made, found, strict=True)]
    right = [[is_truth(known[i], s) for i in row] for s, row in zip(made, best, strict=True)]
    return Weighed(made, worth, best, np.array(free), np.array(right))


def parts(cases: Sequence[str], seed: int = 0) -> Float64:
    """Int64[N], 0..FOLDS - 1: which part each sample belongs to, all of one person to the same."""
    names, index = np.unique(cases, return_inverse=True)
    return (np.random.default_rng(seed).permutation(len(names)) % FOLDS)[index]


def weigh_out_of_fold(
    seen: Sequence[Seen], normal: frozenset[str], config: KaryotypeConfig, *, keep_evidence: bool = False
) -> Weighed:
    """Every sample under evidence that was fitted on other people's cells, or under that of the config."""
    part, found = parts([s.cell.case for s in seen]), []
    for fold in range(FOLDS):
        others = [s for s, p in zip(seen, part, strict=True) if p != fold]
        evidence = config.evidence if keep_evidence else fit_evidence(others)
        held = [s for s, p in zip(seen, part, strict=True) if p == fold]
        found.append(weigh(samples(held, evidence, normal), replace(config, evidence=evidence)))
    made = weighted([sample for weighed in found for sample in weighed.samples])
    return Weighed(made, *(np.concatenate([getattr(w, f) for w in found]) for f in ("scores", "best", "free", "right")))


def outcomes_out_of_fold(
    weighed: Weighed, rights: Sequence[float], wrong: float, confidence: float
) -> dict[float, Outcome]:
    """By wanted share: what points that were chosen on other people's cells make of each cell, mean of partitions."""
    cases, groups = [sample.case for sample in weighed.samples], weighed.groups
    sums = {wanted: {kind: np.zeros(3) for kind in groups} for wanted in rights}
    for seed in range(PARTITIONS):
        part = parts(cases, seed)
        for fold in range(FOLDS):
            held = weighed.at(part == fold)
            size = {kind: group.sum() for kind, group in held.groups.items()}
            for wanted, point in operating_points(weighed.at(part != fold), rights, wrong, confidence).items():
                for kind, shares in point.outcome(held).items():
                    sums[wanted][kind] += np.array(shares) * size[kind] / (PARTITIONS * max(1, groups[kind].sum()))
    return {wanted: {kind: tuple(v.tolist()) for kind, v in kinds.items()} for wanted, kinds in sums.items()}


def upper_bound(count: int, size: int, confidence: float) -> float:
    """Clopper-Pearson: the share that `count` of `size` does not exceed with this confidence; 0: the share itself."""
    if not confidence:
        return count / max(1, size)
    return float(beta.ppf(confidence, count + 1, size - count)) if count < size else 1.0


def operating_points(weighed: Weighed, rights: Sequence[float], wrong: float, confidence: float) -> dict[float, Point]:
    """The best operating point for each wanted share of normal cells that are called right."""
    normal = weighed.groups["normal"]
    size, rows = int(normal.sum()), np.arange(len(normal))
    points: dict[float, Point] = {}
    for softness in SOFTNESS:
        top, mass = weighed.by_kind(softness)
        for log_priors in itertools.product((0.0,), *(LOG_PRIORS[kind] for kind in KINDS[1:])):
            chosen, p = most_probable(top, mass, log_priors)
            callable_p = np.where(weighed.free[rows, chosen], p, 0.0)
            right = weighed.right[rows, chosen]
            for wanted in rights:
                thresholds = thresholds_for(wanted, callable_p, chosen, right, normal)
                shares = outcome(weighed, chosen, p, thresholds)
                called_right, called_wrong, _ = shares["normal"]
                bound = upper_bound(round(called_wrong * size), size, confidence)
                kept = called_right >= wanted and bound <= wrong
                gain = np.mean([0.5 * r - 0.5 * (w + f) for kind, (r, w, f) in shares.items() if kind != "normal"])
                value = (kept, float(gain) if kept else called_right - called_wrong)
                if wanted not in points or value > points[wanted].value:
                    points[wanted] = Point(value, softness, log_priors, tuple(thresholds.tolist()))
    return points


def thresholds_for(wanted: float, p: Float64, chosen: Float64, right: Float64, normal: Float64) -> Float64:
    """Float64[K]: posterior from which each kind is called.

    A normal call: the highest that calls the wanted share of normal cells right. Another kind: the lowest that calls
    at most `FALSE_ALARMS` of the normal cells so, and not below `LOWEST`.
    """
    thresholds = np.full(len(KINDS), LOWEST)
    best_first = np.sort(p[normal & (chosen == 0) & right])[::-1]
    needed = int(np.ceil(wanted * normal.sum()))
    thresholds[0] = best_first[needed - 1] if 0 < needed <= len(best_first) else 0.01
    for kind in range(1, len(KINDS)):
        alarms = np.sort(p[normal & (chosen == kind)])[::-1]
        most = int(FALSE_ALARMS[KINDS[kind]] * normal.sum())
        if len(alarms) > most:
            thresholds[kind] = min(0.99, max(LOWEST, alarms[most] + 0.005))
    return np.clip(thresholds, 0.01, 0.99)


def with_point(point: Point, config: KaryotypeConfig) -> KaryotypeConfig:
    """Priors and softness of an operating point."""
    kind_of = [h.kind for h in hypotheses(config)]
    # `solve` adds the prior before it softens.
    relative = dict(zip(KINDS, np.exp(np.array(point.log_priors) * point.softness), strict=True))
    whole = sum(relative[kind] for kind in kind_of)
    return replace(
        config,
        softness=round(point.softness, 3),
        normal_prior=_short(relative["normal"] / whole),
        sex_gain_prior=_short(relative["sex_gain"] / whole),
        sex_loss_prior=_short(relative["sex_loss"] / whole),
        autosome_gain_prior=_short(relative["gain"] / whole),
        autosome_loss_prior=_short(relative["loss"] / whole),
    )


def with_thresholds(point: Point, config: KaryotypeConfig) -> KaryotypeConfig:
    """Thresholds of an operating point, as P(right) on the curve of `config`."""
    told = {
        f"call_{kind}_from": round(min(0.99, max(0.01, probability_right(t, kind, config) - 5e-4)), 3)
        for kind, t in zip(KINDS, point.thresholds, strict=True)
    }
    return replace(config, **told)


def _short(value: float) -> float:
    return float(f"{min(max(value, 1e-9), 0.49):.3g}")


def fit_curve(weighed: Weighed, point: Point, config: KaryotypeConfig) -> KaryotypeConfig:
    """Slope and offsets of P(the best hypothesis is right)."""
    chosen, p = most_probable(*weighed.by_kind(point.softness), point.log_priors)
    first = np.clip(p, 1e-9, 1 - 1e-9)
    others = chosen[:, None] == np.arange(1, len(KINDS))
    a = np.column_stack([np.log(first / (1 - first)), np.ones(len(p)), others])
    y = np.where(weighed.right[np.arange(len(p)), chosen], 1.0, -1.0)
    weight = np.array([s.weight for s in weighed.samples])

    def loss(theta: Float64) -> float:
        return float((weight * np.logaddexp(0, -y * (a @ theta))).sum() / weight.sum() + 1e-3 * theta @ theta)

    theta = minimize(
        loss,
        np.array([1.0, *[0.0] * len(KINDS)]),
        method="L-BFGS-B",
        bounds=[(0.05, None), *[(None, None)] * len(KINDS)],
    ).x
    names = ("call_slope", "call_offset", *(f"call_{kind}" for kind in KINDS[1:]))
    return replace(config, **{name: round(float(v), 3) for name, v in zip(names, theta, strict=True)})


def is_truth(hypothesis: Hypothesis, sample: Sample) -> bool:
    """Whether a hypothesis has exactly the annotated chromosomes."""
    return bool((np.bincount(hypothesis.slots, minlength=24) == sample.truth).all())


def table_of_points(points: dict[float, Point], outcomes: dict[float, Outcome]) -> str:
    """What each wanted share of right normal calls costs, as Markdown: right / wrong / of these called normal."""
    names = list(next(iter(outcomes.values())))
    lines = [f"| wanted | {' | '.join(names)} |", "|---:|" + "---:|" * len(names)]
    for wanted, shares in sorted(outcomes.items()):
        cells = (" / ".join(f"{100 * v:.1f}" for v in shares[name]) for name in names)
        lines.append(f"| {wanted:.0%}{'' if points[wanted].value[0] else ' (not reached)'} | {' | '.join(cells)} |")
    return "\n".join(lines)


def table(made: list[Sample], config: KaryotypeConfig) -> str:
    """Right, wrong and abstained by kind, as Markdown."""
    lines = ["| cells | n | right | wrong | of these called normal | abstained |", "|---|---:|---:|---:|---:|---:|"]
    for kind in ("normal", "abnormal", *WEIGHT):
        of_kind = [s for s in made if s.kind == kind]
        tally = np.zeros(4)
        for sample in of_kind:
            solution = solve(sample.log_q, config)
            call = call_of(solution, sample.log_q, range(len(sample.log_q)), config)
            right = is_truth(solution.best.hypothesis, sample)
            wrong = call.iscn is not None and not right
            tally += [call.iscn is not None and right, wrong, wrong and solution.best.hypothesis.normal, call.abstained]
        share = [f"{v / max(1, len(of_kind)):.1%}" for v in tally]
        lines.append(f"| {kind} | {len(of_kind)} | {' | '.join(share)} |")
    return "\n".join(lines)


def write(config: KaryotypeConfig) -> None:
    """Replace the defaults in karyotype_config.py."""
    path = Path(karyotype_config.__file__)
    text = path.read_text(encoding="utf-8")
    for section in (config.evidence, config):
        head = text.index(f"class {type(section).__name__}:")
        for name, value in vars(section).items():
            if isinstance(value, float):
                pattern = re.compile(rf"(\n    {name}: float = )[-+.\de]+")
                body = pattern.sub(lambda m, v=value: f"{m[1]}{v!r}", text[head:], count=1)
                text = text[:head] + body
    path.write_text(text, encoding="utf-8")


def main() -> None:
    """Fit, print, and write where asked."""
    options = arguments(
        __doc__,
        write={"action": "store_true", "help": "replace the defaults in karyotype_config.py"},
        right={"type": float, "default": 0.9, "help": "normal cells called right at least (0.9)"},
        wrong={"type": float, "default": 0.02, "help": "normal cells called wrong at most (0.02)"},
        keep_evidence={"action": "store_true", "help": "fit the calls alone"},
        confidence={
            "type": float,
            "default": 0.8,
            "help": "of the upper bound that must stay below --wrong; 0: the share itself must (0.8)",
        },
    )
    model = load_model(options.weights)
    cells = list(load_cells(options, model))
    normal = cil.normal(cil.find(options.root), [cell.name for cell in cells])
    seen = [Seen(c, features(c.identified.instances, c.identified.straightened), supported(c)) for c in cells]
    limits = (sorted({*CURVE, options.right}), options.wrong, options.confidence)
    weighed = weigh_out_of_fold(seen, normal, KaryotypeConfig(), keep_evidence=options.keep_evidence)
    points, outcomes = operating_points(weighed, *limits), outcomes_out_of_fold(weighed, *limits)
    config = KaryotypeConfig()
    if not options.keep_evidence:
        config = replace(config, evidence=fit_evidence(seen))
    config = fit_curve(weighed, points[options.right], with_point(points[options.right], config))
    config = with_thresholds(points[options.right], config)
    print(heading(f"Fit of the calls on {options.split}, {len(cells)} cells", model.info))
    print("Out of fold, right / wrong / of these called normal, percent:\n\n" + table_of_points(points, outcomes))
    print("\nIn sample, too good to be true:\n\n" + table(samples(seen, config.evidence, normal), config))
    print("\n    " + "\n    ".join(f"{k} = {v}" for part in (config.evidence, config) for k, v in vars(part).items()))
    if options.write:
        write(config)


if __name__ == "__main__":
    main()
