"""Numbers that compare truth and prediction: one file a metric, with one public function of its name.

Each takes the comparisons of all images (`Comparison`: one overlap matrix and one matching an image)
and returns scores that `bootstrap` can resample by case. Each file states its definition and where it comes from.
"""

from __future__ import annotations

from metaphase.metrics.aji import aji
from metaphase.metrics.ap import AveragePrecision, ap
from metaphase.metrics.bootstrap import bootstrap, resampled_weights
from metaphase.metrics.calibration import calibration
from metaphase.metrics.comparison import Comparison, Overlap, compare
from metaphase.metrics.confusion import confusion
from metaphase.metrics.counts import counts
from metaphase.metrics.meanings import MEANINGS
from metaphase.metrics.mpq import mpq
from metaphase.metrics.overlap_pairs import overlap_pairs
from metaphase.metrics.pq import pq
from metaphase.metrics.precision import Matches, match_image
from metaphase.metrics.sanity import sanity
from metaphase.metrics.score import Pooled, Score
from metaphase.metrics.subgroup import subgroup
from metaphase.metrics.terms import pack, unpack

__all__ = [
    "MEANINGS",
    "AveragePrecision",
    "Comparison",
    "Matches",
    "Overlap",
    "Pooled",
    "Score",
    "aji",
    "ap",
    "bootstrap",
    "calibration",
    "compare",
    "confusion",
    "counts",
    "match_image",
    "mpq",
    "overlap_pairs",
    "pack",
    "pq",
    "resampled_weights",
    "sanity",
    "subgroup",
    "unpack",
]
