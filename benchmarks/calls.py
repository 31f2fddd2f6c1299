"""Labels before and after the joint assignment, and the calls: normal cells, annotated abnormal cells, calibration."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from cells import Cell, arguments, load_cells
from provenance import heading

from metaphase import metrics
from metaphase.datasets import cil
from metaphase.errors import IscnError
from metaphase.iscn import formula_of
from metaphase.karyotype import assemble
from metaphase.metrics import compare
from metaphase.predict import load_model
from metaphase.types import Karyotype

KEYS = ("found", "false_per_cell", "end_to_end", "class_accuracy", "cells_without_error", "count_error", "exact_count")
BINS = (0.0, 0.2, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 1.0)


@dataclass(frozen=True, eq=False)
class Called:
    """One cell, its annotated karyotype ("?" where that has no string) and what the program says."""

    cell: Cell
    truth: str
    karyotype: Karyotype


def annotated(cell: Cell) -> str:
    """The string of the annotated boxes."""
    counts = np.bincount(cell.truth.labels, minlength=25)[1:]
    if (counts[:22] == 2).all() and tuple(counts[22:]) == (0, 1):
        return "45,Y,-X"
    try:
        return str(formula_of(counts))
    except IscnError:
        return "?"


def before_and_after(called: list[Called]) -> str:
    """Counting scores of the instances as identified and as assigned."""
    lines = ["| metric | before | after |", "|---|---:|---:|"]
    pairs = [(c.cell.identified.instances, c.karyotype.instances) for c in called]
    scores = []
    for side in (0, 1):
        compared = [
            compare(c.cell.truth, pair[side], "annotation_box", c.cell.name, c.cell.case)
            for c, pair in zip(called, pairs, strict=True)
        ]
        scores.append({key: score.value for key, score in metrics.counts(compared).items()})
    return "\n".join([*lines, *(f"| {key} | {scores[0][key]:.4f} | {scores[1][key]:.4f} |" for key in KEYS)])


def normal_cells(called: list[Called]) -> str:
    """Right, wrong and abstained of the normal cells, and which are wrong."""
    right = sum(c.karyotype.iscn == c.truth for c in called)
    silent = sum(c.karyotype.abstained for c in called)
    n = max(1, len(called))
    wrong = [c for c in called if not c.karyotype.abstained and c.karyotype.iscn != c.truth]
    lines = [
        "| normal cells | right | wrong | of these 46,XX for 46,XY or the reverse | abstained |",
        "|---:|---:|---:|---:|---:|",
        f"| {len(called)} | {right / n:.1%} | {len(wrong) / n:.1%} "
        f"| {sum(c.karyotype.iscn in ('46,XX', '46,XY') for c in wrong) / n:.1%} | {silent / n:.1%} |",
        "",
        *(f"- {c.cell.name}: {c.truth}, called {c.karyotype.iscn}" for c in wrong),
    ]
    return "\n".join(lines)


def abnormal_cells(called: list[Called]) -> str:
    """Every cell whose annotation is not normal, with call and truth."""
    lines = ["| cell | annotated | call | most probable | P(annotated) |", "|---|---|---|---|---:|"]
    for c in called:
        posterior = dict(c.karyotype.posterior)
        top = c.karyotype.posterior[0] if c.karyotype.posterior else ("-", 0.0)
        own = f"{posterior[c.truth]:.2f}" if c.truth in posterior else "-"
        lines.append(
            f"| {c.cell.name} | {c.truth} | {c.karyotype.iscn or 'cannot tell'} | {top[0]} {top[1]:.2f} | {own} |"
        )
    right = sum(c.karyotype.iscn == c.truth for c in called)
    wrong = sum(not c.karyotype.abstained and c.karyotype.iscn != c.truth for c in called)
    normal = sum(c.karyotype.iscn in ("46,XX", "46,XY") for c in called)
    lines += ["", f"{len(called)} cells: {right} right, {wrong} wrong ({normal} called normal), "
              f"{len(called) - right - wrong} abstained."]  # fmt: skip
    return "\n".join(lines)


def calibration(called: list[Called]) -> str:
    """How often the most probable karyotype is right, by its probability; and accuracy against coverage."""
    top = [
        (c.karyotype.posterior[0][1], c.karyotype.posterior[0][0] == c.truth) for c in called if c.karyotype.posterior
    ]
    p, right = np.array([t[0] for t in top]), np.array([t[1] for t in top])
    lines = ["| P(most probable) | cells | mean P | right |", "|---|---:|---:|---:|"]
    for low, high in pairwise(BINS):
        inside = (p >= low) & ((p < high) | (high == 1))
        if inside.any():
            share = f"{p[inside].mean():.2f} | {right[inside].mean():.2f}"
            lines.append(f"| {low:.2f} - {high:.2f} | {inside.sum()} | {share} |")
    order = np.argsort(-p)
    lines += ["", "| coverage | accuracy |", "|---:|---:|"]
    for coverage in (0.25, 0.5, 0.75, 0.9, 1.0):
        kept = order[: max(1, round(coverage * len(order)))]
        lines.append(f"| {coverage:.0%} | {right[kept].mean():.3f} |")
    return "\n".join(lines)


def main() -> None:
    """Measure and print."""
    options = arguments(__doc__)
    model = load_model(options.weights)
    called = []
    for cell in load_cells(options, model):
        found = cell.identified
        called.append(Called(cell, annotated(cell), assemble(found.instances, found.upright, found.straightened)))
    normal = cil.normal(cil.find(options.root), [c.cell.name for c in called])
    print(heading(f"Assignment and calls on CIL {options.split}, {len(called)} cells", model.info))
    print(before_and_after(called) + "\n")
    print(normal_cells([c for c in called if c.cell.name in normal]) + "\n")
    print(abnormal_cells([c for c in called if c.truth not in ("46,XX", "46,XY")]) + "\n")
    print(calibration(called))


if __name__ == "__main__":
    main()
