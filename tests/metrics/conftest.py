"""Small images of rectangles, whose scores can be worked out by hand."""

import numpy as np
import pytest

from metaphase.types import Instances


def rectangles(boxes, labels=None, scores=None, size=40, **columns):
    """Instances whose masks are full rectangles [x0, y0, x1, y1)."""
    crops = [np.ones((y1 - y0, x1 - x0), bool) for x0, y0, x1, y1 in boxes]
    labels = np.zeros(len(boxes)) if labels is None else labels
    scores = np.ones(len(boxes)) if scores is None else scores
    return Instances.from_masks(
        size, size, crops, [(x0, y0) for x0, y0, _, _ in boxes], labels=labels, scores=scores, **columns
    )


def scattered(seed, count=6, size=60, classes=24):
    """Random blobs with random classes and distinct scores; some overlap."""
    rng = np.random.default_rng(seed)
    crops = [rng.random((int(h), int(w))) < 0.8 for h, w in rng.integers(4, 18, (count, 2))]
    for crop in crops:
        crop[0, 0] = crop[-1, -1] = True
    offsets = [(int(x), int(y)) for x, y in rng.integers(0, size - 18, (count, 2))]
    return Instances.from_masks(
        size,
        size,
        crops,
        offsets,
        labels=rng.integers(1, classes + 1, count),
        scores=rng.permutation(np.linspace(0.1, 0.9, count)) if count else np.zeros(0),
    )


def disturbed(truth, seed, classes=24):
    """A prediction of `truth`: shifted a little, some classes changed, some missing, some false."""
    rng = np.random.default_rng(seed + 1000)
    kept = np.flatnonzero(rng.random(len(truth)) < 0.85)
    false = scattered(seed + 2000, int(rng.integers(0, 3)), truth.height, classes)
    crops = [truth.crops[i] for i in kept] + list(false.crops)
    offsets = [tuple(truth.offsets_xy[i] + rng.integers(-1, 2, 2)) for i in kept] + [tuple(o) for o in false.offsets_xy]
    labels = np.concatenate([truth.labels[kept], false.labels]).astype(int)
    labels = np.where(rng.random(len(labels)) < 0.15, rng.integers(1, classes + 1, len(labels)), labels)
    return Instances.from_masks(
        truth.height,
        truth.width,
        crops,
        offsets,
        labels=labels,
        scores=rng.permutation(np.linspace(0.05, 1, len(crops))),
    )


@pytest.fixture(scope="session")
def boxes():
    return rectangles


@pytest.fixture(scope="session")
def blobs():
    return scattered


@pytest.fixture(scope="session")
def disturb():
    return disturbed
