"""What was found in each image, remembered between runs until one of its files changes.

Nothing is written beside the data: the facts lie in the user's cache folder, `METAPHASE_CACHE` or the system's own.
"""

from __future__ import annotations

import hashlib
import json
import os
import sys
from collections.abc import Iterable
from pathlib import Path

from metaphase import __version__
from metaphase.curate.inspect import Facts
from metaphase.curate.places import Place
from metaphase.errors import MetaphaseError
from metaphase.image_io import write_atomically

__all__ = ["cache_folder", "load_facts", "signature", "store_facts"]

_FORMAT = 3  # counted up when `Facts` or what goes into them changes


def cache_folder() -> Path:
    """The folder for what can be made again: METAPHASE_CACHE, else the system's cache folder of the user."""
    named = os.environ.get("METAPHASE_CACHE")
    if named:
        return Path(named)
    if sys.platform == "win32":
        base = os.environ.get("LOCALAPPDATA")
        return (Path(base) if base else Path.home() / "AppData" / "Local") / "metaphase"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Caches" / "metaphase"
    base = os.environ.get("XDG_CACHE_HOME")
    return (Path(base) if base else Path.home() / ".cache") / "metaphase"


def signature(place: Place, name: str) -> list[object]:
    """Version of the program, classes of the set, size and time of the image's files: what its facts depend on."""
    files = (place.index.images.get(name), place.index.labels[name])
    return [_FORMAT, __version__, place.name, *place.index.classes, *(_stamp(path) for path in files)]


def load_facts(place: Place, names: Iterable[str]) -> dict[str, Facts]:
    """Facts of those images whose files have not changed; nothing where nothing is remembered."""
    wanted = set(names)
    found: dict[str, Facts] = {}
    try:
        with _path(place).open(encoding="utf-8") as lines:
            for line in lines:
                entry = json.loads(line)
                name = entry["facts"]["name"]
                if name in wanted and entry["signature"] == signature(place, name):
                    found[name] = Facts.of_document(entry["facts"])
    except (OSError, ValueError, KeyError, TypeError):
        # What is remembered can be made again: a damaged file counts as none.
        return found
    return found


def store_facts(place: Place, facts: Iterable[Facts]) -> None:
    """Remember what was found, and what was known of other images and still holds.

    Where the cache folder cannot be written, the next run does the work again.
    """
    found = load_facts(place, place.index.labels) | {one.name: one for one in facts}
    lines = [
        json.dumps({"signature": signature(place, name), "facts": one.as_document()}) for name, one in found.items()
    ]
    path = _path(place)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(path, ("\n".join(lines) + "\n").encode("ascii"))
    except (OSError, MetaphaseError):
        return


def _path(place: Place) -> Path:
    digest = hashlib.blake2b(str(place.index.root.resolve()).encode("utf-8", "surrogateescape"), digest_size=8)
    return cache_folder() / "checks" / f"{place.name}-{digest.hexdigest()}.jsonl"


def _stamp(path: Path | None) -> list[object]:
    try:
        stat = None if path is None else path.stat()
    except OSError:
        stat = None
    return [str(path), stat.st_size, stat.st_mtime_ns] if stat else [str(path)]
