"""The verb: every image of a split is scored, or listed with the reason why not."""

from __future__ import annotations

import heapq
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np

from metaphase.config import EvaluateConfig
from metaphase.datasets import ADAPTERS, Index, Record
from metaphase.datasets.formats.coco_results import CocoReading, coco_entries, read_coco_results
from metaphase.errors import ConfigError, DataError, MetaphaseError
from metaphase.evaluate.evaluation import (
    SCHEMA_VERSION,
    Evaluation,
    Shown,
    cells_document,
    errors_of,
    left_out,
    tables,
)
from metaphase.evaluate.scheme import SCHEMES, Plan, Scheme, plan_of
from metaphase.evaluate.scoring import Scoring
from metaphase.evaluate.single import SingleSource
from metaphase.evaluate.sources import CocoFile, ModelSource, ResultFolder, Source
from metaphase.metrics import Comparison, Overlap, compare
from metaphase.types import Instances
from metaphase.words import plural

if TYPE_CHECKING:
    from metaphase.predict import Model

__all__ = ["evaluate"]


def evaluate(
    set_name: str,
    split: str,
    root: Path,
    model: Model | None = None,
    predictions: Path | None = None,
    *,
    reading: CocoReading | None = None,
    limit: int | None = None,
    config: EvaluateConfig | None = None,
) -> Iterator[dict[str, Any] | Evaluation]:
    """Score a split image by image.

    set_name: one of `ADAPTERS`. root: the folder of all data sets, or the set's own. model: by default the one that
    the package carries. predictions: read instead of running a model: a folder of stored results (`NAME/result.json` or
    `NAME.json`) or a COCO result file of any tool; `reading` says how such a file is meant. limit: only that many
    images, the first of the split.

    Yields for each image {"image", "done", "total", "reason"} (reason None where it was scored) and at the end an
    `Evaluation`. Raises ConfigError for an unknown set or split or a `reading` without such a file, DataError where the
    set is not at `root`, where a prediction file is not as it should be, or where no image can be scored.
    """
    settings = config or EvaluateConfig()
    adapter, index, names = _find(set_name, split, Path(root))
    scheme = SCHEMES.get(set_name, Scheme())
    chosen = names if limit is None else names[:limit]
    groups, notes = _groups(scheme, index, chosen)
    source = _source(scheme, model, predictions, index, reading)
    tally = _Tally(scheme, source, settings)
    for done, name in enumerate(chosen, 1):
        reason = tally.add(adapter, index, name)
        yield {"image": name, "done": done, "total": len(chosen), "reason": reason}
    tally.finish()
    if not tally.compared:
        first = f", the first because: {tally.not_scored[0]['reason']}" if tally.not_scored else ""
        raise DataError(f"{set_name} {split}: none of {plural(len(chosen), 'image')} could be scored{first}")
    notes = [*scheme.notes, *index.notes(split), *source.notes(chosen), *notes]
    if len(chosen) < len(names):
        notes.append(f"only the first {len(chosen)} of {plural(len(names), 'image')} of the split")
    if tally.not_scored:
        missing = f"{len(tally.not_scored)} of {plural(len(chosen), 'image')}"
        notes.append(f"{missing} could not be scored and are left out of every figure")
    if len({comparison.case for comparison in tally.compared}) == 1:
        notes.append("one case only: there are no intervals, which tell how figures change from case to case")
    head = {
        "set": set_name,
        "split": split,
        "citation": adapter.CITATION,
        "licence": adapter.LICENCE,
        "model": dict(source.info),
    }
    second = None
    try:
        second = _second_truth(scheme, Path(root), tally, settings)
    except DataError as error:
        notes.append(f"the ceiling that a second annotation sets is not given: {error}")
    yield _evaluation(head, notes, tally, groups, second, settings)


