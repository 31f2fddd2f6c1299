"""One straight G-banded chromosome, drawn from the bands of its ISCN ideogram."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from metaphase.chromosomes import Band, bands, relative_length

__all__ = ["StraightChromosome", "blur", "draw_chromosome", "smooth_noise"]

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]
Bool = NDArray[np.bool_]

ACROCENTRIC = (13, 14, 15, 21, 22)
_MARGIN = 3
"""Rows and columns of clear background around a drawn chromosome, so that its soft edge is not cut off."""
_SAMPLES = 6
"""Samples of the band profile for each row."""


@dataclass(frozen=True, eq=False)
class StraightChromosome:
    """A chromosome laid out along its axis with the tip of the p arm at the top.

    transmittance: Float32[L, W] in (0, 1], the share of the light that passes; 1 is clear background.
    inside: Bool[L, W], the chromosome. Both have a clear margin of a few pixels.
    label: 1..24. centromere_row: row of the centromere, in pixels.
    """

    transmittance: Float32
    inside: Bool
    label: int
    centromere_row: float


@dataclass(frozen=True, eq=False)
class _Profile:
    """What changes along the axis, sampled from p tip (0) to q tip: optical density, relative width, the centromere."""

    density: Float64
    breadth: Float64
    centromere: float


def blur(image: NDArray[np.generic], sigma: float, border: int = cv2.BORDER_REFLECT_101) -> Float32:
    """Float32 of the same shape: Gaussian blur by `sigma` pixels; `border` is one of OpenCV's border types."""
    return np.asarray(
        cv2.GaussianBlur(np.asarray(image, np.float32), (0, 0), sigma, borderType=border), np.float32
    ).reshape(image.shape)


