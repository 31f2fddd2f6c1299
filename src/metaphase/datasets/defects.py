"""What is wrong with one label: found while reading, with its place, and what the reader did about it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

__all__ = ["Defect", "summaries"]


@dataclass(frozen=True)
class Defect:
    """One thing that is wrong in a label file and that reading went on from.

    kind: a short name such as "box-outside". place: where in the file, such as "object 3 at [0, -1, 20, 30]".
    plural: what many of them are and what becomes of them, such as "boxes reach outside the image and are clipped".
    said: what this one is, such as "the box reaches outside the image".
    """

    kind: str
    place: str
    plural: str
    said: str


def summaries(defects: Iterable[Defect]) -> tuple[str, ...]:
    """One sentence for each kind of defect, with its number, in the order in which they were met."""
    counts: dict[str, int] = {}
    for defect in defects:
        counts[defect.plural] = counts.get(defect.plural, 0) + 1
    return tuple(f"{count} {plural}" for plural, count in counts.items())
