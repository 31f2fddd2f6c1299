"""Pictures survive their PNG file."""

from __future__ import annotations

import io

import numpy as np
import pytest
from PIL import Image

from metaphase.report import encode_png


@pytest.mark.parametrize("shape", [(5, 7, 3), (1, 1, 3), (30, 20)])
def test_round_trip(shape: tuple[int, ...]) -> None:
    picture = np.random.default_rng(0).integers(0, 256, shape).astype(np.uint8)
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(encode_png(picture)))), picture)


@pytest.mark.parametrize("picture", [np.zeros((4, 4, 3)), np.zeros((4, 4, 2), np.uint8), np.zeros((0, 4, 3), np.uint8)])
def test_other_arrays_are_refused(picture: np.ndarray) -> None:
    with pytest.raises(ValueError, match="uint8"):
        encode_png(picture)
