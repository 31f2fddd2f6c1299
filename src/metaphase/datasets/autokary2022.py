"""AutoKary2022: G-banded metaphases with instance masks as LabelMe polygons, 24 classes (`autokary2022`).

Layout as published: `train_labelme/CASE/NAME.json` and `test_labelme/CASE/NAME.json`, the image beside the label file
or inside it (`imageData`). A public copy has `dataset/{train,val}/annotations/NAME.json` in another
spelling of the keys. Labels such as `-1` and `119` are no classes and are set aside.
"""

from __future__ import annotations

import re
from pathlib import Path

from metaphase.datasets.formats.folders import files_below, home_of, image_beside, names_of, shared_cases
from metaphase.datasets.formats.labelme_folder import record_of
from metaphase.datasets.record import Index, Record
from metaphase.errors import DataError
from metaphase.words import plural

__all__ = ["CITATION", "LICENCE", "SOURCE", "find", "read", "splits"]

CITATION = (
    "You D. et al. (2023). AutoKary2022: a large-scale densely annotated dataset for chromosome instance segmentation. "
    "IEEE International Conference on Multimedia and Expo (ICME)."
)
LICENCE = "MIT"

SOURCE = "https://github.com/wangjuncongyu/chromosome-instance-segmentation-dataset"
_PUBLISHED = {"train_labelme": "train", "test_labelme": "test", "val_labelme": "val"}
_COPY = {"train": "official-train", "val": "official-val", "test": "official-test"}


def find(root: Path) -> Index:
    """Index of the set under `root`: the folder of all data sets or the set's own, as published or as the copy.

    Label files whose image is nowhere are part of the index: their truth can be read, their pixels cannot. Raises
    DataError where there is no label file.
    """
    home = home_of(Path(root), ("autokary",), _holds_the_set)
    if home is None:
        raise DataError(
            f"{root}: expected train_labelme/CASE/NAME.json or test_labelme/CASE/NAME.json, here or in autokary2022/; "
            "give the folder of AutoKary2022 as root"
        )
    base, folders = _layout(home)
    names = names_of((path for folder in folders for path in files_below(base / folder, (".json",))), base)
    listings: dict[Path, dict[str, Path]] = {}
    images = {name: image_beside(path, listings) for name, path in names.items()}
    splits: dict[str, tuple[str, ...]] = {
        split: tuple(name for name, path in names.items() if path.relative_to(base).parts[0] == folder)
        for folder, split in folders.items()
    }
    cases = {name: _case_of(path, base) for name, path in names.items()}
    warnings = _warnings(splits, cases, len(names), sum(path is not None for path in images.values()))
    return Index(
        root=home,
        images={name: path for name, path in images.items() if path is not None},
        labels=names,
        splits=splits | {"all": tuple(names)},
        cases=cases,
        warnings=warnings,
    )


def splits(index: Index) -> dict[str, list[str]]:
    """Image names of `train` and `test` as published, of `official-train` and `official-val` in the copy, and `all`."""
    return {split: list(names) for split, names in index.splits.items()}


def read(index: Index, name: str) -> Record:
    """One image's masks and labels 1..24; shapes of no class are set aside. DataError for an unknown name."""
    return record_of(index, name)


def _holds_the_set(folder: Path) -> bool:
    _, folders = _layout(folder)
    return bool(folders)


def _layout(home: Path) -> tuple[Path, dict[str, str]]:
    """The folder that holds the folders of the splits, and the name of the split for each that is there."""
    published = {folder: split for folder, split in _PUBLISHED.items() if (home / folder).is_dir()}
    if published:
        return home, published
    base = home / "dataset"
    return base, {folder: split for folder, split in _COPY.items() if (base / folder / "annotations").is_dir()}


def _case_of(path: Path, base: Path) -> str:
    """The folder CASE as published; in the copy, cell `0_1_247_180_0.880` is number 1 of case `0_247`."""
    parts = path.relative_to(base).parts
    if parts[1] != "annotations":
        return parts[1] if len(parts) > 2 else path.stem
    numbered = re.match(r"(\d+)_\d+_(\d+)_", path.stem)
    return f"{numbered[1]}_{numbered[2]}" if numbered else path.stem


def _warnings(
    splits: dict[str, tuple[str, ...]], cases: dict[str, str], labels: int, images: int
) -> dict[str, tuple[str, ...]]:
    warnings: dict[str, tuple[str, ...]] = {}
    leaking = shared_cases(splits, cases, splits)
    if leaking:
        cases_stand = plural(len(leaking), "case stands", "cases stand")
        said = f"{cases_stand} in more than one split of the publisher, so its numbers flatter"
        warnings = dict.fromkeys(splits, (f"{said}; the first is {leaking[0]}",))
    if not images:
        warnings[""] = (
            f"none of {plural(labels, 'label file')} has an image beside it: "
            "unless it is inside, only labels can be read",
        )
    elif images < labels:
        warnings[""] = (
            f"{plural(labels - images, 'label file has no image beside it', 'label files have no image beside them')}",
        )
    return warnings
