"""The segmenter's losses and its training, on crops of a few seconds."""

import itertools
import json

import numpy as np
import pytest

torch = pytest.importorskip("torch")
torch.set_num_threads(1)

from metaphase.config import SegmentTraining, TrainConfig  # noqa: E402
from metaphase.errors import ConfigError  # noqa: E402
from metaphase.segment.network import SegmenterNetwork  # noqa: E402
from metaphase.train import crops, export, judging, pseudo, segment  # noqa: E402
from metaphase.train.loop import fit  # noqa: E402

CONFIG = SegmentTraining(batch=2, crop=160)


def small():
    torch.manual_seed(0)
    return SegmenterNetwork(channels=(8, 16, 16, 16), head=16)


def crop_with_boxes(cell):
    """A real crop that was not turned, so that its annotation boxes are known."""
    tried = (crops.real_crop(cell, np.random.default_rng(seed), CONFIG) for seed in itertools.count())
    return next(made for made in tried if len(made.cells) and np.isfinite(made.boxes).all())


@pytest.fixture(scope="module")
def batch(cell):
    return [crop_with_boxes(cell), crops.composite_crop([cell], np.random.default_rng(0), CONFIG)]


def test_the_losses_go_down_on_one_batch(batch, tmp_path):
    config = TrainConfig(steps=20, lr=4e-3, warmup=3, bf16=False, report_every=2)
    records = list(fit(small(), itertools.repeat(batch), segment.losses, config, tmp_path))
    first, last = records[0], records[-1]
    assert last["loss"] < 0.75 * first["loss"]
    for name in ("dice", "entropy", "box"):  # objectness follows the quality of the masks, a target that rises
        assert last[name] < first[name], name


def test_bfloat16_gives_nearly_the_same_loss(batch):
    network = small()
    with torch.no_grad():
        exact = segment.losses(network, batch)["loss"]
        with torch.autocast("cpu", torch.bfloat16):
            rough = segment.losses(network, batch)["loss"]
    assert rough.dtype == torch.float32
    assert float(rough) == pytest.approx(float(exact), rel=0.05)


def test_a_batch_without_chromosomes_has_a_loss_to_learn_from(cell):
    empty = crops._targets(
        np.zeros((64, 64), np.float32), [], np.zeros((0, 4)), np.zeros((64, 64), bool), np.random.default_rng(0)
    )
    network = small()
    losses = segment.losses(network, [empty, empty])
    losses["loss"].backward()
    assert losses["loss"].item() > 0
    assert float(losses["dice"]) == float(losses["box"]) == float(losses["mask_iou"]) == 0
    assert all(p.grad is None or torch.isfinite(p.grad).all() for p in network.parameters())


def test_windows_are_cut_and_their_gradients_put_back():
    torch.manual_seed(0)
    padded = torch.randn(2, 3, 90, 84, dtype=torch.float64, requires_grad=True)
    which, tops = [0, 1, 1, 0], [[0, 0], [18, 12], [5, 7], [6, 3]]
    weight = torch.randn(4, 3, 72 * 72, dtype=torch.float64)
    cut = segment._CutWindows.apply(padded, which, tops)
    plain = torch.stack([padded[n, :, y : y + 72, x : x + 72] for n, (y, x) in zip(which, tops, strict=True)])
    torch.testing.assert_close(cut, plain.flatten(2))
    (got,) = torch.autograd.grad((cut * weight).sum(), padded)
    (expected,) = torch.autograd.grad((plain.flatten(2) * weight).sum(), padded)
    torch.testing.assert_close(got, expected)


def test_masks_that_are_right_cost_nothing(batch):
    made = batch[1]
    count = len(made.cells)
    kernel = torch.zeros(1, 169, 20, 20)
    kernel[:, 0], kernel[:, 88], kernel[:, 160], kernel[:, 168] = 1, 1, 60, -30  # logit = 60 f - 30
    which = torch.zeros(count, dtype=torch.long)
    cells = torch.from_numpy(made.cells)
    for i in range(count):  # each chromosome alone, its own mask as the features
        top, left = (made.cells[i] * 4 + 2).tolist()
        features = torch.zeros(1, 8, 80 + 72, 80 + 72)
        features[0, 0, top : top + 72, left : left + 72] = torch.from_numpy(made.windows[i] > 2).float()
        features = features[:, :, 36:-36, 36:-36].contiguous()
        window = torch.from_numpy(made.windows[i : i + 1] > 2).float().flatten(1)
        dice, entropy, quality = segment._mask_losses(kernel, features, which[:1], cells[i : i + 1], window)
        assert float(dice) < 1e-3
        assert float(entropy) < 1e-6
        assert float(quality[0]) == 1


