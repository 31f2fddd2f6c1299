"""From the network's maps to masks at full resolution, with a network that draws known masks."""

from dataclasses import replace

import cv2
import numpy as np
import pytest

from metaphase import masks as geometry
from metaphase.config import SegmentConfig
from metaphase.errors import WeightsError
from metaphase.segment import Segmenter
from metaphase.segment.candidates import CELL, WINDOW
from metaphase.segment.segmenter import _enlarge, _main_part
from metaphase.types import Spread


def rod(shape, centre_xy, length, width, degrees):
    """A chromosome-like mask: a line with round ends."""
    d = np.array([np.cos(np.radians(degrees)), np.sin(np.radians(degrees))]) * length / 2
    full = np.zeros(shape, np.uint8)
    a, b = np.rint(np.array([centre_xy - d, centre_xy + d]) * 16).astype(int)
    yy, xx = np.mgrid[: shape[0], : shape[1]]
    t = np.clip(((xx - a[0] / 16) * d[0] + (yy - a[1] / 16) * d[1]) / (2 * d @ d), 0, 1)
    full[np.hypot(xx - a[0] / 16 - 2 * t * d[0], yy - a[1] / 16 - 2 * t * d[1]) <= width / 2] = 1
    assert tuple(b) != tuple(a)
    return full.astype(bool)


def scene(scale, rods, shape=(240, 280)):
    """Spread at full resolution, full masks, masks on the segmenter's grid and their cells."""
    width = 12 / scale
    full = [rod(shape, np.array(xy), length, width, degrees) for xy, length, degrees in rods]
    gray = np.full(shape, 240, np.uint8)
    for mask in full:
        gray[mask] = np.maximum(gray[mask].astype(int) - 120, 20)
    size = (round(shape[1] * scale), round(shape[0] * scale))
    small = [cv2.resize(m.astype(np.float32), size, interpolation=cv2.INTER_AREA) >= 0.5 for m in full]
    cells = []
    for mask in small:
        row, column = np.rint(np.argwhere(mask).mean(0)).astype(int) // CELL
        # A cell speaks for one chromosome; of two that cross in their middle the second takes the cell beside it.
        cells.append((row, column + ((row, column) in cells)))
    return Spread(gray, width), full, small, cells


def iou(found, index, mask):
    got = found.mask(index)
    return (got & mask).sum() / (got | mask).sum()


RODS = [((70, 70), 60, 20), ((180, 80), 80, 45), ((180, 80), 80, 135), ((100, 180), 50, 90), ((275, 200), 60, 90)]


@pytest.mark.parametrize("scale", [0.6, 1.0, 1.5])
def test_known_masks_come_back_at_full_resolution(drawn_network, scale):
    spread, full, small, cells = scene(scale, RODS)
    session = drawn_network(small, cells)
    found = Segmenter(session)(spread)
    assert len(found) == len(RODS)
    # Equal scores leave the order open: each mask must come back as exactly one instance.
    agreement = np.array([[iou(found, i, mask) for i in range(len(found))] for mask in full])
    assert agreement.max(1).min() > 0.9
    assert sorted(agreement.argmax(1)) == list(range(len(RODS)))
    assert np.all(np.diff(found.scores) <= 0)
    assert not found.labels.any()
    assert session.seen.shape[2] % 32 == session.seen.shape[3] % 32 == 0
    assert session.seen.dtype == np.float32


def test_an_outline_does_not_end_at_the_border_of_its_window(drawn_network):
    rods = [((140, 100), 230, 90), ((140, 160), 230, 20), ((60, 180), 50, 90)]
    spread, full, small, cells = scene(1.0, rods)
    cells[0] = (9, 17)  # a cell near one end: the other one lies outside the window
    found = Segmenter(drawn_network(small, cells))(spread)
    agreement = np.array([[iou(found, i, mask) for i in range(len(found))] for mask in full])
    assert len(found) == 3
    assert agreement.max(1).min() > 0.9


def test_an_outline_does_not_go_on_into_a_neighbour(drawn_network):
    # The first mask has the features of two more rods: one begins in its window, one lies beyond.
    rods = [((100, 100), 150, 0), ((60, 225), 130, 90), ((210, 70), 60, 90)]
    spread, full, small, cells = scene(1.0, rods)
    cells[0] = (12, 10)
    small[0] = small[0] | small[1] | small[2]
    found = Segmenter(drawn_network(small[:1], cells[:1]))(spread)
    assert len(found) == 1
    assert iou(found, 0, full[0]) > 0.9


