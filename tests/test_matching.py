"""Laws of the matching."""

import itertools

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from metaphase.matching import match

IOU = arrays(np.float64, array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=5), elements=st.floats(0, 1))


def test_filters_before_it_assigns():
    # By total IoU alone (0, 1) and (1, 0) would win with .90, and both would fall under the threshold.
    rows, cols = match(np.array([[0.60, 0.45], [0.45, 0.0]]))
    assert (rows.tolist(), cols.tolist()) == ([0], [0])


def test_a_pair_at_the_threshold_is_no_match():
    assert len(match(np.array([[0.5]]))[0]) == 0
    assert len(match(np.array([[np.nextafter(0.5, 1)]]))[0]) == 1


def test_nothing_on_either_side():
    for shape in ((0, 0), (0, 3), (3, 0)):
        rows, cols = match(np.zeros(shape))
        assert len(rows) == len(cols) == 0
        assert rows.dtype == cols.dtype == np.int64


@settings(max_examples=60, deadline=None, derandomize=True)
@given(IOU)
def test_has_the_largest_total_of_all_one_to_one_matchings(iou):
    rows, cols = match(iou)
    assert len(set(rows)) == len(rows)
    assert len(set(cols)) == len(cols)
    assert (iou[rows, cols] > 0.5).all()
    usable = np.where(iou > 0.5, iou, 0)
    if usable.shape[0] > usable.shape[1]:
        usable = usable.T
    best = max(
        sum(usable[i, j] for i, j in enumerate(chosen))
        for chosen in itertools.permutations(range(usable.shape[1]), usable.shape[0])
    )
    assert np.isclose(iou[rows, cols].sum(), best)
