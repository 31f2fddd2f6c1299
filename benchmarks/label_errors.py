"""Labels of CIL that are likely wrong, by confident learning (Northcutt et al. 2021, J. Artif. Intell. Res. 70).

A chromosome counts as a likely error when the identifier gives another class than the annotated one at least the mean
probability that chromosomes labelled so get, and no class more. Outlines are those of the training material
(`metaphase train segment`): boxes chose them, no name did. A box whose place among boxes of the same label cannot be
told any more is left out, as are those without an outline (some 3 of 46).

val cells are new to the identifier. Train cells are not: it has learnt their labels, wrong ones too, so what it doubts
there is a lower bound (it agrees with as many as in val, though). `--fitted` names them anew from its log
probabilities, by linear discriminants in five folds by case: these have not seen the labels of the case, though the
network beneath them has.

`label_marks.csv` holds 50 val chromosomes that were looked at: all that were listed, and 40 drawn from the others that
the identifier names otherwise. Each was laid straightened beside the mean of both classes and their other chromosomes
in the cell, in mixed order; where two classes swap, both are wrong. The 18 listed in 400 train cells follow.
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from provenance import heading
from scipy.stats import beta

from metaphase.chromosomes import name_of
from metaphase.datasets import cil
from metaphase.predict import load_model
from metaphase.train import cache

Float64 = NDArray[np.float64]
Int64 = NDArray[np.int64]

CACHE = Path("runs/label_errors")
FOLDS = 5
MARKS = Path(__file__).with_name("label_marks.csv")


@dataclass(frozen=True, eq=False)
class Named:
    """Annotated chromosomes and what the identifier calls them: log_p Float64[N, 24], labels Int64[N] from 1, the
    image, its case and the box, counted from 0 in the label file, of each.
    """

    log_p: Float64
    labels: Int64
    images: NDArray[np.str_]
    cases: NDArray[np.str_]
    boxes: Int64


def places(part: Int64, whole: Int64) -> Int64:
    """Index in `whole` of each entry of its subsequence `part`; -1 where more than one is possible."""
    first = _embed(part, whole)
    last = len(whole) - 1 - _embed(part[::-1], whole[::-1])[::-1]
    return np.where(first == last, first, -1)


def _embed(part: Int64, whole: Int64) -> Int64:
    found, at = [], 0
    for value in part.tolist():
        while whole[at] != value:
            at += 1
        found.append(at)
        at += 1
    return np.array(found, np.int64)


def thresholds(p_nc: Float64, labels: Int64) -> Float64:
    """Float64[24]: mean probability of class k over those labelled k; above 1, never reached, where there is none."""
    rows = p_nc[np.arange(len(labels)), labels - 1]
    counts = np.bincount(labels - 1, minlength=24)
    return np.where(counts > 0, np.bincount(labels - 1, rows, 24) / np.maximum(counts, 1), 2.0)


def suggested(p_nc: Float64, labels: Int64) -> Int64:
    """Int64[N]: the class that each is confidently counted for, 0 where it is none."""
    confident = p_nc >= thresholds(p_nc, labels)
    best = np.where(confident, p_nc, -1.0).argmax(1)
    return np.where(confident.any(1), best + 1, 0).astype(np.int64)


def share_wrong(labels: Int64, counted: Int64) -> float:
    """Share of wrong labels: the off-diagonal of the joint of label and confident class, each row worth its labels."""
    total = 0.0
    for label in np.unique(labels):
        mine = counted[(labels == label) & (counted > 0)]
        total += np.count_nonzero(labels == label) * float((mine != label).mean() if len(mine) else 0.0)
    return total / max(1, len(labels))


def out_of_fold(named: Named) -> Float64:
    """Float64[N, 24]: probabilities by linear discriminants on log probabilities, each case by the others' folds."""
    cases = np.unique(named.cases)
    place = np.random.default_rng(0).permutation(len(cases)) % FOLDS
    fold = place[np.searchsorted(cases, named.cases)]
    x = np.maximum(named.log_p, -12.0)
    result = np.zeros_like(x)
    for k in range(FOLDS):
        seen = fold != k
        means = np.array([x[seen & (named.labels == c)].mean(0) for c in range(1, 25)])
        within = x[seen] - means[named.labels[seen] - 1]
        inverse = np.linalg.inv(within.T @ within / len(within) + 1e-3 * np.eye(24))
        score = x[~seen] @ inverse @ means.T - 0.5 * np.einsum("ij,jk,ik->i", means, inverse, means)
        score -= score.max(1, keepdims=True)
        result[~seen] = np.exp(score) / np.exp(score).sum(1, keepdims=True)
    return result