def test_chromosomes_that_cross_share_pixels(drawn_network):
    spread, full, small, cells = scene(1.0, RODS[1:3])
    found = Segmenter(drawn_network(small, cells))(spread)
    shared = geometry.intersection(found.crops[0], found.offsets_xy[0], found.crops[1], found.offsets_xy[1])
    assert shared > 0.7 * (full[0] & full[1]).sum()


def test_boxes_of_the_network_are_taken_where_they_agree_with_the_mask(drawn_network):
    spread, full, small, cells = scene(1.0, RODS[:1])
    session = drawn_network(small, cells)
    found = Segmenter(session, SegmentConfig(regressed_box=1.0))(spread)
    rows, columns = np.nonzero(full[0])
    tight = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
    np.testing.assert_allclose(found.annotation_boxes_xyxy[0], tight, atol=1)
    usual = geometry.pad_as_annotators(found.boxes_xyxy[:1], spread.chromosome_width)[0]
    mixed = Segmenter(session, SegmentConfig(regressed_box=0.25))(spread).annotation_boxes_xyxy[0]
    np.testing.assert_allclose(mixed, 0.25 * found.annotation_boxes_xyxy[0] + 0.75 * usual, atol=1e-3)

    def astray(names, feeds):
        objectness, box, kernel, features, classes = drawn_network(small, cells).run(names, feeds)
        return [objectness, np.full_like(box, 9.0), kernel, features, classes]

    session.run = astray
    np.testing.assert_array_equal(Segmenter(session)(spread).annotation_boxes_xyxy[0], usual)


def test_a_fluorescent_chromosome_ends_where_its_own_glow_falls_off(drawn_network):
    spread, full, small, cells = scene(1.0, RODS[:2])
    dim = cv2.GaussianBlur(np.where(full[0], 200, 240).astype(np.float32), (0, 0), 2.0)
    bright = cv2.GaussianBlur(np.where(full[1], 40, 240).astype(np.float32), (0, 0), 2.0)
    noise = np.random.default_rng(1).integers(-3, 4, dim.shape)
    spread = Spread((np.minimum(dim, bright) + noise).astype(np.uint8), 12.0, inverted=True)
    wide = [cv2.dilate(m.astype(np.uint8), np.ones((3, 3), np.uint8), iterations=3).astype(bool) for m in small]
    found = Segmenter(drawn_network(wide, cells))(spread)
    assert len(found) == 2
    assert sorted(max(iou(found, i, mask) for mask in full) > 0.85 for i in range(2)) == [True, True]


def test_where_the_glow_was_cut_off_with_the_background_the_edge_lies_farther_out(drawn_network):
    _, full, small, cells = scene(1.0, RODS[:1])
    glowing = cv2.GaussianBlur(np.where(full[0], 60, 240).astype(np.float32), (0, 0), 3.0)
    noise = np.random.default_rng(0).normal(0, 3, glowing.shape)
    wide = [cv2.dilate(m.astype(np.uint8), np.ones((3, 3), np.uint8), iterations=3).astype(bool) for m in small]
    areas = []
    for gray in (glowing + noise, np.where(glowing > 238, 240, glowing)):
        spread = Spread(np.clip(gray, 0, 255).astype(np.uint8), 12.0, inverted=True)
        areas.append(int(Segmenter(drawn_network(wide, cells))(spread).areas[0]))
    same = SegmentConfig(fluorescent_edge_clipped=SegmentConfig().fluorescent_edge)
    unmoved = int(Segmenter(drawn_network(wide, cells), same)(spread).areas[0])
    assert areas[1] > 1.05 * areas[0]
    assert areas[1] > 1.05 * unmoved


@pytest.mark.parametrize(("inverted", "expected"), [(False, 4), (True, 3)])
def test_halves_are_joined_where_bands_can_tell(drawn_network, inverted, expected):
    rods = [((140, 120), 110, 90), ((100, 120), 56, 0), ((180, 120), 56, 0)]
    spread, _, small, cells = scene(1.0, rods)
    found = Segmenter(drawn_network(small, cells))(replace(spread, inverted=inverted))
    assert len(found) == expected


def test_what_the_network_thinks_of_the_class_travels_with_the_mask(drawn_network):
    spread, _, small, cells = scene(1.0, RODS[:2])
    found = Segmenter(drawn_network(small, cells, labels=[4, 9]))(spread)
    assert found.probabilities_nc.argmax(1).tolist() == [3, 8]
    np.testing.assert_allclose(found.probabilities_nc.sum(1), 1, atol=1e-5)


