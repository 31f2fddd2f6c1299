"""Two processes take the step that one takes with the whole batch; a run by torchrun leaves one set of files."""

import json
import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

torch = pytest.importorskip("torch")
torch.set_num_threads(1)

from metaphase.errors import ConfigError  # noqa: E402
from metaphase.train import cache, processes  # noqa: E402

TOLERANCE = {"identify": 2e-3, "segment": 0.05}
"""Of the loss. The identifier's is a mean over the batch, so only rounding is left, which AdamW makes larger. The
segmenter's are means over the chromosomes of a process's crops, of which one process has more than the other."""

SCRIPT = """
import itertools, json, sys
from pathlib import Path
import numpy as np, torch
from metaphase.config import IdentifyTraining, SegmentTraining, TrainConfig
from metaphase.identify.network import IdentifierNetwork
from metaphase.segment.network import SegmenterNetwork
from metaphase.train import cache, crops, identify, processes, segment, segment_losses
from metaphase.train.loop import fit

which, folder = sys.argv[1], Path(sys.argv[2])
torch.set_num_threads(1)
training = TrainConfig(steps=4, lr=1e-3, warmup=1, bf16=False, report_every=1)
with processes.joined("cpu"):
    torch.manual_seed(processes.rank())  # the first process's weights are everybody's
    if which == "identify":
        identify.augment = lambda darkness, config: darkness.float()
        network, config = IdentifierNetwork(channels=(4, 8, 8, 8), dropout=0.0), IdentifyTraining(batch=8)
        cell = cache.load(folder, "whole")
        known = np.full(len(cell.input_labels), -1)
        batches = identify.batches(cell.inputs, cell.input_labels, known, config, 0)
        loss = lambda n, b: identify.losses(n, b, config)
    else:
        network, config = SegmenterNetwork(channels=(8, 16, 16, 16), head=16), SegmentTraining(batch=4, crop=160)
        cell, empty = cache.load(folder, "whole"), cache.load(folder, "empty")
        rng = np.random.default_rng(0)
        steps = [[crops.real_crop(cell, rng, config) for _ in range(4)] for _ in range(4)]
        steps[3][1::2] = [crops.real_crop(empty, rng, config) for _ in range(2)]  # one process has no chromosome
        batches = iter([step[processes.rank() :: processes.world()] for step in steps])
        loss = segment_losses.losses
    records = list(fit(network, batches, loss, training, folder / f"run-{processes.rank()}"))
    if processes.is_first():
        state = {name: value.flatten()[:5].tolist() for name, value in network.state_dict().items()}
        told = {"world": processes.world(), "loss": [r["loss"] for r in records], "state": state}
        Path(sys.argv[3]).write_text(json.dumps(told))
names = [(thread / "comm").read_text() for thread in Path("/proc/self/task").glob("*")]  # none where there is no /proc
assert not [name for name in names if "gloo" in name], f"threads outlive their group: {names}"
"""


def start(count, *arguments):
    clean = {key: value for key, value in os.environ.items() if key not in {"RANK", "WORLD_SIZE", "LOCAL_RANK"}}
    source = os.pathsep.join(path for path in sys.path if path)
    command = [sys.executable, *arguments]
    if count > 1:
        command[1:1] = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", str(count)]
    told = clean | {"PYTHONPATH": source, "OMP_NUM_THREADS": "1"}
    return subprocess.run(command, env=told, capture_output=True, text=True, timeout=600, check=False)


@pytest.mark.parametrize("which", ["identify", "segment"])
def test_two_processes_have_the_loss_of_one(tmp_path, cell, which):
    cache.save(tmp_path, replace(cell, name="whole"))
    nothing = {"masks": [], "labels": cell.labels[:0], "owner": cell.owner[:0]}
    cache.save(tmp_path, replace(cell, name="empty", **nothing))
    script = tmp_path / "script.py"
    script.write_text(SCRIPT, encoding="utf-8")
    told = []
    for count in (1, 2):
        done = start(count, str(script), which, str(tmp_path), str(tmp_path / f"{count}.json"))
        assert done.returncode == 0, done.stderr
        told.append(json.loads((tmp_path / f"{count}.json").read_text()))
    assert [one["world"] for one in told] == [1, 2]
    # In the last step one process has no chromosome: it must not wait for ever, its mean is another.
    compared = 4 if which == "identify" else 3
    np.testing.assert_allclose(told[1]["loss"][:compared], told[0]["loss"][:compared], rtol=TOLERANCE[which])
    assert np.isfinite(told[1]["loss"]).all()
    assert told[1]["state"].keys() == told[0]["state"].keys(), "a checkpoint of two goes on in one"
    for name, value in told[0]["state"].items():
        if name.endswith(("running_mean", "running_var")) and which == "identify":
            np.testing.assert_allclose(told[1]["state"][name], value, rtol=0.1, atol=0.02, err_msg=name)
    written = {path.name for path in (tmp_path / "run-0").iterdir()}
    assert {"last.pt", "curve.csv"} <= written
    assert not list((tmp_path / "run-1").glob("*"))


