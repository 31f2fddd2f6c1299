"""Shapes and orientation of the identifier's network."""

import pytest

torch = pytest.importorskip("torch")
torch.set_num_threads(1)

from metaphase.identify.network import IdentifierNetwork, swap_orientation  # noqa: E402


@pytest.mark.parametrize("dtype", [torch.uint8, torch.float32])
def test_48_logits_for_each_chromosome(dtype):
    torch.manual_seed(0)
    network = IdentifierNetwork(channels=(4, 8, 8, 8)).eval()
    darkness = (torch.rand(3, 160, 32) * 200).to(dtype)
    logits = network(darkness)
    assert logits.shape == (3, 48)
    assert logits.dtype == torch.float32
    torch.testing.assert_close(network(darkness[1:2])[0], logits[1], rtol=1e-4, atol=1e-5)


def test_swapping_twice_changes_nothing():
    logits = torch.randn(5, 48)
    assert not torch.equal(swap_orientation(logits), logits)
    assert torch.equal(swap_orientation(swap_orientation(logits)), logits)


def test_swapping_exchanges_up_and_down_of_the_same_class():
    logits = torch.zeros(1, 48)
    logits[0, 6] = 1
    assert swap_orientation(logits)[0].argmax() == 24 + 6
