"""Scores written as plain lists and read back."""

import json

import numpy as np
import pytest

from metaphase import metrics
from metaphase.metrics import compare, pack, unpack


@pytest.fixture
def compared(blobs, disturb):
    pairs = [(blobs(seed, 12, classes=3), disturb(blobs(seed, 12, classes=3), seed, 3)) for seed in range(5)]
    return [compare(a, b, "mask", str(i), str(i)) for i, (a, b) in enumerate(pairs)]


def scores_of(compared):
    scores = metrics.ap(compared) | metrics.pq(compared) | metrics.mpq(compared) | metrics.aji(compared)
    scores |= metrics.counts(compared) | metrics.sanity(compared)
    return scores | {"ece": metrics.calibration(compared).error}


def test_read_back_they_give_the_same_values_and_resamplings(compared):
    scores = scores_of(compared)
    terms = json.loads(json.dumps(pack(scores), allow_nan=False))
    assert len(terms["matches"]) == 1, "AP, AP50 and AP75 share theirs"
    back = unpack(terms, range(5))
    weights = np.array([[1.0, 0, 2, 1, 1], [0, 3, 1, 1, 0]])
    assert list(back) == list(scores)
    for key, score in scores.items():
        assert back[key].value == pytest.approx(score.value, abs=1e-9), key
        assert back[key].values(weights) == pytest.approx(score.values(weights), abs=1e-9), key


def test_some_of_the_images_in_another_order(compared):
    terms = pack(scores_of(compared))
    back, alone = unpack(terms, [3, 1]), scores_of([compared[3], compared[1]])
    for key, score in alone.items():
        assert back[key].value == pytest.approx(score.value, abs=1e-9), key
