"""What stands above and below a page: whose cell it is, what is proposed, and that a person must confirm it."""

from __future__ import annotations

import numpy as np

from metaphase import __version__
from metaphase.chromosomes import X, Y
from metaphase.iscn import parse
from metaphase.report.lettering import legible, shorten, text_size, wrap
from metaphase.report.sheet import BLACK, Sheet, gray
from metaphase.types import Karyotype
from metaphase.words import plural

__all__ = [
    "CONFIRM",
    "NO_PROPOSAL",
    "SANITY",
    "STRUCTURAL",
    "abnormal_classes",
    "draw_footer",
    "draw_header",
    "proposal_words",
    "sanity_words",
]

CONFIRM = f"proposed by metaphase {__version__}; a cytogeneticist must confirm"
"""Stands wherever a karyotype is printed."""

NO_PROPOSAL = "cannot tell"
"""Stands where the program abstains."""

SANITY = "of the counts alone, 1.00 where there are as many of each as in a normal cell; it says nothing of the call"
"""Says what the number is, and what it is not."""

STRUCTURAL = "whole chromosomes only: translocations, deletions, inversions and the like are not looked for"
"""Stands below each karyotype."""

_DOUBTFUL = 0.05
"""Score below which a chromosome stands in its place for want of a better one. As in `karyotype.call`, whose reasons
name the worst of them."""

_DARK, _MIDDLE, _PALE = gray(70), gray(130), gray(200)


def abnormal_classes(iscn: str | None) -> dict[int, int]:
    """By label, how many chromosomes more (or fewer, negative) than in 46,XX or 46,XY a proposed karyotype has."""
    if iscn is None:
        return {}
    counts = parse(iscn).clones[0].counts
    changes = {label: int(counts[label - 1]) - 2 for label in range(1, X) if counts[label - 1] != 2}
    x, y = int(counts[X - 1]), int(counts[Y - 1])
    if (x, y) not in ((2, 0), (1, 1)):
        if y > 1:
            changes[Y] = y - 1
        if x != (1 if y else 2):
            changes[X] = x - (1 if y else 2)
    return changes


def proposal_words(karyotype: Karyotype) -> tuple[str, str]:
    """The proposal, and what stands beside it: how probable it is and which is next; nothing where there is none."""
    if karyotype.iscn is None:
        return NO_PROPOSAL, ""
    own = dict(karyotype.posterior).get(karyotype.iscn, 0.0)
    others = [(iscn, p) for iscn, p in karyotype.posterior if iscn != karyotype.iscn and p >= 0.01]
    beside = f"{100 * own:.0f} % sure"
    if others:
        beside += f"; next {others[0][0]}, {100 * others[0][1]:.0f} %"
    return karyotype.iscn, beside


def sanity_words(karyotype: Karyotype) -> str:
    """How much the labels look like a normal set, such as "0.98"; 1.00 stands for exactly 1 only."""
    score = karyotype.sanity["score"]
    return "1.00" if score >= 1 - 1e-9 else f"{min(score, 0.99):.2f}"


def draw_header(sheet: Sheet, margin: int, unit: int, title: str, karyotype: Karyotype) -> None:
    """Title and counts, below them the proposal, and below that the reasons, each with all its words."""
    top = sheet.grow(round(4.6 * unit))
    status = karyotype.instances.status
    placed = np.array([word == "chromosome" for word in status], bool)
    counts = plural(int(placed.sum()), "chromosome")
    doubtful = int((karyotype.instances.scores[placed] < _DOUBTFUL).sum())
    counts += f", {doubtful} doubtful" if doubtful else ""
    readings = len(karyotype.other_readings)
    counts += f"  ·  {status.count('unknown')} unknown  ·  {status.count('debris') - readings} debris"
    counts += f"  ·  {plural(readings, 'other reading')}" if readings else ""
    big, small, fine = round(1.05 * unit), round(0.7 * unit), round(0.6 * unit)
    base, right = top + round(2.4 * unit), sheet.width - margin
    room = sheet.width - 2 * margin - text_size(counts, small)[0] - 2 * unit
    sheet.text((margin, base), shorten(legible(title), big, room), big)
    sheet.text((right, base), counts, small, _DARK, "rs")
    proposal, beside = proposal_words(karyotype)
    base += round(1.6 * unit)
    sheet.text((margin, base), proposal, round(0.9 * unit), BLACK if karyotype.iscn else _MIDDLE)
    start = margin + text_size(proposal, round(0.9 * unit))[0] + unit
    sheet.text((start, base), shorten(legible(beside), fine, right - start), fine, _MIDDLE)
    for reason in karyotype.reasons:
        for line in wrap(legible(reason), fine, right - margin):
            sheet.text((margin, sheet.grow(round(0.9 * unit)) + 0.55 * unit), line, fine, _MIDDLE)
    rule = sheet.grow(unit) + round(0.1 * unit)
    sheet.line([(margin, rule), (right, rule)], _PALE)


def draw_footer(sheet: Sheet, margin: int, unit: int, *legends: str) -> None:
    """Legends on the left, one below the other; on the right the words that somebody must confirm.

    The words stand beside the last legend, or a line below where both do not fit.
    """
    small, room = round(0.55 * unit), sheet.width - 2 * margin
    sheet.grow(unit)
    lines = [line for legend in legends for line in wrap(legend, small, room)] or [""]
    for line in lines:
        base = sheet.grow(round(0.85 * unit)) + round(0.1 * unit)
        sheet.text((margin, base), line, small, _MIDDLE)
    if text_size(lines[-1], small)[0] + text_size(CONFIRM, small)[0] + unit > room:
        base = sheet.grow(round(0.85 * unit)) + round(0.1 * unit)
    sheet.text((sheet.width - margin, base), CONFIRM, small, _MIDDLE, "rs")
    sheet.grow(round(0.4 * unit))
