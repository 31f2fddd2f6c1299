"""Bars of a known width instead of chromosomes."""

from collections.abc import Callable

import cv2
import numpy as np
import pytest


def draw(width: int = 14, count: int = 40, background: int = 250, chromosome: int = 90, noise: float = 0) -> np.ndarray:
    """Straight bars of `width` pixels on a grid of 7 x 7 places, each turned by another angle."""
    place = 5 * width
    gray = np.full((7 * place + 20, 7 * place + 20), background, np.uint8)
    for i in range(count):
        centre = np.array([10 + place * (i % 7 + 0.5), 10 + place * (i // 7 + 0.5)])
        angle, half = 2.4 * i, width * (0.8 + 0.2 * (i % 5))
        step = half * np.array([np.cos(angle), np.sin(angle)])
        side = width / 2 * np.array([-np.sin(angle), np.cos(angle)])
        corners = np.array([centre + step + side, centre + step - side, centre - step - side, centre - step + side])
        cv2.fillConvexPoly(gray, np.rint(corners * 16).astype(np.int32), chromosome, cv2.LINE_AA, shift=4)
    soft = cv2.GaussianBlur(gray, (0, 0), 1.0).astype(float)
    soft += np.random.default_rng(0).normal(0, noise, soft.shape) if noise else 0
    return np.clip(np.rint(soft), 0, 255).astype(np.uint8)


@pytest.fixture
def bars() -> Callable[..., np.ndarray]:
    return draw
