"""The training loop on a network of one layer: resume, `until`, schedule, average, records."""

import csv
import itertools
import json
from dataclasses import asdict, replace

import pytest

torch = pytest.importorskip("torch")
torch.set_num_threads(1)

from torch import nn  # noqa: E402

from metaphase.config import DataConfig, IdentifyTraining, TrainConfig  # noqa: E402
from metaphase.errors import ConfigError, MetaphaseError  # noqa: E402
from metaphase.train.loop import SETTINGS, _groups, _schedule, fit, keep_settings, steps_done, weights_of  # noqa: E402

CONFIG = TrainConfig(steps=12, lr=0.05, warmup=3, bf16=False, report_every=4, save_every=100, ema=0.9)


def network():
    torch.manual_seed(1)
    return nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 1))


def batches():
    generator = torch.Generator().manual_seed(2)
    x = torch.randn(16, 3, generator=generator)
    return itertools.repeat((x, x.sum(1, keepdim=True)))


def loss_of(model, batch):
    x, y = batch
    error = (model(x) - y).square().mean()
    return {"loss": error, "root": error.detach().sqrt()}


def train(folder, config=CONFIG, **how):
    model = network()
    return model, list(fit(model, batches(), loss_of, config, folder, **how))


def checkpoint(folder):
    return torch.load(folder / "last.pt", weights_only=True)


def same(a, b):
    assert a.keys() == b.keys()
    for name in a:
        torch.testing.assert_close(a[name], b[name], rtol=1e-6, atol=1e-7)


def sections(train=CONFIG, **identify):
    return {"data": DataConfig(), "train": train, "identify": IdentifyTraining(**identify)}


def test_every_setting_is_kept(tmp_path):
    keep_settings(tmp_path / "new" / "run", sections(batch=7))
    kept = json.loads((tmp_path / "new" / "run" / SETTINGS).read_text(encoding="utf-8"))
    expected = {name: asdict(section) for name, section in sections(batch=7).items()}
    assert kept == json.loads(json.dumps(expected))
    assert [path.name for path in (tmp_path / "new" / "run").iterdir()] == [SETTINGS]


def test_a_run_goes_on_with_its_settings_only(tmp_path):
    keep_settings(tmp_path, sections())
    before = (tmp_path / SETTINGS).read_bytes()
    with pytest.raises(ConfigError, match=r"config.json: train.lr was 0.05 when the run began, but now is 0.5; set it"):
        keep_settings(tmp_path, sections(replace(CONFIG, lr=0.5), batch=7), resume=True)
    with pytest.raises(ConfigError, match="identify.batch was 64"):
        keep_settings(tmp_path, sections(batch=7), resume=True)
    assert (tmp_path / SETTINGS).read_bytes() == before
    keep_settings(tmp_path, sections(batch=7))
    assert json.loads((tmp_path / SETTINGS).read_text())["identify"]["batch"] == 7


def test_length_machine_reports_and_paths_may_change(tmp_path):
    keep_settings(tmp_path, sections())
    longer = replace(CONFIG, steps=99, threads=2, device="cuda", report_every=1, save_every=2)
    changed = sections(longer) | {"data": DataConfig(folder="there", out="here")}
    keep_settings(tmp_path, changed, resume=True)
    assert json.loads((tmp_path / SETTINGS).read_text())["train"]["steps"] == 99
    with pytest.raises(ConfigError, match="data.cells was 0"):
        keep_settings(tmp_path, changed | {"data": DataConfig(cells=5)}, resume=True)


@pytest.mark.parametrize("text", ["{", "[]", "3", '{"train": 1}'])
def test_kept_settings_that_are_damaged_are_refused(tmp_path, text):
    (tmp_path / SETTINGS).write_text(text)
    with pytest.raises(ConfigError, match="config.json: expected the settings of the run"):
        keep_settings(tmp_path, sections(), resume=True)


def test_settings_of_another_version_are_refused(tmp_path):
    keep_settings(tmp_path, sections())
    kept = json.loads((tmp_path / SETTINGS).read_text())
    kept["train"]["warm_up"] = kept["train"].pop("warmup")
    (tmp_path / SETTINGS).write_text(json.dumps(kept))
    with pytest.raises(ConfigError, match="train.warmup was not known"):
        keep_settings(tmp_path, sections(), resume=True)


def test_a_run_without_kept_settings_goes_on(tmp_path):
    train(tmp_path, until=5)
    keep_settings(tmp_path, sections(), resume=True)
    assert checkpoint(tmp_path)["step"] == 5
    assert (tmp_path / SETTINGS).exists()


def test_a_new_run_puts_the_old_checkpoint_aside(tmp_path):
    train(tmp_path, until=5)
    keep_settings(tmp_path, sections())
    assert not (tmp_path / "last.pt").exists()
    assert torch.load(tmp_path / "previous.pt", weights_only=True)["step"] == 5


