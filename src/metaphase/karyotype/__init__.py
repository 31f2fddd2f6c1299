"""From 24 class probabilities for each chromosome to a karyotype: joint assignment, 23 groups, tray."""

from metaphase.karyotype.assemble import assemble
from metaphase.karyotype.assignment import Assignment, solve
from metaphase.karyotype.hypotheses import Hypothesis, hypotheses

__all__ = ["Assignment", "Hypothesis", "assemble", "hypotheses", "solve"]