def collect(options: argparse.Namespace) -> tuple[Named, dict[str, str]]:
    """Log probabilities of the chromosomes of the split, from the disk where the same weights were here before."""
    model = load_model(options.weights)
    index = cil.find(Path(options.root))
    names = sorted(cil.splits(index)[options.split])
    drawn = sorted(np.random.default_rng(0).permutation(len(names))[: options.limit])
    # Other or remade material is another cache.
    made = max((path.stat().st_mtime_ns for path in options.material.glob("*.npz")), default=0)
    material = hashlib.sha256(f"{options.material.resolve()} {made}".encode()).hexdigest()[:8]
    folder = CACHE / f"{model.info['sha256'][:12]}-{material}" / options.split
    folder.mkdir(parents=True, exist_ok=True)
    parts: list[tuple[NDArray[np.generic], ...]] = []
    for name in (names[i] for i in drawn):
        if not (options.material / f"{name}.npz").exists():
            continue
        if not (folder / f"{name}.npz").exists():
            cell = cache.load(options.material, name)
            log_p = np.logaddexp(*model._identifier._log_probabilities(cell.inputs))
            np.savez(
                folder / f"{name}.npz", log_p=log_p.astype(np.float32), box=places(cell.input_labels, cell.box_labels)
            )
        with np.load(folder / f"{name}.npz") as stored:
            known = stored["box"] >= 0
            log_p, box = stored["log_p"][known].astype(np.float64), stored["box"][known]
        record = cil.read(index, name)
        count = len(box)
        parts.append((log_p, record.truth.labels[box], np.full(count, name), np.full(count, record.case), box))
    joined = [np.concatenate(column) for column in zip(*parts, strict=True)]
    return Named(*joined), model.info


def rows(named: Named, p_nc: Float64) -> Iterator[tuple[str, int, str, str, str, str]]:
    """The likely errors, the surest first: image, box, label, suggested, probability of either."""
    counted = suggested(p_nc, named.labels)
    index = np.arange(len(counted))
    own = p_nc[index, named.labels - 1]
    other = p_nc[index, np.maximum(counted, 1) - 1]
    for i in np.argsort(own - other, kind="stable").tolist():
        if counted[i] and counted[i] != named.labels[i]:
            yield (
                str(named.images[i]),
                int(named.boxes[i]),
                name_of(int(named.labels[i])),
                name_of(int(counted[i])),
                f"{own[i]:.4f}",
                f"{other[i]:.4f}",
            )


def looked_at(doubted: dict[str, int], labels: int) -> str:
    """The marks, and what they say of all labels: those marked wrong, and the upper end of a 95 % interval.

    doubted: how many chromosomes each stratum of the marks was drawn from. labels: all chromosomes that were named.
    Stratum by stratum; what cannot be told is left out. The upper end is that of Clopper and Pearson where a part was
    drawn; where all were looked at, what cannot be told counts as wrong.
    """
    with MARKS.open(encoding="utf-8") as file:
        marks = list(csv.DictReader(file))
    lines = ["| | of | looked at | wrong | right | cannot tell |", "|---|---:|---:|---:|---:|---:|"]
    point = upper = 0.0
    for stratum, total in doubted.items():
        verdicts = [mark["verdict"] for mark in marks if mark["stratum"] == stratum]
        wrong, right, unclear = (verdicts.count(v) for v in ("wrong", "right", "cannot tell"))
        lines.append(f"| {stratum} | {total} | {len(verdicts)} | {wrong} | {right} | {unclear} |")
        point += total * wrong / max(1, wrong + right)
        judged, worst = len(verdicts), wrong + unclear
        high = worst / judged if judged == total else float(beta.ppf(0.975, wrong + 1, right)) if right else 1.0
        upper += total * high
    return "\n".join([*lines, f"\nWrong labels: {point / labels:.2%}, at most {upper / labels:.2%} of {labels}."])


def main() -> None:
    """Print how many there are, and write the list."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--split", default="val")
    parser.add_argument("--limit", type=int, help="only so many cells, drawn with a fixed seed")
    parser.add_argument("--material", type=Path, default=Path("runs/cells/refreshed"), help="of cil, with masks")
    parser.add_argument("--fitted", action="store_true", help="name anew by discriminants in folds by case")
    parser.add_argument("--out", type=Path, help="CSV file of the list")
    parser.add_argument("--root", type=Path, default=os.environ.get("METAPHASE_DATA"))
    parser.add_argument("--weights", type=Path)
    options = parser.parse_args()
    if options.root is None:
        parser.error("name the folder of the data sets with --root or METAPHASE_DATA")
    named, info = collect(options)
    p_nc = out_of_fold(named) if options.fitted else np.exp(named.log_p)
    listed = list(rows(named, p_nc))
    right = float((p_nc.argmax(1) + 1 == named.labels).mean())
    cells = len(np.unique(named.images))
    print(heading(f"Likely label errors, CIL {options.split}", info))
    print(f"{cells} cells, {len(named.labels)} chromosomes; the identifier agrees with {right:.2%}.")
    counted = suggested(p_nc, named.labels)
    print(
        f"{len(listed)} likely errors ({len(listed) / len(named.labels):.2%}) in {len({r[0] for r in listed})} cells;"
    )
    print(
        f"by the joint of label and confident class {share_wrong(named.labels, counted):.2%} of the labels are wrong."
    )
    if options.split == "val" and not options.fitted and options.limit is None:
        doubted = int((p_nc.argmax(1) + 1 != named.labels).sum())
        print("\n" + looked_at({"listed": len(listed), "doubted": doubted - len(listed)}, len(named.labels)))
    if options.out:
        with options.out.open("w", newline="", encoding="utf-8") as file:
            writer = csv.writer(file, lineterminator="\n")
            writer.writerow(("image", "box", "label", "suggested", "p_label", "p_suggested"))
            writer.writerows(listed)
        print(f"written to {options.out}", file=sys.stderr)


if __name__ == "__main__":
    main()