def test_the_loss_goes_down_and_is_reported(tmp_path):
    _, records = train(tmp_path)
    assert [record["step"] for record in records] == [4, 8, 12]
    assert {record["of"] for record in records} == {12}
    assert records[-1]["loss"] < 0.7 * records[0]["loss"]
    assert records[-1]["seconds_left"] == 0
    assert all(record["seconds_a_step"] > 0 for record in records)
    with (tmp_path / "curve.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [float(row["step"]) for row in rows] == [4, 8, 12]
    assert [float(row["loss"]) for row in rows] == pytest.approx([r["loss"] for r in records], rel=1e-4)


def test_two_halves_are_one_whole(tmp_path):
    whole, _ = train(tmp_path / "whole")
    _, first = train(tmp_path / "halves", until=5)
    assert first[-1]["step"] == 5
    assert checkpoint(tmp_path / "halves")["step"] == 5
    second_model, second = train(tmp_path / "halves", resume=True)
    assert [record["step"] for record in second] == [8, 12]
    same(second_model.state_dict(), whole.state_dict())
    one, two = checkpoint(tmp_path / "whole"), checkpoint(tmp_path / "halves")
    assert one["step"] == two["step"] == 12
    same(one["average"], two["average"])
    rates = [[group["lr"] for group in state["optimiser"]["param_groups"]] for state in (one, two)]
    assert rates[0] == rates[1]


def test_until_stops_within_the_schedule_of_the_whole(tmp_path):
    train(tmp_path, until=5)
    rate = checkpoint(tmp_path)["optimiser"]["param_groups"][0]["lr"]
    assert rate == pytest.approx(CONFIG.lr * _schedule(4, CONFIG))
    assert rate > 0.5 * CONFIG.lr, "not cooled down yet"


def test_until_beyond_the_end_is_the_end(tmp_path):
    _, records = train(tmp_path, until=99)
    assert records[-1]["step"] == 12


def test_resuming_what_is_done_does_nothing(tmp_path):
    train(tmp_path)
    before = checkpoint(tmp_path)["network"]
    model, records = train(tmp_path, resume=True)
    assert records == []
    same(model.state_dict(), before)


def test_resume_without_a_checkpoint_begins(tmp_path):
    _, records = train(tmp_path, resume=True)
    assert records[-1]["step"] == 12


def test_without_resume_everything_begins_anew(tmp_path):
    train(tmp_path, until=5)
    _, records = train(tmp_path)
    assert [record["step"] for record in records] == [4, 8, 12]
    assert len((tmp_path / "curve.csv").read_text().splitlines()) == 1 + 3


def test_the_average_follows_the_weights(tmp_path):
    model, _ = train(tmp_path)
    state = checkpoint(tmp_path)
    same(state["network"], model.state_dict())
    average, raw, start = state["average"]["0.weight"], state["network"]["0.weight"], network()[0].weight
    assert not torch.allclose(average, raw)
    assert (average - raw).norm() < (start - raw).norm()
    assert state["average"]["1.num_batches_tracked"] == state["network"]["1.num_batches_tracked"] == 12


def test_checkpoints_come_as_often_as_asked(tmp_path):
    config = TrainConfig(steps=8, bf16=False, report_every=1, save_every=3)
    seen = [
        checkpoint(tmp_path)["step"] if (tmp_path / "last.pt").exists() else 0
        for _ in fit(network(), batches(), loss_of, config, tmp_path)
    ]
    assert seen == [0, 0, 3, 3, 3, 6, 6, 8]
    assert not list(tmp_path.glob("*.partial"))


def test_warm_up_then_half_a_cosine():
    config = TrainConfig(steps=110, warmup=10)
    rates = [_schedule(step, config) for step in range(110)]
    assert rates[0] == pytest.approx(0.1)
    assert max(rates) == rates[9] == rates[10] == 1
    assert rates[60] == pytest.approx(0.505)
    assert rates[-1] == pytest.approx(0.01, abs=0.001)
    assert all(a >= b for a, b in itertools.pairwise(rates[10:]))


def test_only_matrices_decay():
    decayed, plain = _groups(network(), 0.1)
    assert (decayed["weight_decay"], plain["weight_decay"]) == (0.1, 0.0)
    assert {p.ndim for p in decayed["params"]} == {2}
    assert {p.ndim for p in plain["params"]} == {1}
    assert len(decayed["params"]) + len(plain["params"]) == len(list(network().parameters()))


def judged(*scores):
    """A judge that gives these scores in turn."""
    given = iter(scores)
    return lambda network: {"score": next(given), "training": float(network.training)}


def test_the_best_weights_stay_and_val_has_its_own_table(tmp_path):
    config = replace(CONFIG, judge_every=3)
    _, records = train(tmp_path, config, judge=judged(0.2, 0.9, 0.5, 0.6))
    looks = [record for record in records if "val_score" in record]
    assert [(record["step"], record["val_score"]) for record in looks] == [(3, 0.2), (6, 0.9), (9, 0.5), (12, 0.6)]
    assert {record["val_training"] for record in looks} == {0.0}
    best = torch.load(tmp_path / "best.pt", weights_only=True)
    assert (best["step"], best["score"]) == (6, 0.9)
    assert weights_of(tmp_path) == tmp_path / "best.pt"
    _, _ = train(tmp_path / "short", replace(config, steps=6), judge=judged(0.2, 0.9))
    assert not torch.allclose(best["average"]["0.weight"], checkpoint(tmp_path)["average"]["0.weight"])
    with (tmp_path / "val.csv").open(newline="") as file:
        assert [float(row["val_score"]) for row in csv.DictReader(file)] == [0.2, 0.9, 0.5, 0.6]
    assert "val_score" in (tmp_path / "curve.html").read_text()


def test_training_stops_when_val_no_longer_gets_better(tmp_path):
    config = replace(CONFIG, judge_every=2, patience=2)
    _, records = train(tmp_path, config, judge=judged(0.5, 0.4, 0.5, 0.9))
    assert records[-1]["step"] == 6
    assert checkpoint(tmp_path)["step"] == 6
    assert train(tmp_path, config, resume=True, judge=judged(0.9))[1] == [], "who stopped stays so"
    _, records = train(tmp_path, replace(config, patience=4), resume=True, judge=judged(0.9, 0.8, 0.7))
    assert [record["val_score"] for record in records if "val_score" in record] == [0.9, 0.8, 0.7]
    assert torch.load(tmp_path / "best.pt", weights_only=True)["step"] == 8


def test_what_was_best_is_known_after_a_pause(tmp_path):
    config = replace(CONFIG, judge_every=3)
    train(tmp_path, config, until=6, judge=judged(0.2, 0.9))
    assert steps_done(tmp_path) == 6
    train(tmp_path, config, resume=True, judge=judged(0.5, 0.6))
    assert torch.load(tmp_path / "best.pt", weights_only=True)["step"] == 6


def test_without_a_judge_the_last_weights_count(tmp_path):
    train(tmp_path)
    assert weights_of(tmp_path) == tmp_path / "last.pt"
    assert steps_done(tmp_path / "nowhere") == 0


def test_records_tell_rate_and_speed(tmp_path):
    _, records = train(tmp_path, images=8)
    assert records[-1]["lr"] == pytest.approx(CONFIG.lr * _schedule(11, CONFIG))
    assert records[-1]["images_a_second"] == pytest.approx(8 / records[-1]["seconds_a_step"])


def steps_in(path):
    with path.open(newline="", encoding="utf-8") as file:
        return [float(row["step"]) for row in csv.DictReader(file)]


def test_rows_after_the_checkpoint_are_written_once(tmp_path):
    judge = {"judge": lambda model: {"score": 1.0}}
    config = replace(CONFIG, report_every=2, save_every=6, judge_every=0)
    train(tmp_path, config, until=6)
    with (tmp_path / "curve.csv").open("a", encoding="utf-8") as file:
        file.write("8,12,0,0,0,1,1\n10,12,0,0,0,1,1\n")  # a run that was cut off after step 10
    (tmp_path / "val.csv").write_text("step,val_score\n4,0.5\n8,0.6\n", encoding="utf-8")
    train(tmp_path, config, resume=True, **judge)
    assert steps_in(tmp_path / "curve.csv") == [2, 4, 6, 8, 10, 12]
    assert steps_in(tmp_path / "val.csv") == [4]


def test_a_table_of_other_columns_goes_on(tmp_path):
    train(tmp_path, until=4)
    (tmp_path / "curve.csv").write_text("step,of,old\n4,12,7,9,9\n", encoding="utf-8")
    train(tmp_path, resume=True)
    with (tmp_path / "curve.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [(row["step"], row["old"], bool(row["loss"])) for row in rows] == [
        ("4", "7", False),
        ("8", "", True),
        ("12", "", True),
    ]
    page = (tmp_path / "curve.html").read_text(encoding="utf-8")
    assert "old: 7" in page
    assert "loss: " in page


@pytest.mark.parametrize("error", [OSError(28, "no space left on device"), RuntimeError("write failed\nat ...")])
def test_a_full_disk_is_one_sentence(tmp_path, monkeypatch, error):
    def fail(*_):
        raise error

    monkeypatch.setattr(torch, "save", fail)
    with pytest.raises(MetaphaseError, match=r"last\.pt: the checkpoint cannot be written"):
        train(tmp_path)


def test_a_table_that_cannot_be_written_is_one_sentence(tmp_path):
    (tmp_path / "curve.csv").mkdir()
    with pytest.raises(MetaphaseError, match=r"curve\.csv"):
        train(tmp_path)