def test_boxes_that_are_right_cost_nothing_and_unknown_ones_do_not_count(cell):
    made = crop_with_boxes(cell)
    which, cells = torch.zeros(len(made.cells), dtype=torch.long), torch.from_numpy(made.cells)
    box = torch.ones(1, 4, 20, 20, requires_grad=True)
    assert segment._box_loss(box, [made], which, cells).item() > 0.05
    exact = torch.ones(1, 4, 20, 20)
    for (row, column), i in zip(made.cells, made.instance, strict=True):
        x, y = column * 8 + 4, row * 8 + 4
        x0, y0, x1, y1 = made.boxes[i]
        exact[0, :, row, column] = torch.tensor([x - x0, y - y0, x1 - x, y1 - y]).clamp(min=0.5) / 12
    assert float(segment._box_loss(exact, [made], which, cells)) == pytest.approx(0, abs=1e-5)
    made.boxes[:] = np.nan
    assert segment._box_loss(box, [made], which, cells).item() == 0


def test_classes_that_are_right_cost_little_and_unknown_ones_nothing(cell):
    made = crop_with_boxes(cell)
    which, cells = torch.zeros(len(made.cells), dtype=torch.long), torch.from_numpy(made.cells)
    uniform = torch.zeros(1, 24, 20, 20, requires_grad=True)
    assert segment._class_loss(uniform, [made], which, cells).item() == pytest.approx(np.log(24), abs=1e-4)
    sure = torch.zeros(1, 24, 20, 20)
    for (row, column), i in zip(made.cells, made.instance, strict=True):
        sure[0, made.labels[i] - 1, row, column] = 6
    assert float(segment._class_loss(sure, [made], which, cells)) < 0.5
    made.labels[:] = 0
    assert segment._class_loss(uniform, [made], which, cells).item() == 0


def test_ignored_cells_do_not_count(batch):
    made = batch[0]
    which, cells = torch.zeros(len(made.cells), dtype=torch.long), torch.from_numpy(made.cells)
    quality = torch.full((len(made.cells),), 0.8)

    def loss(objectness):
        return float(segment._objectness_loss(objectness, [made], quality, which, cells))

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


def test_batches_are_endless_and_each_seed_has_its_own(cell):
    def draw(seed):
        return list(itertools.islice(segment._Crops([cell], CONFIG, seed), 2))

    first, again, other = draw(1), draw(1), draw(2)
    assert [len(one) for one in first] == [2, 2]
    np.testing.assert_array_equal(first[1][0].darkness, again[1][0].darkness)
    assert not np.array_equal(first[0][0].darkness, other[0][0].darkness)
    assert not np.array_equal(first[0][0].darkness, first[1][0].darkness)


@pytest.mark.parametrize("workers", [0, 1])
def test_training_takes_up_where_it_stopped(monkeypatch, tmp_path, cell, workers):
    monkeypatch.setattr(segment, "SegmenterNetwork", small)
    training = TrainConfig(steps=2, bf16=False, report_every=1, threads=1, workers=workers)
    config = SegmentTraining(batch=1, crop=96)

    def train(**how):
        records = segment.train_segmenter([cell], tmp_path, training, config, **how)
        return [record["step"] for record in records]

    assert train(until=1) == [1]
    assert train(resume=True) == [2]


def test_the_whole_run_leaves_weights(monkeypatch, tmp_path, tiny_cil):
    root, spreads = tiny_cil
    exported, asked = [], []

    class Truth:
        def __call__(self, spread):
            return spreads["1000011"].truth

    monkeypatch.delenv("METAPHASE_DATA", raising=False)
    monkeypatch.setattr(segment, "SegmenterNetwork", small)
    monkeypatch.setattr(
        export, "export_segmenter", lambda checkpoint, path, about=None: exported.append((checkpoint, path))
    )
    monkeypatch.setattr(segment.Segmenter, "load", lambda folder, config: asked.append(folder) or Truth())
    monkeypatch.setattr(judging, "_SIZE", 128)
    monkeypatch.setattr(pseudo, "accept", lambda *_: (np.zeros(0, int), np.zeros(0, int), np.zeros(0)))
    path = tmp_path / "my.toml"
    path.write_text(
        f"[data]\nfolder = '{(tmp_path / 'cells').as_posix()}'\nout = '{(tmp_path / 'out').as_posix()}'\n"
        "[train]\nsteps = 3\njudge_cells = 1\nbf16 = false\nreport_every = 1\nthreads = 1\n"
        "[segment]\nbatch = 1\ncrop = 96\nfirst_steps = 2\nrefreshed_cells = 1\n",
        encoding="utf-8",
    )
    records = list(segment.run(path, root=root))
    assert [record["step"] for record in records if "loss" in record] == [1, 2, 3]
    out = tmp_path / "out"
    between, final = out / "segment" / "segment.onnx", out / "segment.onnx"
    assert exported == [(out / "segment" / "last.pt", between), (out / "segment" / "best.pt", final)]
    assert asked == [out / "segment"]
    assert len(list((tmp_path / "cells" / "cil" / "annotated").glob("*.npz"))) == 3
    assert len(list((tmp_path / "cells" / "cil" / "refreshed").glob("*.npz"))) == 1
    assert json.loads((out / "segment" / "config.json").read_text())["segment"]["first_steps"] == 2
    assert [record["step"] for record in segment.run(path, resume=True, root=root)] == [], "all is done"
    path.write_text(path.read_text(encoding="utf-8").replace("crop = 96", "crop = 128"), encoding="utf-8")
    with pytest.raises(ConfigError, match="segment.crop was 96"):
        next(segment.run(path, resume=True, root=root))
