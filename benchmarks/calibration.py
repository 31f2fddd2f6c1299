"""Whether probabilities mean what they say: of the identifier's classes, of the assigned classes, and of the scores.

Each is compared with what came true on the annotated cells: a reliability table, and the expected calibration error
(15 bins of equal width). "Sharpened" is what one logistic curve, sigmoid(a logit(p) + b), would make of it,
fitted on four fifths of the cases and measured on the fifth that it did not see: a curve that only rises, so no order
and no AP changes.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from cells import arguments, load_cells
from numpy.typing import NDArray
from provenance import heading
from scipy.optimize import minimize

from metaphase.karyotype import assemble
from metaphase.metrics import compare
from metaphase.predict import load_model

Float64 = NDArray[np.float64]

EDGES = (0.0, 0.1, 0.3, 0.5, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 1.0)
FOLDS = 5


@dataclass
class Claims:
    """Probabilities, whether what they say came true, and whose cell it was."""

    said: list[float] = field(default_factory=list)
    true: list[bool] = field(default_factory=list)
    cases: list[str] = field(default_factory=list)

    def add(self, said: Float64, true: NDArray[np.bool_], case: str) -> None:
        """Those of one cell."""
        self.said += said.tolist()
        self.true += true.tolist()
        self.cases += [case] * len(said)


def error_of(said: Float64, true: NDArray[np.bool_], bins: int = 15) -> float:
    """Expected calibration error."""
    index = np.minimum((said * bins).astype(np.int64), bins - 1)
    return float(np.abs(np.bincount(index, said - true, bins)).sum() / max(1, len(said)))


def logit(said: Float64) -> Float64:
    """Log-odds, kept finite."""
    clipped = np.clip(said, 1e-5, 1 - 1e-5)
    return np.asarray(np.log(clipped / (1 - clipped)))


def curve(said: Float64, true: NDArray[np.bool_]) -> Float64:
    """(a, b) of the most likely sigmoid(a logit(said) + b)."""
    x = logit(said)

    def loss(ab: Float64) -> float:
        z = ab[0] * x + ab[1]
        return float((np.logaddexp(0, z) - true * z).mean())

    return np.asarray(minimize(loss, np.array([1.0, 0.0])).x)


def sharpened(claims: Claims) -> tuple[Float64, Float64]:
    """Every probability by the curve of the other folds, and the (a, b) of all."""
    said, true = np.array(claims.said), np.array(claims.true)
    cases = sorted(set(claims.cases))
    place = dict(zip(cases, np.random.default_rng(0).permutation(len(cases)) % FOLDS, strict=True))
    fold = np.array([place[case] for case in claims.cases])
    after = np.zeros(len(said))
    for k in range(FOLDS):
        a, b = curve(said[fold != k], true[fold != k])
        after[fold == k] = 1 / (1 + np.exp(-(a * logit(said[fold == k]) + b)))
    return after, curve(said, true)


def table(name: str, claims: Claims) -> str:
    """Reliability by bins, and the errors."""
    said, true = np.array(claims.said), np.array(claims.true)
    after, (a, b) = sharpened(claims)
    lines = [
        f"**{name}**: {len(said)}, said {said.mean():.4f}, true {true.mean():.4f}, error {error_of(said, true):.4f}; "
        f"sharpened {error_of(after, true):.4f} (a {a:.2f}, b {b:.2f})\n",
        "| said | n | mean | true |\n|---|---:|---:|---:|",
    ]
    for low, high in pairwise(EDGES):
        chosen = (said >= low) & ((said < high) | (high == 1.0))
        if chosen.any():
            lines.append(
                f"| {low:.2f} - {high:.2f} | {chosen.sum()} | {said[chosen].mean():.3f} | {true[chosen].mean():.3f} |"
            )
    return "\n".join(lines) + "\n"


def main() -> None:
    """Print the tables."""
    options = arguments(__doc__)
    model = load_model(options.weights)
    alone, assigned, scores = Claims(), Claims(), Claims()
    for cell in load_cells(options, model):
        identified = cell.identified
        named = assemble(identified.instances, identified.upright, identified.straightened).instances
        before = compare(cell.truth, identified.instances, "annotation_box", cell.name, cell.case)
        after = compare(cell.truth, named, "annotation_box", cell.name, cell.case)
        for claims, compared in ((alone, before), (assigned, after)):
            labels = compared.predicted.labels[compared.cols]
            said = compared.predicted.probabilities_nc[compared.cols, labels - 1].astype(np.float64)
            claims.add(said, compared.right, cell.case)
        right = np.zeros(len(after.predicted), bool)
        right[after.cols] = after.right
        scores.add(after.predicted.scores.astype(np.float64), right, cell.case)
    print(heading(f"Calibration, CIL {options.split}", model.info))
    print(table("Class of the identifier alone, chromosomes that are matched", alone))
    print(table("Probability of the assigned class, chromosomes that are matched", assigned))
    print(table("Scores, every prediction: is a chromosome and has this class", scores))


if __name__ == "__main__":
    main()
