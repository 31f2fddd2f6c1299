"""The numbers of a set: chromosomes a cell, class counts, sizes, and lengths against the ISCN ideogram."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from metaphase.chromosomes import NAMES, relative_lengths
from metaphase.curate.places import locate, names_in
from metaphase.errors import MetaphaseError
from metaphase.types import Instances

__all__ = ["statistics"]

Float64 = NDArray[np.float64]


def statistics(
    named: str, root: Path | None = None, *, split: str | None = None, limit: int | None = None
) -> Iterator[dict[str, Any]]:
    """Count and measure a set from its labels alone.

    Yields {"image", "done", "total"} for each image and at the end {"set", "split", "images", "cases", "chromosomes",
    "per_image" (count of images by number of chromosomes), "classes" (by name, "?" not known), "image_sizes" ([width,
    height, images]), "chromosome_size" (median and 5 and 95 % quantiles of length in pixels), "lengths" (by class:
    mean and standard deviation of the relative length in percent, the ideogram's, n), "length_correlation" (None
    without classes), "overlapping" (share of chromosomes that share pixels with another, None without masks),
    "unreadable", "notes"}.

    A relative length is the length in percent of the mean haploid set of its cell; length is the long side of the
    smallest rectangle around a mask, or the diagonal of a box. Raises as `convert`.
    """
    place = locate(named, root)
    names = names_in(place, split, limit)
    per_image: dict[int, int] = {}
    sizes: dict[tuple[int, int], int] = {}
    counts = np.zeros(25, np.int64)
    relative: list[list[float]] = [[] for _ in range(25)]
    every: list[Float64] = []
    crossing = masked = unreadable = 0
    # Where each image shows one chromosome, a cell is what the images of a case are together.
    alone = getattr(place.adapter, "CHROMOSOMES", 46) == 1
    cells: dict[str, tuple[list[Float64], list[NDArray[np.int64]]]] = {}
    for done, name in enumerate(names, 1):
        yield {"image": name, "done": done, "total": len(names)}
        try:
            truth = place.adapter.read(place.index, name).truth
        except MetaphaseError:
            unreadable += 1
            continue
        per_image[len(truth)] = per_image.get(len(truth), 0) + 1
        sizes[truth.width, truth.height] = sizes.get((truth.width, truth.height), 0) + 1
        counts += np.bincount(truth.labels, minlength=25)
        lengths = _lengths(truth)
        every.append(lengths)
        if alone:
            parts = cells.setdefault(place.index.cases[name], ([], []))
            parts[0].append(lengths)
            parts[1].append(truth.labels)
        else:
            _compare(lengths, truth.labels, relative)
        if truth.has_masks:
            masked += len(truth)
            crossing += _overlapping(truth)
    for parts in cells.values():
        _compare(np.concatenate(parts[0]), np.concatenate(parts[1]), relative)
    yield {
        "set": place.name,
        "split": split or "all",
        "images": len(names),
        "cases": len({place.index.cases[name] for name in names}),
        "chromosomes": int(counts.sum()),
        "per_image": dict(sorted(per_image.items())),
        "classes": {key: int(counts[label]) for label, key in enumerate(("?", *NAMES)) if counts[label] or label},
        "image_sizes": [[*size, number] for size, number in sorted(sizes.items())],
        "chromosome_size": _quantiles(np.concatenate(every) if every else np.zeros(0)),
        **_against_the_ideogram(relative),
        "overlapping": crossing / masked if masked else None,
        "unreadable": unreadable,
        "notes": list(place.index.notes(split) if split else place.index.warnings.get("", ())),
    }


def _lengths(truth: Instances) -> Float64:
    """Float64[M] in pixels."""
    if truth.crops is None:
        sides = (truth.boxes_xyxy[:, 2:] - truth.boxes_xyxy[:, :2]).astype(np.float64)
        return np.hypot(sides[:, 0], sides[:, 1])
    lengths = []
    for crop in truth.crops:
        points = np.argwhere(crop).astype(np.float32)
        lengths.append(max(cv2.minAreaRect(points)[1]) + 1.0)
    return np.array(lengths, np.float64)


def _compare(lengths: Float64, labels: NDArray[np.int64], relative: list[list[float]]) -> None:
    """Add the relative lengths of one cell to those of each label; a cell without classes or with few adds none.

    Percent of a haploid set, were this cell's mean length that of its classes in the ideogram.
    """
    if len(lengths) < 23 or not labels.all():
        return
    expected = relative_lengths()[labels - 1]
    for label, value in zip(labels, lengths * expected.sum() / lengths.sum(), strict=True):
        relative[label].append(float(value))


def _against_the_ideogram(relative: list[list[float]]) -> dict[str, Any]:
    expected = relative_lengths()
    lengths = {
        NAMES[label - 1]: {
            "mean": float(np.mean(values)),
            "sd": float(np.std(values)),
            "ideogram": float(expected[label - 1]),
            "n": len(values),
        }
        for label, values in enumerate(relative)
        if label and values
    }
    seen = np.array([[entry["mean"], entry["ideogram"]] for entry in lengths.values()])
    enough = len(seen) > 2 and seen.std(0).min() > 0
    return {"lengths": lengths, "length_correlation": float(np.corrcoef(seen.T)[0, 1]) if enough else None}


def _quantiles(values: Float64) -> dict[str, float] | None:
    if not len(values):
        return None
    low, median, high = np.quantile(values, [0.05, 0.5, 0.95])
    return {"median": float(median), "low": float(low), "high": float(high)}


def _overlapping(truth: Instances) -> int:
    """Chromosomes that share a pixel with another one."""
    assert truth.crops is not None
    covered = np.zeros((truth.height, truth.width), np.uint8)
    parts = []
    for crop, (x, y) in zip(truth.crops, truth.offsets_xy, strict=True):
        part = covered[y : y + crop.shape[0], x : x + crop.shape[1]]
        part += crop
        parts.append((part, crop))
    return sum(bool((part[crop] > 1).any()) for part, crop in parts)
