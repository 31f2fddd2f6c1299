"""The segmenter's losses: what is right costs nothing, what is unknown does not count."""

import itertools

import numpy as np
import pytest

torch = pytest.importorskip("torch")
torch.set_num_threads(1)

from metaphase.config import SegmentTraining, TrainConfig  # noqa: E402
from metaphase.train import crops, segment_losses  # noqa: E402
from metaphase.train.loop import fit  # noqa: E402

CONFIG = SegmentTraining(batch=2, crop=160)


def crop_with_boxes(cell):
    """A real crop that was not turned, so that its annotation boxes are known."""
    tried = (crops.real_crop(cell, np.random.default_rng(seed), CONFIG) for seed in itertools.count())
    return next(made for made in tried if len(made.cells) and np.isfinite(made.boxes).all())


@pytest.fixture(scope="module")
def batch(cell):
    return [crop_with_boxes(cell), crops.composite_crop([cell], np.random.default_rng(0), CONFIG)]


def test_the_losses_go_down_on_one_batch(batch, tmp_path, small):
    config = TrainConfig(steps=20, lr=4e-3, warmup=3, bf16=False, report_every=2)
    records = list(fit(small(), itertools.repeat(batch), segment_losses.losses, config, tmp_path))
    first, last = records[0], records[-1]
    assert last["loss"] < 0.75 * first["loss"]
    for name in ("dice", "entropy", "box"):  # objectness follows the quality of the masks, a target that rises
        assert last[name] < first[name], name


def test_bfloat16_gives_nearly_the_same_loss(batch, small):
    network = small()
    with torch.no_grad():
        exact = segment_losses.losses(network, batch)["loss"]
        with torch.autocast("cpu", torch.bfloat16):
            rough = segment_losses.losses(network, batch)["loss"]
    assert rough.dtype == torch.float32
    assert float(rough) == pytest.approx(float(exact), rel=0.05)


def test_a_batch_without_chromosomes_has_a_loss_to_learn_from(cell, small):
    empty = crops._targets(
        np.zeros((64, 64), np.float32), [], np.zeros((0, 4)), np.zeros((64, 64), bool), np.random.default_rng(0)
    )
    network = small()
    losses = segment_losses.losses(network, [empty, empty])
    losses["loss"].backward()
    assert losses["loss"].item() > 0
    assert float(losses["dice"]) == float(losses["box"]) == float(losses["mask_iou"]) == 0
    assert all(p.grad is None or torch.isfinite(p.grad).all() for p in network.parameters())


def test_windows_are_cut_and_their_gradients_put_back():
    torch.manual_seed(0)
    padded = torch.randn(2, 3, 90, 84, dtype=torch.float64, requires_grad=True)
    which, tops = [0, 1, 1, 0], [[0, 0], [18, 12], [5, 7], [6, 3]]
    weight = torch.randn(4, 3, 72 * 72, dtype=torch.float64)
    cut = segment_losses._CutWindows.apply(padded, which, tops)
    plain = torch.stack([padded[n, :, y : y + 72, x : x + 72] for n, (y, x) in zip(which, tops, strict=True)])
    torch.testing.assert_close(cut, plain.flatten(2))
    (got,) = torch.autograd.grad((cut * weight).sum(), padded)
    (expected,) = torch.autograd.grad((plain.flatten(2) * weight).sum(), padded)
    torch.testing.assert_close(got, expected)


def picking_kernel():
    """Kernels of all cells that make the first feature the mask: logit = 60 f - 30."""
    kernel = torch.zeros(1, 233, 20, 20)
    kernel[:, 0], kernel[:, 152], kernel[:, 224], kernel[:, 232] = 1, 1, 60, -30
    return kernel


def test_masks_that_are_right_cost_nothing(batch):
    made = batch[1]
    count = len(made.cells)
    kernel = picking_kernel()
    which = torch.zeros(count, dtype=torch.long)
    cells = torch.from_numpy(made.cells)
    for i in range(count):  # each chromosome alone, its own mask as the features
        top, left = (made.cells[i] * 4 + 2).tolist()
        features = torch.zeros(1, 16, 80 + 72, 80 + 72)
        features[0, 0, top : top + 72, left : left + 72] = torch.from_numpy(made.windows[i] > 2).float()
        features = features[:, :, 36:-36, 36:-36].contiguous()
        window = torch.from_numpy(made.windows[i : i + 1] > 2).float().flatten(1)
        logits = segment_losses._mask_logits(kernel, features, which[:1], cells[i : i + 1])
        dice, entropy, quality = segment_losses._mask_losses(logits, window)
        assert float(dice) < 1e-3
        assert float(entropy) < 1e-6
        assert float(quality[0]) == 1


