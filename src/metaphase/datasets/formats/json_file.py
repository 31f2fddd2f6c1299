"""JSON files of any format: read whole, with one sentence for what is wrong."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from metaphase.errors import DataError

__all__ = ["ends_of", "read_json", "read_json_object"]


def ends_of(path: Path, many: int) -> bytes | None:
    """The first and the last `many` bytes, enough to guess a format by its keys; None where the file cannot be read."""
    try:
        with path.open("rb") as file:
            head = file.read(many)
            file.seek(max(0, path.stat().st_size - many))
            return head + file.read(many)
    except OSError:
        return None


def read_json(path: Path, what: str, largest: int) -> object:
    """What the file holds. what: its kind, as in "COCO file". largest: bytes above which it is not read.

    Raises DataError where it cannot be read, is larger, or is no JSON.
    """
    try:
        if path.stat().st_size > largest:
            raise DataError(f"{path}: a {what} of more than {largest} bytes is not read; is it the right file?")
        return json.loads(path.read_bytes())
    except OSError as error:
        raise DataError(f"{path}: expected a {what}, but it cannot be read ({error.strerror})") from error
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path}: expected a {what} in JSON, but it cannot be parsed ({error})") from error


def read_json_object(path: Path, what: str, largest: int, keys: str) -> dict[str, Any]:
    """The same where only a JSON object will do; keys: which it should have, for the sentence."""
    document = read_json(path, what, largest)
    if not isinstance(document, dict):
        raise DataError(f"{path}: expected a JSON object with {keys}")
    return document
