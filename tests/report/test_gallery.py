"""Cells of the gallery: marked outlines at the right place."""

import cv2
import numpy as np
import pytest

from metaphase.report.gallery import MARKS, draw_marked
from metaphase.types import Instances


def picture(data):
    return cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)[..., ::-1].astype(int)


def near(rgb, colour, tolerance=70):
    return (abs(rgb - np.array(colour)) < tolerance).all(-1)


def test_outlines_have_the_colour_of_their_mark_and_the_scale_of_the_picture():
    gray = np.full((100, 200), 255, np.uint8)
    found = Instances.from_masks(
        100, 200, [np.ones((40, 30))] * 2, [(10, 30), (120, 30)], labels=[1, 23], scores=[1, 1]
    )
    rgb = picture(draw_marked(gray, found, ["missed", "right"], 400))
    assert rgb.shape == (200, 400, 3)
    rows, columns = np.nonzero(near(rgb, MARKS["missed"]))
    assert columns.max() < 100
    assert abs(np.percentile(columns, 2) - 20) < 4
    assert abs(np.percentile(columns, 98) - 79) < 4
    rows, columns = np.nonzero(near(rgb, MARKS["right"]))
    assert columns.min() > 200


def test_boxes_are_drawn_where_there_are_no_masks_and_large_images_shrink():
    gray = np.full((2000, 1000), 255, np.uint8)
    found = Instances.from_boxes(2000, 1000, np.array([[100, 200, 500, 900]]))
    rgb = picture(draw_marked(gray, found, ["false"], 500))
    assert rgb.shape == (500, 250, 3)
    rows, _ = np.nonzero(near(rgb, MARKS["false"]))
    assert abs(rows.min() - 50) < 4
    assert abs(rows.max() - 225) < 4


def test_nothing_to_draw_and_too_few_marks():
    gray = np.full((50, 50), 128, np.uint8)
    nothing = Instances.from_boxes(50, 50, np.zeros((0, 4)))
    assert abs(picture(draw_marked(gray, nothing, [], 100)) - 128).max() < 4
    with pytest.raises(ValueError, match="marks must have 0 entries"):
        draw_marked(gray, nothing, ["right"], 100)
