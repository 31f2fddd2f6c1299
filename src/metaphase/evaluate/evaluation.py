"""What an evaluation leaves behind: metrics.json, cells.json, report.html, and predictions as a COCO result file."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from metaphase import metrics, report
from metaphase.config import EvaluateConfig
from metaphase.datasets import Record
from metaphase.errors import MetaphaseError
from metaphase.evaluate.scheme import Plan
from metaphase.evaluate.scoring import Scoring
from metaphase.metrics import Comparison
from metaphase.types import Instances
from metaphase.words import plural

__all__ = ["SCHEMA_VERSION", "Evaluation", "Shown", "cells_document", "errors_of", "left_out", "tables"]

SCHEMA_VERSION = 1
"""Version of the layout of metrics.json and cells.json."""


@dataclass(frozen=True, eq=False)
class Shown:
    """A cell of the gallery: what was annotated, what was predicted, and how they were matched."""

    record: Record
    predicted: Instances
    comparison: Comparison


@dataclass(frozen=True, eq=False)
class Evaluation:
    """The outcome of one evaluation.

    document: the content of metrics.json (`report.metrics_schema` describes it). cells: that of cells.json, image by
    image, which `metaphase compare` pairs with another run's. predictions: entries of a COCO result file, empty where
    the predictions came from a file. worst: the cells of the gallery, worst first.
    """

    document: dict[str, Any]
    cells: dict[str, Any]
    predictions: list[dict[str, Any]] = field(default_factory=list)
    worst: tuple[Shown, ...] = ()
    config: EvaluateConfig = field(default_factory=EvaluateConfig)

    def page(self) -> str:
        """report.html: one file that needs no other. It shows images of the data set."""
        pictures = [_picture(shown, self.config.gallery_side) for shown in self.worst]
        return report.evaluation_page(self.document, pictures)


def errors_of(comparison: Comparison) -> tuple[int, float]:
    """How bad a cell is: missed, false and misnamed chromosomes, then the IoU that the matched lack."""
    known = bool((comparison.truth.labels > 0).any())
    wrong = int(np.count_nonzero(~comparison.right)) if known and (comparison.predicted.labels > 0).any() else 0
    matched = len(comparison.rows)
    errors = len(comparison.truth) + len(comparison.predicted) - 2 * matched + wrong
    return errors, float(matched - comparison.iou[comparison.rows, comparison.cols].sum())


def cells_document(scoring: Scoring, plan: Plan, head: dict[str, Any]) -> dict[str, Any]:
    """The content of cells.json: counts of each image, and the terms that its scores are made of."""
    return {
        "schema_version": SCHEMA_VERSION,
        **head,
        "overlap": plan.overlap,
        "classes": plan.classes,
        "cells": [_cell(c) for c in scoring.compared],
        "terms": metrics.pack(scoring.scores),
    }


def _cell(comparison: Comparison) -> dict[str, Any]:
    matched = len(comparison.rows)
    truth = comparison.annotated
    drawn = truth.boxes_xyxy.astype(np.float32).tobytes() + truth.labels.astype(np.int64).tobytes()
    drawn += b"".join(np.packbits(crop).tobytes() for crop in truth.crops or ())
    return {
        "image": comparison.name,
        "case": comparison.case,
        "truths": len(comparison.truth),
        "predicted": len(comparison.predicted),
        "found": matched,
        "right": int(np.count_nonzero(comparison.right)),
        "false": len(comparison.predicted) - matched,
        "truth_crc32": zlib.crc32(drawn),
    }


def tables(scoring: Scoring, plan: Plan) -> dict[str, Any]:
    """What is no single number: confusion, coverage, calibration bins, precision curves, histogram of the counts."""
    compared = scoring.compared
    found: dict[str, Any] = {"precision_recall": scoring.curves()}
    if plan.classes:
        found["confusion"] = metrics.confusion(compared).tolist()
    if plan.classes and plan.scheme.kind == "cells":
        found["score_bins"] = [list(point) for point in metrics.calibration(compared, of_scores=True).bins]
    if plan.classes and plan.probabilities:
        calibration = metrics.calibration(compared)
        found["coverage_accuracy"] = [list(point) for point in calibration.coverage]
        found["calibration_bins"] = [list(point) for point in calibration.bins]
    if plan.scheme.kind == "cells":
        differences = np.array([len(c.predicted) - len(c.truth) for c in compared], np.int64)
        values, images = np.unique(differences, return_counts=True)
        found["count_histogram"] = [[int(v), int(n)] for v, n in zip(values, images, strict=True)]
    return found


def left_out(plan: Plan) -> list[dict[str, Any]]:
    """Which figures of docs/metrics.md are not given, and why."""
    named = ["mPQ", "mPQ_image", "end_to_end", "cells_without_error", "class_accuracy", "confusion"]
    masks = ["mask_AP", "mask_AP50", "mask_AP75"]
    said: list[tuple[list[str], str]] = []
    if plan.scheme.kind == "single":
        said.append(
            (
                [*masks, "AP", "PQ_all", "AJI", "found", "sanity", "score_ece"],
                "one cut out chromosome an image: no cell",
            )
        )
        if not plan.probabilities:
            said.append((["ece", "coverage_accuracy"], "the predictions carry no class probabilities"))
        return [{"metrics": keys, "reason": reason} for keys, reason in said]
    if plan.scheme.kind == "pairs":
        said.append(
            ([*named, "AP", "AJI", "sanity", "ece", "score_ece"], "two chromosomes without classes an image: no cell")
        )
    if not plan.truth_masks:
        said.append((masks, "the set has boxes only; every other figure compares boxes"))
        said.append((["overlapping", "touching"], "the set has boxes only: what touches or overlaps cannot be told"))
    elif not plan.predicted_masks:
        pair = ["IoU_1", "IoU_2", "IoU_chromosomes", "IoU_overlap"] if plan.scheme.kind == "pairs" else []
        said.append(([*masks, *pair], "the predictions have boxes only; every other figure compares boxes"))
    if plan.scheme.kind == "cells":
        if not plan.truth_classes:
            said.append(
                (
                    [*named, "ece", "score_ece", "coverage_accuracy"],
                    "the set has one class; AP is that of this one class",
                )
            )
        elif not plan.predicted_classes:
            said.append(
                (
                    [*named, "ece", "score_ece", "coverage_accuracy"],
                    "the predictions have one class; AP is class-agnostic",
                )
            )
        elif not plan.probabilities:
            said.append((["ece", "coverage_accuracy"], "the predictions carry no class probabilities"))
        if not plan.predicted_classes:
            said.append((["sanity", "sanity_exact"], "the predictions have one class"))
    return [{"metrics": keys, "reason": reason} for keys, reason in said]


def _picture(shown: Shown, side: int) -> report.GalleryPicture:
    comparison = shown.comparison
    truth, predicted = shown.record.truth.of_status("chromosome"), shown.predicted.of_status("chromosome")
    try:
        gray = shown.record.gray().gray
    except MetaphaseError:
        gray = np.full((truth.height, truth.width), 255, np.uint8)
    classes = bool((comparison.truth.labels > 0).any() and (comparison.predicted.labels > 0).any())
    named = _marks(len(truth), comparison.rows, comparison.right | (not classes), "missed")
    guessed = _marks(len(predicted), comparison.cols, comparison.right | (not classes), "false")
    errors, _ = errors_of(comparison)
    counts = f"{plural(len(truth), 'chromosome')}, {len(predicted)} predicted, {len(comparison.rows)} found"
    wrong = f", {named.count('wrong')} misnamed" if classes else ""
    return report.GalleryPicture(
        title=f"{comparison.name} (case {comparison.case})",
        caption=f"{plural(errors, 'error')}: {counts}{wrong}",
        truth=report.draw_marked(gray, truth, named, side),
        predicted=report.draw_marked(gray, predicted, guessed, side),
    )


def _marks(count: int, matched: np.ndarray, right: np.ndarray, otherwise: str) -> Sequence[str]:
    marks = [otherwise] * count
    for index, is_right in zip(matched.tolist(), right.tolist(), strict=True):
        marks[index] = "right" if is_right else "wrong"
    return marks
