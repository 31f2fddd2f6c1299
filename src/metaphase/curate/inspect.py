"""Everything the check needs to know of one image, in a few numbers, so that a set of any size fits in memory."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from metaphase import masks as geometry
from metaphase.chromosomes import name_of
from metaphase.curate.findings import Finding
from metaphase.curate.places import Place
from metaphase.datasets import Record
from metaphase.errors import DataError, ImageError, UnknownClassError
from metaphase.image_io import image_size
from metaphase.imaging.polarity import is_bright_on_dark
from metaphase.types import Instances

__all__ = ["Facts", "inspect"]

_TWICE = 0.9  # IoU from which two boxes of one class are the same chromosome
_SAMPLED = 3  # every third pixel of every third row tells the polarity as well as all of them


@dataclass
class Facts:
    """What was found in one image.

    counts: chromosomes of each label, 25 numbers, empty where the labels could not be read. digest: of the pixels, ""
    where there are none. shared: pixels that belong to more than one mask; neighbours: pairs of masks that touch;
    masks: whether there are masks.
    """

    name: str
    counts: list[int] = field(default_factory=list)
    digest: str = ""
    bright: bool | None = None
    masks: bool = False
    shared: int = 0
    neighbours: int = 0
    findings: list[Finding] = field(default_factory=list)

    def as_document(self) -> dict[str, Any]:
        """Plain values, to be stored; `of_document` gives the facts back."""
        return asdict(self)

    @classmethod
    def of_document(cls, document: dict[str, Any]) -> Facts:
        """The facts that `as_document` stored. Raises TypeError for another document."""
        return cls(**{**document, "findings": [Finding(**entry) for entry in document["findings"]]})


def inspect(place: Place, name: str) -> Facts:
    """Read labels and pixels of one image; what cannot be read is a finding."""
    facts = Facts(name)
    label = place.index.labels[name]
    try:
        record: Record = place.adapter.read(place.index, name)
    except UnknownClassError as error:
        facts.findings.append(Finding("unknown-class", str(label), "", str(error), name))
        return facts
    except ImageError as error:
        facts.findings.append(Finding("unreadable-image", str(label), "", str(error), name))
        return facts
    except DataError as error:
        facts.findings.append(Finding("unreadable-label", str(label), "", str(error), name))
        return facts
    truth = record.truth
    facts.counts = np.bincount(truth.labels, minlength=25).tolist()
    facts.masks = truth.has_masks
    facts.findings += [Finding(defect.kind, str(label), defect.place, defect.said, name) for defect in record.defects]
    facts.findings += _of_truth(truth, str(label), name)
    if truth.crops is not None:
        facts.shared, facts.neighbours = _contacts(truth)
    _look_at_pixels(record, facts, str(label))
    return facts


def _of_truth(truth: Instances, label: str, name: str) -> list[Finding]:
    found = []
    if not len(truth):
        found.append(Finding("empty", label, "", "no chromosome is labelled", name))
    boxes = truth.boxes_xyxy
    same = geometry.box_iou_matrix(boxes, boxes) >= _TWICE
    same &= truth.labels[:, None] == truth.labels[None]
    for i, j in np.argwhere(np.triu(same, 1)):
        if truth.crops is not None and _mask_iou(truth, int(i), int(j)) < _TWICE:
            continue  # two that cross in their middle share the box
        place = f"objects {i + 1} and {j + 1} at [{', '.join(f'{v:g}' for v in boxes[i])}]"
        called = name_of(int(truth.labels[i])) if truth.labels[i] else "chromosome"
        found.append(Finding("twice", label, place, f"both are called {called}", name))
    return found


def _mask_iou(truth: Instances, i: int, j: int) -> float:
    assert truth.crops is not None
    a, b = truth.crops[i], truth.crops[j]
    shared = geometry.intersection(a, truth.offsets_xy[i], b, truth.offsets_xy[j])
    return shared / (np.count_nonzero(a) + np.count_nonzero(b) - shared)


def _contacts(truth: Instances) -> tuple[int, int]:
    """Pixels in more than one mask, and pairs of masks with neighbouring pixels."""
    assert truth.crops is not None
    owner = np.zeros((truth.height, truth.width), np.int16)
    total = 0
    for number, (crop, (x, y)) in enumerate(zip(truth.crops, truth.offsets_xy, strict=True), 1):
        owner[y : y + crop.shape[0], x : x + crop.shape[1]][crop] = number
        total += int(np.count_nonzero(crop))
    pairs: set[tuple[int, int]] = set()
    for one, other in ((owner[:, :-1], owner[:, 1:]), (owner[:-1], owner[1:])):
        meet = (one != other) & (one > 0) & (other > 0)
        pairs |= {(min(a, b), max(a, b)) for a, b in zip(one[meet].tolist(), other[meet].tolist(), strict=True)}
    return total - int(np.count_nonzero(owner)), len(pairs)


def _look_at_pixels(record: Record, facts: Facts, label: str) -> None:
    if not record.has_image:
        said = f"there is no image beside it or inside it; expected {record.path.name}"
        facts.findings.append(Finding("missing-image", label, "", said, record.name))
        return
    try:
        gray = record.gray().gray
    except DataError as error:
        facts.findings.append(Finding("size-mismatch", str(record.path), _size(record.path), str(error), record.name))
        return
    except ImageError as error:
        facts.findings.append(Finding("unreadable-image", str(record.path), "", str(error), record.name))
        return
    facts.digest = _digest(gray)
    facts.bright = _is_bright(gray, record.truth)


def _size(path: Path) -> str:
    try:
        height, width = image_size(path)
    except (ImageError, OSError):
        return ""
    return f"{width}x{height} pixels"


def _digest(gray: NDArray[np.uint8]) -> str:
    """Of the pixels, not of the file: the same picture saved again in a lossless format has the same."""
    shape = f"{gray.shape[0]}x{gray.shape[1]}:".encode("ascii")
    return hashlib.blake2b(shape + gray.tobytes(), digest_size=16).hexdigest()


def _is_bright(gray: NDArray[np.uint8], truth: Instances) -> bool | None:
    """Bright on dark? Masks tell it surely; without them the gray of most pixels does. None where nothing tells."""
    if truth.crops is not None and len(truth):
        inside = truth.union()
        if inside.any() and not inside.all():
            return bool(gray[inside].mean() > gray[~inside].mean())
    sampled = gray[::_SAMPLED, ::_SAMPLED]
    if sampled.min() == sampled.max():
        return None
    return is_bright_on_dark(sampled)