def test_boxes_that_are_right_cost_nothing_and_unknown_ones_do_not_count(cell):
    made = crop_with_boxes(cell)
    which, cells = torch.zeros(len(made.cells), dtype=torch.long), torch.from_numpy(made.cells)
    box = torch.ones(1, 4, 20, 20, requires_grad=True)
    assert segment_losses._box_loss(box, [made], which, cells).item() > 0.05
    exact = torch.ones(1, 4, 20, 20)
    for (row, column), i in zip(made.cells, made.instance, strict=True):
        x, y = column * 8 + 4, row * 8 + 4
        x0, y0, x1, y1 = made.boxes[i]
        exact[0, :, row, column] = torch.tensor([x - x0, y - y0, x1 - x, y1 - y]).clamp(min=0.5) / 12
    assert float(segment_losses._box_loss(exact, [made], which, cells)) == pytest.approx(0, abs=1e-5)
    made.boxes[:] = np.nan
    assert segment_losses._box_loss(box, [made], which, cells).item() == 0


def test_classes_that_are_right_cost_little_and_unknown_ones_nothing(cell):
    made = crop_with_boxes(cell)
    which, cells = torch.zeros(len(made.cells), dtype=torch.long), torch.from_numpy(made.cells)
    uniform = torch.zeros(1, 24, 20, 20, requires_grad=True)
    assert segment_losses._class_loss(uniform, [made], which, cells).item() == pytest.approx(np.log(24), abs=1e-4)
    sure = torch.zeros(1, 24, 20, 20)
    for (row, column), i in zip(made.cells, made.instance, strict=True):
        sure[0, made.labels[i] - 1, row, column] = 6
    assert float(segment_losses._class_loss(sure, [made], which, cells)) < 0.5
    made.labels[:] = 0
    assert segment_losses._class_loss(uniform, [made], which, cells).item() == 0


def test_ignored_cells_do_not_count(batch):
    made = batch[0]
    which, cells = torch.zeros(len(made.cells), dtype=torch.long), torch.from_numpy(made.cells)
    quality = torch.full((len(made.cells),), 0.8)

    def loss(objectness):
        nobody = segment_losses._matched_cells(torch.ones(1, 4, 20, 20), [made])
        return float(segment_losses._objectness_loss(objectness, [made], quality, which, cells, nobody, quality[:0]))

    plain = torch.zeros(1, 20, 20)
    changed, worse, best = plain.clone(), plain.clone(), plain.clone()
    owner = torch.from_numpy(made.owner).long()
    assert (owner == -2).any()
    changed[0][owner == -2] = 5
    worse[0][owner == -1] = 5
    best[0][owner == -1], best[0][owner >= 0] = -9, float(np.log(0.8 / 0.2))
    assert loss(changed) == loss(plain)
    assert loss(worse) > loss(plain)
    assert loss(best) < 0.01 * loss(plain)


@pytest.fixture(scope="module")
def boxed(clustered_cell):
    """A crop with a chromosome that has a box only, boxes as a good network sees them, and what was matched."""
    tried = (crops.real_crop(clustered_cell, np.random.default_rng(seed), CONFIG) for seed in itertools.count())
    made = next(one for one in tried if len(one.boxed.boxes))
    box = torch.full((1, 4, 20, 20), 0.1)
    for x0, y0, x1, y1 in made.boxed.all_boxes.tolist():
        row, column = int((y0 + y1) / 2 / 8), int((x0 + x1) / 2 / 8)
        if 0 <= row < 20 and 0 <= column < 20:
            x, y = column * 8 + 4, row * 8 + 4
            box[0, :, row, column] = torch.tensor([x - x0, y - y0, x1 - x, y1 - y]).clamp(min=0.5) / 12
    return made, box, segment_losses._matched_cells(box, [made])


