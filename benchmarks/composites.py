"""Overlapping pairs in frozen composites of real chromosomes: how well each of the two and their overlap are outlined.

Composites have exact masks (`metaphase synth --from cil`). The default set is `test-masks`: chromosomes of CIL's test
cases, which no weight has seen; `--split val` is `val-masks`, to choose on. `--as-in-cells` lays them as contacts.py
finds chromosomes in real cells; without it a quarter of them lie in piles. Two chromosomes that share at least `LEAST`
pixels are a pair; pairs that overlap no third chromosome and those in piles of three and more are counted apart. Each
chromosome takes the prediction of a one-to-one assignment of largest total IoU; what has none counts 0. The overlap is
that of the two predictions against that of the two chromosomes.
"""

from __future__ import annotations

import argparse
import os
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from provenance import provenance
from scipy.optimize import linear_sum_assignment

from metaphase.config import KaryotypeConfig
from metaphase.datasets import cil
from metaphase.karyotype.alternatives import exclusive, weaker_of_conflicts
from metaphase.masks import mask_intersections
from metaphase.metrics import Comparison, aji, compare, counts, pq, resampled_weights
from metaphase.predict import load_model
from metaphase.synth import compose_numbered
from metaphase.types import Instances

Bool = np.ndarray

AS_IN_CELLS = {"crossing": 0.1, "touching": 0.36}
"""Shares laid across and against others that give the contacts of real cells."""

LEAST = 25
"""Pixels that two chromosomes share at least, at a chromosome width of 16."""


@dataclass
class Pairs:
    """One entry a pair: IoU of both chromosomes (mean), of the overlap, pixels of the overlap, angle of the axes in
    degrees, and the composite that it lies in.
    """

    chromosomes: list[float] = field(default_factory=list)
    overlaps: list[float] = field(default_factory=list)
    images: list[str] = field(default_factory=list)
    pixels: list[int] = field(default_factory=list)
    angles: list[float] = field(default_factory=list)

    def add(self, image: str, iou: tuple[float, float], masks: tuple[Bool, Bool], predicted: tuple[Bool, Bool]) -> None:
        """One pair of a composite: IoU of each chromosome, their masks, and the masks that they took."""
        true, found = masks[0] & masks[1], predicted[0] & predicted[1]
        self.images.append(image)
        self.chromosomes.append(sum(iou) / 2)
        self.pixels.append(int(true.sum()))
        angle = abs(axis_degrees(masks[0]) - axis_degrees(masks[1])) % 180
        self.angles.append(min(angle, 180 - angle))
        self.overlaps.append(float((true & found).sum() / (true | found).sum()))


def add_image(alone: Pairs, piled: Pairs, comparison: Comparison, found: Instances) -> None:
    """All overlapping pairs of one image, into `alone` or `piled`."""
    truth = comparison.truth
    rows, columns = linear_sum_assignment(comparison.iou, maximize=True)
    taken = {i: j for i, j in zip(rows.tolist(), columns.tolist(), strict=True) if comparison.iou[i, j] > 0}
    full = [truth.mask(i) for i in range(len(truth))]
    nothing = np.zeros((truth.height, truth.width), bool)
    predicted = [found.mask(taken[i]) if i in taken else nothing for i in range(len(truth))]
    iou = [float(comparison.iou[i, taken[i]]) if i in taken else 0.0 for i in range(len(truth))]
    shared = mask_intersections(truth.crops or (), truth.offsets_xy, truth.crops or (), truth.offsets_xy)
    meets = shared >= LEAST
    np.fill_diagonal(meets, False)
    for i, j in np.argwhere(np.triu(meets)).tolist():
        pairs = alone if meets[i].sum() == meets[j].sum() == 1 else piled
        pairs.add(comparison.name, (iou[i], iou[j]), (full[i], full[j]), (predicted[i], predicted[j]))


def axis_degrees(mask: np.ndarray) -> float:
    """Degrees of the main axis."""
    rows, columns = np.nonzero(mask)
    _, vectors = np.linalg.eigh(np.cov(np.stack([columns, rows])) + 1e-6 * np.eye(2))
    return float(np.degrees(np.arctan2(vectors[1, 1], vectors[0, 1])))


def outlines(shown: Instances) -> Instances:
    """The segmenter's own choice among its readings: composites mix cells, so no karyotype can choose for it."""
    pairs = exclusive(shown, KaryotypeConfig().same_chromosome)
    likely = shown.scores >= 0.5
    lost = weaker_of_conflicts(pairs, likely, shown.scores.astype(np.float64))
    return shown.select(np.setdiff1d(np.flatnonzero(likely), lost))


def interval(values: list[float], images: list[str], seed: int = 0) -> str:
    """Mean with a 95 % interval by resampling composites: the pairs of one share its cells, contrast and blur."""
    array = np.array(values)
    weights = resampled_weights(images, 1000, seed)
    totals = weights.sum(1)
    means = (weights @ array)[totals > 0] / totals[totals > 0]
    low, high = np.quantile(means, [0.025, 0.975])
    return f"{array.mean():.4f} [{low:.3f}, {high:.3f}]"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--split", default="test")
    parser.add_argument("--count", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--crossing", type=float, help="share laid across others (0.25; as in cells: 0.1)")
    parser.add_argument("--as-in-cells", action="store_true")
    parser.add_argument("--root", type=Path, default=os.environ.get("METAPHASE_DATA"))
    parser.add_argument("--weights", type=Path)
    options = parser.parse_args()
    if options.root is None:
        parser.error("name the folder of the data sets with --root or METAPHASE_DATA")
    model = load_model(options.weights)
    index = cil.find(Path(options.root))
    names = cil.splits(index)[options.split]
    how = AS_IN_CELLS if options.as_in_cells else {"crossing": 0.25, "touching": 0.2}
    if options.crossing is not None:
        how = how | {"crossing": options.crossing}
    alone, piled, comparisons = Pairs(), Pairs(), []
    for number in range(options.count):
        gray, truth, _ = compose_numbered(index, names, options.seed, number, as_in_cells=options.as_in_cells, **how)
        found = outlines(model.identify(model.spread(gray)).instances)
        comparisons.append(compare(truth, found, "mask", f"composite_{number + 1}", str(number)))
        add_image(alone, piled, comparisons[-1], found)
    print(f"{options.count} composites of cil {options.split}, seed {options.seed}, {how}; {provenance(model.info)}\n")
    for name, pairs in (("pairs that overlap no third", alone), ("pairs in piles of three and more", piled)):
        pixels, angles = (np.quantile(values, [0.1, 0.5, 0.9]).round() for values in (pairs.pixels, pairs.angles))
        print(f"{len(pairs.pixels)} {name}; shared pixels (10, 50, 90 %): {pixels}; angle, degrees: {angles}\n")
        print("| | mean [95 %] |\n|---|---:|")
        print(f"| IoU of each chromosome | {interval(pairs.chromosomes, pairs.images)} |")
        print(f"| IoU of the overlap | {interval(pairs.overlaps, pairs.images)} |\n")
    print("| all chromosomes | |\n|---|---:|")
    scores = {**pq(comparisons), **aji(comparisons), **counts(comparisons)}
    for key in ("RQ_all", "SQ_all", "AJI", "found", "false_per_cell"):
        print(f"| `{key}` | {scores[key].value:.4f} |")


if __name__ == "__main__":
    main()
