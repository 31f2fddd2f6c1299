"""Confident learning on three classes, worked out by hand."""

import numpy as np
import pytest
from label_errors import Named, looked_at, out_of_fold, places, rows, share_wrong, suggested, thresholds


def probabilities(*triples):
    p_nc = np.zeros((len(triples), 24))
    p_nc[:, :3] = triples
    return p_nc


P = probabilities([0.9, 0.1, 0], [0.7, 0.3, 0], [0.1, 0.9, 0], [0, 1, 0], [0.95, 0.05, 0])
LABELS = np.array([1, 1, 2, 2, 2])


def test_thresholds_are_mean_self_confidence():
    found = thresholds(P, LABELS)
    assert found[0] == pytest.approx(0.8)
    assert found[1] == pytest.approx((0.9 + 1 + 0.05) / 3)
    assert (found[2:] > 1).all()


def test_only_confident_chromosomes_are_counted():
    counted = suggested(P, LABELS)
    assert counted.tolist() == [1, 0, 2, 2, 1]
    assert share_wrong(LABELS, counted) == pytest.approx((2 * 0 + 3 / 3) / 5)


def test_the_list_names_image_box_and_both_classes():
    named = Named(np.log(P + 1e-9), LABELS, np.array(list("abcde")), np.array(list("abcde")), np.arange(5))
    assert list(rows(named, P)) == [("e", 4, "2", "1", "0.0500", "0.9500")]


def test_places_of_a_subsequence():
    whole = np.array([1, 1, 2, 3, 3])
    assert places(np.array([1, 1, 2, 3, 3]), whole).tolist() == [0, 1, 2, 3, 4]
    assert places(np.array([1, 2, 3, 3]), whole).tolist() == [-1, 2, 3, 4]
    assert places(np.array([], np.int64), whole).tolist() == []


def test_discriminants_of_other_cases_find_a_swap():
    rng = np.random.default_rng(0)
    labels = np.tile(np.arange(1, 25), 20)
    log_p = np.full((len(labels), 24), -8.0) + rng.normal(0, 0.5, (len(labels), 24))
    log_p[np.arange(len(labels)), labels - 1] = -0.1
    cases = np.repeat([f"c{k}" for k in range(20)], 24)
    labels[0], labels[1] = 2, 1
    found = out_of_fold(Named(log_p, labels, cases, cases, np.arange(len(labels))))
    assert found.sum(1) == pytest.approx(1)
    assert np.flatnonzero(found.argmax(1) + 1 != labels).tolist() == [0, 1]


def test_the_marks_are_read():
    said = looked_at({"listed": 10, "doubted": 270}, 11616)
    assert "| listed | 10 | 10 | 6 | 2 | 2 |" in said
    assert "| doubted | 270 | 40 | 0 | 31 | 9 |" in said
