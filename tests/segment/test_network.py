"""Shapes of the segmenter's network, and its mask arithmetic."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")
torch.set_num_threads(1)

from metaphase.segment.network import KERNEL_SIZE, MASK_CHANNELS, OUTPUTS, SegmenterNetwork, mask_logits  # noqa: E402


def small():
    torch.manual_seed(0)
    return SegmenterNetwork(channels=(8, 8, 16, 16), head=16)


@pytest.mark.parametrize(("n", "h", "w"), [(1, 32, 64), (2, 96, 32)])
def test_maps_have_the_promised_shapes(n, h, w):
    maps = small()(torch.rand(n, 1, h, w))
    assert len(maps) == len(OUTPUTS)
    objectness, box, kernel, features, classes = maps
    assert objectness.shape == (n, h // 8, w // 8)
    assert box.shape == (n, 4, h // 8, w // 8)
    assert kernel.shape == (n, KERNEL_SIZE, h // 8, w // 8)
    assert features.shape == (n, MASK_CHANNELS, h // 2, w // 2)
    assert classes.shape == (n, 24, h // 8, w // 8)
    assert {output.dtype for output in maps} == {torch.float32}


def test_a_fresh_network_sees_little_and_boxes_have_sides():
    objectness, box, _, _, _ = small().eval()(torch.rand(1, 1, 64, 64))
    assert objectness.sigmoid().mean() < 0.1
    assert (box > 0).all()


def test_maps_stay_in_single_precision_under_autocast():
    with torch.autocast("cpu", torch.bfloat16):
        maps = small().eval()(torch.rand(1, 1, 32, 32))
    assert {output.dtype for output in maps} == {torch.float32}


def test_mask_logits_are_three_layers_for_each_pixel():
    rng = np.random.default_rng(1)
    kernels, features, relative = rng.normal(size=(3, 169)), rng.normal(size=(3, 8, 7)), rng.normal(size=(3, 2, 7))
    got = mask_logits(*(torch.from_numpy(a.astype(np.float32)) for a in (kernels, features, relative))).numpy()
    assert got.shape == (3, 7)
    for n in range(3):
        k = kernels[n]
        w1, b1, w2, b2, w3, b3 = (
            k[:80].reshape(8, 10),
            k[80:88],
            k[88:152].reshape(8, 8),
            k[152:160],
            k[160:168],
            k[168],
        )
        for p in range(7):
            x = np.concatenate([features[n, :, p], relative[n, :, p]])
            x = np.maximum(w2 @ np.maximum(w1 @ x + b1, 0) + b2, 0)
            assert got[n, p] == pytest.approx(w3 @ x + b3, abs=1e-4)


def test_the_kernel_size_is_what_the_layers_need():
    assert (MASK_CHANNELS, KERNEL_SIZE) == (16, 233)