def smooth_noise(rng: np.random.Generator, shape: tuple[int, int], sigma: float) -> Float32:
    """Float32[shape]: Gaussian noise of mean 0 and deviation 1 with a correlation length of `sigma` pixels."""
    step = max(1, int(sigma / 2))
    coarse = (shape[0] // step + 2, shape[1] // step + 2)
    noise = np.asarray(rng.standard_normal(coarse), np.float32)
    if sigma > 0.3:
        noise = blur(noise, sigma / step)
    if step > 1:
        size = (coarse[1] * step, coarse[0] * step)
        noise = np.asarray(cv2.resize(noise, size, interpolation=cv2.INTER_CUBIC), np.float32)
    noise = noise[: shape[0], : shape[1]]
    return np.asarray((noise - noise.mean()) / max(float(noise.std()), 1e-6), np.float32)


def _band_density(band: Band, label: int, rng: np.random.Generator) -> float:
    """Optical density (natural logarithm) of one band. Dark bands lie near 1.2, pale ones near 0.3."""
    if band.stain == "gpos":
        return float((0.36 + 0.0090 * band.density) * rng.normal(1.0, 0.06))
    if band.stain == "gneg":
        return float(0.31 * rng.normal(1.0, 0.1))
    if band.stain == "acen":
        return float(rng.uniform(0.5, 0.95))
    if band.stain == "stalk":
        return float(rng.uniform(0.12, 0.25))
    # Variable heterochromatin: dark beside the centromere of 1 and 16 and on the long arm of Y, pale in 9 (G-banding).
    low, high = {1: (0.7, 1.1), 9: (0.3, 0.6), 16: (0.8, 1.15), 24: (0.75, 1.15)}.get(label, (0.35, 0.7))
    return float(rng.uniform(low, high))


def _profile(label: int, level: int, rows: int, width_px: float, rng: np.random.Generator) -> _Profile:
    own = bands(label, level)
    samples = rows * _SAMPLES
    total = own[-1].stop
    # Bands keep their order but not their exact place: condensation differs from chromosome to chromosome.
    stops = np.array([band.stop for band in own], np.float64) / total
    sizes = np.diff(stops, prepend=0.0) * np.exp(rng.normal(0, 0.08, len(own)))
    satellites = label in ACROCENTRIC
    if satellites:
        # The short arms of acrocentrics are polymorphic, and the ideogram draws them long.
        sizes[[band.arm == "p" for band in own]] *= rng.uniform(0.5, 1.0)
    edges = np.rint(np.cumsum(sizes) / sizes.sum() * samples).astype(int)
    density, breadth = np.empty(samples), np.ones(samples)
    narrow, neck, satellite = rng.uniform(0.6, 0.85), rng.uniform(0.5, 0.8), rng.uniform(0.75, 1.0)
    start = 0
    for band, stop in zip(own, edges, strict=True):
        density[start:stop] = _band_density(band, label, rng)
        if band.stain == "acen":
            breadth[start:stop] = narrow
        elif band.stain == "stalk":
            breadth[start:stop] = neck
        elif band.stain == "gvar" and satellites:
            breadth[start:stop] = satellite
        elif band.stain == "gpos":
            # Dark bands are more condensed and bulge a little.
            breadth[start:stop] = 1.0 + 0.0006 * band.density
        start = stop
    unit = width_px * _SAMPLES
    density = blur(density.reshape(-1, 1), rng.uniform(0.06, 0.13) * unit)[:, 0].astype(np.float64)
    breadth = blur(breadth.reshape(-1, 1), 0.11 * unit)[:, 0].astype(np.float64)
    centromere = edges[max(i for i, band in enumerate(own) if band.arm == "p")] / samples
    return _Profile(density, breadth, float(centromere))


def _half_width(profile: _Profile, rows: int, width_px: float, rng: np.random.Generator) -> Float64:
    """Half the width in pixels at every row, with rounded telomeres and an outline that is not quite even."""
    position = np.arange(rows) + 0.5
    at = np.minimum((position * _SAMPLES).astype(int), len(profile.breadth) - 1)
    half = 0.5 * width_px * profile.breadth[at]
    half *= 1 + 0.045 * smooth_noise(rng, (rows, 1), 0.22 * width_px)[:, 0]
    for distance in (position, rows - position):
        radius = width_px * rng.uniform(0.3, 0.45)
        near = np.clip(distance / radius, 0, 1)
        half *= (1 - (1 - near) ** 2.4) ** (1 / 2.4)
    return np.asarray(half, np.float64)


def draw_chromosome(
    label: int,
    rng: np.random.Generator,
    *,
    level: int = 550,
    width_px: float = 15.0,
    chromosome1_widths: float = 8.5,
    contrast: float = 1.0,
) -> StraightChromosome:
    """Draw one straight chromosome, p arm at row 0.

    label: 1..24. level: bands of the ideogram, 400, 550 or 850. width_px: width of a chromatid pair in pixels.
    chromosome1_widths: contraction of the cell, as the length of chromosome 1 in widths (7 short to 11 long).
    contrast: factor on all optical densities. Every call draws another chromosome; the generator decides which.
    Raises ValueError for a label or level that does not exist, or a width below 4 pixels.
    """
    if width_px < 4:
        raise ValueError(f"width_px must be at least 4, but got {width_px}")
    ratio = relative_length(label, level) / relative_length(1, level)
    rows = max(6, round(chromosome1_widths * width_px * ratio * float(np.exp(rng.normal(0, 0.05)))))
    profile = _profile(label, level, rows, width_px, rng)
    half = np.pad(_half_width(profile, rows, width_px, rng), _MARGIN, constant_values=0.0)
    columns = int(np.ceil(width_px * 1.15)) + 2 * _MARGIN
    across = (np.arange(columns) - (columns - 1) / 2)[None, :]
    # The two chromatids are shifted a little against each other, so bands are slightly oblique or stepped.
    shift = smooth_noise(rng, (len(half), 1), 0.8 * width_px) * rng.uniform(0.005, 0.03) * width_px
    tilt = rng.normal(0, 0.06)
    row = np.arange(len(half))[:, None] - _MARGIN + 0.5 + shift * np.tanh(across / (0.1 * width_px)) + tilt * across
    at = np.clip(row * _SAMPLES, 0, len(profile.density) - 1)
    base = profile.density[at.astype(int)]
    softness = 0.5 + 0.02 * width_px
    cover = 1 / (1 + np.exp(-np.clip((half[:, None] - np.abs(across)) / softness * 2.2, -30, 30)))
    cover *= half[:, None] > 0
    reach = np.abs(across) / np.maximum(half[:, None], 1.0)
    round_body = np.sqrt(np.clip(1.12 - 0.55 * reach**2, 0.2, None))
    cleft = 1 - rng.uniform(0.0, 0.28) * np.exp(-((across / (0.1 * width_px)) ** 2))
    shape = (len(half), columns)
    texture = 1 + 0.1 * smooth_noise(rng, shape, 0.06 * width_px) + 0.08 * smooth_noise(rng, shape, 0.2 * width_px)
    strength = contrast * float(np.exp(rng.normal(0, 0.06)))
    density = np.clip(strength * base * cover * round_body * cleft * texture, 0.0, 6.0)
    sigma = rng.uniform(0.03, 0.06) * width_px
    soft = blur(density, sigma, cv2.BORDER_CONSTANT)
    inside = blur(cover, sigma) > 0.45
    return StraightChromosome(np.exp(-soft), inside, label, _MARGIN + rows * profile.centromere)
