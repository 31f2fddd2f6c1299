"""Folders of results: named apart, never replaced unasked, written whole or not at all."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Iterable, Mapping
from pathlib import Path

from metaphase.errors import MetaphaseError

__all__ = ["folder_name", "free_name", "keep_results", "remove", "write_folder"]


def folder_name(stem: str) -> str:
    """The name of the folder for an image with this stem."""
    # Windows drops dots and blanks at the end of a name.
    return stem.rstrip(" .") or "image"


def free_name(stem: str, taken: set[str]) -> str:
    """`folder_name(stem)`, or with `-2`, `-3`, ... where that is taken; `taken` (casefolded) learns it."""
    # File systems that ignore case must not mix two results.
    wanted = folder_name(stem)
    name, number = wanted, 1
    while name.casefold() in taken:
        number += 1
        name = f"{wanted}-{number}"
    taken.add(name.casefold())
    return name


def keep_results(files: Iterable[Path]) -> None:
    """Raise MetaphaseError where one of these files, which are about to be written, is there already."""
    there = [path for path in files if _is_there(path)]
    if there:
        more = f" (and {len(there) - 1} more)" if len(there) > 1 else ""
        raise MetaphaseError(
            f"{there[0]} is there already{more}; name another folder, or replace earlier results with --overwrite"
        )


def remove(files: Iterable[Path]) -> None:
    """Take away files of an earlier run, where they are there. Raises MetaphaseError where that cannot be done."""
    for path in filter(_is_there, files):
        try:
            path.unlink()
        except OSError as error:
            raise MetaphaseError(
                f"{path}: the file of an earlier run cannot be removed ({error.strerror or error})"
            ) from error


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:
        # The name is too long, or the folder may not be read: nothing of ours, and writing will say what is wrong.
        return False


def write_folder(folder: Path, files: Mapping[str, bytes]) -> None:
    """Write the files of a result whole or not at all; in a folder that is there these files only are replaced.

    Raises MetaphaseError where they cannot be written.
    """
    part = folder.with_name(f".{uuid.uuid4().hex}.part")
    try:
        part.mkdir(parents=True)
        for name, data in files.items():
            (part / name).write_bytes(data)
        if folder.is_dir():
            for name in files:
                (part / name).replace(folder / name)
        else:
            part.rename(folder)
    except OSError as error:
        raise MetaphaseError(f"{folder}: the results cannot be written ({error.strerror or error})") from error
    finally:
        shutil.rmtree(part, ignore_errors=True)
