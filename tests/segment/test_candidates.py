"""Candidates, their masks, and suppression on the masks themselves."""

import numpy as np
import pytest

from metaphase.segment.candidates import (
    CELL,
    WINDOW,
    Candidates,
    find_candidates,
    kernel_parts,
    mask_probabilities,
    pool,
    shared_pixels,
    suppress,
)

GRID = (96, 96)


def candidates(masks, cells, scores):
    """Candidates whose windows are cut from full masks on the stride 2 grid."""
    half = WINDOW // 2
    windows = []
    for mask, (row, column) in zip(masks, cells, strict=True):
        padded = np.pad(np.asarray(mask, np.float32), half)
        top, left = row * CELL // 2 + CELL // 4, column * CELL // 2 + CELL // 4
        windows.append(padded[top : top + WINDOW, left : left + WINDOW])
    n = len(masks)
    return Candidates(
        np.array(cells, np.int64).reshape(n, 2),
        np.array(scores, np.float32),
        np.zeros((n, 4), np.float32),
        np.zeros((n, 169), np.float32),
        np.array(windows, np.float32).reshape(n, WINDOW, WINDOW),
        np.zeros((n, 24), np.float32),
    )


def bar(centre, length, breadth, upright):
    mask = np.zeros(GRID, bool)
    h, w = (length, breadth) if upright else (breadth, length)
    y, x = centre[0] - h // 2, centre[1] - w // 2
    mask[y : y + h, x : x + w] = True
    return mask


