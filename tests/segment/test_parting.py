"""Two bars end to end that were seen as one."""

import numpy as np
import pytest

from metaphase.segment.parting import parted
from metaphase.types import Instances, Spread

WIDTH = 12.0


def seen(gap=(58, 62), gray=60, gap_gray=150, neck=3, size=(60, 140)):
    """A dark bar of 100 x 12 px with a paler, narrower place, as one instance of score .9, and the spread."""
    mask = np.zeros(size, bool)
    mask[20:32, 20:120] = True
    mask[20 : 20 + neck, gap[0] : gap[1]] = mask[32 - neck : 32, gap[0] : gap[1]] = False
    image = np.full(size, 230, np.uint8)
    image[mask] = gray
    image[:, gap[0] : gap[1]][mask[:, gap[0] : gap[1]]] = gap_gray
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    crop = mask[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    found = Instances.from_masks(*size, [crop], [(int(columns[0]), int(rows[0]))], scores=[0.9])
    return found, Spread(gray=image, chromosome_width=WIDTH)


def test_it_is_cut_where_it_is_thin_and_pale():
    found, spread = seen()
    parts = parted(found, np.array([0]), spread)
    assert len(parts) == 2
    (x0, _, x1, _), (x2, _, x3, _) = sorted(parts.boxes_xyxy.tolist())
    assert (x0, x3) == (20, 120)
    assert x1 == pytest.approx(60, abs=2)
    assert x2 == x1
    assert parts.areas.sum() == found.areas[0], "every pixel belongs to one part"
    assert parts.scores == pytest.approx(0.9)
    assert parts.probabilities_nc == pytest.approx(1 / 24)
    assert (parts.annotation_boxes_xyxy[:, 0] < parts.boxes_xyxy[:, 0]).all()


def test_parts_stay_where_their_whole_is():
    found, spread = seen()
    parts = parted(found, np.array([0]), spread)
    together = parts.mask(0) | parts.mask(1)
    np.testing.assert_array_equal(together, found.mask(0))
    assert not (parts.mask(0) & parts.mask(1)).any()


@pytest.mark.parametrize(
    "scene",
    [
        {"neck": 0, "gap_gray": 60},  # nothing to see
        {"gap": (24, 27)},  # what is cut off would be no chromosome
        {"neck": 0, "gap_gray": 85},  # a pale band
    ],
)
def test_others_stay_whole(scene):
    found, spread = seen(**scene)
    assert len(parted(found, np.array([0]), spread)) == 0


def test_only_the_chosen_ones_are_cut():
    found, spread = seen()
    assert len(parted(found, np.array([], np.int64), spread)) == 0
    nothing = Instances.from_masks(60, 140, [], [])
    assert len(parted(nothing, np.array([], np.int64), spread)) == 0


def test_small_ones_and_specks_stay_whole():
    found, spread = seen()
    wide = Spread(gray=spread.gray, chromosome_width=40.0)
    assert len(parted(found, np.array([0]), wide)) == 0
    speck = Instances.from_masks(60, 140, [np.ones((1, 1), bool)], [(5, 5)], scores=[0.9])
    assert len(parted(speck, np.array([0]), Spread(gray=spread.gray, chromosome_width=0.5))) == 0


def test_at_most_two_ways_each():
    found, spread = seen()
    gray = spread.gray.copy()
    gray[:, 40:43] = gray[:, 80:83] = gray[:, 99:102] = 200
    assert len(parted(found, np.array([0]), Spread(gray=gray, chromosome_width=WIDTH))) == 4
