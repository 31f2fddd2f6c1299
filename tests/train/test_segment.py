"""The segmenter's training, on crops of a few seconds."""

import itertools
import json
from types import SimpleNamespace

import numpy as np
import pytest

torch = pytest.importorskip("torch")
torch.set_num_threads(1)

from metaphase.config import SegmentTraining, TrainConfig  # noqa: E402
from metaphase.errors import ConfigError  # noqa: E402
from metaphase.train import export, judging, pseudo, segment  # noqa: E402

CONFIG = SegmentTraining(batch=2, crop=160)


def test_batches_are_endless_and_each_seed_has_its_own(cell):
    def draw(seed):
        return list(itertools.islice(segment._Crops([cell], CONFIG, seed), 2))

    first, again, other = draw(1), draw(1), draw(2)
    assert [len(one) for one in first] == [2, 2]
    np.testing.assert_array_equal(first[1][0].darkness, again[1][0].darkness)
    assert not np.array_equal(first[0][0].darkness, other[0][0].darkness)
    assert not np.array_equal(first[0][0].darkness, first[1][0].darkness)


@pytest.mark.parametrize("workers", [0, 1])
def test_training_takes_up_where_it_stopped(monkeypatch, tmp_path, cell, workers, small):
    monkeypatch.setattr(segment, "SegmenterNetwork", small)
    training = TrainConfig(steps=2, bf16=False, report_every=1, threads=1, workers=workers)
    config = SegmentTraining(batch=1, crop=96)

    def train(**how):
        records = segment.train_segmenter([cell], tmp_path, training, config, **how)
        return [record["step"] for record in records]

    assert train(until=1) == [1]
    assert train(resume=True) == [2]


def test_the_whole_run_leaves_weights(monkeypatch, tmp_path, tiny_cil, small):
    root, spreads = tiny_cil
    exported, asked = [], []

    class Truth:
        def identify(self, spread):
            return SimpleNamespace(instances=spreads["1000011"].truth)

    monkeypatch.delenv("METAPHASE_DATA", raising=False)
    monkeypatch.setattr(segment, "SegmenterNetwork", small)
    monkeypatch.setattr(
        export, "export_segmenter", lambda checkpoint, path, about=None: exported.append((checkpoint, path))
    )
    monkeypatch.setattr(segment, "Model", lambda folder, config: asked.append(folder) or Truth())
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
