"""`metaphase karyotype` with a model whose answer is known."""

import sys
from types import ModuleType

import pytest
from click.testing import CliRunner, Result

from metaphase.cli.commands import metaphase
from metaphase.errors import MetaphaseError


@pytest.fixture
def run(fake_model, monkeypatch):
    predict = ModuleType("metaphase.predict")
    predict.asked_for = []

    def load_model(weights=None):
        predict.asked_for.append(weights)
        return fake_model

    predict.load_model = load_model
    monkeypatch.setitem(sys.modules, "metaphase.predict", predict)

    def invoke(*arguments: object) -> Result:
        return CliRunner().invoke(metaphase, ["karyotype", *map(str, arguments)])

    invoke.asked_for = predict.asked_for
    return invoke


def test_one_image(run, tmp_path, write_spread):
    image = write_spread(tmp_path / "a.png")
    result = run(image, "--out", tmp_path / "out")
    assert result.exit_code == 0
    assert result.stderr == ""
    assert f"{image}: 46 chromosomes" in result.stdout
    assert str(tmp_path / "out" / "a" / "karyogram.png") in result.stdout
    assert (tmp_path / "out" / "a" / "karyogram.png").is_file()


def test_a_bad_image_in_a_batch(run, tmp_path, write_spread):
    write_spread(tmp_path / "in" / "b.png")
    (tmp_path / "in" / "a.png").touch()
    result = run(tmp_path / "in", "--out", tmp_path / "out")
    assert result.exit_code == 2
    assert f"metaphase: {tmp_path / 'in' / 'a.png'}: the file is empty; expected" in result.stderr
    assert "1 of 2 images done" in result.stdout
    assert (tmp_path / "out" / "b" / "result.json").is_file()
    assert "Traceback" not in result.output


def test_nothing_to_do_loads_no_weights(run, tmp_path):
    result = run(tmp_path / "none.png", tmp_path, "--out", tmp_path / "out")
    assert result.exit_code == 2
    assert "no such file" in result.stderr
    assert "holds no image" in result.stderr
    assert run.asked_for == []
    assert not (tmp_path / "out").exists()


def test_no_metaphase_is_a_warning(run, tmp_path, write_spread):
    result = run(write_spread(tmp_path / "a.png", 0), "--out", tmp_path / "out")
    assert result.exit_code == 0
    assert "warning: this does not look like a metaphase" in result.stderr
    assert (tmp_path / "out" / "a" / "overlay.png").is_file()


def test_a_taken_name_is_said(run, tmp_path, write_spread):
    first, second = write_spread(tmp_path / "x" / "a.png"), write_spread(tmp_path / "y" / "a.png")
    result = run(first, second, "--out", tmp_path / "out")
    assert result.exit_code == 0
    assert str(tmp_path / "out" / "a-2") in result.stderr
    assert (tmp_path / "out" / "a-2" / "result.json").is_file()


def test_earlier_results_are_replaced_only_where_asked_to(run, tmp_path, write_spread):
    image = write_spread(tmp_path / "a.png")
    assert run(image, "--out", tmp_path / "out").exit_code == 0
    refused = run(image, "--out", tmp_path / "out").exception
    assert isinstance(refused, MetaphaseError)
    assert "--overwrite" in str(refused)
    assert run(image, "--out", tmp_path / "out", "--overwrite").exit_code == 0


def test_weights_are_handed_on(run, tmp_path, write_spread):
    run(write_spread(tmp_path / "a.png"), "--out", tmp_path / "out", "--weights", tmp_path / "mine")
    assert run.asked_for == [tmp_path / "mine"]
