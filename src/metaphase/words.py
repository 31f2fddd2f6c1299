"""Words that follow a number."""

from __future__ import annotations

__all__ = ["plural"]


def plural(count: int, one: str, many: str = "") -> str:
    """Such as "1 image" or "3 images"; many: the words for any other number than 1, where an s is not enough."""
    return f"{count} {one if count == 1 else many or f'{one}s'}"
