"""Scores of a set of images and of its parts, with intervals, from comparisons that were made once."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from metaphase import metrics
from metaphase.chromosomes import NAMES
from metaphase.config import EvaluateConfig
from metaphase.evaluate.scheme import Plan
from metaphase.masks import box_iou_matrix, neighbours
from metaphase.metrics import Comparison, Matches, Overlap, Score, match_image

__all__ = ["Scoring"]

_CLASSLESS = ("found", "false_per_cell", "count_error", "exact_count")
_WITH_CLASSES = ("end_to_end", "cells_without_error", "class_accuracy")
Entry = dict[str, Any]


class Scoring:
    """All figures of the same images.

    comparisons: for each overlap that the plan asks for, one comparison an image, in the same order. in_cells: for
    single chromosomes, the same once more with the cell as context.
    """

    def __init__(
        self,
        comparisons: Mapping[Overlap, Sequence[Comparison]],
        plan: Plan,
        config: EvaluateConfig | None = None,
        in_cells: Sequence[Comparison] | None = None,
    ) -> None:
        self._comparisons = comparisons
        self._plan = plan
        self._config = config or EvaluateConfig()
        self._in_cells = in_cells
        self._matches: dict[tuple[Overlap, bool], Matches] = {}
        self._known_weights: dict[tuple[str, ...], NDArray[np.float64]] = {}

    @property
    def compared(self) -> Sequence[Comparison]:
        """The comparisons behind everything but AP."""
        return self._comparisons[self._plan.overlap]

    @cached_property
    def scores(self) -> dict[str, Score]:
        """Every score over all images, in the order in which they are read."""
        return self._scores(range(len(self.compared)))

    def summary(self) -> Entry:
        """Counts and metrics over all images."""
        return self._summary(self.scores, self.compared)

    def of_images(self, names: frozenset[str]) -> Entry | None:
        """Counts and metrics of some of the images; None where there is none."""
        rows = [i for i, c in enumerate(self.compared) if c.name in names]
        if not rows:
            return None
        return self._summary(self._scores(rows), [self.compared[i] for i in rows])

    def of_chromosomes(self) -> dict[str, tuple[str, Entry]]:
        """Counts and metrics of parts of the true chromosomes: (what they are, figures) by name of the part."""
        if not self._plan.truth_masks:
            crowded = [_boxes_meet(c) for c in self.compared]
            parts = {
                "boxes_crowded": ("chromosomes whose annotated box meets another one", crowded),
                "boxes_apart": ("chromosomes whose annotated box stands alone", [~c for c in crowded]),
            }
        else:
            found = [neighbours(c.annotated.crops or (), c.annotated.offsets_xy) for c in self.compared]
            overlapping, touching = [a for a, _ in found], [b for _, b in found]
            apart = [~(a | b) for a, b in found]
            parts = {
                "overlapping": ("chromosomes whose true mask shares pixels with another one", overlapping),
                "touching": ("chromosomes that touch another one and overlap none", touching),
                "apart": ("chromosomes that neither touch nor overlap another one", apart),
            }
        return {
            name: (what, self._part(members))
            for name, (what, members) in parts.items()
            if any(m.any() for m in members)
        }

    def by_class(self) -> dict[str, Entry]:
        """Counts and metrics of each class that has a truth, by its name."""
        if not self._plan.classes:
            return {}
        present = np.unique(np.concatenate([np.zeros(0, np.int64), *(c.truth.labels for c in self.compared)]))
        return {
            NAMES[label - 1]: self._part([c.truth.labels == label for c in self.compared], int(label))
            for label in present.tolist()
            if label > 0
        }

    def curves(self) -> dict[str, list[float]]:
        """Precision at the 101 recalls, mean over the classes, by name of the AP that it belongs to."""
        prefix = next(iter(self._plan.ap), None)
        score = None if prefix is None else self.scores.get(f"{prefix}AP50")
        if not isinstance(score, metrics.AveragePrecision):
            return {}
        curves = {f"{prefix}AP50": score.curve(0.5), f"{prefix}AP75": score.curve(0.75)}
        return {key: curve for key, curve in curves.items() if curve}

    def _part(self, members: Sequence[NDArray[np.bool_]], label: int | None = None) -> Entry:
        found = metrics.subgroup(self.compared, members)
        scores: dict[str, Score] = dict(found)
        if self._plan.scheme.kind == "single":
            scores = {"accuracy": found["end_to_end"]}
            if self._in_cells is not None:
                scores["accuracy_in_cell"] = metrics.subgroup(self._in_cells, members)["end_to_end"]
        elif not self._plan.classes:
            scores = {key: found[key] for key in ("found", "SQ_all")}
        if label is not None:
            scores |= {
                key: score.of_class(label)
                for key, score in self.scores.items()
                if isinstance(score, metrics.AveragePrecision) and not key.startswith("agnostic_")
            }
        entry = self._summary(scores, self.compared)
        entry["images"] = sum(bool(m.any()) for m in members)
        entry["instances"] = int(sum(m.sum() for m in members))
        entry["cases"] = len({c.case for c, m in zip(self.compared, members, strict=True) if m.any()})
        for figure in entry["metrics"].values():
            figure |= {"n": entry["images"], "instances": entry["instances"]}
        return entry

    def _matches_of(self, overlap: Overlap, one_class: bool) -> Matches:
        key = (overlap, one_class)
        if key not in self._matches:
            self._matches[key] = Matches(tuple(match_image(c, one_class) for c in self._comparisons[overlap]))
        return self._matches[key]

    def _scores(self, rows: Sequence[int]) -> dict[str, Score]:
        compared = [self.compared[i] for i in rows]
        if self._plan.scheme.kind == "pairs":
            return self._of_pairs(compared)
        if self._plan.scheme.kind == "single":
            return self._of_single(rows)
        plan = self._plan
        counts = metrics.counts(compared)
        classless: dict[str, Score] = {**metrics.pq(compared), **metrics.aji(compared)}
        classless |= {key: counts[key] for key in _CLASSLESS}
        named: dict[str, Score] = {}
        if plan.classes:
            named |= metrics.mpq(compared) | {key: counts[key] for key in _WITH_CLASSES}
        if plan.predicted_classes:
            named |= metrics.sanity(compared)
        if plan.classes and plan.probabilities:
            named["ece"] = metrics.calibration(compared).error
        if plan.classes:
            named["score_ece"] = metrics.calibration(compared, of_scores=True).error
        if not plan.classes:
            # What is counted comes first: it is what such a set is for.
            first: dict[str, Score] = {key: counts[key] for key in _CLASSLESS}
            return first | named | self._ap(rows, one_class=True) | classless
        if plan.scheme.agnostic_first:
            agnostic = {f"agnostic_{key}": score for key, score in self._ap(rows, one_class=True).items()}
            return classless | agnostic | self._ap(rows, one_class=False) | named
        return self._ap(rows, one_class=False) | classless | named

    def _ap(self, rows: Sequence[int], one_class: bool) -> dict[str, Score]:
        scores: dict[str, Score] = {}
        for prefix, overlap in self._plan.ap.items():
            listed = self._comparisons[overlap]
            matches = self._matches_of(overlap, one_class)
            if len(rows) < len(listed):
                listed, matches = [listed[i] for i in rows], matches.take(rows)
            scores |= {f"{prefix}{key}": score for key, score in metrics.ap(listed, one_class, matches).items()}
        return scores

    def _of_pairs(self, compared: Sequence[Comparison]) -> dict[str, Score]:
        counts = metrics.counts(compared)
        scores: dict[str, Score] = {}
        if self._plan.overlap == "mask":
            scores |= metrics.overlap_pairs(compared)
        return scores | dict(metrics.pq(compared)) | {key: counts[key] for key in _CLASSLESS}

    def _of_single(self, rows: Sequence[int]) -> dict[str, Score]:
        compared = [self.compared[i] for i in rows]
        scores: dict[str, Score] = {"accuracy": metrics.counts(compared)["end_to_end"]}
        if self._in_cells is not None:
            scores["accuracy_in_cell"] = metrics.counts([self._in_cells[i] for i in rows])["end_to_end"]
        if self._plan.probabilities:
            scores["ece"] = metrics.calibration(compared).error
        return scores

    def _summary(self, scores: Mapping[str, Score], compared: Sequence[Comparison]) -> Entry:
        cases = [c.case for c in compared]
        instances = sum(len(c.truth) for c in compared)
        several = len(set(cases)) > 1
        weights = self._weights(tuple(cases)) if several else None
        return {
            "images": len(compared),
            "instances": instances,
            "cases": len(set(cases)),
            "metrics": {key: _figure(score, weights, len(compared), instances) for key, score in scores.items()},
        }

    def _weights(self, cases: tuple[str, ...]) -> NDArray[np.float64]:
        """The same array for the same images: what was computed for it before need not be computed again."""
        if cases not in self._known_weights:
            self._known_weights[cases] = metrics.resampled_weights(cases, self._config.resamples, self._config.seed)
        return self._known_weights[cases]


def _figure(score: Score, weights: NDArray[np.float64] | None, images: int, instances: int) -> Entry:
    low, high = (math.nan, math.nan) if weights is None else metrics.bootstrap(score, weights)
    numbers = {"value": score.value, "low": low, "high": high}
    defined: Entry = {key: number if math.isfinite(number) else None for key, number in numbers.items()}
    return defined | {"n": images, "instances": instances, "left_out": score.left_out}


def _boxes_meet(comparison: Comparison) -> NDArray[np.bool_]:
    boxes = comparison.truth.boxes_xyxy
    return np.asarray(((box_iou_matrix(boxes, boxes) > 0) & ~np.eye(len(boxes), dtype=bool)).any(1))
