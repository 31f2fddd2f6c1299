"""The PyTorch module: the contract as tensors, and weights that looking does not change."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from metaphase.train.module import MetaphaseModule  # noqa: E402


@pytest.fixture(autouse=True)
def one_thread():
    torch.set_num_threads(1)


def test_the_dictionary_has_the_dtypes_and_shapes_of_the_contract(spread):
    torch.manual_seed(0)
    found = MetaphaseModule().eval()(torch.from_numpy(spread.gray))
    m = len(found["labels"])
    assert {name: value.dtype for name, value in found.items()} == {
        "boxes": torch.float32,
        "labels": torch.int64,
        "scores": torch.float32,
        "masks": torch.float32,
    }
    assert found["boxes"].shape == (m, 4)
    assert found["masks"].shape == (m, 1, *spread.gray.shape)


def test_an_empty_image_gives_no_instances():
    found = MetaphaseModule()(torch.full((1, 64, 80), 200, dtype=torch.uint8))
    assert found["boxes"].shape == (0, 4)
    assert found["masks"].shape == (0, 1, 64, 80)


def test_looking_in_training_mode_changes_no_statistics(spread):
    torch.manual_seed(0)
    module = MetaphaseModule().train()
    before = {name: value.clone() for name, value in module.state_dict().items()}
    module(torch.from_numpy(spread.gray))
    assert module.segment.training
    for name, value in module.state_dict().items():
        np.testing.assert_array_equal(value.numpy(), before[name].numpy(), err_msg=name)
