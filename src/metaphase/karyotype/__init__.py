"""From 24 class probabilities for each chromosome to a karyotype: joint assignment, call, 23 groups, tray."""

from metaphase.karyotype.assemble import assemble, standing
from metaphase.karyotype.assignment import Assignment, Solution, assign, scores, solve
from metaphase.karyotype.call import Call, call_of, obstacle, probability_right, signs_of_doubt
from metaphase.karyotype.consensus import consensus
from metaphase.karyotype.evidence import FEATURES, features, log_evidence
from metaphase.karyotype.hypotheses import NORMAL, Hypothesis, hypotheses
from metaphase.karyotype.no_metaphase import no_metaphase, with_no_metaphase_told

__all__ = [
    "FEATURES",
    "NORMAL",
    "Assignment",
    "Call",
    "Hypothesis",
    "Solution",
    "assemble",
    "assign",
    "call_of",
    "consensus",
    "features",
    "hypotheses",
    "log_evidence",
    "no_metaphase",
    "obstacle",
    "probability_right",
    "scores",
    "signs_of_doubt",
    "solve",
    "standing",
    "with_no_metaphase_told",
]
