"""Folded weights back in the network: the same answers by stored statistics, by a batch's, and exported again."""

from pathlib import Path

import numpy as np
import onnxruntime
import pytest

torch = pytest.importorskip("torch")
torch.set_num_threads(1)

from metaphase.errors import MetaphaseError, WeightsError  # noqa: E402
from metaphase.identify.network import IdentifierNetwork  # noqa: E402
from metaphase.segment.network import SegmenterNetwork  # noqa: E402
from metaphase.segment.scale import network_input  # noqa: E402
from metaphase.train import export, weights  # noqa: E402

NETWORKS = {"segment": SegmenterNetwork, "identify": IdentifierNetwork}


@pytest.fixture(scope="module", params=["segment", "identify"])
def name(request):
    return request.param


@pytest.fixture(scope="module")
def batch(name, cell):
    if name == "identify":
        return torch.from_numpy(cell.inputs)
    view = network_input(cell.spread, cell.dark)
    return torch.from_numpy(np.stack([view, view[::-1], view[:, ::-1]]).copy())[:, None]


@pytest.fixture(scope="module")
def network(name, batch):
    made = NETWORKS[name]()
    weights.begin_with(made, weights.path_of("shipped", name), lambda: [batch])
    return made


def of_file(path, example):
    session = onnxruntime.InferenceSession(str(path))
    runs = [session.run(None, {"darkness": one[None].numpy()}) for one in example]
    return [np.concatenate(parts) for parts in zip(*runs, strict=True)]


def answers(network, example):
    with torch.no_grad():
        out = network(example)
    return [part.numpy() for part in (out if isinstance(out, tuple) else (out,))]


def near(got, expected, tolerance):
    assert len(got) == len(expected)
    for one, other in zip(got, expected, strict=True):
        np.testing.assert_allclose(one, other, rtol=tolerance, atol=tolerance * max(1, np.abs(other).max()))


def test_stored_statistics_give_the_same_answers(name, network, batch):
    near(answers(network.eval(), batch), of_file(weights.path_of("shipped", name), batch), 1e-3)


def test_statistics_of_the_batch_give_the_same_answers(name, network, batch):
    expected = answers(network.eval(), batch)
    network.train()
    for module in network.modules():
        if isinstance(module, torch.nn.Dropout):
            module.eval()
    near(answers(network, batch), expected, 2e-2)


def test_kernels_have_one_size(network):
    norms = [m.weight.flatten(1).norm(dim=1) for m in network.modules() if isinstance(m, torch.nn.Conv2d)]
    assert sum(bool(torch.allclose(norm, torch.ones_like(norm), atol=1e-4)) for norm in norms) >= 10


def test_exported_again_it_gives_the_same_answers(name, network, batch, tmp_path):
    torch.save({"average": network.state_dict()}, tmp_path / "last.pt")
    {"segment": export.export_segmenter, "identify": export.export_identifier}[name](
        tmp_path / "last.pt", tmp_path / "again.onnx"
    )
    near(of_file(tmp_path / "again.onnx", batch), of_file(weights.path_of("shipped", name), batch), 1e-3)


def test_a_checkpoint_gives_its_average(name, network, tmp_path):
    torch.save({"average": network.state_dict(), "network": {}}, tmp_path / "last.pt")
    other = NETWORKS[name]()
    weights.begin_with(other, tmp_path / "last.pt", lambda: pytest.fail("nothing to unfold"))
    for key, value in network.state_dict().items():
        torch.testing.assert_close(other.state_dict()[key], value)


@pytest.mark.parametrize("content", [b"", b"nothing of the kind", b"PK\x03\x04"])
@pytest.mark.parametrize("file", ["mine.onnx", "last.pt"])
def test_what_is_no_weights_is_named(tmp_path, content, file):
    path = tmp_path / file
    path.write_bytes(content)
    with pytest.raises(WeightsError, match=file) as caught:
        weights.begin_with(IdentifierNetwork(), path, lambda: [torch.zeros(2, 160, 32)])
    assert "\n" not in str(caught.value)


def test_weights_of_another_network_are_refused():
    path = weights.path_of("shipped", "segment")
    with pytest.raises(WeightsError, match="weights of another network"):
        weights.begin_with(IdentifierNetwork(), path, lambda: [torch.zeros(2, 160, 32)])


def test_a_folder_with_one_network_gets_the_other_one_as_shipped(tmp_path):
    (tmp_path / "segment.onnx").write_bytes(b"mine")
    weights.complete(tmp_path)
    assert (tmp_path / "segment.onnx").read_bytes() == b"mine"
    assert (tmp_path / "identify.onnx").read_bytes() == weights.path_of("shipped", "identify").read_bytes()


def test_weights_that_are_not_there_are_named(tmp_path):
    with pytest.raises(WeightsError, match="there are no weights here to begin with; give shipped"):
        weights.path_of(str(tmp_path / "none.onnx"), "segment")
    assert weights.path_of(str(Path(weights.__file__).parents[1] / "weights"), "segment").name == "segment.onnx"


def test_weights_that_cannot_be_put_beside_are_one_sentence(tmp_path):
    with pytest.raises(MetaphaseError, match=r"segment\.onnx: the file cannot be written"):
        weights.complete(tmp_path / "nowhere")
