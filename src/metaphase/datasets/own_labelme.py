"""A lab's own images with LabelMe files, one beside each image or with the image inside (`labelme`).

Layout: `*.json` anywhere in the folder; the folder that a file lies in, unless it is the root or is called train, val,
test, images or labels, is the case.
"""

from __future__ import annotations

from pathlib import Path

from metaphase.datasets.formats.folders import files_below, image_beside, images_of, names_of
from metaphase.datasets.formats.json_file import ends_of
from metaphase.datasets.formats.labelme_folder import record_of
from metaphase.datasets.formats.own_folder import CITATION, LICENCE, own_index
from metaphase.datasets.record import Index, Record
from metaphase.errors import DataError

__all__ = ["CITATION", "LICENCE", "find", "read", "splits"]

_NO_CASE = {"train", "val", "valid", "test", "images", "labels", "annotations", "json"}
_TAIL = 1 << 12  # bytes looked at on either end to tell a LabelMe file from another JSON file


def find(root: Path) -> Index:
    """Index of the folder `root`. Raises DataError where it holds no LabelMe file."""
    home = Path(root)
    files = [path for path in files_below(home, (".json",)) if _looks_like_labelme(path)] if home.is_dir() else []
    if not files:
        raise DataError(f"{root}: expected LabelMe files, NAME.json with the key shapes beside each image")
    labels = names_of(files, home)
    listings: dict[Path, dict[str, Path]] = {}
    found = {name: image_beside(path, listings) for name, path in labels.items()}
    images = {name: path for name, path in found.items() if path is not None}
    used = set(images.values())
    alone = [
        p for folder in sorted({path.parent for path in files}) for p in images_of(folder).values() if p not in used
    ]
    cases = {name: path.parent.name for name, path in labels.items() if _is_case(path.parent, home)}
    return own_index(home, labels, images, cases, tuple(alone))


def splits(index: Index) -> dict[str, list[str]]:
    """Image names of `all`, and of `train`, `val`, `test` where lists or folders tell them (else `test` is all)."""
    return {split: list(names) for split, names in index.splits.items()}


def read(index: Index, name: str) -> Record:
    """One image's masks (boxes where only rectangles are drawn); what is no class is set aside. DataError otherwise."""
    return record_of(index, name)


def _is_case(folder: Path, home: Path) -> bool:
    return folder != home and folder.name.lower() not in _NO_CASE


def _looks_like_labelme(path: Path) -> bool:
    ends = ends_of(path, _TAIL)
    if ends is None:
        return False
    if b'"annotations"' in ends or b'"categories"' in ends:
        return False
    # A file that is spoilt so that nothing can be told is taken where its image lies beside it: reading says the rest.
    keys = (b'"shapes"', b'"imagePath"', b'"image_path"', b'"imageData"')
    return any(key in ends for key in keys) or any(
        path.with_suffix(s).is_file() for s in (".png", ".jpg", ".tif", ".bmp")
    )
