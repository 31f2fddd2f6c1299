"""A contact sheet of a set: images with the boxes, masks and names of its labels."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np

from metaphase.curate.places import locate, names_in
from metaphase.datasets import Record
from metaphase.errors import MetaphaseError
from metaphase.report import SheetImage, draw_contact_sheet
from metaphase.words import plural

__all__ = ["preview"]


def preview(
    named: str, root: Path | None = None, *, split: str | None = None, count: int = 6, seed: int = 0
) -> Iterator[dict[str, Any]]:
    """Draw `count` images of a set, chosen by `seed`, with their labels.

    Yields {"image", "done", "total", "reason"} for each and at the end {"set", "images", "rgb"}: the sheet, UInt8[H, W,
    3]. An image that is not there is shown as its labels alone. Raises as `convert`.
    """
    place = locate(named, root)
    names = names_in(place, split)
    chosen = sorted(np.random.default_rng(seed).permutation(len(names))[: max(1, count)])
    shown: list[SheetImage] = []
    for done, name in enumerate([names[i] for i in chosen], 1):
        reason = None
        try:
            record = place.adapter.read(place.index, name)
            truth = record.truth
            gray = record.gray().gray if record.has_image else np.full((truth.height, truth.width), 235, np.uint8)
            shown.append(SheetImage(gray, truth, " · ".join(_words(record))))
        except MetaphaseError as error:
            reason = str(error)
        yield {"image": name, "done": done, "total": len(chosen), "reason": reason}
    yield {"set": place.name, "images": len(shown), "rgb": draw_contact_sheet(shown)}


def _words(record: Record) -> list[str]:
    """What stands below an image; what everybody sees, or the name says already, is left out."""
    words = [record.name]
    if len(record.truth) != 1:
        words.append(plural(len(record.truth), "chromosome"))
    if record.case != record.name:
        words.append(f"case {record.case}")
    if not record.has_image:
        words.append("no image")
    return words