def test_torchrun_trains_once_and_speaks_once(tmp_path, tiny_cil):
    options = ["train.report_every=1", "train.bf16=false", "train.workers=0", "train.judge_every=1"]
    options += ["train.judge_cells=1", "train.patience=1", "train.steps=3", "segment.batch=2", "segment.crop=96"]
    options += ["segment.first_steps=0", f"data.folder={tmp_path / 'cells'}"]
    arguments = [part for option in options for part in ("--set", option)]
    arguments = ["-m", "metaphase", "train", "segment", "--root", str(tiny_cil[0]), "--out", str(tmp_path), *arguments]
    done = start(2, *arguments)
    assert done.returncode == 0, done.stderr
    assert [line[:8] for line in done.stdout.splitlines() if line.startswith(("step", "wrote"))] == [
        "step 1/3",
        "step 2/3",
        "wrote " + str(tmp_path)[:2],
    ]
    assert {path.name for path in (tmp_path / "segment").iterdir()} == {
        *("last.pt", "best.pt", "curve.csv", "val.csv", "curve.html", "config.json")
    }
    assert (tmp_path / "segment.onnx").exists()


def test_alone_nothing_changes(monkeypatch):
    monkeypatch.delenv("WORLD_SIZE", raising=False)
    network = torch.nn.Sequential(torch.nn.Conv2d(1, 2, 1), torch.nn.BatchNorm2d(2))
    with processes.joined("cpu"):
        processes.prepare(network)
        assert (processes.world(), processes.rank(), processes.is_first()) == (1, 0, True)
        assert type(network[1]) is torch.nn.BatchNorm2d
        network(torch.ones(1, 1, 2, 2))
        assert processes.untouched(network) == 0
        assert processes.average({"a": torch.tensor(2.0)}) == {"a": 2.0}
        assert processes.share(5, "segment.batch") == 5
        assert processes.agree(True, torch.device("cpu"))


def test_a_batch_that_cannot_be_parted_is_refused(monkeypatch):
    monkeypatch.setattr(processes, "world", lambda: 3)
    with pytest.raises(ConfigError, match="segment.batch is 4, which 3 processes cannot part evenly"):
        processes.share(4, "segment.batch")
    assert processes.share(6, "segment.batch") == 2


@pytest.mark.parametrize(
    ("device", "gpus", "message"),
    [
        ("tpu", 0, "train.device must be cpu or cuda"),
        ("cuda", 0, "sees no NVIDIA GPU"),
        ("cuda", 1, "has no GPU of its"),
    ],
)
def test_a_device_that_is_not_there_is_named(monkeypatch, device, gpus, message):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: gpus > 0)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: gpus)
    monkeypatch.setenv("LOCAL_RANK", "1")
    with pytest.raises(ConfigError, match=message):
        processes.device_of(device)


EXACT = """
import json, sys
from pathlib import Path
import torch
from torch import nn
from metaphase.train import processes

torch.set_num_threads(1)
with processes.joined("cpu"):
    torch.manual_seed(0)
    first = nn.Conv2d(1, 3, 3), nn.BatchNorm2d(3), nn.ReLU()
    network = nn.Sequential(*first, nn.Conv2d(3, 2, 1), nn.BatchNorm2d(2)).double()
    processes.prepare(network)
    batch = torch.randn(8, 1, 9, 9, dtype=torch.float64) * torch.arange(1, 9)[:, None, None, None] + 3
    mine = batch[processes.rank() :: processes.world()]
    (network(mine).exp().mean() + processes.untouched(network)).backward()
    processes.average_gradients(network.parameters())
    if processes.is_first():
        told = {name: value.tolist() for name, value in network.state_dict().items()}
        told |= {f"gradient of {name}": value.grad.tolist() for name, value in network.named_parameters()}
        Path(sys.argv[1]).write_text(json.dumps(told))
"""


def test_gradients_and_statistics_of_two_are_exactly_those_of_one(tmp_path):
    script = tmp_path / "script.py"
    script.write_text(EXACT, encoding="utf-8")
    told = []
    for count in (1, 2):
        done = start(count, str(script), str(tmp_path / f"{count}.json"))
        assert done.returncode == 0, done.stderr
        told.append(json.loads((tmp_path / f"{count}.json").read_text()))
    assert told[0].keys() == told[1].keys()
    for name, value in told[0].items():
        np.testing.assert_allclose(told[1][name], value, rtol=1e-9, atol=1e-12, err_msg=name)
