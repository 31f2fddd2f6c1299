"""The segmenter's view: 12 pixels to a chromosome width, darkness 0 at the background and 1 at the mean chromosome."""

import numpy as np

from metaphase.segment.scale import CLEAR, STRIDE, network_input, transmittance


def test_background_becomes_clear_and_the_size_follows_the_scale():
    gray = np.full((90, 60), 230, np.uint8)
    gray[20:60, 20:40] = 115
    for scale in (0.5, 1.0, 1.7):
        view = transmittance(gray, scale, 230.0)
        assert view.dtype == np.uint8
        assert view.shape == (round(90 * scale), round(60 * scale))
        assert view[0, 0] == CLEAR
        assert view[int(40 * scale), int(30 * scale)] == CLEAR / 2


def test_brighter_than_the_background_is_kept_up_to_the_type():
    assert transmittance(np.full((64, 64), 255, np.uint8), 1.0, 100.0).max() == 255


def test_a_tiny_image_keeps_a_pixel():
    assert transmittance(np.zeros((1, 3), np.uint8), 0.1, 230.0).shape == (1, 1)


def test_darkness_is_normalised_and_padded_with_background():
    view = np.full((50, 70), CLEAR, np.uint8)
    view[10:20, 10:20] = CLEAR * 0.4
    darkness = network_input(view, 0.4)
    assert darkness.dtype == np.float32
    assert darkness.shape == (64, 96)
    assert darkness.shape[0] % STRIDE == darkness.shape[1] % STRIDE == 0
    np.testing.assert_allclose(darkness[10:20, 10:20], 1.0, atol=1e-6)
    assert darkness.sum() == np.float32(100)


def test_chromosomes_as_pale_as_the_background_do_not_divide_by_zero():
    assert np.isfinite(network_input(np.full((32, 32), 150, np.uint8), 1.0)).all()
