"""Erasing and pasting chromosomes in drawn metaphases, whose masks are exact."""

from __future__ import annotations

import numpy as np
import pytest

from metaphase.datasets.aneuploidy import erase, paste_copy
from metaphase.datasets.procedural import SpreadStyle, draw_spread


@pytest.fixture(scope="module")
def drawn():
    style = SpreadStyle(size_hw=(420, 420), karyotype=(1, 5, 9, 13, 21, 24), overlap=0.0, touch=0.0, nuclei=0)
    return draw_spread(np.random.default_rng(2), style).spread


def masks(spread):
    truth = spread.truth
    return [truth.mask(i) for i in range(len(truth))]


def test_an_erased_chromosome_leaves_background_and_the_others(drawn) -> None:
    whole = masks(drawn)
    others = np.any(whole[1:], axis=0)
    before = drawn.gray.copy()
    after = erase(drawn.gray, whole[0], others, np.random.default_rng(0))
    free = ~np.any(whole, axis=0)
    assert abs(float(after[whole[0]].mean()) - float(drawn.gray[free].mean())) < 6
    np.testing.assert_array_equal(after[others], drawn.gray[others])
    np.testing.assert_array_equal(drawn.gray, before)
    far = np.ones(after.shape, bool)
    rows, columns = np.nonzero(whole[0])
    far[max(0, rows.min() - 4) : rows.max() + 5, max(0, columns.min() - 4) : columns.max() + 5] = False
    np.testing.assert_array_equal(after[far], drawn.gray[far])


def test_a_pasted_copy_is_as_dark_and_as_large_and_lies_free(drawn) -> None:
    whole = masks(drawn)
    occupied = np.any(whole, axis=0)
    found = paste_copy(drawn.gray, whole[0], occupied, np.random.default_rng(1))
    assert found is not None
    after, where = found
    assert not (where & occupied).any()
    assert where.sum() == pytest.approx(whole[0].sum(), rel=0.05)
    assert float(after[where].mean()) == pytest.approx(float(drawn.gray[whole[0]].mean()), abs=6)
    np.testing.assert_array_equal(after[occupied], drawn.gray[occupied])


def test_the_same_seed_does_the_same(drawn) -> None:
    whole = masks(drawn)
    occupied = np.any(whole, axis=0)
    a, b = (paste_copy(drawn.gray, whole[2], occupied, np.random.default_rng(7)) for _ in range(2))
    assert a is not None
    assert b is not None
    np.testing.assert_array_equal(a[0], b[0])


def test_without_room_there_is_no_copy(drawn) -> None:
    mask = masks(drawn)[0]
    assert paste_copy(drawn.gray, mask, np.ones_like(mask), np.random.default_rng(0)) is None


def test_masks_of_another_shape_are_refused(drawn) -> None:
    small = np.zeros((5, 5), bool)
    with pytest.raises(ValueError, match="shape"):
        erase(drawn.gray, small, small, np.random.default_rng(0))
    with pytest.raises(ValueError, match="empty"):
        paste_copy(
            drawn.gray, np.zeros_like(drawn.gray, bool), np.zeros_like(drawn.gray, bool), np.random.default_rng(0)
        )
