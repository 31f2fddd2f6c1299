"""Fit what turns found chromosomes into a call, on annotated cells, and write it into karyotype_config.py (with
--write).

Three steps. (1) Weights of the evidence: a multinomial logistic model of "class k or none" for every instance, whose
targets are the best assignment under the annotated karyotype, supported by overlap with the annotated boxes, so that
one wrong box does not count as a false chromosome; four rounds. (2) Priors and softness: greatest likelihood of the
annotated karyotype, over the real cells and over copies of normal cells from which one found chromosome was taken
away or in which one was doubled. (3) The curve of P(call is right), and the two thresholds: the greatest share of
right calls on the changed cells, with at most `--wrong` wrong and `--abstained` abstained of the real normal ones.
"""

from __future__ import annotations

import itertools
import re
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from cells import Cell, arguments, load_cells
from provenance import heading
from scipy.optimize import minimize

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
    signs_of_doubt,
    solve,
    standing,
)
from metaphase.matching import match
from metaphase.metrics import compare
from metaphase.predict import load_model

ROUNDS = 4
SUPPORT = 3.0
"""Nats that overlap with an annotated box of the class adds while targets are chosen."""
LOOSE = 0.25
"""Overlap of boxes that supports: annotated boxes are shifted in some images."""
WEIGHT = {"gain": 30.0, "loss": 30.0, "sex": 15.0}
"""How many real cells all changed copies of a kind are worth together."""

Float64 = np.ndarray


@dataclass(eq=False)
class Sample:
    """One real cell, or a changed copy. truth: Int64[24]; kind: normal, abnormal, gain, loss or sex."""

    name: str
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


def fit_evidence(cells: list[Cell]) -> tuple[EvidenceConfig, list[Float64], list[Float64]]:
    """Weights, features of each cell, and the target of each instance (0: none)."""
    xs = [features(c.identified.instances, c.identified.straightened) for c in cells]
    bonuses = [supported(c) for c in cells]
    weights = np.array([getattr(EvidenceConfig(), name) for name in FEATURES])
    stacked, targets = np.concatenate(xs), []
    for _ in range(ROUNDS):
        targets = [
            target_of(evidence_of(x, weights), b, counts_of(c)) for x, b, c in zip(xs, bonuses, cells, strict=True)
        ]
        weights = minimize(_loss, weights, (stacked, np.concatenate(targets)), jac=True, method="L-BFGS-B").x
    rounded = {name: round(float(w), 3) for name, w in zip(FEATURES, weights, strict=True)}
    return EvidenceConfig(**rounded), xs, targets


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


def samples(
    cells: list[Cell], xs: list[Float64], targets: list[Float64], evidence: EvidenceConfig, normal: frozenset[str]
) -> list[Sample]:
    """The real cells, and copies of the normal ones with one chromosome fewer or more."""
    weights = np.array([getattr(evidence, name) for name in FEATURES])
    rng = np.random.default_rng(0)
    made: list[Sample] = []
    for cell, x, target in zip(cells, xs, targets, strict=True):
        counts, log_q = counts_of(cell), evidence_of(x, weights)
        balanced = (counts[:22] == 2).all() and tuple(counts[22:]) in ((2, 0), (1, 1))
        kind = "normal" if cell.name in normal else "listed as abnormal" if balanced else "abnormal"
        # What prediction leaves out, other readings of chromosomes that found a place, is left out here too.
        kept, candidates = standing(cell.identified.instances, log_q, KaryotypeConfig())
        kept = kept[candidates[kept]]
        made.append(Sample(cell.name, kind, counts, log_q[kept]))
        if kind == "normal":
            made += changed(made[-1], target[kept], rng)
    for kind, worth in WEIGHT.items():
        of_kind = [s for s in made if s.kind == kind]
        for sample in of_kind:
            sample.weight = worth / len(of_kind)
    return made


def changed(cell: Sample, target: Float64, rng: np.random.Generator) -> list[Sample]:
    """Two autosomes lost, two gained, every sex chromosome lost and gained, each in a copy of its own."""
    autosomes, sexes = np.flatnonzero((target > 0) & (target < 23)), np.flatnonzero(target >= 23)
    plans = [("loss", i, -1) for i in rng.choice(autosomes, 2)] + [("gain", i, 1) for i in rng.choice(autosomes, 2)]
    plans += [("sex", i, step) for i in sexes for step in (-1, 1)]
    copies = []
    for kind, i, step in plans:
        truth = cell.truth.copy()
        truth[target[i] - 1] += step
        q = np.delete(cell.log_q, i, 0) if step < 0 else np.concatenate([cell.log_q, cell.log_q[i : i + 1]])
        copies.append(Sample(cell.name, kind, truth, q))
    return copies


def fit_priors(made: list[Sample], config: KaryotypeConfig) -> KaryotypeConfig:
    """Softness and priors of greatest likelihood."""
    known = hypotheses(config)
    index = {tuple(np.bincount(h.slots, minlength=24)): i for i, h in enumerate(known)}
    usable = [s for s in made if tuple(s.truth) in index]
    truth = np.array([index[tuple(s.truth)] for s in usable])
    weight = np.array([s.weight for s in usable])
    kind = np.array([h.kind for h in known])
    scores = np.array([_scores(s.log_q, config, known) for s in usable])

    def priors(theta: Float64) -> Float64:
        return np.select([kind == "normal", kind == "sex", kind == "gain"], [0.0, theta[1], theta[2]], theta[3])

    def loss(theta: Float64) -> float:
        logits = scores / np.exp(theta[0]) + priors(theta)
        log_p = logits - np.logaddexp.reduce(logits, 1, keepdims=True)
        return float(-(weight * log_p[np.arange(len(truth)), truth]).sum() / weight.sum())

    theta = minimize(loss, np.array([0.0, -3.0, -5.0, -5.0]), method="Nelder-Mead", options={"maxiter": 2000}).x
    softness = float(np.exp(theta[0]))
    relative = np.exp(priors(theta) * softness)  # `solve` adds the prior before it softens
    relative /= relative.sum()
    first = {name: float(relative[np.flatnonzero(kind == name)[0]]) for name in ("normal", "sex", "gain", "loss")}
    return replace(
        config,
        softness=round(softness, 3),
        normal_prior=_short(first["normal"]),
        sex_aneuploidy_prior=_short(first["sex"]),
        autosome_gain_prior=_short(first["gain"]),
        autosome_loss_prior=_short(first["loss"]),
    )


