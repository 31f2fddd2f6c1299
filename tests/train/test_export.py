"""ONNX files say what the networks say."""

import json

import numpy as np
import onnxruntime
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("onnxscript")
torch.set_num_threads(1)

from metaphase.config import DataConfig, TrainConfig  # noqa: E402
from metaphase.errors import MetaphaseError  # noqa: E402
from metaphase.identify import Identifier  # noqa: E402
from metaphase.identify.network import IdentifierNetwork  # noqa: E402
from metaphase.segment import Segmenter  # noqa: E402
from metaphase.segment.network import OUTPUTS, SegmenterNetwork  # noqa: E402
from metaphase.train import export  # noqa: E402
from metaphase.train.export import card, export_identifier, export_segmenter  # noqa: E402
from metaphase.train.sources import Source  # noqa: E402


def lived_in(network):
    """A fresh network whose normalisation layers have statistics other than 0 and 1."""
    generator = torch.Generator().manual_seed(0)
    for name, buffer in network.named_buffers():
        if name.endswith(("running_mean", "running_var")):
            buffer.add_(torch.rand(buffer.shape, generator=generator) * 0.2)
    return network.eval()


def save(network, folder):
    raw = {name: torch.zeros_like(value) for name, value in network.state_dict().items()}
    torch.save({"network": raw, "average": network.state_dict(), "step": 1}, folder / "last.pt")
    return folder / "last.pt"


def session(path):
    options = onnxruntime.SessionOptions()
    options.log_severity_level, options.intra_op_num_threads = 3, 1
    return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])


def test_the_segmenter_in_onnx_for_any_size(tmp_path):
    torch.manual_seed(0)
    network = lived_in(SegmenterNetwork())
    export_segmenter(save(network, tmp_path), tmp_path / "segment.onnx")
    assert [path.name for path in sorted(tmp_path.iterdir())] == ["last.pt", "segment.onnx"], "one file holds all"
    run = session(tmp_path / "segment.onnx")
    assert [output.name for output in run.get_outputs()] == list(OUTPUTS)
    for h, w in ((256, 320), (32, 32), (96, 64)):
        darkness = torch.rand(1, 1, h, w, generator=torch.Generator().manual_seed(h))
        with torch.no_grad():
            expected = network(darkness)
        for name, got, wanted in zip(OUTPUTS, run.run(None, {"darkness": darkness.numpy()}), expected, strict=True):
            assert got.shape == wanted.shape
            np.testing.assert_allclose(got, wanted.numpy(), atol=1e-3, rtol=1e-3, err_msg=name)
    assert isinstance(Segmenter.load(tmp_path), Segmenter)


def test_the_identifier_in_onnx_for_any_number(tmp_path):
    torch.manual_seed(0)
    network = lived_in(IdentifierNetwork())
    export_identifier(save(network, tmp_path), tmp_path / "identify.onnx")
    run = session(tmp_path / "identify.onnx")
    for n in (1, 2, 7):
        darkness = torch.randint(0, 200, (n, 160, 32), generator=torch.Generator().manual_seed(n)).to(torch.uint8)
        with torch.no_grad():
            expected = network(darkness).numpy()
        got = run.run(None, {"darkness": darkness.numpy()})[0]
        assert got.shape == (n, 48)
        np.testing.assert_allclose(got, expected, atol=1e-3, rtol=1e-3)
    assert isinstance(Identifier.load(tmp_path), Identifier)


def test_the_file_says_nothing_of_the_machine_it_was_made_on(tmp_path):
    export_identifier(save(lived_in(IdentifierNetwork()), tmp_path), tmp_path / "identify.onnx")
    written = (tmp_path / "identify.onnx").read_bytes()
    assert b"stack_trace" not in written
    assert b"network.py" not in written


def test_the_file_tells_of_the_data_and_settings_it_was_made_with(tmp_path):
    source = Source("cil", tmp_path, 1.0, (), ())
    about = card(
        [source, Source(str(tmp_path / "own_cells"), tmp_path, 1.0, (), ())],
        {"train": TrainConfig(), "data": DataConfig()},
    )
    export_identifier(save(lived_in(IdentifierNetwork()), tmp_path), tmp_path / "identify.onnx", about)
    kept = session(tmp_path / "identify.onnx").get_modelmeta().custom_metadata_map
    assert "CC BY" in json.loads(kept["sets"])["cil"]
    assert json.loads(kept["sets"])["own_cells"] == "own"
    assert json.loads(kept["settings"])["train"]["lr"] == TrainConfig().lr
    assert str(tmp_path) not in str(kept)


def test_a_file_that_is_not_whole_never_takes_the_place(tmp_path, monkeypatch):
    (tmp_path / "identify.onnx").write_bytes(b"of before")

    def fail(*_):
        assert (tmp_path / "identify.onnx").read_bytes() == b"of before"
        raise OSError(28, "no space left on device")

    monkeypatch.setattr(export, "_describe", fail)
    with pytest.raises(MetaphaseError, match=r"identify\.onnx: the network cannot be written \(no space"):
        export_identifier(save(lived_in(IdentifierNetwork()), tmp_path), tmp_path / "identify.onnx")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["identify.onnx", "last.pt"]
    assert (tmp_path / "identify.onnx").read_bytes() == b"of before"


@pytest.mark.parametrize(
    ("start", "kept"), [("", ""), ("shipped", "shipped"), ("/home/me/last.pt", "last.pt"), ("C:\\me\\a.onnx", "a.onnx")]
)
def test_the_card_holds_no_folder_of_what_the_run_began_with(start, kept):
    settings = json.loads(card([], {"train": TrainConfig(start=start)})["settings"])
    assert settings["train"]["start"] == kept