def test_the_operating_point_decides_who_is_called_a_chromosome(drawn_network):
    spread, _, small, cells = scene(1.0, RODS[:2])
    session = drawn_network(small, cells, objectness=[3.0, -1.0])
    assert len(Segmenter(session, SegmentConfig(score=0.2))(spread)) == 2
    assert len(Segmenter(session, SegmentConfig(score=0.5))(spread)) == 1
    assert len(Segmenter(session, SegmentConfig(score=0.99))(spread)) == 0


def test_nothing_to_see_gives_no_instances(drawn_network):
    session = drawn_network([], [])
    blank = Spread(np.full((80, 90), 200, np.uint8), 0.0)
    found = Segmenter(session)(blank)
    assert (len(found), found.height, found.width) == (0, 80, 90)
    assert session.seen is None
    spread, *_ = scene(1.0, RODS[:1])
    assert Segmenter(session)(spread).boxes_xyxy.shape == (0, 4)


def test_a_mask_in_the_background_is_no_chromosome(drawn_network):
    spread, _, small, cells = scene(1.0, RODS[:1])
    elsewhere = np.roll(small[0], 100, axis=0)
    cell = np.rint(np.argwhere(elsewhere).mean(0)).astype(int) // CELL
    session = drawn_network([elsewhere * 0.6], [cell])  # never above 0.9, so only the foreground counts
    assert len(Segmenter(session)(spread)) == 0
    assert cells[0][0] != cell[0]


@pytest.mark.parametrize("scale", [0.5, 0.8, 1.25])
@pytest.mark.parametrize("cell", [(12, 15), (1, 2)])
def test_windows_are_enlarged_onto_the_pixels_they_came_from(scale, cell):
    shape = (round(220 / scale), round(240 / scale))
    centre = (np.array(cell[::-1]) * CELL + 4) / scale
    full = rod(shape, np.maximum(centre, 0), 70 / scale, 12 / scale, 30)
    top, left = (np.array(cell) * CELL + CELL // 2 - WINDOW).tolist()
    # Each pixel of the window averages the image pixels under it.
    matrix = np.array([[2 / scale / 8, 0, 0], [0, 2 / scale / 8, 0]])
    matrix[:, 2] = (np.array([left, top]) + 2 / 16) / scale - 0.5
    how = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    fine = cv2.warpAffine(full.astype(np.float32), matrix, (WINDOW * 8, WINDOW * 8), flags=how)
    window = fine.reshape(WINDOW, 8, WINDOW, 8).mean((1, 3))
    probability, x, y = _enlarge(window, np.array(cell), scale, shape)
    back = np.zeros(shape, bool)
    back[y : y + probability.shape[0], x : x + probability.shape[1]] = probability > 0.5
    assert (back & full).sum() / (back | full).sum() > 0.93
    rows, columns = np.nonzero(back)
    np.testing.assert_allclose([rows.mean(), columns.mean()], np.argwhere(full).mean(0), atol=0.3)


def test_an_empty_window_is_none():
    assert _enlarge(np.zeros((WINDOW, WINDOW), np.float32), np.array([3, 3]), 1.0, (100, 100)) is None
    corner = np.zeros((WINDOW, WINDOW), np.float32)
    corner[0, 0] = 1  # of the window of cell (0, 0) this lies far outside the image
    assert _enlarge(corner, np.array([0, 0]), 1.0, (100, 100)) is None


def test_specks_go_and_pinholes_close():
    mask = np.zeros((40, 40), bool)
    mask[5:25, 5:15] = True
    expected = mask.copy()
    mask[10:12, 8:11] = False
    mask[30, 30] = True
    np.testing.assert_array_equal(_main_part(mask), expected)
    two = expected.copy()
    two[27:37, 5:15] = True  # half as large: a chromosome interrupted by another one
    np.testing.assert_array_equal(_main_part(two), two)
    ring = expected.copy()
    ring[10:16, 7:13] = False
    np.testing.assert_array_equal(_main_part(ring), ring)
    assert not _main_part(np.zeros((5, 5), bool)).any()


def test_missing_or_damaged_weights_are_named(tmp_path):
    with pytest.raises(WeightsError, match=r"segment\.onnx: expected .* but there is no such file"):
        Segmenter.load(tmp_path)
    (tmp_path / "segment.onnx").write_bytes(b"not a network")
    with pytest.raises(WeightsError, match=r"segment\.onnx: expected the segmenter's weights"):
        Segmenter.load(tmp_path)
