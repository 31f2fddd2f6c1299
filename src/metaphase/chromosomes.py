"""The 24 human chromosomes: names, Denver groups, ISCN ideograms, relative lengths, and the sanity of a label set.

Labels are 1..22 for the autosomes, 23 for X, 24 for Y. The ideograms (400, 550 and 850 bands) are the NCBI tables as
packaged under CC0 by the npm package `ideogram`; they lie in `metaphase/data/bands`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from importlib import resources

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "DENVER_GROUPS",
    "LEVELS",
    "NAMES",
    "STAINS",
    "Band",
    "X",
    "Y",
    "bands",
    "centromeric_index",
    "group_of",
    "label_of",
    "name_of",
    "relative_length",
    "relative_lengths",
    "sanity",
]

NAMES = (*(str(number) for number in range(1, 23)), "X", "Y")
"""Names of the 24 classes; the label of `NAMES[i]` is i + 1."""

X, Y = 23, 24
"""Labels of the sex chromosomes."""

DENVER_GROUPS: dict[str, tuple[int, ...]] = {
    "A": (1, 2, 3),
    "B": (4, 5),
    "C": (6, 7, 8, 9, 10, 11, 12, X),
    "D": (13, 14, 15),
    "E": (16, 17, 18),
    "F": (19, 20),
    "G": (21, 22, Y),
}
"""Labels of each Denver group (by size and position of the centromere)."""

LEVELS = (400, 550, 850)
"""Resolutions of the ideogram: bands in a haploid set."""

STAINS = ("gneg", "gpos", "acen", "gvar", "stalk")
"""Stains of a band: pale, dark, centromere, variable heterochromatin, stalk of a satellite."""

_TABLE = "ideogram_9606_GCF_000001305.14_{level}_V1.tsv"
_HEADER = "#chromosome\tarm\tband\tiscn_start\tiscn_stop\tbp_start\tbp_stop\tstain\tdensity"


@dataclass(frozen=True)
class Band:
    """One band of an ideogram.

    arm: "p" or "q"; name: for example "36.3".
    start, stop: ISCN length units from the tip of the p arm, half open.
    stain: one of `STAINS`; density: 0 (pale) to 100 (darkest), only above 0 for "gpos".
    """

    arm: str
    name: str
    start: int
    stop: int
    stain: str
    density: int


def name_of(label: int) -> str:
    """Name of a label: "1".."22", "X", "Y". Raises ValueError outside 1..24."""
    if not 1 <= label <= len(NAMES):
        raise ValueError(f"a chromosome label must lie in 1..24, but got {label}")
    return NAMES[label - 1]


def label_of(name: str) -> int:
    """Label (1..24) of a name "1".."22", "X", "Y"; case does not matter. Raises ValueError for another name."""
    try:
        return NAMES.index(name.strip().upper()) + 1
    except ValueError:
        raise ValueError(f"a chromosome name must be 1..22, X or Y, but got {name!r}") from None


def group_of(label: int) -> str:
    """Denver group "A".."G" of a label (X is in C, Y in G). Raises ValueError outside 1..24."""
    name_of(label)
    return next(group for group, members in DENVER_GROUPS.items() if label in members)


@cache
def _ideogram(level: int) -> dict[str, tuple[Band, ...]]:
    if level not in LEVELS:
        raise ValueError(f"an ideogram has {LEVELS[0]}, {LEVELS[1]} or {LEVELS[2]} bands, but got {level}")
    source = resources.files("metaphase") / "data" / "bands" / _TABLE.format(level=level)
    header, *lines = source.read_text(encoding="ascii").splitlines()
    if header != _HEADER:
        raise ValueError(f"{_TABLE.format(level=level)} does not start with the header of an ideogram table")
    rows: dict[str, list[Band]] = {name: [] for name in NAMES}
    for line in lines:
        name, arm, band, _, stop, _, _, stain, density = line.split("\t")
        # The 550 table has eight gaps in its ISCN columns where the bases run on, so a band starts where the last one
        # stopped.
        start = rows[name][-1].stop if rows[name] else 0
        rows[name].append(Band(arm, band, start, int(stop), stain, int(density or 0)))
    return {name: tuple(found) for name, found in rows.items()}


def bands(label: int, level: int = 550) -> tuple[Band, ...]:
    """Bands of one chromosome from the tip of the p arm to the tip of the q arm.

    Raises ValueError for a label outside 1..24 or a level that is not in `LEVELS`.
    """
    return _ideogram(level)[name_of(label)]


@cache
def relative_length(label: int, level: int = 550) -> float:
    """Length in percent of the 22 autosomes and X together, by the ideogram (chromosome 1: 8.4)."""
    lengths = [bands(other, level)[-1].stop for other in range(1, X + 1)]
    return 100.0 * bands(label, level)[-1].stop / sum(lengths)


def relative_lengths(level: int = 550) -> NDArray[np.float64]:
    """Float64[24]: `relative_length` of every class, in the order of `NAMES`."""
    return np.array([relative_length(label, level) for label in range(1, len(NAMES) + 1)])


@cache
def centromeric_index(label: int, level: int = 550) -> float:
    """Length of the p arm in percent of the whole chromosome, by the ideogram (chromosome 1: 49)."""
    own = bands(label, level)
    return 100.0 * max(band.stop for band in own if band.arm == "p") / own[-1].stop


def sanity(labels: Iterable[int]) -> dict[str, float]:
    """How much a label set looks like a normal human karyotype; each score lies in [0, 1].

    labels: one of 1..24 for each chromosome, 0 where the class is not known (it counts, but pairs with nothing).
    With M labels, n_k of class k:
    count = max(0, 1 - |M - 46| / 23); pairs = mean over the autosomes of max(0, 1 - |n_k - 2| / 2);
    sex = 1 for (X, Y) = (2, 0) or (1, 1), 0.5 where one chromosome more or less would make it so, else 0;
    score = 0.25 count + 0.5 pairs + 0.25 sex.
    True aneuploidy lowers it, so it is no call of an abnormality. Raises ValueError for a label outside 0..24.
    """
    found = [int(label) for label in labels]
    if any(not 0 <= label <= len(NAMES) for label in found):
        raise ValueError("labels must lie in 0..24 (0: not known)")
    n = np.bincount(np.array(found, np.int64), minlength=len(NAMES) + 1)
    count = max(0.0, 1 - abs(len(found) - 46) / 23)
    pairs = float(np.clip(1 - np.abs(n[1:X] - 2) / 2, 0, None).mean())
    steps = min(abs(int(n[X]) - x) + abs(int(n[Y]) - y) for x, y in ((2, 0), (1, 1)))
    sex = {0: 1.0, 1: 0.5}.get(steps, 0.0)
    return {"score": 0.25 * count + 0.5 * pairs + 0.25 * sex, "count": count, "pairs": pairs, "sex": sex}
