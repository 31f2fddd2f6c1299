"""The numbers of a set: chromosomes a cell, class counts, sizes, and lengths against the ISCN ideogram."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from metaphase.chromosomes import NAMES, relative_lengths
from metaphase.curate.places import locate, names_in
from metaphase.errors import MetaphaseError
from metaphase.masks import neighbours
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
    tally = _Tally()
    # Where each image shows one chromosome, a cell is what the images of a case are together.
    alone = getattr(place.adapter, "CHROMOSOMES", 46) == 1
    for done, name in enumerate(names, 1):
        yield {"image": name, "done": done, "total": len(names)}
        try:
            truth = place.adapter.read(place.index, name).truth
        except MetaphaseError:
            tally.unreadable += 1
            continue
        tally.add(truth, place.index.cases[name] if alone else name)
    yield {
        "set": place.name,
        "split": split or "all",
        "images": len(names),
        "cases": len({place.index.cases[name] for name in names}),
        **tally.numbers(),
        "notes": list(place.index.notes(split) if split else place.index.warnings.get("", ())),
    }


@dataclass
class _Tally:
    """What the images have given so far; cells: lengths and labels of the chromosomes of each cell, by its name."""

    per_image: Counter[int] = field(default_factory=Counter)
    sizes: Counter[tuple[int, int]] = field(default_factory=Counter)
    counts: NDArray[np.int64] = field(default_factory=lambda: np.zeros(25, np.int64))
    cells: dict[str, list[tuple[Float64, NDArray[np.int64]]]] = field(default_factory=dict)
    crossing: int = 0
    masked: int = 0
    unreadable: int = 0

    def add(self, truth: Instances, cell: str) -> None:
        """One image."""
        self.per_image[len(truth)] += 1
        self.sizes[truth.width, truth.height] += 1
        self.counts += np.bincount(truth.labels, minlength=25)
        self.cells.setdefault(cell, []).append((_lengths(truth), truth.labels))
        if truth.crops is not None:
            self.masked += len(truth)
            self.crossing += int(neighbours(truth.crops, truth.offsets_xy)[0].sum())

    def numbers(self) -> dict[str, Any]:
        """The figures of `statistics` that the labels give."""
        relative: list[list[float]] = [[] for _ in range(25)]
        every = [np.zeros(0)]
        for parts in self.cells.values():
            lengths = np.concatenate([lengths for lengths, _ in parts])
            _compare(lengths, np.concatenate([labels for _, labels in parts]), relative)
            every.append(lengths)
        counts = self.counts
        return {
            "chromosomes": int(counts.sum()),
            "per_image": dict(sorted(self.per_image.items())),
            "classes": {key: int(counts[label]) for label, key in enumerate(("?", *NAMES)) if counts[label] or label},
            "image_sizes": [[*size, number] for size, number in sorted(self.sizes.items())],
            "chromosome_size": _quantiles(np.concatenate(every)),
            **_against_the_ideogram(relative),
            "overlapping": self.crossing / self.masked if self.masked else None,
            "unreadable": self.unreadable,
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
