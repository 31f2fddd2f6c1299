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


def root() -> Path:
    """The folder of all data sets. Raises DataError where METAPHASE_DATA does not name one."""
    named = os.environ.get("METAPHASE_DATA", "")
    if not named or not Path(named).is_dir():
        raise DataError(
            f"METAPHASE_DATA is {named or 'not set'!s}: set this environment variable to the folder of the data sets"
        )
    return Path(named)


def folders(data: DataConfig) -> tuple[Path, Path]:
    """Cached material with isolated chromosomes only, and with masks that the model added."""
    return Path(data.folder) / "isolated", Path(data.folder) / "refreshed"


def prepare(data: DataConfig, seed: int) -> Generator[Progress, None, tuple[list[str], list[str]]]:
    """Make what is missing of the cached material; returns the names of the train and val cells."""
    splits = cil.splits(cil.find(root()))
    names = list(splits["train"])
    random.Random(seed).shuffle(names)
    names = names[: data.cells or None]
    first, _ = folders(data)
    wanted = splits["val"] + names
    yield from counted(cache.build(root(), wanted, first), len(wanted), "cells_prepared")
    return names, list(splits["val"])


def counted(items: Iterable[object], total: int, name: str) -> Iterator[Progress]:
    """A progress record for every hundredth item."""
    for done, _ in enumerate(items, 1):
        if done % 100 == 0:
            yield {"step": float(done), "of": float(total), name: float(done)}
