"""What a cell may contain: the karyotypes that the assignment weighs against each other."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cache

import numpy as np
from numpy.typing import NDArray

from metaphase.chromosomes import NAMES, X
from metaphase.config import KaryotypeConfig

__all__ = ["NORMAL", "WHOLE", "Hypothesis", "hypotheses"]

NORMAL = ("46,XX", "46,XY")
"""The two normal karyotypes."""

_SEXES = {"XX": (2, 0), "XY": (1, 1)}
_SEX_GAINS = {"XXX": (3, 0), "XXY": (2, 1), "XYY": (1, 2)}
WHOLE = 46
"""Chromosomes of a normal cell."""


@dataclass(frozen=True, eq=False)
class Hypothesis:
    """One karyotype.

    iscn: its string, for example "47,XX,+21".
    slots: Int64[46 or so], the column (label - 1) of each chromosome that the cell then has, ascending.
    log_prior: natural logarithm of its prior probability, up to a constant that all share.
    """

    iscn: str
    slots: NDArray[np.int64]
    log_prior: float

    @property
    def kind(self) -> str:
        """What it changes: "normal", "gain" or "loss" of an autosome, "sex_gain" (an X or Y), "sex_loss" (45,X).

        45,Y,-X counts as an autosome lost.
        """
        if self.iscn in NORMAL:
            return "normal"
        # Nobody lives without any X.
        autosome = self.iscn.split(",")[-1][0] in "+-"
        return f"{'' if autosome else 'sex_'}{'gain' if len(self.slots) > WHOLE else 'loss'}"

    @property
    def normal(self) -> bool:
        """True for 46,XX and 46,XY."""
        return self.kind == "normal"


def _hypothesis(x: int, y: int, change: int, label: int, prior: float) -> Hypothesis:
    counts = np.array([2] * 22 + [x, y], np.int64)
    aberration = ""
    if change:
        counts[label - 1] += change
        aberration = f",{'+' if change > 0 else '-'}{NAMES[label - 1]}"
    iscn = f"{counts.sum()},{'X' * x}{'Y' * y}{aberration}"
    return Hypothesis(iscn, np.repeat(np.arange(len(NAMES)), counts), math.log(prior))


@cache
def hypotheses(config: KaryotypeConfig) -> tuple[Hypothesis, ...]:
    """46,XX and 46,XY first, then 45,X, 47,XXX, 47,XXY, 47,XYY, 45,Y,-X, then each autosome gained or lost.

    45,Y,-X is not viable as a constitution, but cells lose chromosomes.
    """
    found = [_hypothesis(*sex, 0, 0, config.normal_prior) for sex in _SEXES.values()]
    found.append(_hypothesis(1, 0, 0, 0, config.sex_loss_prior))
    found += [_hypothesis(*sex, 0, 0, config.sex_gain_prior) for sex in _SEX_GAINS.values()]
    without_x = np.repeat(np.arange(len(NAMES)), [2] * 22 + [0, 1])
    found.append(Hypothesis("45,Y,-X", without_x, math.log(config.autosome_loss_prior)))
    for change, prior in ((1, config.autosome_gain_prior), (-1, config.autosome_loss_prior)):
        for sex in _SEXES.values():
            found += [_hypothesis(*sex, change, label, prior) for label in range(1, X)]
    return tuple(found)
