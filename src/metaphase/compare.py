"""Compare two evaluations of the same images, cell by cell: what differs, how surely, and in which cells."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from metaphase import metrics
from metaphase.config import EvaluateConfig
from metaphase.errors import DataError
from metaphase.words import plural

__all__ = ["CELLS", "compare_runs"]

CELLS = "cells.json"
"""Name of the file that an evaluation leaves for this."""

_SCHEMA_VERSION = 1
_COUNTS = ("predicted", "found", "right", "false")


def compare_runs(a: Path, b: Path, config: EvaluateConfig | None = None) -> dict[str, Any]:
    """Pair two runs of `metaphase evaluate` image by image.

    a, b: folders that `--out` wrote, or their cells.json. Only images that both runs scored count, in every figure.
    Returns {"a", "b", "set", "split", "images", "cases", "metrics", "changed", "only_a", "only_b", "notes"}.
    metrics is {key: {"a", "b", "difference", "low", "high", "n"}}: difference = b - a, with the 95 % interval of the
    paired bootstrap (both runs over the same resampled cases); None where a value is not defined or there is one case.
    changed lists the cells in which a count differs, those that gained most first: {"image", "case", "truths",
    "errors_a", "errors_b", "a", "b"}, errors = missed + false + misnamed.
    Raises DataError where a folder holds no such run, the runs are of different sets or splits or compare different
    things (masks, boxes), their truth differs, or they have no image in common.
    """
    settings = config or EvaluateConfig()
    first, second = _read(Path(a)), _read(Path(b))
    for key, what in (("set", "data sets"), ("split", "splits"), ("overlap", "kinds of overlap")):
        if first.document[key] != second.document[key]:
            raise DataError(
                f"{a} and {b} are of different {what} ({first.document[key]} and {second.document[key]}); "
                "only runs over the same images and by the same overlap can be paired"
            )
    names = [name for name in first.cells if name in second.cells]
    if not names:
        raise DataError(f"{a} and {b} have no image in common")
    other = [name for name in names if first.cells[name]["truth_crc32"] != second.cells[name]["truth_crc32"]]
    if other:
        raise DataError(
            f"{a} and {b} were scored against different truth in {plural(len(other), 'image')}, "
            f"the first is {other[0]}; evaluate both again on the same data"
        )
    only_a = [name for name in first.cells if name not in second.cells]
    only_b = [name for name in second.cells if name not in first.cells]
    figures, notes = _differences(first, second, names, settings)
    if only_a or only_b:
        notes.append(
            f"{plural(len(only_a), 'image was', 'images were')} scored in the first run only "
            f"and {len(only_b)} in the second only"
        )
    return {
        "a": str(a),
        "b": str(b),
        "set": first.document["set"],
        "split": first.document["split"],
        "images": len(names),
        "cases": len({first.cells[name]["case"] for name in names}),
        "metrics": figures,
        "changed": _changed(first, second, names),
        "only_a": only_a,
        "only_b": only_b,
        "notes": notes,
    }


@dataclass(frozen=True, eq=False)
class _Run:
    """One cells.json; cells by image name."""

    path: Path
    document: dict[str, Any]
    cells: dict[str, dict[str, Any]]

    def scores(self, names: list[str]) -> dict[str, metrics.Score]:
        """The scores over these images, in this order."""
        row = {name: i for i, name in enumerate(self.cells)}
        try:
            return metrics.unpack(self.document["terms"], [row[name] for name in names])
        except (IndexError, KeyError, OverflowError, TypeError, ValueError) as error:
            raise DataError(
                f"{self.path}: the terms of the scores cannot be read ({error!r}); evaluate again"
            ) from error


def _differences(
    first: _Run, second: _Run, names: list[str], config: EvaluateConfig
) -> tuple[dict[str, Any], list[str]]:
    of_a, of_b = first.scores(names), second.scores(names)
    shared = [key for key in of_a if key in of_b]
    lone = [key for key in (*of_a, *of_b) if key not in shared]
    notes = [f"only one of the runs has {', '.join(lone)}: not compared"] if lone else []
    cases = [first.cells[name]["case"] for name in names]
    weights = metrics.resampled_weights(cases, config.resamples, config.seed) if len(set(cases)) > 1 else None
    figures: dict[str, Any] = {}
    for key in shared:
        value_a, value_b = of_a[key].value, of_b[key].value
        low = high = math.nan
        if weights is not None:
            differences = of_b[key].values(weights) - of_a[key].values(weights)
            differences = differences[np.isfinite(differences)]
            if len(differences):
                low, high = (float(v) for v in np.percentile(differences, [2.5, 97.5]))
        numbers = {"a": value_a, "b": value_b, "difference": value_b - value_a, "low": low, "high": high}
        figures[key] = {name: v if math.isfinite(v) else None for name, v in numbers.items()} | {"n": len(names)}
    return figures, notes


def _changed(first: _Run, second: _Run, names: list[str]) -> list[dict[str, Any]]:
    classes = first.document["classes"] and second.document["classes"]
    changed = []
    for name in names:
        cell_a, cell_b = first.cells[name], second.cells[name]
        counts = _COUNTS if classes else tuple(key for key in _COUNTS if key != "right")
        of_a, of_b = ({key: cell[key] for key in counts} for cell in (cell_a, cell_b))
        if of_a != of_b:
            errors_a, errors_b = _errors(cell_a, classes), _errors(cell_b, classes)
            entry = {"image": name, "case": cell_a["case"], "truths": cell_a["truths"]}
            changed.append(entry | {"errors_a": errors_a, "errors_b": errors_b, "a": of_a, "b": of_b})
    return sorted(changed, key=lambda entry: entry["errors_b"] - entry["errors_a"])


def _errors(cell: Mapping[str, Any], classes: bool) -> int:
    misnamed = cell["found"] - cell["right"] if classes else 0
    return int(cell["truths"] - cell["found"] + cell["false"] + misnamed)


def _read(path: Path) -> _Run:
    path = path / CELLS if path.is_dir() else path
    try:
        document = json.loads(path.read_bytes())
    except OSError as error:
        raise DataError(
            f"{path}: expected the {CELLS} of a run of metaphase evaluate --out DIR, but it cannot be read "
            f"({error.strerror})"
        ) from error
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path}: expected a {CELLS} in JSON, but it cannot be parsed ({error})") from error
    try:
        if document["schema_version"] != _SCHEMA_VERSION:
            raise DataError(f"{path}: written by another version (schema {document['schema_version']}); evaluate again")
        numbers = ("truths", "predicted", "found", "right", "false", "truth_crc32")
        cells = {
            str(cell["image"]): {"case": str(cell["case"])} | {key: int(cell[key]) for key in numbers}
            for cell in document["cells"]
        }
        required = {key: document[key] for key in ("set", "split", "overlap", "classes", "terms")}
    except (KeyError, OverflowError, TypeError, ValueError) as error:
        raise DataError(f"{path}: expected a {CELLS} of metaphase evaluate, but it lacks {error}") from error
    return _Run(path, required, cells)
