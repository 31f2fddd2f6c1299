"""The identifier's batches, augmentation, losses and training."""

import itertools
import json

import numpy as np
import pytest

torch = pytest.importorskip("torch")
torch.set_num_threads(1)

from metaphase.config import IdentifyTraining, TrainConfig  # noqa: E402
from metaphase.errors import ConfigError  # noqa: E402
from metaphase.identify.network import IdentifierNetwork  # noqa: E402
from metaphase.train import cache, export, identify  # noqa: E402
from metaphase.train.loop import fit  # noqa: E402

CONFIG = IdentifyTraining(batch=8, drawn_share=0.25, drawn_count=16)


def small():
    torch.manual_seed(0)
    return IdentifierNetwork(channels=(4, 8, 8, 8), dropout=0.0)


@pytest.fixture(scope="module")
def drawn():
    return identify.drawn_material(48, 0)


@pytest.fixture
def material(drawn):
    """Drawn chromosomes of which three quarters hide their orientation."""
    inputs, labels = drawn
    return inputs, labels, np.where(np.arange(48) < 36, -1, 0)


def test_drawn_material_is_straight_centred_and_upright(drawn):
    inputs, labels = drawn
    assert inputs.shape == (48, 160, 32)
    assert inputs.dtype == np.uint8
    assert labels.dtype == np.int64
    assert labels.min() >= 1
    assert labels.max() <= 24
    again, _ = identify.drawn_material(48, 0)
    np.testing.assert_array_equal(inputs, again)
    rows = [np.flatnonzero(one.any(1)) for one in inputs]
    assert all(abs(r[0] - (159 - r[-1])) <= 4 for r in rows)
    columns = [np.flatnonzero(one.any(0)).mean() for one in inputs]
    np.testing.assert_allclose(columns, 15.5, atol=1.6)
    mean = [one[one > 0].mean() for one in inputs]
    np.testing.assert_allclose(mean, 100, atol=25)
    lengths = np.array([len(r) for r in rows])
    assert lengths[labels <= 3].min() > lengths[(labels >= 19) & (labels <= 22)].max()


def test_bands_say_which_end_is_up(drawn):
    inputs, labels = drawn[0].copy(), drawn[1]
    turned = np.arange(48) % 2 == 1
    inputs[turned] = inputs[turned][:, ::-1, ::-1]
    known = identify.upright_by_bands(inputs, labels, 0.15)
    sure = known == identify.BY_BANDS
    assert 0.4 < sure.mean() < 1
    right = [np.array_equal(got, upright) for got, upright in zip(inputs[sure], drawn[0][sure], strict=True)]
    assert np.mean(right) > 0.9
    untouched = np.where(turned[:, None, None], drawn[0][:, ::-1, ::-1], drawn[0])[~sure]
    np.testing.assert_array_equal(inputs[~sure], untouched)


def test_a_chromosome_without_bands_or_pixels_has_no_known_end():
    flat = np.zeros((2, 160, 32), np.uint8)
    flat[0, 40:120, 8:24] = 100
    assert identify.upright_by_bands(flat, np.array([1, 2]), 0.15).tolist() == [identify.UNKNOWN] * 2


def test_a_batch_shows_everything_twice_once_turned(material):
    pair, labels, orientations = next(identify.batches(*material, CONFIG, 0))
    assert pair.shape == (16, 160, 32)
    assert pair.dtype == torch.uint8
    assert torch.equal(pair[8:], pair[:8].flip(1, 2))
    assert labels.shape == orientations.shape == (8,)
    assert int((orientations == identify.DRAWN).sum()) == 2
    assert 0 <= int(labels.min()) <= int(labels.max()) <= 23


def test_batches_hold_the_labels_of_their_pictures(material):
    inputs, labels, _ = material
    known = {one.tobytes(): label for one, label in zip(inputs, labels, strict=True)}
    pair, got, _ = next(identify.batches(*material, CONFIG, 3))
    assert [known[one.numpy().tobytes()] - 1 for one in pair[:8]] == got.tolist()


