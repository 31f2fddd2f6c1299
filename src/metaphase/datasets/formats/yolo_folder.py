"""A folder in YOLO's layout: images, labels beside them, class names in `data.yaml`.

Understood: `images/*` with `labels/*`, `SPLIT/images/*` with `SPLIT/labels/*`, `images/SPLIT/*` with `labels/SPLIT/*`.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from metaphase.datasets.defects import summaries
from metaphase.datasets.formats.folders import files_below, names_of, shared_cases
from metaphase.datasets.formats.label_image import as_labels
from metaphase.datasets.formats.yolo import instances_of_yolo, labels_of_classes, read_class_names, read_yolo
from metaphase.datasets.record import Index, Record
from metaphase.errors import DataError
from metaphase.image_io import SUFFIXES, image_size
from metaphase.words import plural

__all__ = ["HARD", "YAML", "find_yolo", "holds_labels", "read_yolo_image"]

HARD = "hard"
"""Name of the split of images that a publisher set aside as too hard."""

_SPLITS = {"train": "train", "val": "val", "valid": "val", "validation": "val", "test": "test"}
_HARD_WORDS = ("hard", "discard", "descart", "difficult", "reject", "excluded")
YAML = ("data.yaml", "data.yml", "dataset.yaml", "dataset.yml")
"""Names of the file with the class names."""


def holds_labels(folder: Path) -> bool:
    """True where the folder has `labels/` with text files, directly or inside a folder of its own."""
    return any(any(place.rglob("*.txt")) for place in (*folder.glob("labels"), *folder.glob("*/labels")))


def find_yolo(home: Path, case_of: Callable[[str], str]) -> Index:
    """Index of a folder in YOLO's layout; classes come from `data.yaml`, or are told by the numbers that occur.

    case_of: person or culture of an image name. Images and label files without their partner are left out and said.
    Raises DataError where no image has a label file.
    """
    images = {_key(path, home): path for path in files_below(home, SUFFIXES) if "images" in _folders(path, home)}
    labels = {_key(path, home): path for path in files_below(home, (".txt",)) if "labels" in _folders(path, home)}
    keys = sorted(set(images) & set(labels))
    if not keys:
        raise DataError(f"{home}: no image in images/ has a label file of the same name in labels/")
    names = {path: name for name, path in names_of((labels[key] for key in keys), home).items()}
    name_of = {key: names[labels[key]] for key in keys}
    cases = {name: case_of(Path(key[-1]).name) for key, name in name_of.items()}
    splits = _splits(name_of)
    classes, notes = _classes(home, [labels[key] for key in keys])
    lone = [*(images[key] for key in sorted(set(images) - set(labels)))]
    lone += [labels[key] for key in sorted(set(labels) - set(images))]
    if lone:
        files_have = plural(len(lone), "file has", "files have")
        notes.append(f"{files_have} an image or a label only, left out; the first is {lone[0].name}")
    leaking = shared_cases(splits, cases, ("train", "val", "test"))
    warnings = {"": tuple(notes)}
    if leaking:
        cases_stand = plural(len(leaking), "case stands", "cases stand")
        said = f"{cases_stand} in more than one split of the set, so its numbers flatter"
        warnings |= {split: (said,) for split in ("train", "val", "test") if split in splits}
    return Index(
        root=home,
        images={name_of[key]: images[key] for key in keys},
        labels={name_of[key]: labels[key] for key in keys},
        splits=splits,
        cases=cases,
        warnings=warnings,
        classes=classes,
        lone=tuple(lone),
    )


def read_yolo_image(index: Index, name: str) -> Record:
    """One image's instances: boxes, or masks where every line is an outline. Opens the image's header for its size."""
    if name not in index.images:
        raise DataError(f"{index.root}: image {name} has no image file and label file of that name")
    path = index.labels[name]
    labels = labels_of_classes(index.root / "data.yaml", index.classes)
    with as_labels():  # YOLO's numbers are shares of the image
        size = image_size(index.images[name])
    truth, defects = instances_of_yolo(path, read_yolo(path), size, labels)
    return Record(name, index.images[name], index.cases[name], truth, summaries(defects), defects=defects)


def _folders(path: Path, home: Path) -> tuple[str, ...]:
    return path.relative_to(home).parts[:-1]


def _key(path: Path, home: Path) -> tuple[str, ...]:
    """What an image and its label file have in common: the folders but `images` or `labels`, and the name."""
    return (*(part for part in _folders(path, home) if part not in ("images", "labels")), path.stem)


def _splits(name_of: dict[tuple[str, ...], str]) -> dict[str, tuple[str, ...]]:
    found: dict[str, list[str]] = {}
    for key, name in name_of.items():
        words = [word.lower() for word in key[:-1]]
        if any(sign in word for word in words for sign in _HARD_WORDS):
            split = HARD
        else:
            split = next((_SPLITS[word] for word in words if word in _SPLITS), "")
        found.setdefault(split, []).append(name)
    # Images that no folder puts anywhere, in a set without splits, are the ones to measure on.
    rest = found.pop("", [])
    if rest and not set(found) - {HARD}:
        found["test"] = rest
    return {split: tuple(names) for split, names in found.items()} | {"all": tuple(name_of.values())}


def _classes(home: Path, labels: list[Path]) -> tuple[tuple[str, ...], list[str]]:
    """Class names by number, and what is to be said about where they come from."""
    found = next((home / name for name in YAML if (home / name).is_file()), None)
    if found is not None:
        classes = read_class_names(found)
        said = "one class, so no chromosome is named" if len(classes) == 1 else f"{len(classes)} classes"
        return classes, [f"{found.name} says: {said}"]
    numbers = _numbers(labels)
    if numbers <= {0}:
        return ("chromosome",), ["there is no data.yaml and every class number is 0: one class, no chromosome is named"]
    names = (*(str(number) for number in range(1, 23)), "X", "Y")
    return names, ["there is no data.yaml: class numbers 0 to 23 are taken as 1 to 22, X, Y"]


def _numbers(labels: list[Path]) -> set[int]:
    """Class numbers that occur; a file that cannot be read says nothing here, and says so when it is read."""
    numbers: set[int] = set()
    for path in labels:
        try:
            numbers |= {entry.number for entry in read_yolo(path)}
        except DataError:
            continue
    return numbers
