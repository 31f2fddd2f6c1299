"""A lab's own images with COCO files: polygons, RLE or boxes, masks may overlap (`coco`).

Layout: any `*.json` with images, annotations and categories in the folder, in `annotations/` or one folder down; images
where `file_name` says, seen from the file, from the folder, or from `images/`.
"""

from __future__ import annotations

import functools
from pathlib import Path, PureWindowsPath

from metaphase.datasets.defects import summaries
from metaphase.datasets.formats.coco import CocoFile, instances_of_coco, read_coco
from metaphase.datasets.formats.folders import name_alone
from metaphase.datasets.formats.json_file import ends_of
from metaphase.datasets.formats.own_folder import CITATION, LICENCE, own_index
from metaphase.datasets.record import Index, Record
from metaphase.errors import DataError

__all__ = ["CITATION", "LICENCE", "find", "read", "splits"]

_PLACES = ("*.json", "annotations/*.json", "*/*.json")
_HEAD = 1 << 16  # bytes looked at to tell a COCO file from another JSON file


def find(root: Path) -> Index:
    """Index of the folder `root`. Raises DataError where it holds no COCO file, or one that cannot be read."""
    home = Path(root)
    files = sorted({path for pattern in _PLACES for path in home.glob(pattern) if _looks_like_coco(path)})
    if not files:
        raise DataError(f"{root}: expected a COCO file such as annotations.json with images, annotations, categories")
    labels: dict[str, Path] = {}
    images: dict[str, Path] = {}
    cases: dict[str, str] = {}
    for path in files:
        entries = _names(_cached(path))
        for number, (own, file_name, case) in enumerate(entries):
            name = own if own not in labels else f"{path.stem}__{own}"
            if name in labels or any(own == other for other, _, _ in entries[:number]):
                raise DataError(f"{path}: two images are called {file_name!r}; give each its own name")
            labels[name] = path
            cases[name] = case
            image = _image_file(home, path, file_name)
            if image is not None:
                images[name] = image
    return own_index(home, labels, images, {name: case for name, case in cases.items() if case})


def splits(index: Index) -> dict[str, list[str]]:
    """Image names of `all`, and of `train`, `val`, `test` where lists or folders tell them (else `test` is all)."""
    return {split: list(names) for split, names in index.splits.items()}


def read(index: Index, name: str) -> Record:
    """One image's instances, masks where every object has one. DataError for an unknown name or a broken entry."""
    if name not in index.labels:
        raise DataError(f"{index.root}: no COCO file has an image {name}")
    path = index.labels[name]
    file = _cached(path)
    wanted = name.removeprefix(f"{path.stem}__")
    found = next((i for i, (own, _, _) in enumerate(_names(file)) if own in (name, wanted)), None)
    if found is None:
        raise DataError(f"{path}: the file has changed, image {name} is not in it any more")
    image = file.images[found]
    truth, defects = instances_of_coco(file, image)
    # Where no image was found, its name alone says where it would lie: a label file may not lead out of the folder.
    place = index.images.get(name, path.parent / (name_alone(image.file_name) or f"{name}.png"))
    return Record(name, place, index.cases[name], truth, summaries(defects), defects=defects)


def _looks_like_coco(path: Path) -> bool:
    ends = ends_of(path, _HEAD)
    if ends is None:
        return False
    # A file cut short or spoilt in the middle still looks like one and then says what is wrong with it.
    return any(key in ends for key in (b'"annotations"', b'"categories"')) and b'"shapes"' not in ends


def _cached(path: Path) -> CocoFile:
    """One file serves many images: it is read again only when it has changed."""
    try:
        stat = path.stat()
    except OSError as error:
        raise DataError(f"{path}: expected a COCO file, but it cannot be read ({error.strerror})") from error
    return _read(path, stat.st_mtime_ns, stat.st_size)


@functools.lru_cache(maxsize=4)
def _read(path: Path, _changed: int, _size: int) -> CocoFile:
    return read_coco(path)


@functools.lru_cache(maxsize=4)
def _names(file: CocoFile) -> tuple[tuple[str, str, str], ...]:
    """Name, file name and case of each image; the stem, or all folders where two images share it.

    Files travel between systems, so both kinds of separators count on every one.
    """
    stems: dict[str, int] = {}
    for image in file.images:
        stem = PureWindowsPath(image.file_name).stem
        stems[stem] = stems.get(stem, 0) + 1

    def name(file_name: str) -> str:
        path = PureWindowsPath(file_name)
        folders = [part for part in path.parent.parts if part not in (path.anchor, "..")]
        return path.stem if stems[path.stem] == 1 else "__".join([*folders, path.stem])

    return tuple((name(image.file_name), image.file_name, image.case) for image in file.images)


def _image_file(home: Path, label: Path, file_name: str) -> Path | None:
    written = PureWindowsPath(file_name)
    inside = Path(*written.parts)
    if written.anchor or ".." in written.parts:
        return None  # a label file may not lead out of the folder
    places = (label.parent / inside, home / inside, home / "images" / inside, home / "images" / inside.name)
    return next((place for place in places if place.is_file()), None)
