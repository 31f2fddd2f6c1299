"""What lies on a drawn slide beside chromosomes: nuclei, dirt, the uneven light, the optics and the camera."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from metaphase.datasets.procedural_chromosome import blur, smooth_noise

__all__ = ["Slide", "draw_dirt", "draw_nucleus", "finish"]

Float32 = NDArray[np.float32]


@dataclass(frozen=True, eq=False)
class Slide:
    """Float32[H, W], the share of light that passes; drawn on in place. 1 is clear, above 1 a bright rim."""

    transmittance: Float32

    @classmethod
    def clear(cls, size_hw: tuple[int, int]) -> Slide:
        """An empty slide of `size_hw` pixels."""
        return cls(np.ones(size_hw, np.float32))


def _blob(size: int, radii: tuple[float, float], unevenness: float, rng: np.random.Generator) -> Float32:
    """Float32[size, size] in [0, 1]: a filled, turned ellipse with a wavy outline and an edge 1 to 2 pixels soft."""
    angle = np.linspace(0, 2 * np.pi, 96, endpoint=False)
    radius = np.ones_like(angle)
    for wave in range(2, 6):
        radius += unevenness / wave * rng.normal() * np.cos(wave * angle + rng.uniform(0, 2 * np.pi))
    turn = rng.uniform(0, np.pi)
    x, y = radii[0] * radius * np.cos(angle), radii[1] * radius * np.sin(angle)
    points = np.stack([x * np.cos(turn) - y * np.sin(turn), x * np.sin(turn) + y * np.cos(turn)], 1) + size / 2
    canvas = np.zeros((size, size), np.float32)
    cv2.fillPoly(canvas, [np.rint(points * 16).astype(np.int32).reshape(-1, 1, 2)], 1.0, shift=4, lineType=cv2.LINE_8)
    return blur(canvas, 1.2)


def _multiply(slide: Slide, patch: Float32, centre_xy: tuple[float, float]) -> None:
    """Multiply a patch onto the slide around a centre; what lies outside the image is cut off."""
    height, width = slide.transmittance.shape
    x, y = round(centre_xy[0] - patch.shape[1] / 2), round(centre_xy[1] - patch.shape[0] / 2)
    left, top, right, bottom = max(x, 0), max(y, 0), min(x + patch.shape[1], width), min(y + patch.shape[0], height)
    if left < right and top < bottom:
        slide.transmittance[top:bottom, left:right] *= patch[top - y : bottom - y, left - x : right - x]


def _room(taken: Float32, coarse: int) -> Float32:
    """Distance in pixels of every coarse cell to the nearest chromosome."""
    free = (taken <= 0).astype(np.uint8)
    return np.asarray(cv2.distanceTransform(free, cv2.DIST_L2, 3) * coarse, np.float32)


def _somewhere(room: Float32, least: float, coarse: int, rng: np.random.Generator) -> tuple[float, float] | None:
    """Column and row of a random point at least `least` pixels away from every chromosome; None where there is none."""
    rows, columns = np.nonzero(room >= least)
    if not len(rows):
        return None
    pick = int(rng.integers(len(rows)))
    return (columns[pick] + rng.random()) * coarse, (rows[pick] + rng.random()) * coarse


def draw_nucleus(slide: Slide, taken: Float32, coarse: int, width_px: float, rng: np.random.Generator) -> None:
    """Draw one interphase nucleus, a large dark mottled blob, beside the chromosomes, perhaps cut by the image's rim.

    taken: coarse map of the chromosomes, `coarse` pixels a cell. Draws nothing where no room is left.
    """
    radius = width_px * rng.uniform(2.2, 6.0)
    room = _room(taken, coarse)
    place = _somewhere(room, 1.12 * radius, coarse, rng)
    if place is None:
        radius = 1.8 * width_px
        place = _somewhere(room, 1.12 * radius, coarse, rng)
    if place is None:
        return
    radii = (radius, radius * rng.uniform(0.72, 1.0))
    size = int(2.7 * radius) + 8
    shape = _blob(size, radii, 0.05, rng)
    side = (size, size)
    mottled = 1 + 0.13 * smooth_noise(rng, side, 0.12 * width_px) + 0.1 * smooth_noise(rng, side, width_px)
    rim = 0.85 + 0.15 * blur(shape, 0.3 * width_px)
    density = rng.uniform(0.55, 1.1) * shape * mottled * rim
    if rng.random() < 0.4:
        haze = blur(shape, 0.25 * radius)
        density = np.maximum(density, 0.18 * haze * (1 + 0.4 * smooth_noise(rng, side, 0.2 * width_px)))
    _multiply(slide, np.exp(-np.clip(density, 0, 4)).astype(np.float32), place)


def _speck(width_px: float, rng: np.random.Generator) -> Float32:
    """Transmittance of one piece of dirt: a dot, a pale smear, a bright-ringed grain, or a short rod."""
    kind = rng.random()
    if kind < 0.6:
        radius = width_px * rng.uniform(0.06, 0.22)
        density = rng.uniform(0.3, 1.6) * _blob(int(4 * radius) + 10, (radius, radius * rng.uniform(0.6, 1)), 0.25, rng)
        density = blur(density, rng.uniform(0.4, 1.5))
    elif kind < 0.75:
        radius = width_px * rng.uniform(0.4, 1.2)
        density = rng.uniform(0.05, 0.2) * _blob(int(5 * radius) + 16, (radius, radius * rng.uniform(0.5, 1)), 0.3, rng)
        density = blur(density, 0.3 * radius)
    elif kind < 0.88:
        radius = width_px * rng.uniform(0.15, 0.4)
        blob = _blob(int(6 * radius) + 16, (radius, radius * rng.uniform(0.7, 1)), 0.1, rng)
        wide = blur(blob, 0.35 * radius + 1.0)
        density = rng.uniform(0.5, 1.3) * blob - 0.3 * (wide - blob * wide)
    else:
        radius = width_px * rng.uniform(0.25, 0.6)
        density = rng.uniform(0.4, 1.2) * _blob(int(3 * radius) + 12, (radius, 0.25 * radius + 0.6), 0.1, rng)
    return np.exp(-density).astype(np.float32)


def draw_dirt(slide: Slide, taken: Float32, coarse: int, width_px: float, rng: np.random.Generator) -> None:
    """Draw dirt of many kinds, nearly all of it beside the chromosomes. `taken` as for `draw_nucleus`."""
    room = _room(taken, coarse)
    for _ in range(int(rng.gamma(1.5, 7.0))):
        place = _somewhere(room, 0.25 * width_px, coarse, rng)
        if place is not None:
            _multiply(slide, _speck(width_px, rng), place)
    # Grains often lie in clumps.
    for _ in range(int(rng.poisson(0.8))):
        centre = _somewhere(room, width_px, coarse, rng)
        if centre is None:
            continue
        for _ in range(int(rng.integers(5, 16))):
            x, y = rng.normal(0, 0.5 * width_px, 2)
            _multiply(slide, _speck(0.7 * width_px, rng), (centre[0] + x, centre[1] + y))


def finish(slide: Slide, width_px: float, rng: np.random.Generator) -> NDArray[np.uint8]:
    """UInt8[H, W]: the slide through uneven light, cloudy medium, optics and a noisy camera."""
    height, width = slide.transmittance.shape
    y, x = np.meshgrid(np.linspace(-1, 1, height), np.linspace(-1, 1, width), indexing="ij")
    slope = rng.normal(0, 0.03, 2)
    light = 1 + slope[0] * x + slope[1] * y - rng.uniform(0, 0.04) * (x**2 + y**2)
    clouds = smooth_noise(rng, (height, width), width_px * rng.uniform(2.0, 4.0))
    light += rng.uniform(0, 0.015) * clouds
    image = slide.transmittance
    image = blur(image, rng.uniform(0.03, 0.065) * width_px)
    # Partial coherence and the makers' sharpening leave a faint bright fringe around dark things.
    halo = rng.uniform(0.0, 0.3)
    image = image + halo * (image - blur(image, 0.25 * width_px))
    background = rng.uniform(210, 250)
    black = rng.uniform(0, 25)
    light /= light.max()
    values = black + (background - black) * image * light.astype(np.float32)
    values += rng.uniform(0.6, 2.2) * rng.standard_normal((height, width), dtype=np.float32)
    values += rng.uniform(0.0, 1.6) * smooth_noise(rng, (height, width), 1.0)
    return np.asarray(np.clip(np.rint(values), 0, 255), np.uint8)
