"""In-silico aneuploidy on real images: one chromosome erased, or a copy of one pasted, seen again by the whole
program.
"""

from __future__ import annotations

from collections import defaultdict

import cv2
import numpy as np
from cells import Cell, arguments, load_cells
from provenance import heading

from metaphase import masks
from metaphase.chromosomes import name_of
from metaphase.datasets import cil
from metaphase.datasets.aneuploidy import erase, paste_copy
from metaphase.iscn import formula_of
from metaphase.karyotype import assemble
from metaphase.matching import match
from metaphase.metrics import compare
from metaphase.predict import Model, load_model
from metaphase.types import Spread

LOOSE = 0.25
"""Overlap of boxes from which an annotated chromosome counts as found."""


def whole_cell(cell: Cell) -> np.ndarray | None:
    """Instance of each annotated chromosome, or None where one of them has none."""
    found = compare(cell.truth, cell.identified.instances, "annotation_box")
    rows, cols = match(found.iou, LOOSE)
    return cols[np.argsort(rows)] if len(rows) == len(cell.truth) else None


def changed(spread: Spread, cell: Cell, index: int, gain: bool, rng: np.random.Generator) -> np.ndarray | None:
    """The image with instance `index` erased or doubled; None where there is no room."""
    instances = cell.identified.instances
    mask = instances.mask(index)
    if not gain:
        others = np.zeros_like(mask)
        for i, (crop, (x, y)) in enumerate(zip(instances.crops or (), instances.offsets_xy, strict=True)):
            # What lies mostly on the erased one is a second outline of it.
            if i != index and (crop & mask[y : y + crop.shape[0], x : x + crop.shape[1]]).sum() < 0.5 * crop.sum():
                others[y : y + crop.shape[0], x : x + crop.shape[1]] |= crop
        return erase(spread.gray, mask, others & ~mask, rng)
    dark = masks.foreground(spread.gray, masks.foreground_threshold(spread.gray))
    found = paste_copy(spread.gray, mask, dark | instances.union(), rng)
    return None if found is None else found[0]


def annotated(counts: np.ndarray) -> str:
    """The string of a changed cell."""
    return "45,Y,-X" if tuple(counts[22:]) == (0, 1) else str(formula_of(counts))


def call(model: Model, gray: np.ndarray) -> str | None:
    """What the program says about an image; None where it abstains."""
    return model.karyotype(model.spread(gray)).iscn


def main() -> None:
    """Measure and print."""
    options = arguments(
        __doc__,
        cells={"type": int, "default": 200, "help": "normal cells to change (200)"},
        each={"type": int, "default": 2, "help": "changed copies of each cell: one erased, one pasted, and so on (2)"},
        seed={"type": int, "default": 0, "help": "seed of what is changed (0)"},
    )
    model, rng = load_model(options.weights), np.random.default_rng(options.seed)
    normal = cil.normal(cil.find(options.root))
    tally: dict[tuple[str, bool], list[str]] = defaultdict(list)
    by_class: dict[int, list[str]] = defaultdict(list)
    unchanged: list[str] = []
    used = 0
    for cell in load_cells(options, model):
        if cell.name not in normal or used >= options.cells:
            continue
        used += 1
        every = whole_cell(cell)
        spread = model.spread(cell.record.gray().gray)
        counts = np.bincount(cell.truth.labels, minlength=25)[1:]
        told = assemble(cell.identified.instances, cell.identified.upright, cell.identified.straightened).iscn
        unchanged.append(verdict(told, annotated(counts)))
        found = compare(cell.truth, cell.identified.instances, "annotation_box")
        rows, cols = match(found.iou, LOOSE)
        for turn in range(options.each):
            gain = turn % 2 == 1
            # Classes in turn, so that every class is erased and pasted.
            label = (used + 7 * turn) % 24 + 1
            at = np.flatnonzero(cell.truth.labels[rows] == label)
            if not len(at):
                continue
            picture = changed(spread, cell, int(cols[rng.choice(at)]), gain, rng)
            if picture is None:
                tally["no room", every is not None].append("abstained")
                continue
            truth = counts.copy()
            truth[label - 1] += 1 if gain else -1
            outcome = verdict(call(model, picture), annotated(truth))
            kind = f"{'gain' if gain else 'loss'}, {'sex chromosome' if label > 22 else 'autosome'}"
            tally[kind, every is not None].append(outcome)
            by_class[label].append(outcome)
    print(heading(f"In-silico aneuploidy on CIL {options.split}, {used} normal cells, seed {options.seed}", model.info))
    print(table(tally, unchanged))
    print("\n| class | n | right | wrong |\n|---|---:|---:|---:|")
    for label, outcomes in sorted(by_class.items()):
        print(f"| {name_of(label)} | {len(outcomes)} | {share(outcomes, 'right')} | {share(outcomes, 'wrong')} |")


def verdict(told: str | None, truth: str) -> str:
    """right, normal (wrongly called normal), wrong or abstained."""
    if told is None:
        return "abstained"
    return "right" if told == truth else "normal" if told in ("46,XX", "46,XY") else "wrong"


def share(outcomes: list[str], which: str) -> str:
    """Share of an outcome in percent."""
    return f"{outcomes.count(which) / max(1, len(outcomes)):.1%}"


def table(tally: dict[tuple[str, bool], list[str]], unchanged: list[str]) -> str:
    """Sensitivity by kind, for all cells and for those where all chromosomes were found; false calls."""
    lines = [
        "| change | cells | n | right | called normal | another abnormal | abstained |",
        "|---|---|---:|---:|---:|---:|---:|",
    ]
    for kind in sorted({kind for kind, _ in tally} - {"no room"}):
        for which in ("all", "all chromosomes found"):
            whole = tally.get((kind, True), [])
            outcomes = whole if which != "all" else whole + tally.get((kind, False), [])
            shares = " | ".join(share(outcomes, name) for name in ("right", "normal", "wrong", "abstained"))
            lines.append(f"| {kind} | {which} | {len(outcomes)} | {shares} |")
    shares = " | ".join(share(unchanged, name) for name in ("right", "normal", "wrong", "abstained"))
    lines.append(f"| nothing changed | all | {len(unchanged)} | {shares} |")
    without = sum(len(outcomes) for (kind, _), outcomes in tally.items() if kind == "no room")
    return "\n".join([*lines, "", f"No room for a copy in {without} images."])


if __name__ == "__main__":
    cv2.setNumThreads(1)
    main()