@dataclass
class _Tally:
    """What the images have given so far; `comparisons` has a list for each overlap that the plan asks for.

    What can be compared is told by the first image with chromosomes on each side: an empty side has masks as well as
    boxes. Images before it wait.
    """

    scheme: Scheme
    source: Source
    config: EvaluateConfig
    plan: Plan | None = None
    comparisons: dict[Overlap, list[Comparison]] = field(default_factory=dict)
    predictions: list[dict[str, Any]] = field(default_factory=list)
    not_scored: list[dict[str, str]] = field(default_factory=list)
    mended: list[dict[str, str]] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    worst: list[tuple[tuple[int, float], int, Shown]] = field(default_factory=list)
    masks: dict[str, bool] = field(default_factory=dict)
    waiting: list[tuple[str, Record, Instances, float]] = field(default_factory=list)

    @property
    def compared(self) -> list[Comparison]:
        """The comparisons behind everything but AP."""
        return self.comparisons[self.plan.overlap] if self.plan else []

    def add(self, adapter: ModuleType, index: Index, name: str) -> str | None:
        """Predict and compare one image; returns why it could not be scored. Nothing is kept of one that fails."""
        try:
            record: Record = adapter.read(index, name)
            started = time.perf_counter()
            predicted = self._predict(record)
            seconds = time.perf_counter() - started
            if self.plan is None:
                _compare(record, predicted, "annotation_box")  # so that an image of another size is named in its turn
        except _InputError as error:
            raise error.reason from error
        except MetaphaseError as error:
            return self._refuse(name, error)
        for side, instances in (("truth", record.truth), ("predicted", predicted)):
            if len(instances.of_status("chromosome")):
                self.masks.setdefault(side, instances.has_masks)
        if self.plan is None and len(self.masks) < len(("truth", "predicted")):
            self.waiting.append((name, record, predicted, seconds))
            return None
        self.finish()
        return self._score(name, record, predicted, seconds)

    def finish(self) -> None:
        """Score the images that waited; where a side is empty in all of them, by what the first one is built of."""
        waiting, self.waiting = self.waiting, []
        if self.plan is None and (waiting or self.masks):
            first = {"truth": waiting[0][1].truth.has_masks, "predicted": waiting[0][2].has_masks} if waiting else {}
            known = first | self.masks
            self.plan = plan_of(self.scheme, known["truth"], known["predicted"])
        for name, record, predicted, seconds in waiting:
            self._score(name, record, predicted, seconds)

    def _refuse(self, name: str, error: MetaphaseError) -> str:
        self.not_scored.append({"image": name, "reason": str(error)})
        return str(error)

    def _score(self, name: str, record: Record, predicted: Instances, seconds: float) -> str | None:
        plan = self.plan
        assert plan is not None, "an image waits until there is a plan"
        try:
            if plan.truth_masks and len(record.truth) and not record.truth.has_masks:
                raise DataError(f"{record.path}: this image has boxes only, while others of the set have masks")
            overlaps = sorted({plan.overlap, *plan.ap.values()})
            compared = {overlap: _compare(record, predicted, overlap) for overlap in overlaps}
        except MetaphaseError as error:
            return self._refuse(name, error)
        for overlap, comparison in compared.items():
            self.comparisons.setdefault(overlap, []).append(comparison)
        self.seconds.append(seconds)
        self.mended += [{"image": record.name, "warning": warning} for warning in record.warnings]
        if not self.source.strict:
            self.predictions += coco_entries(predicted, name)
        self._keep_if_bad(Shown(record, predicted, compared[plan.overlap]))
        return None

    def _predict(self, record: Record) -> Instances:
        try:
            return self.source(record)
        except MetaphaseError as error:
            if self.source.strict:
                raise _InputError(error) from error
            raise

    def _keep_if_bad(self, shown: Shown) -> None:
        if self.config.gallery and self.scheme.kind != "single":
            entry = (errors_of(shown.comparison), -len(self.seconds), shown)
            keep = heapq.heappush if len(self.worst) < self.config.gallery else heapq.heappushpop
            keep(self.worst, entry)


class _InputError(MetaphaseError):
    """An error of the prediction file, not of one image: it ends the evaluation."""

    def __init__(self, reason: MetaphaseError) -> None:
        super().__init__(str(reason))
        self.reason = reason


def _evaluation(
    head: dict[str, Any],
    notes: Sequence[str],
    tally: _Tally,
    groups: dict[str, tuple[str, frozenset[str]]],
    second: dict[str, Any] | None,
    config: EvaluateConfig,
) -> Evaluation:
    plan = _plan(tally)
    scoring = Scoring(tally.comparisons, plan, config, _in_cells(tally))
    summary = scoring.summary()
    of_images = {name: (what, scoring.of_images(members)) for name, (what, members) in groups.items()}
    parts = {name: {"of": "images", "what": what, **entry} for name, (what, entry) in of_images.items() if entry}
    if plan.scheme.kind == "cells":
        of_chromosomes = scoring.of_chromosomes()
        parts |= {name: {"of": "chromosomes", "what": what, **e} for name, (what, e) in of_chromosomes.items()}
    document = {
        "schema_version": SCHEMA_VERSION,
        **head,
        "overlap": plan.overlap,
        "classes": plan.classes,
        **summary,
        "groups": parts,
        "by_class": scoring.by_class(),
        "second_annotation": second,
        "tables": tables(scoring, plan),
        "left_out": left_out(plan),
        "notes": list(notes),
        "not_scored": tally.not_scored,
        "mended": tally.mended,
        "invalid": tally.source.invalid(),
        "resamples": config.resamples,
        "seconds_per_image": float(np.median(tally.seconds)),
    }
    cells = cells_document(scoring, plan, {"set": head["set"], "split": head["split"]})
    worst = tuple(shown for _, _, shown in sorted(tally.worst, key=lambda entry: entry[:2], reverse=True))
    return Evaluation(document, cells, tally.predictions, worst, config)


