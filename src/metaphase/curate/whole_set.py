"""What only the set as a whole shows: duplicates, leaking splits, one class for all, lists that disagree."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations

import numpy as np

from metaphase.curate.findings import Finding
from metaphase.curate.inspect import Facts
from metaphase.curate.places import Place
from metaphase.datasets.formats.folders import read_names
from metaphase.errors import DataError
from metaphase.words import plural

__all__ = ["of_the_set"]

_SIDES = ("train", "val", "test")
_ENOUGH = 20  # chromosomes of a single class from which "one class for all" is no accident
_CLUSTER = 3  # a set whose images usually show so few chromosomes is one of single chromosomes or clusters
_TOUCHING = 10  # touching pairs of masks in a set without a shared pixel: a map cannot hold overlaps


def of_the_set(place: Place, facts: Sequence[Facts]) -> list[Finding]:
    """Findings of the set as a whole. facts: of every image that was looked at."""
    return [
        *_alone(place),
        *_counts(place, facts),
        *_splits(place),
        *_duplicates(place, facts),
        *_one_class(place, facts),
        *_polarity(place, facts),
        *_overlap(place, facts),
        *_lists(place, facts),
    ]


def _alone(place: Place) -> list[Finding]:
    """Files without their partner; a file is an image if it is not of a kind that holds labels."""
    labels = {".xml", ".json", ".txt"}
    found = []
    for path in place.index.lone:
        kind = "missing-image" if path.suffix.lower() in labels else "missing-label"
        said = "there is no image of this name" if kind == "missing-image" else "there is no label file of this name"
        found.append(Finding(kind, str(path), "", said))
    return found


def _counts(place: Place, facts: Sequence[Facts]) -> list[Finding]:
    """Against 46, or what the set shows: a lab's own images may be of single chromosomes or pairs."""
    counts = {one.name: sum(one.counts) for one in facts if any(one.counts)}
    expected = getattr(place.adapter, "CHROMOSOMES", None)
    if expected is None:
        usual = int(np.median(list(counts.values()))) if counts else 46
        expected = usual if usual <= _CLUSTER else 46
    found = []
    for name, count in counts.items():
        if count != expected:
            kind = "count-near" if abs(count - expected) <= 2 else "count"
            file = str(place.index.labels[name])
            found.append(Finding(kind, file, "", f"{plural(count, 'chromosome')} instead of {expected}", name))
    return found


def _splits(place: Place) -> list[Finding]:
    index, splits = place.index, place.splits
    found = []
    for prefix, kind in (("", "case-across"), ("official-", "case-across-official")):
        sides = [f"{prefix}{side}" for side in _SIDES if f"{prefix}{side}" in splits]
        for one, other in combinations(sides, 2):
            cases = [{index.cases[name] for name in splits[side] if name in index.cases} for side in (one, other)]
            found += [
                Finding(kind, str(index.root), f"{one} and {other}", f"case {case} stands in {one} and in {other}")
                for case in sorted(cases[0] & cases[1])
            ]
    for path in sorted(index.root.glob("split_*.txt")):
        try:
            unknown = [name for name in read_names(path) if name.rsplit("/", 1)[-1] not in index.labels]
        except DataError as error:
            found.append(Finding("unreadable-label", str(path), "", str(error)))
            continue
        if unknown and 2 * len(unknown) < len(read_names(path)):  # a list of another set in the same folder names few
            found += [
                Finding("split-unknown", str(path), name, "there is no such image in the set") for name in unknown
            ]
    return found


def _duplicates(place: Place, facts: Sequence[Facts]) -> list[Finding]:
    """Only the first of several equal images is named as the one that the others repeat."""
    side_of = {name: side for side in _SIDES for name in place.splits.get(side, ())}
    first: dict[str, str] = {}
    found = []
    for one in facts:
        if not one.digest:
            continue
        other = first.setdefault(one.digest, one.name)
        if other == one.name:
            continue
        sides = {side_of.get(name) for name in (one.name, other)} - {None}
        kind = "duplicate-across" if len(sides) > 1 else "duplicate-image"
        where = f" ({' and '.join(sorted(str(side) for side in sides))})" if len(sides) > 1 else ""
        file = str(place.index.images.get(one.name, place.index.labels[one.name]))
        found.append(Finding(kind, file, "", f"the pixels of {one.name} are those of {other}{where}", one.name))
    return found


def _one_class(place: Place, facts: Sequence[Facts]) -> list[Finding]:
    if getattr(place.adapter, "CHROMOSOMES", 46) != 46:
        return []
    total = np.zeros(25, np.int64)
    for one in facts:
        if one.counts:
            total += np.array(one.counts)
    used = np.flatnonzero(total)
    if len(used) != 1 or used[0] == 0 or total.sum() < _ENOUGH:
        return []
    said = f"all {int(total.sum())} chromosomes have the label {used[0]}: the set has one class, not 24"
    return [Finding("one-class", str(place.index.root), f"label {used[0]}", said)]


def _polarity(place: Place, facts: Sequence[Facts]) -> list[Finding]:
    """Against what the publisher says, or the majority of a lab's own images."""
    known = [one for one in facts if one.bright is not None]
    expected = getattr(place.adapter, "BRIGHT", None)
    if expected is None:
        expected = sum(bool(one.bright) for one in known) * 2 > len(known)
    kinds = {True: "bright on dark", False: "dark on bright"}
    return [
        Finding(
            "polarity",
            str(place.index.images.get(one.name, place.index.labels[one.name])),
            "",
            f"chromosomes are {kinds[bool(one.bright)]}, those of the set {kinds[expected]}",
            one.name,
        )
        for one in known
        if bool(one.bright) != expected
    ]


def _overlap(place: Place, facts: Sequence[Facts]) -> list[Finding]:
    masked = [one for one in facts if one.masks]
    touching = sum(one.neighbours for one in masked)
    if not masked or any(one.shared for one in masked) or touching < _TOUCHING:
        return []
    said = (
        f"{touching} pairs of masks touch and none shares a pixel: these masks were a label map, which loses overlaps"
    )
    return [Finding("overlap-lost", str(place.index.root), plural(len(masked), "image"), said)]


def _lists(place: Place, facts: Sequence[Facts]) -> list[Finding]:
    contradictions = getattr(place.adapter, "contradictions", None)
    if contradictions is None:
        return []
    counts: Mapping[str, np.ndarray] = {one.name: np.array(one.counts, np.int64) for one in facts if one.counts}
    try:
        said = contradictions(place.index, counts)
    except DataError as error:
        return [Finding("unreadable-label", str(place.index.root), "", str(error))]
    return [
        Finding(defect.kind, str(place.index.labels[name]), defect.place, defect.said, name)
        for name, defects in said.items()
        for defect in defects
    ]
