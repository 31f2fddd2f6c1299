"""What both trainings do first: find the data, choose the cells, make the cached material."""

from __future__ import annotations

import os
import random
from collections.abc import Generator, Iterable, Iterator
from pathlib import Path

from metaphase.config import DataConfig
from metaphase.datasets import cil
from metaphase.errors import DataError
from metaphase.train import cache

__all__ = ["counted", "folders", "prepare", "root"]

Progress = dict[str, float]


def root(named: Path | None = None) -> Path:
    """The folder of all data sets: `named`, else the one in METAPHASE_DATA. Raises DataError where there is none."""
    place = named or os.environ.get("METAPHASE_DATA")
    if not place:
        raise DataError("the data sets are not found: name their folder with --root DIR or METAPHASE_DATA")
    if not Path(place).is_dir():
        raise DataError(f"{place}: there is no such folder; name the data sets' with --root DIR or METAPHASE_DATA")
    return Path(place)


def folders(data: DataConfig) -> tuple[Path, Path]:
    """Cached material with isolated chromosomes only, and with masks that the model added."""
    return Path(data.folder) / "isolated", Path(data.folder) / "refreshed"


def prepare(data: DataConfig, seed: int, root: Path) -> Generator[Progress, None, tuple[list[str], list[str]]]:
    """Make what is missing of the cached material from the data sets in `root`.

    Returns the names of the train and val cells.
    """
    splits = cil.splits(cil.find(root))
    names = list(splits["train"])
    random.Random(seed).shuffle(names)
    names = names[: data.cells or None]
    first, _ = folders(data)
    wanted = splits["val"] + names
    yield from counted(cache.build(root, wanted, first), len(wanted), "cells_prepared")
    return names, list(splits["val"])


def counted(items: Iterable[object], total: int, name: str) -> Iterator[Progress]:
    """A progress record for every hundredth item."""
    for done, _ in enumerate(items, 1):
        if done % 100 == 0:
            yield {"step": float(done), "of": float(total), name: float(done)}
