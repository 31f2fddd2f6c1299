"""What every adapter hands out: an `Index` of a data set on disk and a `Record` for each of its images."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from metaphase.datasets.defects import Defect
from metaphase.errors import DataError
from metaphase.image_io import GrayImage, gray_of_bytes, read_gray
from metaphase.types import Instances

__all__ = ["Index", "Record"]


@dataclass(frozen=True)
class Index:
    """Where the files of a data set lie; made without opening images.

    root: the folder that was found. images, labels: file of each image name; a name without an image file is missing
    in `images` (labels may be published alone, or carry the image inside). splits: image names of each split.
    cases: person or culture of each image name. warnings: by split name, what must be said wherever a number from
    that split is printed; the key "" holds what is true of the whole set. classes: names of the class numbers
    0, 1, 2, ... where label files hold numbers only. lone: files that have an image or a label only and are left out.
    """

    root: Path
    images: dict[str, Path]
    labels: dict[str, Path]
    splits: dict[str, tuple[str, ...]]
    cases: dict[str, str]
    warnings: dict[str, tuple[str, ...]] = field(default_factory=dict)
    classes: tuple[str, ...] = ()
    lone: tuple[Path, ...] = ()

    def notes(self, split: str) -> tuple[str, ...]:
        """Warnings of the whole set, then of this split."""
        return self.warnings.get("", ()) + self.warnings.get(split, ())


@dataclass(frozen=True, eq=False)
class Record:
    """One image of a data set and what its annotators drew.

    name: file name without suffix. path: the image file, or where it would lie: read pixels with `gray`, which knows.
    case: the person or culture. truth: annotated instances in pixels of the image. warnings: what was set aside or
    mended while reading. embedded: the bytes of the image file where the label file carries it.
    defects: what `warnings` counts, one by one with its place.
    """

    name: str
    path: Path
    case: str
    truth: Instances
    warnings: tuple[str, ...] = ()
    embedded: bytes | None = None
    defects: tuple[Defect, ...] = ()

    @property
    def has_image(self) -> bool:
        """False where the set was published without this image."""
        return self.embedded is not None or self.path.is_file()

    def gray(self) -> GrayImage:
        """Pixels of the image as the file stores them, from beside the label file or from inside it.

        One chromosome may be a few pixels long, so no smallest size is asked for. Raises ImageError where the image
        cannot be read, DataError where there is none or where it has another size than its labels were drawn on.
        """
        if self.path.is_file():
            found = read_gray(self.path, min_side=1)
        elif self.embedded is not None:
            found = gray_of_bytes(self.embedded, f"{self.path} (inside its label file)", min_side=1)
        else:
            raise DataError(f"{self.path}: the set has a label but no image here; put the image there")
        if found.gray.shape != (self.truth.height, self.truth.width):
            height, width = found.gray.shape
            raise DataError(
                f"{self.path}: the image has {width}x{height} pixels, its labels were drawn on "
                f"{self.truth.width}x{self.truth.height}; put the image there that belongs to them"
            )
        return found
