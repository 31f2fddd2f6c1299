"""The image file of a record, written to another place as it is."""

from __future__ import annotations

import shutil
from pathlib import Path

import cv2

from metaphase.datasets import Record
from metaphase.errors import ImageError, MetaphaseError
from metaphase.image_io import kind_of_bytes, write_atomically

__all__ = ["file_name_of", "new_folder", "put_image"]

_SUFFIXES = {"PNG": ".png", "JPEG": ".jpg", "BMP": ".bmp", "TIFF": ".tif"}


def file_name_of(record: Record) -> str:
    """The image's name in a copy of the set: unique, because names of images in a set are."""
    if record.path.is_file() or record.embedded is None:
        suffix = record.path.suffix.lower() or ".png"
    else:
        suffix = _SUFFIXES[kind_of_bytes(record.embedded, str(record.path))]
    return f"{record.name}{suffix}"


def put_image(record: Record, path: Path, inverted: bool = False) -> bool:
    """Write the image to `path`, byte for byte; inverted: as PNG with the other polarity. False where there is none.

    Raises ImageError where the image cannot be read, MetaphaseError where the file cannot be written.
    """
    if not record.has_image:
        return False
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise MetaphaseError(f"{path.parent}: the folder cannot be made ({error.strerror or error})") from error
    if inverted:
        done, data = cv2.imencode(".png", 255 - record.gray().gray)
        if not done:
            raise ImageError(f"{record.path}: the image cannot be written as PNG")
        write_atomically(path.with_suffix(".png"), data.tobytes())
    elif record.path.is_file():
        part = path.with_name(f".{path.name}.part")
        try:
            shutil.copyfile(record.path, part)
            part.replace(path)
        except OSError as error:
            part.unlink(missing_ok=True)
            raise MetaphaseError(f"{path}: the image cannot be copied ({error.strerror or error})") from error
    elif record.embedded is not None:
        write_atomically(path, record.embedded)
    return True


def new_folder(out: Path) -> Path:
    """Make sure that `out` is a new or empty folder: nothing is ever written over. Raises MetaphaseError otherwise."""
    if out.exists() and not out.is_dir():
        raise MetaphaseError(f"{out} is a file; expected a folder to write to: name another one")
    try:
        out.mkdir(parents=True, exist_ok=True)
        filled = any(out.iterdir())
    except OSError as error:
        raise MetaphaseError(f"{out}: the folder cannot be made ({error.strerror or error})") from error
    if filled:
        raise MetaphaseError(f"{out} is not empty; a copy of a data set goes into a new folder: name another one")
    return out
