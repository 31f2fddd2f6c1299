"""A cleaned copy of a set as COCO; the source stays as it is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from metaphase.curate.convert import coco_file
from metaphase.curate.images import file_name_of, new_folder, put_image
from metaphase.curate.places import Place, locate, names_in
from metaphase.datasets import Record
from metaphase.errors import MetaphaseError
from metaphase.image_io import write_atomically

__all__ = ["write_cleaned"]

_SIDES = ("test", "val", "train")


def write_cleaned(
    named: str, out: Path, report: Mapping[str, Any], root: Path | None = None
) -> Iterator[dict[str, Any]]:
    """Write a copy without what `check` called an error or could mend.

    report: the last result of `check` for the same set. out: a new or empty folder.
    What the reader mends (boxes clipped, impossible labels set aside) is mended; images that cannot be read, have no
    image file or repeat another are left out; where one class poses as 24, chromosomes lose their name; images of the
    other polarity are inverted; a case on several sides of a split goes to the side where most of its images are.

    Yields {"image", "done", "total", "reason"} for each image and at the end {"out", "images", "chromosomes",
    "left_out", "moved" (cases)}. Raises as `convert`.
    """
    place = locate(named, root)
    names = names_in(place, None, report["images"])
    of_kind: dict[str, set[str]] = {}
    for finding in report["findings"]:
        of_kind.setdefault(finding["kind"], set()).add(finding["image"])
    repeated = of_kind.get("duplicate-image", set()) | of_kind.get("duplicate-across", set())
    new_folder(out)
    kept: dict[str, str] = {}
    left_out: list[dict[str, str]] = []
    chromosomes = 0
    info = {"description": f"{place.name}, cleaned", "licence": place.adapter.LICENCE}
    with coco_file(out / "annotations.json", info) as write:
        for done, name in enumerate(names, 1):
            reason = "repeats the pixels of another image" if name in repeated else None
            try:
                if reason is None:
                    record = _cleaned(place, name, "one-class" in of_kind)
                    file_name = _put(record, out, name in of_kind.get("polarity", set()))
                    write(record, file_name)
                    kept[name] = record.case
                    chromosomes += len(record.truth)
            except MetaphaseError as error:
                reason = str(error)
            if reason:
                left_out.append({"image": name, "reason": reason})
            yield {"image": name, "done": done, "total": len(names), "reason": reason}
    moved = _write_splits(place, kept, out)
    yield {"out": str(out), "images": len(kept), "chromosomes": chromosomes, "left_out": left_out, "moved": moved}


def _cleaned(place: Place, name: str, one_class: bool) -> Record:
    record: Record = place.adapter.read(place.index, name)
    record.gray()  # an image that cannot be read, or has another size, is left out
    if not one_class:
        return record
    truth = replace(record.truth, labels=np.zeros_like(record.truth.labels))
    return replace(record, truth=truth)


def _put(record: Record, out: Path, inverted: bool) -> str:
    file_name = file_name_of(record)
    put_image(record, out / "images" / file_name, inverted)
    return str(Path(file_name).with_suffix(".png")) if inverted else file_name


def _write_splits(place: Place, kept: Mapping[str, str], out: Path) -> int:
    """The set's splits, cases on several sides moved to one; how many were."""
    side_of = {name: side for side in _SIDES for name in place.splits.get(side, ()) if name in kept}
    if len(set(side_of.values())) < 2:
        return 0
    votes: dict[str, Counter[str]] = {}
    for name, side in side_of.items():
        votes.setdefault(kept[name], Counter())[side] += 1
    home = {case: max(_SIDES, key=lambda side: found[side]) for case, found in votes.items()}
    for side in _SIDES:
        names = [name for name in side_of if home[kept[name]] == side]
        if names:
            write_atomically(out / f"split_{side}.txt", "".join(f"{name}\n" for name in names).encode("utf-8"))
    return sum(len(found) > 1 for found in votes.values())
