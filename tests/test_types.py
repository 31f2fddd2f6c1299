"""The nouns: what they hold, what they refuse."""

import numpy as np
import pytest

from metaphase.types import Instances, Karyotype, Spread


def three(**columns):
    crops = [np.ones((4, 3), bool), np.pad(np.ones((2, 5), bool), 2), np.ones((3, 3), np.uint8)]
    return Instances.from_masks(30, 40, crops, [(1, 2), (10, 10), (38, 28)], **columns)


def test_masks_are_trimmed_and_boxes_are_tight():
    instances = three()
    assert len(instances) == 3
    assert instances.boxes_xyxy.tolist() == [[1, 2, 4, 6], [12, 12, 17, 14], [38, 28, 40, 30]]
    assert instances.boxes_xyxy.dtype == np.float32
    assert instances.areas.tolist() == [12, 10, 4]
    assert instances.has_masks
    np.testing.assert_array_equal(instances.annotation_boxes_xyxy, instances.boxes_xyxy)


def test_columns_left_out_have_defaults():
    instances = three()
    assert instances.labels.tolist() == [0, 0, 0]
    assert instances.scores.tolist() == [1, 1, 1]
    assert instances.status == ("chromosome",) * 3
    np.testing.assert_allclose(instances.probabilities_nc, 1 / 24)


def test_columns_have_their_types():
    instances = three(labels=[1, 23, 24], scores=[0.5, 0.25, 1], status=["chromosome", "unknown", "debris"])
    assert instances.labels.dtype == np.int64
    assert instances.scores.dtype == np.float32
    assert instances.status == ("chromosome", "unknown", "debris")


def test_full_masks_and_union():
    instances = three()
    full = np.stack([instances.mask(i) for i in range(3)])
    assert full.shape == (3, 30, 40)
    assert full.sum((1, 2)).tolist() == [12, 10, 4]
    np.testing.assert_array_equal(instances.union(), full.any(0))


def test_the_contract():
    tensors = three(labels=[1, 2, 3]).as_tensors()
    assert {name: (a.dtype.str[1:], a.shape) for name, a in tensors.items()} == {
        "boxes": ("f4", (3, 4)),
        "labels": ("i8", (3,)),
        "scores": ("f4", (3,)),
        "masks": ("f4", (3, 1, 30, 40)),
    }
    assert set(np.unique(tensors["masks"])) == {0, 1}


def test_the_contract_without_instances():
    tensors = Instances.from_masks(30, 40, [], []).as_tensors()
    assert [a.shape for a in tensors.values()] == [(0, 4), (0,), (0,), (0, 1, 30, 40)]
    assert [a.dtype.str[1:] for a in tensors.values()] == ["f4", "i8", "f4", "f4"]


def test_select_takes_indices_in_order_or_a_boolean_array():
    instances = three(labels=[1, 2, 3])
    assert instances.select([2, 0]).labels.tolist() == [3, 1]
    assert instances.select([2, 0]).areas.tolist() == [4, 12]
    assert instances.select(np.array([False, True, False])).labels.tolist() == [2]
    assert len(instances.select([])) == 0


def test_of_status():
    instances = three(labels=[1, 2, 3], status=["unknown", "chromosome", "debris"])
    assert instances.of_status().labels.tolist() == [2]
    assert instances.of_status("debris").labels.tolist() == [3]


def test_boxes_without_masks():
    instances = Instances.from_boxes(30, 40, [[1.5, 2, 4, 6]], labels=[5])
    assert not instances.has_masks
    assert instances.boxes_xyxy.tolist() == [[1.5, 2, 4, 6]]
    assert instances.select([0]).labels.tolist() == [5]
    for access in (lambda: instances.areas, lambda: instances.mask(0), instances.union, instances.as_tensors):
        with pytest.raises(ValueError, match="boxes only"):
            access()
    assert Instances.from_boxes(30, 40, np.zeros((0, 4))).boxes_xyxy.shape == (0, 4)


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"labels": [1, 2, 25]}, r"labels must lie in 0\.\.24"),
        ({"labels": [-1, 2, 3]}, r"labels must lie in 0\.\.24"),
        ({"labels": [1, 2]}, "reshape"),
        ({"probabilities_nc": np.zeros((3, 23))}, "reshape"),
        ({"status": ["chromosome"]}, "must have 3 entries"),
        ({"status": ["chromosome", "blob", "debris"]}, r"status must be one of .* but got \['blob'\]"),
    ],
)
def test_what_does_not_fit_is_refused(columns, message):
    with pytest.raises(ValueError, match=message):
        three(**columns)


def test_unknown_columns_are_refused_by_name():
    with pytest.raises(TypeError, match=r"unknown columns \['label'\]"):
        three(label=[1, 2, 3])


def test_an_empty_mask_is_refused():
    with pytest.raises(ValueError, match="no pixel inside the image"):
        Instances.from_masks(30, 40, [np.zeros((3, 3))], [(0, 0)])
    with pytest.raises(ValueError, match="zip"):
        Instances.from_masks(30, 40, [np.ones((3, 3))], [])


def test_a_spread_is_gray_bytes():
    spread = Spread(np.zeros((30, 40), np.uint8), 12.0)
    assert (spread.height, spread.width) == (30, 40)
    for wrong in (np.zeros((30, 40)), np.zeros((30, 40, 3), np.uint8)):
        with pytest.raises(ValueError, match="gray must be a 2D uint8 array"):
            Spread(wrong, 12.0)


def test_a_karyotype_may_know_no_orientation():
    karyotype = Karyotype(three(), ((0,), (1, 2)) + ((),) * 21, (), {"score": 1.0})
    assert karyotype.upright.shape == (0,)
    assert karyotype.straightened == ()


def test_instances_of_one_image_are_joined_in_order():
    one = Instances.from_masks(9, 9, [np.ones((2, 3), bool)], [(1, 1)], labels=[4], scores=[0.5])
    two = Instances.from_masks(9, 9, [np.ones((3, 2), bool)], [(5, 5)], labels=[7], status=["debris"])
    both = one.joined_with(two)
    assert both.labels.tolist() == [4, 7]
    assert both.status == ("chromosome", "debris")
    assert both.areas.tolist() == [6, 6]
    assert both.boxes_xyxy.tolist() == [[1, 1, 4, 3], [5, 5, 7, 8]]
    for other in (Instances.from_masks(8, 9, [], []), Instances.from_boxes(9, 9, np.zeros((0, 4)))):
        with pytest.raises(ValueError, match="one image"):
            one.joined_with(other)
