"""Images that are the labels, or that labels cannot be read without: what is wrong with them is wrong with the data."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from metaphase.errors import DataError, ImageError

__all__ = ["as_labels"]


@contextmanager
def as_labels() -> Iterator[None]:
    """An ImageError becomes a DataError with the same words."""
    try:
        yield
    except ImageError as error:
        raise DataError(str(error)) from error