def test_the_window_is_centred_on_its_cell(kernel_of):
    features = np.zeros((8, 96, 96), np.float32)
    cell = np.array([[5, 7]])
    row, column = 5 * 4 + 2, 7 * 4 + 2  # the cell's centre, pixel 8 r + 4, is the corner of four pixels at stride 2
    features[3, row - 1 : row + 1, column - 1 : column + 1] = 1
    window = mask_probabilities(kernel_of(3)[None], features, cell)[0]
    assert window.shape == (WINDOW, WINDOW)
    rows, columns = np.nonzero(window > 0.5)
    assert sorted(set(rows)) == sorted(set(columns)) == [WINDOW // 2 - 1, WINDOW // 2]


def test_beyond_the_image_features_are_zero(kernel_of):
    features = np.ones((8, 16, 16), np.float32)
    window = mask_probabilities(kernel_of(0)[None], features, np.array([[0, 0]]))[0] > 0.5
    assert window.sum() == 16 * 16
    assert window[34:50, 34:50].all()


def test_position_is_measured_from_the_cell_in_units_of_32_pixels():
    kernel = np.zeros((2, 169), np.float32)
    for i in range(2):  # the logit is the column, or the row, plus 10 so that the rectifier lets it through
        w1, b1 = np.zeros((8, 10)), np.zeros(8)
        w1[0, 8 + i], b1[0] = 1, 10
        w2, w3 = np.eye(8), np.eye(1, 8)
        kernel[i] = np.concatenate([w1.ravel(), b1, w2.ravel(), np.zeros(8), w3.ravel(), [-10.0]])
    windows = mask_probabilities(kernel, np.zeros((8, 32, 32), np.float32), np.zeros((2, 2), np.int64))
    logits = np.log(windows / (1 - windows))
    expected = (np.arange(WINDOW) * 2 + 1 - WINDOW) / 32
    np.testing.assert_allclose(logits[0], np.tile(expected, (WINDOW, 1)), atol=1e-3)
    np.testing.assert_allclose(logits[1], np.tile(expected[:, None], (1, WINDOW)), atol=1e-3)


def test_no_cells_no_masks():
    features, cells = np.zeros((8, 4, 4), np.float32), np.zeros((0, 2), np.int64)
    assert mask_probabilities(np.zeros((0, 169), np.float32), features, cells).shape == (0, WINDOW, WINDOW)


@pytest.mark.parametrize("channels", [8, 16])
def test_numpy_and_torch_compute_the_same_masks(channels):
    torch = pytest.importorskip("torch")
    torch.set_num_threads(1)
    from metaphase.segment.network import mask_logits  # noqa: PLC0415 - needs torch

    rng = np.random.default_rng(0)
    kernels = rng.normal(0, 0.7, (5, sum(kernel_parts(channels)))).astype(np.float32)
    features = rng.normal(0, 1, (channels, 60, 50)).astype(np.float32)
    cells = np.array([[0, 0], [7, 6], [14, 11], [3, 11], [9, 2]])
    padded = np.pad(features, ((0, 0), (36, 36), (36, 36)))
    span = (np.arange(WINDOW) - WINDOW / 2 + 0.5) / 16
    grid = np.stack([np.tile(span, WINDOW), np.repeat(span, WINDOW)]).astype(np.float32)
    taken = [
        padded[:, 4 * r + 2 : 4 * r + 2 + WINDOW, 4 * c + 2 : 4 * c + 2 + WINDOW].reshape(channels, -1)
        for r, c in cells
    ]
    relative = torch.from_numpy(grid).expand(5, 2, -1)
    logits = mask_logits(torch.from_numpy(kernels), torch.from_numpy(np.stack(taken)), relative)
    expected = logits.sigmoid().numpy().reshape(5, WINDOW, WINDOW)
    found = mask_probabilities(kernels, features, cells)
    np.testing.assert_allclose(found, expected, atol=1e-5)
    wide = mask_probabilities(kernels, features, cells, 2 * WINDOW)
    assert wide.shape == (5, 2 * WINDOW, 2 * WINDOW)
    np.testing.assert_allclose(wide[:, 36:108, 36:108], found, atol=1e-5)


def test_candidates_are_the_best_cells_above_the_threshold(kernel_of):
    objectness = np.full((4, 5), -8.0, np.float32)
    objectness[1, 2], objectness[3, 4], objectness[0, 0] = 2.0, 4.0, 0.5
    box = np.zeros((4, 4, 5), np.float32)
    box[:, 3, 4] = [1, 2, 3, 4]
    kernel = np.tile(kernel_of(0)[:, None, None], (1, 4, 5))
    features = np.ones((8, 16, 20), np.float32)
    classes = np.zeros((24, 4, 5), np.float32)
    classes[6, 3, 4] = 5.0

    def find(threshold, most):
        return find_candidates(objectness, box, kernel, features, classes, threshold=threshold, most=most, unit=12.0)

    found = find(0.2, 10)
    assert found.cells.tolist() == [[3, 4], [1, 2], [0, 0]]
    sigmoid = 1 / (1 + np.exp(-np.array([4.0, 2.0, 0.5])))
    np.testing.assert_allclose(found.scores, sigmoid, rtol=1e-3)  # inside the masks the probability is nearly 1
    assert found.boxes[0].tolist() == [36 - 12, 28 - 24, 36 + 36, 28 + 48]
    assert found.class_logits.argmax(1)[0] == 6
    assert found.class_logits[1:].tolist() == np.zeros((2, 24)).tolist()
    assert len(find(0.2, 2).scores) == 2
    assert len(find(0.9, 9).scores) == 1
    nothing = find(0.999, 9)
    assert nothing.cells.shape == (0, 2)
    assert nothing.boxes.shape == (0, 4)
    assert nothing.probabilities.shape == (0, WINDOW, WINDOW)


def test_an_unsure_mask_lowers_the_score():
    kernel = np.zeros((169, 1, 1), np.float32)
    kernel[-1] = 0.4  # every pixel of the mask has the probability sigmoid(0.4)
    features, box = np.ones((8, 4, 4), np.float32), np.zeros((4, 1, 1), np.float32)
    objectness, classes = np.full((1, 1), 3.0, np.float32), np.zeros((24, 1, 1), np.float32)
    found = find_candidates(objectness, box, kernel, features, classes, threshold=0.5, most=5, unit=12.0)
    np.testing.assert_allclose(found.scores, [1 / (1 + np.exp(-3.0)) / (1 + np.exp(-0.4))], rtol=1e-5)


def test_two_chromosomes_that_cross_in_their_middle_both_stay():
    cross = [bar((48, 48), 40, 6, True), bar((48, 48), 40, 6, False)]
    found = candidates(cross, [[11, 11], [11, 12]], [0.9, 0.8])
    assert suppress(found, shared_pixels(found, GRID), iou=0.5, contained=0.75).tolist() == [0, 1]


def test_crossing_diagonals_share_centre_and_box_and_both_stay():
    falling = np.abs(np.subtract.outer(np.arange(96), np.arange(96))) < 5
    square = np.zeros(GRID, bool)
    square[28:68, 28:68] = True
    masks = [falling & square, falling[:, ::-1] & square]
    boxes = [(np.flatnonzero(m.any(1))[[0, -1]], np.flatnonzero(m.any(0))[[0, -1]]) for m in masks]
    np.testing.assert_array_equal(boxes[0], boxes[1])
    found = candidates(masks, [[11, 11], [11, 11]], [0.7, 0.9])
    assert suppress(found, shared_pixels(found, GRID), iou=0.5, contained=0.75).tolist() == [1, 0]


def test_a_duplicate_goes_even_from_another_cell():
    first, shifted = bar((48, 48), 40, 6, True), bar((49, 48), 40, 6, True)
    found = candidates([first, shifted], [[10, 11], [13, 11]], [0.6, 0.9])
    assert suppress(found, shared_pixels(found, GRID), iou=0.5, contained=0.75).tolist() == [1]


def test_a_part_of_a_better_one_goes_and_the_limit_counts():
    whole, part = bar((48, 48), 40, 6, True), bar((40, 48), 14, 6, True)
    found = candidates([whole, part], [[11, 11], [9, 11]], [0.9, 0.8])
    assert suppress(found, shared_pixels(found, GRID), iou=0.5, contained=0.75).tolist() == [0]
    assert suppress(found, shared_pixels(found, GRID), iou=0.5, contained=1.1).tolist() == [0, 1]


def test_a_suppressed_candidate_suppresses_nobody():
    first, second, third = (bar((y, 48), 20, 6, True) for y in (40, 46, 52))  # neighbours share 14 of 26 rows
    found = candidates([first, second, third], [[10, 11], [11, 11], [12, 11]], [0.9, 0.8, 0.7])
    assert suppress(found, shared_pixels(found, GRID), iou=0.5, contained=2.0).tolist() == [0, 2]


def test_empty_masks_go():
    found = candidates([np.zeros(GRID, bool), bar((48, 48), 20, 6, True)], [[11, 11], [11, 11]], [0.9, 0.5])
    assert suppress(found, shared_pixels(found, GRID), iou=0.5, contained=0.75).tolist() == [1]
    nothing = candidates([], [], [])
    assert suppress(nothing, shared_pixels(nothing, GRID), iou=0.5, contained=0.75).tolist() == []


def test_take_keeps_rows_together():
    masks = [bar((48, 48), 20, 6, True), bar((30, 30), 20, 6, False)]
    taken = candidates(masks, [[11, 11], [7, 7]], [0.9, 0.8]).take(np.array([1]))
    assert taken.cells.tolist() == [[7, 7]]
    assert taken.scores.tolist() == pytest.approx([0.8])
    assert taken.probabilities.shape == (1, WINDOW, WINDOW)
    assert taken.boxes.shape == (1, 4)


def test_cells_with_the_same_mask_share_their_boxes_and_classes():
    same, other = bar((48, 48), 40, 8, True), bar((48, 20), 40, 8, True)
    found = candidates([same, same, other], [(6, 6), (7, 6), (6, 2)], [0.9, 0.3, 0.8])
    found.boxes[:] = [[0, 0, 8, 40], [4, 0, 8, 40], [100, 0, 108, 40]]
    found.class_logits[:2, 3] = [4.0, 8.0]
    pooled = pool(found, np.array([0, 2]), shared_pixels(found, GRID), alike=0.7)
    np.testing.assert_allclose(pooled.boxes, [[1, 0, 8, 40], [100, 0, 108, 40]], rtol=1e-5)
    np.testing.assert_allclose(pooled.class_logits[:, 3], [5.0, 0.0], rtol=1e-5)
    assert pooled.scores.tolist() == found.scores[[0, 2]].tolist()


def test_pooling_nothing_gives_nothing():
    nothing = candidates([], [], [])
    pooled = pool(nothing, np.zeros(0, np.int64), shared_pixels(nothing, GRID), alike=0.7)
    assert pooled.boxes.shape == (0, 4)
    assert pooled.class_logits.shape == (0, 24)