def test_one_round_shows_every_real_chromosome_once(material):
    seen = [
        one.numpy().tobytes()
        for pair, _, orientations in itertools.islice(identify.batches(*material, CONFIG, 0), 6)
        for one in pair[:8][orientations != identify.DRAWN]
    ]
    assert len(seen) == len(set(seen)) == 36


def test_seeds_decide(material):
    first, again, other = (next(identify.batches(*material, CONFIG, seed))[0] for seed in (0, 0, 1))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)


def test_augmentation_keeps_background_range_and_direction(drawn):
    torch.manual_seed(0)
    calm = IdentifyTraining(crossing=0.0, lost_end=0.0)
    one = torch.zeros(64, 160, 32, dtype=torch.uint8)
    one[:, 30:80, 8:24], one[:, 80:130, 8:24] = 160, 60
    made = identify.augment(one, calm)
    assert made.shape == (64, 160, 32)
    assert made.dtype == torch.float32
    assert made.min() >= 0
    assert made.max() <= 400
    assert (made[:, :40].sum((1, 2)) > 0).all()
    assert (made[:, :70].sum((1, 2)) > made[:, 90:].sum((1, 2))).all(), "never turned by 180 degrees"
    assert made[:, :5].max() == made[:, -5:].max() == 0
    assert made.std(0).max() > 5, "each is shown in another way"


def test_the_input_is_left_alone(drawn):
    darkness = torch.from_numpy(drawn[0][:4])
    before = darkness.clone()
    identify.augment(darkness, CONFIG)
    assert torch.equal(darkness, before)


def test_lost_ends_are_lost():
    torch.manual_seed(0)
    one = torch.zeros(200, 160, 32, dtype=torch.uint8)
    one[:, 30:130, 8:24] = 100

    def shortest(share):
        made = identify.augment(one, IdentifyTraining(crossing=0.0, lost_end=share))
        return ((made > 20).any(2).sum(1)).float().mean()

    assert shortest(1.0) < 0.95 * shortest(0.0)


def test_the_loss_goes_down_on_one_batch(material, tmp_path):
    config = TrainConfig(steps=20, lr=4e-3, warmup=2, bf16=False, report_every=2)
    one = next(identify.batches(*material, CONFIG, 0))
    torch.manual_seed(0)
    records = list(fit(small(), itertools.repeat(one), lambda n, b: identify.losses(n, b, CONFIG), config, tmp_path))
    assert records[-1]["loss"] < 0.85 * records[0]["loss"]
    assert records[-1]["class_loss"] < 0.85 * records[0]["class_loss"]


class Oracle(torch.nn.Module):
    """Knows class and orientation of everything it is shown."""

    def __init__(self, labels, sure=12.0, down=()):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.zeros(1))
        n = len(labels)
        self.logits = torch.zeros(2 * n, 48)
        for i, label in enumerate(labels):
            turned = 24 if i in down else 0
            self.logits[i, label + turned] = sure
            self.logits[n + i, label + 24 - turned] = sure

    def forward(self, darkness):
        return self.logits + self.weight


def test_losses_of_one_who_knows(material):
    batch = next(identify.batches(*material, CONFIG, 0))
    config = IdentifyTraining(smoothing=0.0)
    perfect = identify.losses(Oracle(batch[1].tolist()), batch, config)
    assert perfect["loss"].item() < 1e-2
    assert perfect["accuracy"].item() == 1
    assert perfect["drawn_upright"].item() == 1
    assert perfect["undecided"].item() < 1e-2


def test_known_orientations_that_are_wrong_cost(material):
    batch = next(identify.batches(*material, CONFIG, 0))
    config = IdentifyTraining(smoothing=0.0)
    known = np.flatnonzero(batch[2].numpy() == 0)
    unknown = np.flatnonzero(batch[2].numpy() < 0)
    right_one = identify.losses(Oracle(batch[1].tolist()), batch, config)
    right = right_one["loss"].item()
    turned_known = identify.losses(Oracle(batch[1].tolist(), down=known), batch, config)
    assert right_one["bands_upright"].item() == 0, "no real one is known here"
    batch[2][unknown[:2]] = identify.BY_BANDS
    by_bands = identify.losses(Oracle(batch[1].tolist(), down=unknown[:1]), batch, config)
    assert (by_bands["drawn_upright"].item(), by_bands["bands_upright"].item()) == (1, 0.5)
    batch[2][unknown[:2]] = identify.UNKNOWN
    turned_unknown = identify.losses(Oracle(batch[1].tolist(), down=unknown), batch, config)
    assert turned_known["loss"].item() > right + 0.5
    assert turned_known["drawn_upright"].item() == 0
    assert turned_unknown["loss"].item() == pytest.approx(right, abs=1e-4), "either way up is right where none is known"