def _plan(tally: _Tally) -> Plan:
    """The plan that the first image made, with what only all images can tell."""
    if tally.plan is None:
        raise ValueError("no image was scored")
    labelled = any((c.truth.labels > 0).any() for c in tally.compared)
    source = tally.source
    return replace(
        tally.plan,
        truth_classes=labelled,
        predicted_classes=source.has_classes,
        probabilities=source.has_probabilities,
    )


def _in_cells(tally: _Tally) -> list[Comparison] | None:
    """Single chromosomes once more, named with the others of their cell."""
    if not isinstance(tally.source, SingleSource):
        return None
    named = tally.source.in_cells()
    return [compare(c.annotated, named.get(c.name, c.annotated), "mask", c.name, c.case) for c in tally.compared]


def _second_truth(scheme: Scheme, root: Path, tally: _Tally, config: EvaluateConfig) -> dict[str, Any] | None:
    """What a second annotation of the same images scores against the first: no model can be asked for more.

    Raises DataError where the second annotation is not there or cannot be read.
    """
    if scheme.second_truth is None:
        return None
    adapter = ADAPTERS[scheme.second_truth]
    index = adapter.find(root)
    compared: list[Comparison] = []
    for comparison in tally.compared:
        if comparison.name in index.images:
            record = adapter.read(index, comparison.name)
            other = record.truth
            if (other.height, other.width) == (comparison.truth.height, comparison.truth.width):
                compared.append(
                    compare(comparison.annotated, other, "annotation_box", comparison.name, comparison.case)
                )
    if not compared:
        raise DataError(f"{index.root}: no image of the split is annotated in {scheme.second_truth} as well")
    plan = replace(plan_of(Scheme(), truth_masks=False, predicted_masks=False), truth_classes=False)
    scored = Scoring({"annotation_box": compared}, replace(plan, probabilities=False), config).summary()
    return {"set": scheme.second_truth, **scored}


def _source(
    scheme: Scheme, model: Model | None, predictions: Path | None, index: Index, reading: CocoReading | None
) -> Source:
    if reading not in (None, CocoReading()) and (predictions is None or Path(predictions).is_dir()):
        raise ConfigError(
            "images, one_class, min_score and skip_invalid say how a COCO result file is read, but there is none: name "
            "it with predictions"
        )
    if predictions is None:
        model = _default_model() if model is None else model
        return SingleSource(model) if scheme.kind == "single" else ModelSource(model)
    predictions = Path(predictions)
    if predictions.is_dir():
        return ResultFolder(predictions)
    if not predictions.exists():
        raise DataError(
            f"{predictions}: no such file or folder; expected a COCO result file, or a folder of stored results, "
            "NAME/result.json or NAME.json"
        )
    return CocoFile(read_coco_results(predictions, index.labels, reading))


def _find(set_name: str, split: str, root: Path) -> tuple[ModuleType, Index, list[str]]:
    if set_name not in ADAPTERS:
        raise ConfigError(f"unknown data set {set_name!r}; known are {', '.join(ADAPTERS)}")
    adapter = ADAPTERS[set_name]
    index = adapter.find(root)
    splits = adapter.splits(index)
    if split not in splits:
        raise ConfigError(f"{set_name} has no split {split!r}; it has {', '.join(splits)}")
    return adapter, index, splits[split]


def _groups(
    scheme: Scheme, index: Index, names: Sequence[str]
) -> tuple[dict[str, tuple[str, frozenset[str]]], list[str]]:
    """Image names of each group, and a note for each group whose list cannot be read: the other figures stand."""
    groups: dict[str, tuple[str, frozenset[str]]] = {}
    notes: list[str] = []
    for name, group in scheme.groups.items():
        try:
            groups[name] = group.what, group.members(index, names)
        except DataError as error:
            notes.append(f"the images called {name} are not scored apart: {error}")
    return groups, notes


def _default_model() -> Model:
    # Scoring stored results needs no weights and no runtime.
    from metaphase.predict import load_model  # noqa: PLC0415

    return load_model()


def _compare(record: Record, predicted: Instances, overlap: Overlap) -> Comparison:
    try:
        return compare(record.truth, predicted, overlap, record.name, record.case)
    except ValueError as error:
        raise DataError(f"{record.path}: {error}") from error
