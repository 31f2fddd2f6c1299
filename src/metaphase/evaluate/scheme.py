"""How each data set is scored: what is asked of it beyond what its truth says by itself."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Literal

from metaphase.datasets import Index, cil
from metaphase.metrics import Overlap

__all__ = ["SCHEMES", "Group", "Plan", "Scheme", "plan_of"]

Kind = Literal["cells", "pairs", "single"]


@dataclass(frozen=True)
class Group:
    """Images that are scored once more apart. what: in words. members: their names among those of a split."""

    what: str
    members: Callable[[Index, Collection[str]], frozenset[str]]


@dataclass(frozen=True)
class Scheme:
    """What is special about a data set.

    kind: whole cells, two chromosomes an image ("pairs"), or one cut out chromosome an image ("single").
    groups: images scored apart. second_truth: the set that holds a second annotation of the same images, the ceiling.
    agnostic_first: figures that know no classes come first, class-agnostic AP too. notes: said with every number.
    """

    kind: Kind = "cells"
    groups: Mapping[str, Group] = field(default_factory=dict)
    second_truth: str | None = None
    agnostic_first: bool = False
    notes: tuple[str, ...] = ()


def _difficult(index: Index, names: Collection[str]) -> frozenset[str]:
    return cil.difficult(index) & frozenset(names)


def _abnormal_number(index: Index, names: Collection[str]) -> frozenset[str]:
    listed = cil.abnormal(index, "number").keys() & frozenset(names)
    return frozenset(name for name in listed if not cil.is_normal(cil.read(index, name).truth))


def _abnormal_structural(index: Index, names: Collection[str]) -> frozenset[str]:
    return frozenset(cil.abnormal(index, "structural").keys() & frozenset(names))


def _split(split: str) -> Callable[[Index, Collection[str]], frozenset[str]]:
    return lambda index, names: frozenset(index.splits.get(split, ())) & frozenset(names)


_MFISH = "weights trained on G-bands cannot know these classes: read the figures that need none, which come first"

SCHEMES: dict[str, Scheme] = {
    "cil": Scheme(
        groups={
            "difficult": Group("images that the publisher calls difficult (diff_image.txt)", _difficult),
            "normal": Group("listed as normal with count 46, and boxes exactly 46,XX or 46,XY", cil.normal),
            "abnormal_number": Group(
                "listed in number_abnormalities.csv, and boxes other than 46,XX and 46,XY", _abnormal_number
            ),
            "abnormal_structural": Group("listed in structural_abnormalities.csv", _abnormal_structural),
        }
    ),
    "cil-single": Scheme(
        second_truth="cil",
        notes=("cil-single shows the images of cil, annotated a second time: a check of counting, no independent set",),
    ),
    "mfish": Scheme(agnostic_first=True, notes=(_MFISH, "homologues that touch count as one chromosome here")),
    "mfish-rejoined": Scheme(agnostic_first=True, notes=(_MFISH, "this reading is for training, not the benchmark's")),
    "overlap-pairs": Scheme(
        kind="pairs",
        groups={
            "overlapping_pairs": Group("pairs in the publisher's folder of overlapping ones", _split("overlapping")),
            "touching_pairs": Group("pairs in the publisher's folder of touching ones", _split("touching")),
        },
    ),
    "bioimlab": Scheme(
        kind="single",
        notes=(
            "single Q-banded chromosomes, zero-shot for weights trained on G-bands; accuracy is that of each one "
            "alone, accuracy_in_cell of all of a cell named together: two figures that are not to be mixed",
        ),
    ),
}


@dataclass(frozen=True)
class Plan:
    """What can be compared, given the truth and the predictions.

    overlap: what is compared for everything but AP. ap: the overlap behind each prefix of AP, AP50 and AP75.
    truth_masks, predicted_masks: the side has masks. truth_classes, predicted_classes: it knows the 24 classes.
    probabilities: the predictions carry those of the classes.
    """

    scheme: Scheme
    overlap: Overlap
    ap: Mapping[str, Overlap]
    truth_masks: bool
    predicted_masks: bool
    truth_classes: bool = True
    predicted_classes: bool = True
    probabilities: bool = True

    @property
    def classes(self) -> bool:
        """Both sides know the 24 classes."""
        return self.truth_classes and self.predicted_classes


def plan_of(scheme: Scheme, truth_masks: bool, predicted_masks: bool) -> Plan:
    """Masks where both sides have them, else boxes: in the annotators' style where people drew boxes."""
    ap: dict[str, Overlap]
    if truth_masks and predicted_masks:
        overlap: Overlap = "mask"
        ap = {"mask_": "mask", "": "box"}
    elif truth_masks:
        overlap, ap = "box", {"": "box"}
    else:
        overlap, ap = "annotation_box", {"": "annotation_box"}
        if predicted_masks:
            ap["tight_"] = "box"
    return Plan(scheme, overlap, ap, truth_masks, predicted_masks)
