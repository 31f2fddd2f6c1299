"""What a lab's own labelled images have in common, whatever the format: splits, cases, names.

`split_train.txt`, `split_val.txt` and `split_test.txt` beside the labels list image names; without them, folders called
train, val or test tell; without these, every image is `test`. `cases.csv` (image, case) says who a cell comes from.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping
from pathlib import Path, PureWindowsPath

from metaphase.datasets.formats.folders import listed, shared_cases, without_suffix
from metaphase.datasets.record import Index
from metaphase.errors import DataError
from metaphase.words import plural

__all__ = ["CITATION", "LICENCE", "listed_sides", "own_index"]

CITATION = "a laboratory's own images"
LICENCE = "the laboratory's own"

_SIDES = ("train", "val", "test")
_WORDS = {"train": "train", "training": "train", "val": "val", "valid": "val", "validation": "val", "test": "test"}


def own_index(
    home: Path,
    labels: Mapping[str, Path],
    images: Mapping[str, Path],
    cases: Mapping[str, str] | None = None,
    lone: tuple[Path, ...] = (),
    notes: tuple[str, ...] = (),
) -> Index:
    """Index of a lab's own data.

    labels, images: by image name. cases: what the format says of the cases; `cases.csv` wins, and an image of which
    nothing is known is a case of its own. lone: files without their partner, left out and said.
    Raises DataError for a name that is no plain file name: copies of the set are written under these names.
    """
    for name in labels:
        # A Windows path knows all anchors and separators: a drive, both kinds of slashes.
        if name in ("", ".", "..") or PureWindowsPath(name).name != name:
            raise DataError(f"{labels[name]}: {name!r} cannot be the name of an image; rename it to a plain file name")
    known = dict(cases or {}) | _cases(home)
    of_case = {name: known.get(name) or name for name in labels}
    splits, warnings = listed_sides({side: home / f"split_{side}.txt" for side in _SIDES}, labels)
    splits = splits or _by_folder(home, labels, images)
    leaking = shared_cases(splits, of_case, _SIDES)
    if leaking:
        cases_stand = plural(len(leaking), "case stands", "cases stand")
        said = f"{cases_stand} in more than one split, so its numbers flatter; the first is {leaking[0]}"
        warnings |= {split: (*warnings.get(split, ()), said) for split in splits}
    general = [*notes]
    if lone:
        files_have = plural(len(lone), "file has", "files have")
        general.append(f"{files_have} an image or a label only, left out; the first is {lone[0].name}")
    if general:
        warnings[""] = tuple(general)
    return Index(
        root=home,
        images=dict(images),
        labels=dict(labels),
        splits=splits | {"all": tuple(labels)},
        cases=of_case,
        warnings=warnings,
        lone=lone,
    )


def listed_sides(
    paths: Mapping[str, Path], labels: Mapping[str, Path]
) -> tuple[dict[str, tuple[str, ...]], dict[str, tuple[str, ...]]]:
    """Splits and their warnings from list files by split; a file that is not there says nothing."""
    found = {side: listed(path, labels) for side, path in paths.items() if path.is_file()}
    return {side: names for side, (names, _) in found.items()}, {
        side: (said,) for side, (_, said) in found.items() if said
    }


def _by_folder(home: Path, labels: Mapping[str, Path], images: Mapping[str, Path]) -> dict[str, tuple[str, ...]]:
    found: dict[str, list[str]] = {}
    for name, label in labels.items():
        words = [part.lower() for path in (images.get(name), label) if path for part in _parts(path, home)]
        side = next((_WORDS[word] for word in words if word in _WORDS), "")
        found.setdefault(side, []).append(name)
    rest = found.pop("", [])
    if rest and not found:
        found["test"] = rest
    return {side: tuple(found[side]) for side in _SIDES if side in found}


def _parts(path: Path, home: Path) -> list[str]:
    """Folders between the home and a file, and the words of a file that stands for many images (`instances_train`)."""
    inside = path.relative_to(home) if path.is_relative_to(home) else Path(path.name)
    words = list(inside.parts[:-1])
    if path.suffix.lower() == ".json":
        words += inside.stem.replace("-", "_").split("_")
    return words


def _cases(home: Path) -> dict[str, str]:
    path = home / "cases.csv"
    if not path.is_file():
        return {}
    try:
        rows = [row for row in csv.reader(path.read_text(encoding="utf-8-sig").splitlines()) if row]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise DataError(f"{path}: expected a CSV file with the columns image and case ({error})") from error
    if any(len(row) < 2 for row in rows):
        raise DataError(f"{path}: expected two columns, image and case, in every row")
    return {without_suffix(row[0]).rsplit("/", 1)[-1]: row[1].strip() for row in rows[1:]}
