"""The data sets that the program knows: terms, where to get each, and where it was found."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from metaphase.datasets import ADAPTERS, OWN_DATA
from metaphase.errors import DataError

__all__ = ["catalogue"]


def catalogue(root: Path | None) -> list[dict[str, Any]]:
    """For each set {"name", "about", "licence", "citation", "source", "found" (folder or None), "images", "labels",
    "cases", "splits" (size of each), "notes", "missing" (what was expected where nothing was found)}.

    root: the folder of all data sets, None where nobody named one.
    """
    return [_entry(name, root) for name in ADAPTERS if name not in OWN_DATA]


def _entry(name: str, root: Path | None) -> dict[str, Any]:
    adapter = ADAPTERS[name]
    entry: dict[str, Any] = {
        "name": name,
        "about": (adapter.__doc__ or "").split("\n", 1)[0].split(" (`")[0].rstrip("."),
        "licence": adapter.LICENCE,
        "citation": adapter.CITATION,
        "source": adapter.SOURCE,
        "found": None,
        "missing": "no folder was named: use --root DIR or METAPHASE_DATA",
    }
    if root is None:
        return entry
    try:
        index = adapter.find(root)
    except DataError as error:
        return entry | {"missing": str(error)}
    return entry | {
        "found": str(index.root),
        "missing": "",
        "images": len(index.images),
        "labels": len(index.labels),
        "cases": len(set(index.cases.values())),
        "splits": {split: len(names) for split, names in adapter.splits(index).items()},
        "notes": sorted({note for notes in index.warnings.values() for note in notes}),
    }
