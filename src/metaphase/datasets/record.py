"""What every adapter hands out: an `Index` of a data set on disk and a `Record` for each of its images."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from metaphase.types import Instances

__all__ = ["Index", "Record"]


@dataclass(frozen=True)
class Index:
    """Where the files of a data set lie; made without opening images.

    root: the folder that was found. images, labels: file of each image name. splits: image names of each split.
    cases: person or culture of each image name. warnings: by split name, what must be said wherever a number from
    that split is printed; the key "" holds what is true of the whole set.
    """

    root: Path
    images: dict[str, Path]
    labels: dict[str, Path]
    splits: dict[str, tuple[str, ...]]
    cases: dict[str, str]
    warnings: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def notes(self, split: str) -> tuple[str, ...]:
        """Warnings of the whole set, then of this split."""
        return self.warnings.get("", ()) + self.warnings.get(split, ())


@dataclass(frozen=True, eq=False)
class Record:
    """One image of a data set and what its annotators drew.

    name: file name without suffix. path: the image file. case: the person or culture.
    truth: annotated instances in pixels of the image. warnings: what was set aside or mended while reading.
    """

    name: str
    path: Path
    case: str
    truth: Instances
    warnings: tuple[str, ...] = ()
