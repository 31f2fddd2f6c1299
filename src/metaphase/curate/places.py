"""Which set a user means: a name of the table, or the folder of a laboratory's own images."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from metaphase.datasets import ADAPTERS, OWN_DATA, Index, adapter_for
from metaphase.errors import ConfigError, DataError

__all__ = ["Place", "locate", "names_in"]

_PUBLISHED_AS = {"labelme": "autokary2022", "voc": "cil"}
"""Published sets whose layout cannot be taken for a laboratory's own folder of that format."""


@dataclass(frozen=True)
class Place:
    """A set that was found: its name (of the adapter), the adapter and the index."""

    name: str
    adapter: ModuleType
    index: Index

    @property
    def splits(self) -> Mapping[str, list[str]]:
        """Image names of each split."""
        splits: dict[str, list[str]] = self.adapter.splits(self.index)
        return splits


def locate(named: str, root: Path | None) -> Place:
    """The set that `named` means: a name in `ADAPTERS`, or the folder of a laboratory's own labelled images.

    root: the folder of all data sets, or the set's own. Raises ConfigError for an unknown name, DataError where the set
    is not there.
    """
    if named in ADAPTERS:
        if root is None:
            raise ConfigError(f"{named} is not found: name its folder with --root DIR or METAPHASE_DATA")
        name, place = named, root
    elif Path(named).is_dir():
        name, place = _format_of(Path(named)), Path(named)
    else:
        known = ", ".join(name for name in ADAPTERS if name not in OWN_DATA)
        raise ConfigError(f"{named!r} is neither a data set ({known}) nor a folder of labelled images")
    adapter = ADAPTERS[name]
    return Place(name, adapter, adapter.find(place))


def _format_of(folder: Path) -> str:
    """The format of own images in the folder. Raises DataError where it is none, or is a published set.

    Read as a format only, a published set would lose its cases, and a person could stand on both sides of a split.
    """
    try:
        found = adapter_for(folder)
    except DataError:
        if not _published_in(folder):
            raise
    else:
        if found not in _PUBLISHED_AS or not _is_there(_PUBLISHED_AS[found], folder):
            return found
    names = _published_in(folder)
    which = "that name" if len(names) == 1 else "one of these names"
    raise DataError(f"{folder}: the folder holds {', '.join(names)}; give {which} in its place, with --root {folder}")


def _published_in(folder: Path) -> list[str]:
    names = [name for name in ADAPTERS if name not in OWN_DATA and _is_there(name, folder)]
    # Both lie in the same layout; the folder of one is not the other.
    return [folder.name] if folder.name == "gband_masks" and folder.name in names else names


def _is_there(name: str, folder: Path) -> bool:
    try:
        ADAPTERS[name].find(folder)
    except DataError:
        return False
    return True


def names_in(place: Place, split: str | None, limit: int | None = None) -> list[str]:
    """Image names of a split, all of the set by default. Raises ConfigError for a split that the set does not have."""
    splits = place.splits
    if split is not None and split not in splits:
        raise ConfigError(f"{place.name} has no split {split!r}; it has {', '.join(splits)}")
    names = splits[split] if split is not None else splits.get("all", list(place.index.labels))
    known = [name for name in names if name in place.index.labels]
    if not known:
        raise DataError(f"{place.index.root}: {place.name} has no image in split {split or 'all'}")
    return known[:limit]
