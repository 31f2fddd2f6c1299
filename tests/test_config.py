"""Settings: one default each, files that are read strictly."""

import dataclasses
import inspect
import tomllib
from pathlib import Path

import pytest

from metaphase import config
from metaphase.config import (
    DataConfig,
    IdentifyTraining,
    KaryotypeConfig,
    ReportConfig,
    SegmentTraining,
    TrainConfig,
    read_sections,
)
from metaphase.errors import ConfigError

SECTIONS = [getattr(config, name) for name in config.__all__ if name != "read_sections"]
SHIPPED = Path(__file__).parents[1] / "configs"


def write(tmp_path, text):
    path = tmp_path / "my.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_what_a_file_leaves_out_keeps_its_default(tmp_path):
    path = write(tmp_path, "[train]\nsteps = 7\nlr = 1\n")
    got = read_sections(path, train=TrainConfig, data=DataConfig)
    assert got == {"train": TrainConfig(steps=7, lr=1.0), "data": DataConfig()}
    assert isinstance(got["train"].lr, float)


def test_an_empty_file_is_all_defaults(tmp_path):
    assert read_sections(write(tmp_path, ""), train=TrainConfig) == {"train": TrainConfig()}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[train]\nstep = 7\n", r"unknown key in \[train\] 'step'; did you mean 'steps'\?"),
        ("[train]\nlearning_rate = 1.0\n", r"unknown key in \[train\] 'learning_rate'; did you mean"),
        ("[trian]\n", "unknown section 'trian'; did you mean 'train'"),
        ('[train]\nsteps = "many"\n', "train.steps must be of type int, but is 'many'"),
        ("[train]\nsteps = 7.5\n", "train.steps must be of type int, but is 7.5"),
        ("[train]\nsteps = true\n", "train.steps must be of type int, but is True"),
        ("[train]\nbf16 = 1\n", "train.bf16 must be of type bool, but is 1"),
        ("[train]\nlr = false\n", "train.lr must be of type float, but is False"),
        ("[train]\ndevice = 0\n", "train.device must be of type str, but is 0"),
        ("train = 5\n", r"\[train\] must be a table"),
        ("[train\n", "expected a TOML file of settings"),
    ],
)
def test_what_is_wrong_is_named(tmp_path, text, message):
    path = write(tmp_path, text)
    with pytest.raises(ConfigError, match=message) as caught:
        read_sections(path, train=TrainConfig, data=DataConfig)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ConfigError, match=r"nowhere\.toml"):
        read_sections(tmp_path / "nowhere.toml", train=TrainConfig)


def test_a_file_that_is_no_text_is_named(tmp_path):
    path = tmp_path / "my.toml"
    path.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match=r"my\.toml: expected a TOML file"):
        read_sections(path, train=TrainConfig)


@pytest.mark.parametrize("file", ["segment", "identify", "finetune-segment", "finetune-identify"])
def test_the_shipped_files_are_read_and_say_what_they_change(file):
    path, network = SHIPPED / f"{file}.toml", file.removeprefix("finetune-")
    kinds = {"data": DataConfig, "train": TrainConfig}
    kinds[network] = {"segment": SegmentTraining, "identify": IdentifyTraining}[network]
    got = read_sections(path, **kinds)
    for name, values in tomllib.loads(path.read_text(encoding="utf-8")).items():
        for key, value in values.items():
            kept = getattr(got[name], key)
            assert (list(kept) if isinstance(kept, tuple) else kept) == value, key


@pytest.mark.parametrize("kind", SECTIONS, ids=lambda kind: kind.__name__)
def test_every_setting_is_frozen_documented_and_has_a_default(kind):
    section = kind()
    assert section == kind()
    entries = dataclasses.fields(section)
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(section, entries[0].name, entries[0].default)
    source = inspect.getsource(kind)
    assert source.count('"""') // 2 >= len(entries) + 1, "each field is followed by what it means"


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        (KaryotypeConfig, {"normal_prior": 0.0}),
        (KaryotypeConfig, {"missed_rate": 1.0}),
        (KaryotypeConfig, {"probability_floor": 0.2}),
        (KaryotypeConfig, {"softness": 0.0}),
        (ReportConfig, {"png_compression": 10}),
        (ReportConfig, {"karyogram_chromosome_width": 2}),
    ],
)
def test_impossible_values_are_refused_by_name(kind, values):
    with pytest.raises(ConfigError, match=next(iter(values))):
        kind(**values)


def test_settings_of_the_command_line_win_over_the_file(tmp_path):
    path = write(tmp_path, "[train]\nlr = 0.1\nsteps = 7\n[data]\nsets = ['cil:2']\n")
    settings = ["train.lr=1e-3", "data.sets=cil:3, autokary2022", "train.bf16=false", "data.out=runs/my weights"]
    got = read_sections(path, settings, train=TrainConfig, data=DataConfig)
    assert got["train"] == TrainConfig(lr=1e-3, steps=7, bf16=False)
    assert got["data"] == DataConfig(sets=("cil:3", "autokary2022"), out="runs/my weights")
    assert read_sections(path, data=DataConfig, train=TrainConfig)["data"].sets == ("cil:2",)
    assert read_sections(None, train=TrainConfig)["train"] == TrainConfig()


@pytest.mark.parametrize(
    ("setting", "message"),
    [
        ("train.lrr=1", r"--set train.lrr=1: unknown key in \[train\] 'lrr'; did you mean 'lr'"),
        ("trian.lr=1", "--set trian.lr=1: unknown section 'trian'; did you mean 'train'"),
        ("lr=1", "--set lr=1: expected SECTION.KEY=VALUE"),
        ("train.lr", "--set train.lr: expected SECTION.KEY=VALUE"),
        ("train.steps=many", "train.steps must be of type int, but is 'many'"),
        ("data.sets=[1]", r"data.sets must be a list of texts, but is \[1\]"),
    ],
)
def test_a_wrong_setting_of_the_command_line_is_named(setting, message):
    with pytest.raises(ConfigError, match=message):
        read_sections(None, [setting], train=TrainConfig, data=DataConfig)
