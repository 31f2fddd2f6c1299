"""Evaluate a model, or its stored results, on a data set: every image is scored, or listed with the reason why not."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from metaphase import metrics
from metaphase.datasets import ADAPTERS, Index, Record, cil
from metaphase.datasets.formats.result_json import read_result
from metaphase.errors import ConfigError, DataError, MetaphaseError
from metaphase.metrics import Comparison, Overlap, compare
from metaphase.types import Instances

if TYPE_CHECKING:
    from metaphase.predict import Model

__all__ = ["RESAMPLES", "SCHEMES", "Scheme", "evaluate"]

RESAMPLES = 1000
"""Resamplings of the cases behind each 95 % interval."""


@dataclass(frozen=True)
class Scheme:
    """How a data set is scored.

    overlap: what is compared for everything but AP. ap: the overlap behind each prefix of AP, AP50 and AP75.
    classes: the truth has the 24 classes. groups: image names that are scored once more apart, by group name.
    """

    overlap: Overlap
    ap: Mapping[str, Overlap]
    classes: bool = True
    groups: Mapping[str, Callable[[Index], frozenset[str]]] = field(default_factory=dict)


_MASKS = Scheme(overlap="mask", ap={"mask_": "mask", "": "box"})
SCHEMES: dict[str, Scheme] = {
    "cil": Scheme("annotation_box", {"": "annotation_box", "tight_": "box"}, groups={"difficult": cil.difficult}),
    "cil-single": Scheme("annotation_box", {}, classes=False),
    "gband_masks": _MASKS,
}


def evaluate(
    set_name: str,
    split: str,
    root: Path,
    model: Model | None = None,
    predictions: Path | None = None,
    limit: int | None = None,
) -> Iterator[dict[str, Any]]:
    """Score a split image by image.

    set_name: one of `ADAPTERS`. root: the folder of all data sets, or the set's own. model: by default the one that the
    package carries. predictions: a folder of stored results, `NAME/result.json` or `NAME.json`, read instead of running
    a model. limit: only that many images, the first of the split.

    Yields for each image {"image", "done", "total", "reason"} (reason None where it was scored) and at the end
    {"set", "split", "images", "instances", "cases", "metrics", "groups", "tables", "notes", "not_scored",
    "seconds_per_image", ...}, whose metrics are {key: {"value", "low", "high", "n", "instances", "left_out"}}: the 95 %
    interval comes from resampling cases; n counts images. A value that is not defined is None, and so is an interval
    where there are fewer than two cases.
    Raises ConfigError for an unknown set or split, DataError where the set is not at `root` or no image can be scored.
    """
    adapter, index, names = _find(set_name, split, Path(root))
    scheme = SCHEMES.get(set_name, _MASKS)
    groups, missing_groups = _groups(scheme, index)
    if predictions is not None:
        predict, info = _from_files(Path(predictions)), {"predictions": str(predictions)}
    else:
        model = _default_model() if model is None else model
        predict, info = _from_model(model), dict(model.info)
    chosen = names if limit is None else names[:limit]
    tally = _Tally({overlap: [] for overlap in sorted({scheme.overlap, *scheme.ap.values()})})
    for done, name in enumerate(chosen, 1):
        reason: str | None = None
        try:
            tally.add(adapter.read(index, name), predict)
        except MetaphaseError as error:
            reason = str(error)
            tally.not_scored.append({"image": name, "reason": reason})
        yield {"image": name, "done": done, "total": len(chosen), "reason": reason}
    if not tally.comparisons[scheme.overlap]:
        first = f", the first because: {tally.not_scored[0]['reason']}" if tally.not_scored else ""
        raise DataError(f"{set_name} {split}: none of {len(chosen)} images could be scored{first}")
    notes = [*index.notes(split), *missing_groups]
    if len(chosen) < len(names):
        notes.append(f"only the first {len(chosen)} of {len(names)} images of the split")
    if tally.not_scored:
        missing = f"{len(tally.not_scored)} of {len(chosen)} images"
        notes.append(f"{missing} could not be scored and are left out of every figure")
    yield {
        "set": set_name,
        "split": split,
        "citation": adapter.CITATION,
        "licence": adapter.LICENCE,
        "model": info,
        **_result(tally, scheme, groups),
        "notes": notes,
    }


@dataclass
class _Tally:
    """What the images have given so far; `comparisons` has a list for each overlap that the scheme asks for."""

    comparisons: dict[Overlap, list[Comparison]]
    not_scored: list[dict[str, str]] = field(default_factory=list)
    mended: list[dict[str, str]] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)

    def add(self, record: Record, predict: Callable[[Record], Instances]) -> None:
        """Predict one image and compare it in every way; nothing is kept of an image that fails half way."""
        started = time.perf_counter()
        predicted = predict(record)
        seconds = time.perf_counter() - started
        compared = {overlap: _compare(record, predicted, overlap) for overlap in self.comparisons}
        for overlap, comparison in compared.items():
            self.comparisons[overlap].append(comparison)
        self.seconds.append(seconds)
        self.mended += [{"image": record.name, "warning": warning} for warning in record.warnings]


def _result(tally: _Tally, scheme: Scheme, groups: Mapping[str, frozenset[str]]) -> dict[str, Any]:
    subsets = {group: _subset(tally.comparisons, members) for group, members in groups.items()}
    return {
        **_score(tally.comparisons, scheme),
        "groups": {group: _score(subset, scheme) for group, subset in subsets.items() if subset[scheme.overlap]},
        "tables": _tables(tally.comparisons[scheme.overlap], scheme),
        "not_scored": tally.not_scored,
        "mended": tally.mended,
        "seconds_per_image": float(np.median(tally.seconds)),
    }


def _find(set_name: str, split: str, root: Path) -> tuple[ModuleType, Index, list[str]]:
    if set_name not in ADAPTERS:
        raise ConfigError(f"unknown data set {set_name!r}; known are {', '.join(ADAPTERS)}")
    adapter = ADAPTERS[set_name]
    index = adapter.find(root)
    splits = adapter.splits(index)
    if split not in splits:
        raise ConfigError(f"{set_name} has no split {split!r}; it has {', '.join(splits)}")
    return adapter, index, splits[split]


def _groups(scheme: Scheme, index: Index) -> tuple[dict[str, frozenset[str]], list[str]]:
    """Image names of each group, and a note for each group whose list cannot be read: the other figures stand."""
    groups: dict[str, frozenset[str]] = {}
    notes: list[str] = []
    for group, members in scheme.groups.items():
        try:
            groups[group] = members(index)
        except DataError as error:
            notes.append(f"the images called {group} are not scored apart: {error}")
    return groups, notes


def _default_model() -> Model:
    # Scoring stored results needs no weights and no runtime.
    from metaphase.predict import load_model  # noqa: PLC0415

    return load_model()


def _from_model(model: Model) -> Callable[[Record], Instances]:
    return lambda record: model.karyotype(model.spread(record.path)).instances


def _from_files(folder: Path) -> Callable[[Record], Instances]:
    if not folder.is_dir():
        raise DataError(f"{folder}: expected a folder of stored results, NAME/result.json or NAME.json")

    def predict(record: Record) -> Instances:
        stored = (folder / record.name / "result.json", folder / f"{record.name}.json")
        path = next((path for path in stored if path.is_file()), None)
        if path is None:
            raise DataError(f"{folder}: no result of image {record.name}; expected {stored[0]} or {stored[1].name}")
        return read_result(path)

    return predict


def _compare(record: Record, predicted: Instances, overlap: Overlap) -> Comparison:
    try:
        return compare(record.truth, predicted, overlap, record.name, record.case)
    except ValueError as error:
        raise DataError(f"{record.path}: {error}") from error


def _subset(
    comparisons: Mapping[Overlap, Sequence[Comparison]], members: frozenset[str]
) -> dict[Overlap, list[Comparison]]:
    return {overlap: [c for c in listed if c.name in members] for overlap, listed in comparisons.items()}


def _score(comparisons: Mapping[Overlap, Sequence[Comparison]], scheme: Scheme) -> dict[str, Any]:
    """Counts and metrics of one group of images, intervals included."""
    compared = comparisons[scheme.overlap]
    scores: dict[str, metrics.Score] = {}
    for prefix, overlap in scheme.ap.items():
        scores |= {f"{prefix}{key}": score for key, score in metrics.ap(comparisons[overlap]).items()}
    if scheme.overlap == "mask":
        scores |= metrics.pq(compared) | metrics.mpq(compared) | metrics.aji(compared)
    counts = metrics.counts(compared)
    classless = ("found", "false_per_cell", "count_error", "exact_count")
    scores |= {key: score for key, score in counts.items() if scheme.classes or key in classless}
    scores |= metrics.sanity(compared)
    if scheme.classes:
        scores["ece"] = metrics.calibration(compared)[0]
    cases = [c.case for c in compared]
    instances = sum(len(c.truth) for c in compared)
    weights = metrics.resampled_weights(cases, RESAMPLES) if len(set(cases)) > 1 else None
    return {
        "images": len(compared),
        "instances": instances,
        "cases": len(set(cases)),
        "metrics": {key: _entry(score, weights, len(compared), instances) for key, score in scores.items()},
    }


def _entry(score: metrics.Score, weights: NDArray[np.float64] | None, images: int, instances: int) -> dict[str, Any]:
    low, high = (math.nan, math.nan) if weights is None else metrics.bootstrap(score, weights)
    numbers = {"value": score.value, "low": low, "high": high}
    defined: dict[str, Any] = {key: number if math.isfinite(number) else None for key, number in numbers.items()}
    return defined | {"n": images, "instances": instances, "left_out": score.left_out}


def _tables(compared: Sequence[Comparison], scheme: Scheme) -> dict[str, Any]:
    """What is no single number: the confusion of classes and accuracy against coverage."""
    if not scheme.classes:
        return {}
    return {
        "confusion": metrics.confusion(compared).tolist(),
        "coverage_accuracy": [list(point) for point in metrics.calibration(compared)[1]],
    }