def test_accuracy_sums_orientation_out(drawn):
    inputs, labels = drawn

    class Half(torch.nn.Module):
        def __init__(self):
            super().__init__()
            self.weight = torch.nn.Parameter(torch.zeros(1))
            self.at = 0

        def forward(self, darkness):
            logits = torch.zeros(len(darkness), 48)
            for i in range(len(darkness)):
                k = self.at + i
                logits[i, labels[k] - 1 + 24 * (k % 2) if k < 24 else labels[k] % 24] = 9
            self.at += len(darkness)
            return logits

    network = Half()
    assert identify.accuracy(network, inputs, labels, batch=10) == 0.5
    assert network.training
    assert identify.accuracy(network, inputs[:0], labels[:0]) == 0


def test_the_last_folder_that_holds_a_cell_is_read(tmp_path, cell, clustered_cell):
    first, second = tmp_path / "isolated", tmp_path / "refreshed"
    first.mkdir()
    second.mkdir()
    cache.save(first, cell)
    inputs, labels = identify.load_material((first, second), [cell.name, "nobody"])
    assert len(inputs) == len(labels) == len(cell.inputs)
    cache.save(second, clustered_cell)
    assert len(identify.load_material((first, second), [cell.name])[1]) == len(cell.inputs) - 2
    nothing = identify.load_material((first, second), [])
    assert nothing[0].shape == (0, 160, 32)
    assert nothing[1].dtype == np.int64


def test_training_reports_accuracy_at_checkpoints(monkeypatch, tmp_path, cell):
    monkeypatch.setattr(identify, "IdentifierNetwork", small)
    known = (cell.inputs, cell.input_labels)
    training = TrainConfig(steps=3, bf16=False, report_every=1, judge_every=2, threads=1)
    records = list(identify.train_identifier(known, known, tmp_path, training, CONFIG))
    assert [record["step"] for record in records] == [1, 2, 3]
    assert ["val_accuracy" in record for record in records] == [False, True, True]
    assert 0 <= records[-1]["val_accuracy"] <= 1


def test_the_whole_run_leaves_weights(monkeypatch, tmp_path, tiny_cil):
    exported = []
    monkeypatch.delenv("METAPHASE_DATA", raising=False)
    monkeypatch.setattr(identify, "IdentifierNetwork", small)
    monkeypatch.setattr(
        export, "export_identifier", lambda checkpoint, path, about=None: exported.append((checkpoint, path))
    )
    path = tmp_path / "my.toml"
    path.write_text(
        f"[data]\nfolder = '{(tmp_path / 'cells').as_posix()}'\nout = '{(tmp_path / 'out').as_posix()}'\n"
        "[train]\nsteps = 2\nbf16 = false\nreport_every = 1\nthreads = 1\n"
        "[identify]\nbatch = 4\ndrawn_count = 8\n",
        encoding="utf-8",
    )
    assert [record["step"] for record in identify.run(path, root=tiny_cil[0])] == [1, 2]
    out = tmp_path / "out"
    assert exported == [(out / "identify" / "best.pt", out / "identify.onnx")]
    assert (out / "identify" / "last.pt").exists()
    assert json.loads((out / "identify" / "config.json").read_text())["identify"]["drawn_count"] == 8
    path.write_text(path.read_text(encoding="utf-8").replace("drawn_count = 8", "drawn_count = 9"), encoding="utf-8")
    with pytest.raises(ConfigError, match="identify.drawn_count was 8"):
        next(identify.run(path, resume=True, root=tiny_cil[0]))
