"""Simulated cells under every hypothesis: sensitivity, specificity and abstention, with the networks' own errors.

Each chromosome of a simulated cell is a real instance of its class, drawn from the split with its evidence, as often
wrong as such instances are; with the rates of the split chromosomes are missed and false ones added.
"""

from __future__ import annotations

from collections import defaultdict

import numpy as np
from cells import arguments, load_cells
from provenance import heading

from metaphase.config import KaryotypeConfig
from metaphase.karyotype import call_of, hypotheses, log_evidence, solve, standing
from metaphase.matching import match
from metaphase.metrics import compare
from metaphase.predict import load_model

LOOSE = 0.25


def main() -> None:
    """Measure and print."""
    options = arguments(__doc__, each={"type": int, "default": 40, "help": "cells under each hypothesis (40)"})
    model, config, rng = load_model(options.weights), KaryotypeConfig(), np.random.default_rng(0)
    of_class: dict[int, list[np.ndarray]] = defaultdict(list)
    false: list[np.ndarray] = []
    missed = total = cells = 0
    for cell in load_cells(options, model):
        log_q = log_evidence(cell.identified.instances, cell.identified.straightened, config.evidence)
        rows, cols = match(compare(cell.truth, cell.identified.instances, "annotation_box").iou, LOOSE)
        for row, col in zip(rows, cols, strict=True):
            of_class[int(cell.truth.labels[row])].append(log_q[col])
        kept, _ = standing(cell.identified.instances, log_q, config)
        false += [log_q[i] for i in sorted(set(kept.tolist()) - set(cols.tolist()))]
        missed, total, cells = missed + len(cell.truth) - len(rows), total + len(cell.truth), cells + 1
    print(heading(f"Simulated cells from CIL {options.split}", model.info))
    print(f"Missed {missed / total:.2%} of the chromosomes, {len(false) / cells:.2f} false ones a cell.\n")
    print("| karyotype | n | right | called normal | other | abstained |\n|---|---:|---:|---:|---:|---:|")
    sums: dict[str, np.ndarray] = defaultdict(lambda: np.zeros(5))
    for hypothesis in hypotheses(config):
        tally = np.zeros(5)
        for _ in range(options.each):
            there = hypothesis.slots[rng.random(len(hypothesis.slots)) >= missed / total]
            drawn = [of_class[int(k) + 1][rng.integers(len(of_class[int(k) + 1]))] for k in there]
            drawn += [false[i] for i in rng.integers(len(false), size=rng.poisson(len(false) / cells))]
            log_q = np.array(drawn)
            told = call_of(solve(log_q, config), log_q, range(len(log_q)), config).iscn
            normal = told in ("46,XX", "46,XY") and told != hypothesis.iscn
            right = told == hypothesis.iscn
            tally += [1, right, normal, told is not None and not right and not normal, told is None]
        sums[hypothesis.kind] += tally
        print(line(hypothesis.iscn, tally))
    for kind, tally in sums.items():
        print(line(f"**all: {kind}**", tally))


def line(name: str, tally: np.ndarray) -> str:
    """One line of the table."""
    shares = " | ".join(f"{v / max(1, tally[0]):.1%}" for v in tally[1:])
    return f"| {name} | {tally[0]:.0f} | {shares} |"


if __name__ == "__main__":
    main()
