"""Overlapping and touching G-banded chromosomes, two an image, with label maps (`overlap-pairs`).

Published as pairs of PNG: the image, and a map painted red (one chromosome), green (the other) and blue (both). Copies
have maps with the values 0, 1, 2, 3. The folders of labels are told by their name, so are overlapping from touching.
"""

from __future__ import annotations

import re
from pathlib import Path

from metaphase.datasets.formats.folders import files_below, home_of, images_of
from metaphase.datasets.formats.label_map import instances_of_map, read_label_map
from metaphase.datasets.record import Index, Record
from metaphase.errors import DataError
from metaphase.image_io import SUFFIXES
from metaphase.words import plural

__all__ = ["CHROMOSOMES", "CITATION", "LICENCE", "SOURCE", "find", "read", "splits"]

CITATION = (
    "Overlapping and touching G banded chromosome dataset (2022). Mendeley Data, version 1, "
    "https://doi.org/10.17632/h5b3zbtw8v.1"
)
LICENCE = "see the publisher's page; label maps of a third party's copy are attributed to it"

SOURCE = "https://doi.org/10.17632/h5b3zbtw8v.1"
CHROMOSOMES = 2
"""Chromosomes an image."""
_LABEL_WORDS = r"(labels?|masks?|maps?|gt|ground[ _-]?truth|segmentations?|segmented|targets?|annotations?)"
_IS_LABEL = re.compile(rf"(^|[^a-z]){_LABEL_WORDS}([^a-z]|$)", re.IGNORECASE)
_LABEL_FOLDER = re.compile(rf"{_LABEL_WORDS}( images?)?$", re.IGNORECASE)
_SUFFIX = re.compile(rf"[ _-]+({_LABEL_WORDS}|images?|img|input|original|raw)$", re.IGNORECASE)
_KINDS = ("overlap", "touch")
_SPLITS = {"train": "train", "training": "train", "val": "val", "valid": "val", "validation": "val", "test": "test"}


def find(root: Path) -> Index:
    """Index of the set under `root`: the folder of all data sets (`overlap-pairs`, `overlap_label_maps`) or its own.

    A label map without an image is part of the index: its masks can be read, pixels cannot. Raises DataError where
    there is no label map.
    """
    home = home_of(
        Path(root), ("overlap-pairs", "overlap_pairs", "overlap_label", "mendeley", "h5b3zbtw8v"), _holds_maps
    )
    if home is None:
        raise DataError(
            f"{root}: expected images and label maps in folders such as images/ and labels/, here or in "
            "overlap-pairs/; give that folder as root"
        )
    labels: dict[tuple[str, str], Path] = {}
    images: dict[tuple[str, str], Path] = {}
    for path in files_below(home, SUFFIXES):
        (labels if _is_label(path, home) else images)[_key(path, home)] = path
    stems = [stem for _, stem in labels]
    names = {key: key[1] if stems.count(key[1]) == 1 else f"{key[0]}_{key[1]}" for key in labels}
    splits = {"test": tuple(names.values())}
    for split in ("train", "val", "test"):
        inside = tuple(names[key] for key, path in labels.items() if split in _split_words(path, home))
        if inside:
            splits[split] = inside
    for kind in _KINDS:
        of_kind = tuple(name for (found, _), name in names.items() if found == kind)
        if of_kind:
            splits["overlapping" if kind == "overlap" else "touching"] = of_kind
    alone = [path for key, path in images.items() if key not in labels]
    without = sum(key not in images for key in labels)
    notes = (
        [f"{plural(len(alone), 'image has', 'images have')} no label map, left out; the first is {alone[0].name}"]
        if alone
        else []
    )
    if without:
        notes.append(f"{without} of {len(labels)} label maps have no image: their masks can be read, pixels cannot")
    return Index(
        root=home,
        images={names[key]: path for key, path in images.items() if key in labels},
        labels={names[key]: path for key, path in labels.items()},
        splits=splits | {"all": tuple(names.values())},
        cases={name: name for name in names.values()},
        warnings={"": tuple(notes)} if notes else {},
        lone=tuple(alone),
    )


def splits(index: Index) -> dict[str, list[str]]:
    """Image names of `all`, of `test` (all, unless folders say otherwise), and of `overlapping` and `touching`."""
    return {split: list(names) for split, names in index.splits.items()}


def read(index: Index, name: str) -> Record:
    """The two masks of one image, class not known (label 0); the overlap belongs to both. DataError for no such map."""
    if name not in index.labels:
        raise DataError(f"{index.root}: there is no label map of image {name}")
    truth, warnings = instances_of_map(read_label_map(index.labels[name]))
    image = index.images.get(name, index.root / "images" / f"{name}.png")
    return Record(name, image, index.cases[name], truth, warnings)


def _holds_maps(folder: Path) -> bool:
    """Looks two folders deep and no further: the folder of all data sets holds thousands of images."""
    if any(_is_label(path, folder) for path in images_of(folder).values()):
        return True
    places = (place for pattern in ("*", "*/*") for place in folder.glob(pattern) if place.is_dir())
    return any(_LABEL_FOLDER.match(place.name.replace("_", " ")) and images_of(place) for place in places)


def _is_label(path: Path, home: Path) -> bool:
    """By its own name, by its folder, or because the whole set is maps (`overlap_label_maps`)."""
    inside = path.relative_to(home)
    words = [home.name, *inside.parts[:-1], path.stem]
    return any(_IS_LABEL.search(word.replace("_", " ")) for word in words)


def _key(path: Path, home: Path) -> tuple[str, str]:
    """Kind (overlap, touch or none, as the folders say) and the name without a suffix such as `_label`."""
    words = " ".join(path.relative_to(home).parts).lower()
    kind = next((kind for kind in _KINDS if kind in words), "")
    return kind, _SUFFIX.sub("", path.stem)


def _split_words(path: Path, home: Path) -> set[str]:
    return {_SPLITS[part.lower()] for part in path.relative_to(home).parts[:-1] if part.lower() in _SPLITS}