def _short(value: float) -> float:
    return float(f"{min(max(value, 1e-9), 0.49):.3g}")


def _scores(log_q: Float64, config: KaryotypeConfig, known: tuple[Hypothesis, ...]) -> Float64:
    """Score of every hypothesis, priors left out."""
    solution = solve(log_q, replace(config, softness=1.0))
    order = {h.iscn: i for i, h in enumerate(solution.hypotheses)}
    log_p = np.log(np.maximum(solution.probabilities, 1e-300))
    return np.array([log_p[order[h.iscn]] - h.log_prior for h in known])


def fit_curve(made: list[Sample], config: KaryotypeConfig) -> KaryotypeConfig:
    """Slope, doubt, unexplained and offset of P(the best hypothesis is right)."""
    rows, right = [], []
    for sample in made:
        solution = solve(sample.log_q, config)
        best = solution.best.hypothesis
        first = np.clip(solution.probabilities[0], 1e-9, 1 - 1e-9)
        doubt, unexplained = signs_of_doubt(solution.best, sample.log_q)
        rows.append([np.log(first / (1 - first)), doubt, unexplained, 1.0, *(kind == best.kind for kind in WEIGHT)])
        right.append(is_truth(best, sample))
    a, y = np.array(rows, float), np.where(right, 1.0, -1.0)
    weight = np.array([s.weight for s in made])

    def loss(theta: Float64) -> float:
        return float((weight * np.logaddexp(0, -y * (a @ theta))).sum() / weight.sum() + 1e-3 * theta[:3] @ theta[:3])

    bounds = [(0.05, 5), (-3, 0), (-3, 0), (-5, 5), (-5, 2), (-5, 2), (-5, 2)]
    theta = minimize(loss, np.array([1.0, -0.1, -0.5, 0.0, 0.0, 0.0, 0.0]), method="L-BFGS-B", bounds=bounds).x
    names = ("call_slope", "call_doubt", "call_unexplained", "call_offset", "call_gain", "call_loss", "call_sex")
    return replace(config, **{name: round(float(v), 3) for name, v in zip(names, theta, strict=True)})


def is_truth(hypothesis: Hypothesis, sample: Sample) -> bool:
    """Whether a hypothesis has exactly the annotated chromosomes."""
    return bool((np.bincount(hypothesis.slots, minlength=24) == sample.truth).all())


def fit_thresholds(made: list[Sample], config: KaryotypeConfig, wrong: float, abstained: float) -> KaryotypeConfig:
    """The two thresholds; where no pair keeps both limits, the one that abstains least within `wrong`."""
    free = replace(config, call_normal_from=0.01, call_abnormal_from=0.01)
    rows = []
    for sample in made:
        solution = solve(sample.log_q, free)
        call = call_of(solution, sample.log_q, range(len(sample.log_q)), free)
        best = solution.best.hypothesis
        p = dict(call.posterior)[best.iscn] if call.iscn else 0.0
        rows.append((best.normal, is_truth(best, sample), p))
    normal_call, right, p = (np.array(column) for column in zip(*rows, strict=True))
    real = np.array([s.kind == "normal" for s in made])
    fake = np.array([s.kind in WEIGHT for s in made])
    weight = np.array([s.weight for s in made])
    grid = np.arange(0.1, 0.995, 0.01)
    best: tuple[tuple[bool, float], float, float] | None = None
    for t_normal, t_abnormal in itertools.product(grid, grid):
        called = p >= np.where(normal_call, t_normal, t_abnormal)
        if (called & ~right)[real].mean() > wrong:
            continue
        left = float((~called)[real].mean())
        quality = float((weight * (1.0 * (called & right) - 1.0 * (called & ~right)))[fake].sum())
        value = (left <= abstained, quality if left <= abstained else -left)
        if best is None or value > best[0]:
            best = value, float(t_normal), float(t_abnormal)
    assert best is not None, "at a threshold of 0.99 hardly anything is called"
    return replace(config, call_normal_from=round(best[1], 2), call_abnormal_from=round(best[2], 2))


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
        wrong={"type": float, "default": 0.02, "help": "wrong calls of normal cells at most (0.02)"},
        abstained={"type": float, "default": 0.085, "help": "abstentions on normal cells wanted at most (0.085)"},
    )
    model = load_model(options.weights)
    cells = list(load_cells(options, model))
    evidence, xs, targets = fit_evidence(cells)
    normal = cil.normal(cil.find(options.root), [cell.name for cell in cells])
    made = samples(cells, xs, targets, evidence, normal)
    config = fit_priors(made, replace(KaryotypeConfig(), evidence=evidence))
    config = fit_curve(made, config)
    config = fit_thresholds(made, config, options.wrong, options.abstained)
    print(heading(f"Fit of the calls on {options.split}, {len(cells)} cells", model.info))
    print(table(made, config))
    print("\n    " + "\n    ".join(f"{k} = {v}" for part in (evidence, config) for k, v in vars(part).items()))
    if options.write:
        write(config)


if __name__ == "__main__":
    main()
