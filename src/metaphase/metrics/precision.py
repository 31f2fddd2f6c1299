"""COCO's greedy matches and the precision curve behind average precision, for images that count several times.

An interval needs thousands of average precisions over the same predictions, so the matches that COCO's greedy rule
makes in each image (they do not depend on other images) are kept and only the curve is computed for each resampling.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from metaphase.metrics.comparison import Comparison

__all__ = ["CLASSES", "MOST", "MOST_OF_ONE_CLASS", "RECALLS", "THRESHOLDS", "ImageMatches", "Matches", "match_image"]

Float64 = NDArray[np.float64]
Int64 = NDArray[np.int64]
Bool = NDArray[np.bool_]

CLASSES = 24
THRESHOLDS = np.linspace(0.5, 0.95, 10)
RECALLS = np.linspace(0.0, 1.0, 101)
MOST = 100
"""Predictions of one class in one image that count, by score."""
MOST_OF_ONE_CLASS = 1000
"""The same where all chromosomes are one class: an image may well have more than a hundred."""

_CHUNK = 256
"""Resamplings computed at once: their arrays stay in the processor's cache."""


@dataclass(frozen=True, eq=False)
class ImageMatches:
    """Which predictions of one image COCO's greedy rule calls true.

    labels: Int64[D], class of each prediction that counts. scores: Float64[D]. hits: Bool[D, 10], true at each of the
    ten IoU thresholds. truths: Int64[25], number of truths of each label (0: class not known).
    """

    labels: Int64
    scores: Float64
    hits: Bool
    truths: Int64


def match_image(comparison: Comparison, one_class: bool = False) -> ImageMatches:
    """COCO's matches in one image, within each class, or of everything with everything as class 1."""
    truth = np.ones_like(comparison.truth.labels) if one_class else comparison.truth.labels
    predicted = np.ones_like(comparison.predicted.labels) if one_class else comparison.predicted.labels
    most = MOST_OF_ONE_CLASS if one_class else MOST
    chosen: list[Int64] = []
    hits: list[Bool] = []
    for label in np.unique(predicted[predicted > 0]):
        cols = np.flatnonzero(predicted == label)
        cols = cols[np.argsort(-comparison.predicted.scores[cols], kind="stable")][:most]
        chosen.append(cols)
        hits.append(_greedy(comparison.iou[np.ix_(np.flatnonzero(truth == label), cols)]))
    order = np.concatenate([np.zeros(0, np.int64), *chosen])
    return ImageMatches(
        labels=predicted[order],
        scores=comparison.predicted.scores[order].astype(np.float64),
        hits=np.concatenate([np.zeros((0, len(THRESHOLDS)), bool), *hits]),
        truths=np.bincount(truth, minlength=CLASSES + 1).astype(np.int64),
    )


def _greedy(iou: Float64) -> Bool:
    """Bool[D, 10]: each prediction (column, by falling score) takes a truth that is still free, at each threshold."""
    rows, cols = iou.shape
    free = [[True] * rows for _ in THRESHOLDS]
    hits = np.zeros((cols, len(THRESHOLDS)), bool)
    for j, column in enumerate(iou.T.tolist()):
        for t, threshold in enumerate(THRESHOLDS):
            best, chosen = min(float(threshold), 1 - 1e-10), -1
            for i, value in enumerate(column):
                # Among equals COCO takes the last, hence no strict comparison.
                if value >= best and free[t][i]:
                    best, chosen = value, i
            if chosen >= 0:
                free[t][chosen] = False
                hits[j, t] = True
    return hits


@dataclass(frozen=True, eq=False)
class Matches:
    """The matches of N images, and the precisions that follow from counting each image several times."""

    images: tuple[ImageMatches, ...]
    known: list[tuple[Float64, Float64]] = field(default_factory=list)

    def take(self, rows: Sequence[int] | Int64) -> Matches:
        """The matches of some of the images."""
        return Matches(tuple(self.images[int(row)] for row in rows))

    @cached_property
    def labels(self) -> Int64:
        """Int64[C]: the classes that have a truth."""
        return np.flatnonzero(self._truths[:, 1:].sum(0) > 0) + 1

    @cached_property
    def _truths(self) -> Int64:
        return np.array([image.truths for image in self.images], np.int64).reshape(-1, CLASSES + 1)

    def by_class(self, weights_bn: Float64) -> Float64:
        """Float64[B, 10, C]: average precision at each IoU threshold of each of `labels`, for each of B resamplings.

        weights_bn: Float64[B, N], how often each image counts. NaN where a resampling has no truth of the class. The
        last answer is kept, because AP, AP50 and AP75 ask for the same resamplings.
        """
        if not (self.known and self.known[0][0] is weights_bn):
            weights_nb = np.ascontiguousarray(weights_bn.T.astype(np.float32))
            found = np.zeros((len(weights_bn), len(THRESHOLDS), len(self.labels)))
            for i, label in enumerate(self.labels):
                found[..., i] = self._of_class(int(label), weights_nb).T
            self.known[:] = [(weights_bn, found)]
        return self.known[0][1]

    def _of_class(self, label: int, weights_nb: NDArray[np.float32]) -> Float64:
        """Float64[10, B] of one class."""
        members = [np.flatnonzero(image.labels == label) for image in self.images]
        image_of = np.repeat(np.arange(len(members)), [len(m) for m in members])
        scores = np.concatenate([np.zeros(0), *(im.scores[m] for im, m in zip(self.images, members, strict=True))])
        order = np.argsort(-scores, kind="stable")
        none = np.zeros((0, len(THRESHOLDS)), bool)
        hits = np.concatenate([none, *(im.hits[m] for im, m in zip(self.images, members, strict=True))])[order].T
        totals = self._truths[:, label].astype(np.float64) @ weights_nb.astype(np.float64)
        mean = np.zeros((len(hits), len(totals)))
        for start in range(0, len(totals), _CHUNK):
            part = slice(start, start + _CHUNK)
            counted = weights_nb[image_of[order], part]
            running = np.cumsum(counted, 0)
            mean[:, part] = [_mean_at_recalls(row, counted, running, totals[part]) for row in hits]
        return np.where(totals > 0, mean, np.nan)


def _mean_at_recalls(
    hits: Bool, counted: NDArray[np.float32], running: NDArray[np.float32], totals: Float64
) -> Float64:
    """Float64[B]: the precision at the 101 recalls, averaged.

    hits: Bool[D] by falling score; counted: [D, B], how often each prediction counts; running: its sum from the top;
    totals: [B], truths. Between two false predictions precision only rises, so the curve is known from the last true
    prediction of each run of them.
    """
    ends = np.flatnonzero(hits & ~np.append(hits[1:], False))
    if not len(ends):
        return np.zeros_like(totals)
    if 2 * np.count_nonzero(hits) <= len(hits):
        true = np.cumsum(counted[hits], 0)[np.cumsum(hits)[ends] - 1]
    else:
        false = np.concatenate([np.zeros_like(counted[:1]), np.cumsum(counted[~hits], 0)])
        true = running[ends] - false[np.cumsum(~hits)[ends]]
    precision = true.astype(np.float64) / np.maximum(running[ends], 1)
    envelope = np.maximum.accumulate(precision[::-1], 0)[::-1]
    recall = true.astype(np.float64) / np.maximum(totals, 1)
    nearest = np.minimum(np.rint(recall * 100).astype(np.intp), 100)
    reached = nearest + (RECALLS[nearest] <= recall)
    gained = np.diff(reached, axis=0, prepend=0)
    return np.asarray((envelope * gained).sum(0) / len(RECALLS), np.float64)
