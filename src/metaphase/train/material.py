"""What both trainings do first: find the sets, choose the cells, make the cached material."""

from __future__ import annotations

import os
import random
from collections.abc import Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from metaphase.config import DataConfig
from metaphase.errors import ConfigError, DataError
from metaphase.train import cache, processes
from metaphase.train.sources import SINGLE, Source, open_sources

__all__ = ["Prepared", "counted", "find", "folders", "prepare", "root", "shares"]

Progress = dict[str, float]


@dataclass(frozen=True)
class Prepared:
    """A set whose material is cached: the chosen train cells, the val cells, and the folders that hold them."""

    source: Source
    train: list[str]
    val: list[str]
    folders: tuple[Path, Path]

    def load(self, split: str = "train") -> list[cache.Material]:
        """The cells of `train` or `val`."""
        return cache.load_all(self.folders, self.train if split == "train" else self.val)


def root(named: Path | None = None) -> Path | None:
    """The folder of all data sets: `named`, else the one in METAPHASE_DATA; None where neither is given.

    Raises DataError where the folder is not there.
    """
    place = named or os.environ.get("METAPHASE_DATA")
    if not place:
        return None
    if not Path(place).is_dir():
        raise DataError(f"{place}: there is no such folder; name the data sets' with --root DIR or METAPHASE_DATA")
    return Path(place)


def folders(data: DataConfig, source: Source) -> tuple[Path, Path]:
    """Cached material of a set as annotated, and with masks that the model added."""
    home = Path(data.folder) / source.folder
    return home / "annotated", home / "refreshed"


def find(data: DataConfig, seed: int, root: Path | None, *, whole: bool = False) -> list[Source]:
    """The sets of `data.sets`. whole: spreads are wanted, not single chromosomes.

    Raises ConfigError and DataError as `open_sources` does, and ConfigError for single chromosomes where `whole`.
    """
    sources = open_sources(data.sets, root, seed, data.fold)
    single = next((source.name for source in sources if source.name in SINGLE), None)
    if whole and single:
        raise ConfigError(f"{single} holds single chromosomes, not spreads: it trains identify only")
    return sources


def prepare(data: DataConfig, seed: int, root: Path | None) -> Generator[Progress, None, list[Prepared]]:
    """Make what is missing of the cached material of every set of `data.sets`.

    The first of several processes makes it, the others wait. Raises ConfigError and DataError as `find` does.
    """
    prepared = []
    for source in find(data, seed, root):
        names = list(source.train)
        random.Random(seed).shuffle(names)
        one = Prepared(source, names[: data.cells or None], list(source.val), folders(data, source))
        prepared.append(one)
        wanted = one.val + one.train
        if processes.is_first():
            annotated, *others = one.folders
            made = cache.build(source, wanted, annotated, made_from_it=others)
            yield from counted(made, len(wanted), "cells_prepared")
    processes.wait()
    return prepared


def shares(sets: Sequence[Prepared], counts: Sequence[int]) -> NDArray[np.float64] | None:
    """Float64[sum(counts)]: with which probability each item is drawn, so that every set has its share.

    counts: items of each set, in order. None where there is one set, all of whose items are alike.
    """
    if len(sets) == 1:
        return None
    parts = [np.full(n, one.source.share / max(1, n)) for one, n in zip(sets, counts, strict=True)]
    together = np.concatenate(parts)
    return together / together.sum()


def counted(items: Iterable[object], total: int, name: str) -> Iterator[Progress]:
    """A progress record for every hundredth item."""
    for done, _ in enumerate(items, 1):
        if done % 100 == 0:
            yield {"step": float(done), "of": float(total), name: float(done)}
