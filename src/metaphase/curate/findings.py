"""What the check can find: kinds, how grave each is, and what the reader does about it."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

__all__ = ["KINDS", "SEVERITIES", "Finding", "Kind"]

SEVERITIES = ("error", "warning", "note")
"""From grave to harmless; only errors make the check fail."""


@dataclass(frozen=True)
class Kind:
    """How grave a kind of finding is, what it is, and what the reader does about it."""

    severity: str
    title: str
    action: str


@dataclass(frozen=True)
class Finding:
    """One thing found: its kind (of `KINDS`), the file, the place in it, and one sentence."""

    kind: str
    file: str
    place: str
    said: str
    image: str = ""

    def as_document(self) -> dict[str, Any]:
        """The finding with its severity and action, for machines."""
        kind = KINDS[self.kind]
        return {"severity": kind.severity, **asdict(self), "action": kind.action}


KINDS: dict[str, Kind] = {
    "missing-label": Kind("error", "images without a label file", "left out"),
    "missing-image": Kind("error", "label files without an image", "left out, or read for their labels only"),
    "unreadable-image": Kind("error", "image files that cannot be read", "the image is named and skipped"),
    "unreadable-label": Kind("error", "label files that cannot be read", "the image is named and skipped"),
    "unknown-class": Kind("error", "labels of a class that the set does not have", "the image is named and skipped"),
    "size-mismatch": Kind("error", "images of another size than their labels", "the image is named and skipped"),
    "box-empty": Kind("error", "boxes without area inside the image", "set aside"),
    "box-outside": Kind("warning", "boxes that reach outside the image", "clipped to the image"),
    "mask-outside": Kind("error", "masks outside the image", "set aside"),
    "mask-outside-box": Kind(
        "warning", "masks that reach outside their box", "the mask counts, its box is taken from it"
    ),
    "mask-missing": Kind("warning", "objects without a mask among masks", "set aside"),
    "label-impossible": Kind("error", "labels that are no chromosome class", "set aside and counted"),
    "shape-kind": Kind("warning", "shapes that are no polygons", "set aside"),
    "crowd": Kind("note", "objects marked as a crowd", "set aside"),
    "twice": Kind("warning", "two boxes of one class on the same chromosome", "both are kept"),
    "empty": Kind("note", "images without any chromosome", "kept"),
    "count": Kind("warning", "cells with a count far from 46", "kept"),
    "count-near": Kind("note", "cells with one or two chromosomes more or less", "kept"),
    "duplicate-image": Kind("warning", "images with the same pixels", "both are kept"),
    "duplicate-across": Kind("error", "images with the same pixels on both sides of a split", "both are kept"),
    "case-across": Kind("error", "cases on both sides of a split", "said with every number from these splits"),
    "case-across-official": Kind(
        "warning", "cases on both sides of the publisher's own split", "said with every number from these splits"
    ),
    "split-unknown": Kind("warning", "names in a split list that the set does not hold", "left out of the split"),
    "one-class": Kind("error", "one class that poses as 24", "every chromosome gets this one label"),
    "polarity": Kind("warning", "images of the other polarity than the rest", "recognised and inverted on reading"),
    "overlap-lost": Kind("warning", "masks that touch but never overlap", "read as they are"),
    "list-contradiction": Kind("warning", "labels that contradict the set's own lists", "the labels count"),
}
"""Every kind of finding, the grave ones of a place first."""
