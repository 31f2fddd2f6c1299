"""A folder of results, written whole or not at all."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Mapping
from pathlib import Path

from metaphase.errors import MetaphaseError

__all__ = ["write_folder"]


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
