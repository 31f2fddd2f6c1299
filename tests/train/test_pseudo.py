"""Masks that the model adds, kept where an annotated box agrees."""

from dataclasses import replace

import numpy as np
import pytest

from metaphase.train import cache, pseudo
from metaphase.train.sources import open_source
from metaphase.types import Instances

PADDING = np.array([-5, -7, 4, 3])


def boxes_of(truth):
    return Instances.from_boxes(truth.height, truth.width, truth.boxes_xyxy + PADDING, labels=truth.labels)


def test_a_box_takes_the_mask_inside_it(spread):
    truth = spread.truth
    order = [3, 0, 5, 1]
    rows, columns, agreement = pseudo.accept(truth.select(order), boxes_of(truth), 16.0)
    assert {int(r): int(c) for r, c in zip(rows, columns, strict=True)} == {3: 0, 0: 1, 5: 2, 1: 3}
    np.testing.assert_allclose(agreement, 1, atol=1e-6)


def test_a_mask_elsewhere_belongs_to_nobody(spread):
    truth = spread.truth
    shifted = Instances.from_masks(truth.height + 900, truth.width, truth.crops, truth.offsets_xy + [0, 900])
    rows, _, _ = pseudo.accept(shifted, boxes_of(truth), 16.0)
    assert len(rows) == 0


def test_two_boxes_do_not_share_one_chromosome(spread):
    truth = spread.truth.select([0])
    twice = truth.select([0, 0])
    shifted = boxes_of(twice).boxes_xyxy + [[0] * 4, [2] * 4]
    boxes = Instances.from_boxes(truth.height, truth.width, shifted, labels=[1, 2])
    rows, _, agreement = pseudo.accept(twice, boxes, 16.0)
    assert sorted(rows.tolist()) == [0, 1]
    assert sorted(agreement.tolist())[0] == 0.0
    assert max(agreement) > 0.95


def test_of_two_masks_that_fit_a_box_the_surer_one_is_taken(spread):
    truth = spread.truth.select([0])
    twice = replace(truth.select([0, 0]), scores=np.array([0.3, 0.9], np.float32))
    _, columns, _ = pseudo.accept(twice, boxes_of(truth), 16.0)
    assert columns.tolist() == [1]


def test_of_two_masks_that_fit_a_box_the_one_of_its_class_is_taken(spread):
    truth = spread.truth.select([0])
    of_class = np.full((2, 24), 0.01, np.float32)
    of_class[0, truth.labels[0] - 1] = of_class[1, truth.labels[0] % 24] = 0.77
    twice = replace(truth.select([0, 0]), scores=np.array([0.5, 0.6], np.float32), probabilities_nc=of_class)
    _, columns, _ = pseudo.accept(twice, boxes_of(truth), 16.0)
    assert columns.tolist() == [0]


def refresh(tmp_path, tiny_cil, before, name, find, **limits):
    root, _ = tiny_cil
    old, new = tmp_path / "old", tmp_path / "new"
    old.mkdir()
    cache.save(old, before)
    counts = list(pseudo.refresh(root, [name, "1000031"], old, new, find, **limits))
    return counts, new


def without_masks(found):
    """The same cell with boxes only, as if all its chromosomes were clustered."""
    return cache.Material(**{**vars(found), "masks": [], "owner": found.owner[:0], "labels": found.labels[:0]})


def test_masks_are_added_for_boxes_that_had_none(tmp_path, tiny_cil):
    root, spreads = tiny_cil
    name = "1000011"
    list(cache.build(open_source("cil", root), [name], tmp_path / "made", workers=1))
    made = cache.load(tmp_path / "made", name)
    truth = spreads[name].truth
    counts, new = refresh(tmp_path, tiny_cil, without_masks(made), name, lambda spread: truth)
    assert counts == [(name, 0, len(truth))]
    after = cache.load(new, name)
    assert sorted(after.owner.tolist()) == list(range(len(truth)))
    np.testing.assert_array_equal(after.labels, truth.labels[after.owner])
    np.testing.assert_array_equal(sorted(after.input_labels), sorted(truth.labels))
    assert after.inputs.shape == (len(truth), 160, 32)
    for (crop, x, y), owner in zip(after.masks, after.owner, strict=True):
        rows, columns = np.nonzero(truth.crops[owner])
        centre = (np.array([columns.mean(), rows.mean()]) + truth.offsets_xy[owner] + 0.5) * made.scale - 0.5
        rows, columns = np.nonzero(crop)
        np.testing.assert_allclose([columns.mean() + x, rows.mean() + y], centre, atol=0.4)


def test_exact_masks_are_not_replaced(tmp_path, tiny_cil):
    root, spreads = tiny_cil
    name = "1000021"
    list(cache.build(open_source("cil", root), [name], tmp_path / "made", workers=1))
    made = cache.load(tmp_path / "made", name)
    _, new = refresh(tmp_path, tiny_cil, made, name, lambda spread: spreads[name].truth)
    after = cache.load(new, name)
    assert len(after.masks) == len(spreads[name].truth) > len(made.masks)
    assert after.owner[: len(made.owner)].tolist() == made.owner.tolist()
    for (crop, x, y), (expected, ex, ey) in zip(after.masks, made.masks, strict=False):
        np.testing.assert_array_equal(crop, expected)
        assert (x, y) == (ex, ey)


def test_a_doubtful_mask_serves_the_identifier_alone(tmp_path, tiny_cil):
    root, spreads = tiny_cil
    name = "1000011"
    list(cache.build(open_source("cil", root), [name], tmp_path / "made", workers=1))
    made = without_masks(cache.load(tmp_path / "made", name))
    truth = spreads[name].truth
    unnamed = replace(truth, probabilities_nc=np.full((len(truth), 24), 1 / 24, np.float32))
    counts, new = refresh(tmp_path, tiny_cil, made, name, lambda spread: unnamed, good=1.1, fair=0.5)
    assert counts == [(name, 0, 0)]
    assert len(cache.load(new, name).inputs) == len(truth)


@pytest.mark.parametrize(("right", "added"), [(0.9, True), (0.2, False)])
def test_a_fair_mask_is_learnt_where_the_identifier_names_it_as_annotated(tmp_path, tiny_cil, right, added):
    root, spreads = tiny_cil
    name = "1000011"
    list(cache.build(open_source("cil", root), [name], tmp_path / "made", workers=1))
    made = without_masks(cache.load(tmp_path / "made", name))
    truth = spreads[name].truth

    def find(spread):
        named = np.full((len(truth), 24), (1 - right) / 23, np.float32)
        named[np.arange(len(truth)), truth.labels - 1] = right
        return replace(truth, probabilities_nc=named)

    counts, _ = refresh(tmp_path, tiny_cil, made, name, find, good=1.1, fair=0.5)
    assert counts == [(name, 0, len(truth) * added)]


def test_what_is_there_is_not_made_again(tmp_path, tiny_cil):
    root, spreads = tiny_cil
    name = "1000011"
    list(cache.build(open_source("cil", root), [name], tmp_path / "old", workers=1))
    asked = []

    def find(spread):
        asked.append(spread)
        return spreads[name].truth

    for _ in range(2):
        list(pseudo.refresh(root, [name], tmp_path / "old", tmp_path / "new", find))
    assert len(asked) == 1
