"""The sets that a run learns from: found, told apart by what they can teach, parted into train and val by case."""

from __future__ import annotations

import functools
import math
import random
import re
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from metaphase.datasets import ADAPTERS, OWN_DATA, Index, Record, adapter_for
from metaphase.errors import ConfigError, DataError

__all__ = ["SINGLE", "Source", "case_mates", "open_source", "open_sources", "read", "shared_by", "stale"]

_NOT_FOR_TRAINING = {
    "gband_masks": "it is a test set, and what was learnt from it could not be tested on it",
    "cil-single": "its images are those of cil, annotated once more to check results",
}
SINGLE = frozenset({"bioimlab"})
"""Sets whose images show one chromosome each, cut out."""
_ONE_IN = 8
"""One case of so many is held out as val where a set has no val split of its own."""


@dataclass(frozen=True)
class Source:
    """One set of a run.

    name: of the adapter, or the folder of a lab's own images. root: where the adapter finds it. share: its part of
    what is drawn, relative to the other sets. train, val: image names, no case in both.
    """

    name: str
    root: Path
    share: float
    train: tuple[str, ...]
    val: tuple[str, ...]

    @property
    def folder(self) -> str:
        """Name of the folder of its cached material."""
        if _format(self.name) not in OWN_DATA:
            return self.name
        place = self.root.resolve()
        return f"own-{re.sub(r'[^a-z0-9]+', '-', place.name.lower())}-{zlib.crc32(str(place).encode()):08x}"


def open_sources(wanted: Sequence[str], root: Path | None, seed: int, fold: int = 0) -> list[Source]:
    """The sets "NAME" or "NAME:share", in that order; see `open_source`.

    Raises ConfigError for an empty list, a set named twice or a share that is no positive number.
    """
    parted = [shared_by(text) for text in wanted]
    names = [name for name, _ in parted]
    if not names:
        raise ConfigError("data.sets names no set to learn from; give one with --data, such as --data cil")
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise ConfigError(f"data.sets names {twice} twice; give it once, with its share after a colon")
    return [open_source(name, root, share, seed, fold) for name, share in parted]


def shared_by(text: str) -> tuple[str, float]:
    """Name and share of "NAME:share" or "NAME"; a colon within a path (C:/cells) is no share."""
    name, colon, share = text.strip().rpartition(":")
    try:
        number = float(share) if colon else 1.0
    except ValueError:
        return text.strip(), 1.0
    if not (0 < number < math.inf):
        raise ConfigError(f"--data {text}: the share after the colon must be a number above 0, but is {share}")
    return (name or share) if colon else text.strip(), number


def open_source(name: str, root: Path | None, share: float = 1.0, seed: int = 0, fold: int = 0) -> Source:
    """A set by the name of its adapter, found in `root`, or a lab's own labelled folder.

    Where the set has no val split, an eighth of the cases (at least one, where there are two) is held out of train,
    chosen by `seed`. Of a set in folds, `fold` is val and the others are train. Raises ConfigError for an unknown name
    or a set that is not for training, and DataError where it is not found or empty.
    """
    if name in _NOT_FOR_TRAINING:
        raise ConfigError(f"{name} is not for training: {_NOT_FOR_TRAINING[name]}; choose another set with --data")
    if name not in ADAPTERS and not Path(name).is_dir():
        known = ", ".join(sorted(ADAPTERS.keys() - _NOT_FOR_TRAINING.keys()))
        raise ConfigError(f"--data {name}: there is no such set or folder; known sets are {known}")
    if name in ADAPTERS and root is None:
        raise DataError(f"{name} is not found: name the folder of the data sets with --root DIR or METAPHASE_DATA")
    place = Path(name) if root is None or name not in ADAPTERS else root
    index = _index(name, place)
    train, val = _parted(name, index, _adapter(name).splits(index), seed, fold)
    if not train:
        raise DataError(f"{index.root}: {name} has no image to train on")
    return Source(name, place, share, train, val)


def stale(name: str, root: Path, image: str, made: Path) -> bool:
    """True where the material in the file `made` is missing or older than the image or its label."""
    if not made.exists():
        return True
    index, since = _index(name, root), made.stat().st_mtime
    sides = (index.images.get(image), index.labels.get(image))
    return any(path is not None and path.exists() and path.stat().st_mtime > since for path in sides)


def read(name: str, root: Path, image: str) -> Record:
    """One image's record, from any process."""
    return _adapter(name).read(_index(name, root), image)


def case_mates(name: str, root: Path, image: str) -> tuple[str, ...]:
    """The images of the same case, this one among them."""
    cases = _index(name, root).cases
    return tuple(other for other, case in cases.items() if case == cases[image])


@functools.cache
def _index(name: str, root: Path) -> Index:
    return _adapter(name).find(root)


def _adapter(name: str) -> ModuleType:
    return ADAPTERS[_format(name)]


@functools.cache
def _format(name: str) -> str:
    """The adapter's name; of a lab's own folder, that of the format in which it is labelled."""
    return name if name in ADAPTERS else adapter_for(Path(name))


def _parted(
    name: str, index: Index, splits: Mapping[str, Sequence[str]], seed: int, fold: int
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Train and val: the set's own, or folds, or held out by case. Cases of the set's test split are in neither."""
    if f"fold{fold}" in splits or "fold0" in splits:
        folds = {split: names for split, names in splits.items() if re.fullmatch(r"fold\d+", split)}
        if f"fold{fold}" not in folds:
            raise ConfigError(f"data.fold must be one of 0..{len(folds) - 1} for {name}, but is {fold}")
        others = [image for split, names in folds.items() if split != f"fold{fold}" for image in names]
        return tuple(others), tuple(splits[f"fold{fold}"])
    if _format(name) in OWN_DATA and "train" not in splits:
        # Own images that nobody put on a side may be learnt; where no image has a side, the adapter calls all test.
        told = {side: names for side, names in splits.items() if len(names) < len(splits["all"])}
        sides = {image for names in told.values() for image in names}
        splits = told | {"train": [image for image in splits["all"] if image not in sides]}
    kinds = ["train", "official-train"] + ([] if "test" in splits else ["all"])
    names = next((tuple(splits[kind]) for kind in kinds if splits.get(kind)), None)
    if names is None:
        raise ConfigError(f"{name} is not for training: it has no train split, only {', '.join(splits) or 'none'}")
    # Some publishers put cells of one person on both sides; what test shows must neither be learnt nor chosen by.
    # Their own test split by image counts where there is none by case.
    tested = splits.get("test") or splits.get("official-test", ())
    names = _without(names, index, tested)
    val = _without(splits.get("val", ()), index, tested)
    return (_without(names, index, val), val) if val else _hold_out(names, index, seed)


def _without(names: Sequence[str], index: Index, others: Sequence[str]) -> tuple[str, ...]:
    """The images whose case is that of none of `others`."""
    cases = {index.cases[image] for image in others}
    return tuple(image for image in names if index.cases[image] not in cases)


def _hold_out(names: tuple[str, ...], index: Index, seed: int) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Train and val by case; val is empty where all images are of one case."""
    cases = sorted({index.cases[name] for name in names})
    random.Random(seed).shuffle(cases)
    held = set(cases[: max(1, len(cases) // _ONE_IN)]) if len(cases) > 1 else set()
    train = tuple(name for name in names if index.cases[name] not in held)
    return train, tuple(name for name in names if index.cases[name] in held)