def features_of(mask_ss):
    features = torch.zeros(1, 16, 80, 80)
    features[0, 0] = torch.from_numpy(mask_ss.astype(np.float32))
    return features


def test_a_chromosome_with_a_box_only_is_answered_for_by_the_cell_whose_box_fits(boxed):
    made, box, matched = boxed
    assert len(matched.which) == len(made.boxed.boxes)
    for (row, column), (x0, y0, x1, y1) in zip(matched.cells.tolist(), made.boxed.boxes.tolist(), strict=True):
        assert abs(column * 8 + 4 - (x0 + x1) / 2) <= 8
        assert abs(row * 8 + 4 - (y0 + y1) / 2) <= 8
        assert not matched.silent[0, row, column]
        assert matched.silent[0, row, (column + 3) % 20], "a cell with a tiny box fits nothing"
    assert not segment_losses._matched_cells(box * 0 + 0.1, [made]).which.numel(), "no cell means the chromosome"


def test_what_is_known_of_a_chromosome_with_a_box_only_tells_right_masks_from_wrong_ones(boxed):
    made, _, matched = boxed
    right = made.boxed.maps[0] > 0
    half = right & (np.arange(80) < made.boxed.tight[0, [0, 2]].mean() / 2)
    wide = np.ones((80, 80), bool)
    one = (matched.which[:1], matched.cells[:1])
    first = segment_losses._Matched(*one, matched.maps[:1], matched.spans[:1], matched.silent)
    found = {}
    for name, mask in (("right", right), ("half", half), ("wide", wide), ("none", wide & False)):
        logits = segment_losses._mask_logits(picking_kernel(), features_of(mask), *one)
        found[name] = [float(value) for value in segment_losses._boxed_losses(logits, first)]
    assert found["right"][0] < 0.1
    assert found["right"][1] < 0.01
    assert found["right"][2] > 0.8
    for name in ("half", "wide", "none"):
        assert found[name][0] > found["right"][0] + 0.05, name
        assert found[name][1] > found["right"][1] + 1, name
        assert found[name][2] < found["right"][2] - 0.2, name


def test_cells_that_fit_no_box_learn_to_be_silent_there(boxed):
    made, box, matched = boxed
    which, cells = torch.zeros(len(made.cells), dtype=torch.long), torch.from_numpy(made.cells)
    likeness, quality = torch.full((len(matched.which),), 0.9), torch.full((len(cells),), 0.8)
    ignored = torch.from_numpy(made.owner == -2) & matched.silent[0]
    assert ignored.any()

    def loss(objectness):
        return float(segment_losses._objectness_loss(objectness, [made], quality, which, cells, matched, likeness))

    plain = torch.full((1, 20, 20), -4.0)
    loud, known = plain.clone(), plain.clone()
    loud[0][ignored] = 4
    known[0, matched.cells[:, 0], matched.cells[:, 1]] = 2.2
    assert loss(loud) > loss(plain) > loss(known)


def test_chromosomes_with_a_box_only_are_counted_in_the_mean(boxed):
    made, _, matched = boxed
    enough = int(((matched.maps == 1).flatten(1).sum(1) >= 8).sum())
    assert enough
    which, cells = torch.zeros(len(made.cells), dtype=torch.long), torch.from_numpy(made.cells)
    quality, likeness = torch.full((len(cells),), 0.8), torch.full((len(matched.which),), 0.9)
    owner = torch.from_numpy(made.owner)
    counted = (owner != -2) | matched.silent[0]
    target = torch.zeros(20, 20)
    target[owner >= 0] = 0.8
    target[matched.cells[:, 0], matched.cells[:, 1]] = 0.9
    counted[matched.cells[:, 0], matched.cells[:, 1]] = (matched.maps == 1).flatten(1).sum(1) >= 8
    cost = torch.nn.functional.binary_cross_entropy(torch.full((20, 20), 0.5), target, reduction="none")
    expected = 2 * (cost * (target - 0.5) ** 2)[counted].sum() / ((owner >= 0).sum() + enough)
    given = (torch.zeros(1, 20, 20), [made], quality, which, cells, matched, likeness)
    assert float(segment_losses._objectness_loss(*given)) == pytest.approx(float(expected), rel=1e-4)
