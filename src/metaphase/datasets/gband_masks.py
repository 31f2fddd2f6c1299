"""Five CIL test metaphases with instance masks that overlap, 230 chromosomes, 24 classes (`gband_masks`)."""

from __future__ import annotations

from pathlib import Path

from metaphase.datasets.defects import summaries
from metaphase.datasets.formats.labelme import instances_of, read_labelme
from metaphase.datasets.record import Index, Record
from metaphase.errors import DataError

__all__ = ["CITATION", "LICENCE", "NOTE", "SOURCE", "find", "read", "splits"]

CITATION = "Masks: this project. Images: Tseng et al. (2023), Cell Image Library CIL:54816, CC BY 3.0, five test cases."
LICENCE = "images CC BY 3.0 (name the authors and the changes); masks: this project's"

SOURCE = "with this project's data, not published elsewhere"
NOTE = (
    "gband_masks is a small semi-manual set (isolated chromosomes by threshold, clustered ones drawn by hand and cut "
    "to the same foreground, checked at 5x), five 46,XY cells of one laboratory; it is not the AutoKary2022 test"
)


def find(root: Path) -> Index:
    """Index of the set under `root`: the folder of all data sets, the set's own, or its `test_labelme`.

    Raises DataError where no CASE/NAME.json with an image of the same name is there.
    """
    root = Path(root)
    places = (root / "gband_masks" / "test_labelme", root / "test_labelme", root)
    home = next((place for place in places if place.is_dir() and any(place.glob("*/*.json"))), None)
    if home is None:
        raise DataError(
            f"{root}: expected gband_masks/test_labelme/CASE/NAME.json; give the folder of the data as root"
        )
    labels = {path.stem: path for path in sorted(home.glob("*/*.json"))}
    images = {name: path.with_suffix(".png") for name, path in labels.items() if path.with_suffix(".png").is_file()}
    if not images:
        raise DataError(f"{home}: no annotation has an image NAME.png beside it")
    return Index(
        root=home,
        images=images,
        labels={name: labels[name] for name in images},
        splits={"test": tuple(images)},
        cases={name: labels[name].parent.name for name in images},
        warnings={"": (NOTE,)},
        lone=tuple(path for name, path in labels.items() if name not in images),
    )


def splits(index: Index) -> dict[str, list[str]]:
    """Image names of the one split, `test`."""
    return {split: list(names) for split, names in index.splits.items()}


def read(index: Index, name: str) -> Record:
    """One image's masks and labels 1..24; pieces of one chromosome are joined. DataError for an unknown image."""
    if name not in index.images:
        raise DataError(f"{index.root}: image {name} has no annotation with an image beside it")
    annotation = read_labelme(index.labels[name])
    truth, defects = instances_of(annotation)
    return Record(name, index.images[name], index.cases[name], truth, summaries(defects), defects=defects)
