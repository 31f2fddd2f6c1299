"""Names of chromosome classes as data sets spell them."""

from __future__ import annotations

import re

__all__ = ["ONE_CLASS", "label_of_class"]

ONE_CLASS = frozenset({"chromosome", "chromosomes", "chrom", "chr", "chromo", "cromossomo", "cromossomos", "object"})
"""Names that say "a chromosome" and not which one; their label is 0."""

_PREFIX = re.compile(r"^(?:chromosome|chrom|chr|class)[ _-]*(?=[0-9XY]+$)", re.IGNORECASE)
_GROUPED = re.compile(r"^[A-G](\d{1,2})$")


def label_of_class(name: str) -> int | None:
    """Label 1..24 of a class name, 0 where it says "chromosome" without saying which, None where it is no class.

    Understood: `1`..`24`, `X`, `Y`, the Denver spelling of CIL (`A1`, `C12`, `G22`), each also after `chr` and such.
    """
    plain = name.strip()
    if plain.lower() in ONE_CLASS:
        return 0
    plain = _PREFIX.sub("", plain).upper()
    grouped = _GROUPED.match(plain)
    plain = grouped.group(1) if grouped else plain
    if plain in ("X", "Y"):
        return 23 if plain == "X" else 24
    # Digits of other alphabets are decimal for Python and no class here.
    return (
        int(plain) if plain.isascii() and plain.isdecimal() and 1 <= int(plain[:4]) <= 24 and len(plain) < 4 else None
    )
