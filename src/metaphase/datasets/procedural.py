"""Whole G-banded metaphase spreads with exact truth: bent chromosomes of `procedural_chromosome`, placed on a slide."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from metaphase.chromosomes import LEVELS, NAMES
from metaphase.datasets.procedural_chromosome import StraightChromosome, draw_chromosome
from metaphase.datasets.procedural_slide import Slide, draw_dirt, draw_nucleus, finish
from metaphase.errors import ConfigError, IscnError
from metaphase.iscn import parse
from metaphase.types import Instances, Spread
from metaphase.words import plural

__all__ = ["DrawnSpread", "SpreadStyle", "draw_spread", "labels_of_karyotype"]

Float32 = NDArray[np.float32]
Float64 = NDArray[np.float64]
Bool = NDArray[np.bool_]

_COARSE = 3
"""Pixels of the image for each cell of the grid on which places are sought."""


@dataclass(frozen=True)
class SpreadStyle:
    """What a drawn metaphase shall look like. Raises ConfigError for an impossible setting."""

    size_range: tuple[int, int] = (600, 900)
    """Least and greatest side of the image in pixels."""

    size_hw: tuple[int, int] | None = None
    """An exact size (rows, columns) instead."""

    karyotype: str | tuple[int, ...] | None = None
    """"46,XY", "47,XX,+21", ... or the labels 1..24 of a cell; None draws 46,XX or 46,XY."""

    level: int | None = None
    """Bands of the ideogram: 400, 550 or 850; None draws."""

    width_range: tuple[float, float] = (13.0, 18.0)
    """Width of a chromosome in pixels, at least 4."""

    overlap: float = 0.15
    """Share of the chromosomes laid so that they cross another, in [0, 1]; a crowded image has more."""

    touch: float = 0.2
    """Share of the chromosomes laid so that they touch another; `overlap + touch` is at most 1."""

    bend: float = 1.0
    """0 straight, 1 usual, 2 strongly bent."""

    nuclei: int | None = None
    """Interphase nuclei, where there is room; None draws 0 to 3."""

    def __post_init__(self) -> None:
        if self.karyotype is not None:
            labels_of_karyotype(self.karyotype)
        if self.level is not None and self.level not in LEVELS:
            raise ConfigError(f"level must be one of {', '.join(map(str, LEVELS))} bands, but got {self.level}")
        if not 0 < self.size_range[0] <= self.size_range[1] or min(self.size_hw or (1,)) < 1:
            raise ConfigError(f"sizes must be positive and ascending, but got {self.size_range} and {self.size_hw}")
        if not 4 <= self.width_range[0] <= self.width_range[1]:
            raise ConfigError(f"width_range must ascend from at least 4 pixels, but got {self.width_range}")
        if min(self.overlap, self.touch) < 0 or self.overlap + self.touch > 1:
            raise ConfigError(
                f"overlap and touch must be shares that sum to at most 1, but got {self.overlap} and {self.touch}"
            )
        if self.bend < 0 or (self.nuclei is not None and self.nuclei < 0):
            raise ConfigError(f"bend and nuclei must not be negative, but got {self.bend} and {self.nuclei}")


@dataclass(frozen=True, eq=False)
class DrawnSpread:
    """A drawn metaphase and what a `Spread` cannot hold.

    spread: with `truth`, one instance for each chromosome, masks exact: pixels of a crossing belong to both.
    p_arm_direction_xy: Float32[M, 2], unit vector from the q tip to the p tip in image coordinates (y downwards).
    """

    spread: Spread
    p_arm_direction_xy: Float32


@dataclass(frozen=True, eq=False)
class _Bent:
    """A bent chromosome in a crop of its own."""

    transmittance: Float32
    inside: Bool
    label: int
    direction_xy: tuple[float, float]


def labels_of_karyotype(karyotype: str | Sequence[int]) -> tuple[int, ...]:
    """Labels of a cell, sorted, from "46,XX", "46,XY", "45,X", "47,XY,+21", ... or from a list of labels 1..24.

    A string is read as `iscn.parse` does, blanks at commas forgiven. Raises ConfigError for anything that is against
    the rules, beyond whole chromosomes gained or lost, or more than one clone.
    """
    if not isinstance(karyotype, str):
        labels = tuple(sorted(int(label) for label in karyotype))
        if not labels or labels[0] < 1 or labels[-1] > len(NAMES):
            raise ConfigError("a list of labels must hold at least one label and only labels in 1..24")
        return labels
    try:
        clones = parse(re.sub(r"\s*,\s*", ",", karyotype.strip())).clones
    except IscnError as error:
        raise ConfigError(str(error)) from error
    if len(clones) > 1:
        raise ConfigError(f"{karyotype!r} has {len(clones)} clones, but a cell belongs to one: write {clones[0]} alone")
    return tuple(np.repeat(np.arange(1, len(NAMES) + 1), clones[0].counts).tolist())


def _heading(rows: int, centromere: float, width: float, bend: float, rng: np.random.Generator) -> Float64:
    """Float64[rows]: direction of the axis in radians along a smooth curve, about 0 in the mean."""
    position = np.arange(rows) / max(rows - 1, 1)
    long = min(1.0, rows / (6 * width))
    if rng.random() < 0.12 * bend:
        total = rng.choice((-1, 1)) * rng.uniform(1.6, 3.6) * long
    else:
        total = rng.normal(0, 0.55 * bend) * long
    centre, spread = rng.uniform(0.3, 0.7), rng.uniform(0.12, 0.6)
    arc = np.tanh((position - centre) / spread)
    arc = total * (arc - arc[0]) / (arc[-1] - arc[0])
    wave = rng.normal(0, 0.22 * bend) * long * np.sin(2 * np.pi * (position * rng.uniform(0.6, 1.4) + rng.random()))
    kink = rng.normal(0, 0.16 * bend) * np.tanh((np.arange(rows) - centromere) / (0.5 * width))
    heading = arc + wave + kink
    # An arc tighter than the chromosome is wide would fold the inner side over itself.
    turn = np.abs(np.diff(heading)).max(initial=0.0) * 0.85 * width
    heading = heading / max(1.0, turn)
    return np.asarray(heading - heading.mean(), np.float64)


def _bend(straight: StraightChromosome, width: float, bend: float, rng: np.random.Generator) -> _Bent:
    """Lay a straight chromosome along a random smooth curve in a random direction."""
    rows, columns = straight.transmittance.shape
    heading = _heading(rows, straight.centromere_row, width, bend, rng) + rng.uniform(0, 2 * np.pi)
    tangent = np.stack([np.cos(heading), np.sin(heading)], 1)
    axis = np.cumsum(tangent, 0)
    reach = columns / 2 + 2
    axis -= axis.min(0) - reach
    size = np.ceil(axis.max(0) + reach).astype(int)
    near = np.zeros((size[1], size[0]), np.uint8)
    points = np.rint(axis * 16).astype(np.int32).reshape(-1, 1, 2)
    cv2.polylines(near, [points], False, 1, thickness=columns + 2, shift=4)
    ys, xs = np.nonzero(near)
    pixels = np.stack([xs, ys], 1).astype(np.float32)
    sparse = axis[::2].astype(np.float32)
    distance = (pixels**2).sum(1)[:, None] - 2 * pixels @ sparse.T + (sparse**2).sum(1)[None, :]
    nearest = 2 * distance.argmin(1)
    along, normal = tangent[nearest], tangent[nearest][:, ::-1] * (-1, 1)
    offset = pixels - axis[nearest]
    # Image columns grow to the right of the direction of travel, so a bent chromosome is never a mirror image.
    map_row = (nearest + (offset * along).sum(1)).astype(np.float32)
    map_column = ((columns - 1) / 2 - (offset * normal).sum(1)).astype(np.float32)
    density = np.zeros(near.shape, np.float32)
    cover = np.zeros(near.shape, np.float32)
    source = -np.log(straight.transmittance)
    density[ys, xs] = cv2.remap(source, map_column[None], map_row[None], cv2.INTER_LINEAR)[0]
    solid = straight.inside.astype(np.float32)
    cover[ys, xs] = cv2.remap(solid, map_column[None], map_row[None], cv2.INTER_LINEAR)[0]
    tips = axis[0] - axis[-1]
    # A ring closed on itself has no chord: there the first arm says where p lies.
    chord = tips if np.hypot(*tips) > width else axis[0] - axis[min(int(straight.centromere_row), rows - 1)]
    chord = chord / np.hypot(*chord)
    return _Bent(np.exp(-density), cover >= 0.5, straight.label, (float(chord[0]), float(chord[1])))


def _pool(mask: Bool) -> Float32:
    """Share of each coarse cell that a mask covers."""
    height, width = (-(-side // _COARSE) * _COARSE for side in mask.shape)
    padded = np.zeros((height, width), np.float32)
    padded[: mask.shape[0], : mask.shape[1]] = mask
    return np.asarray(
        cv2.resize(padded, (width // _COARSE, height // _COARSE), interpolation=cv2.INTER_AREA), np.float32
    )


def _shared(occupied: Float32, pattern: Float32) -> Float32:
    """Sum of `occupied` under the pattern for every place of its top left cell at which it lies inside."""
    full = cv2.filter2D(occupied, cv2.CV_32F, pattern, anchor=(0, 0), borderType=cv2.BORDER_CONSTANT)
    rows, columns = (whole - part + 1 for whole, part in zip(occupied.shape, pattern.shape, strict=True))
    return np.asarray(full[:rows, :columns], np.float32)


def _choose_place(
    bent: _Bent, occupied: Float32, wish: Float32, intent: str, rng: np.random.Generator
) -> tuple[int, int] | None:
    """Column and row for the crop so that the chromosome lies free, touches, or overlaps what is there already.

    occupied: share of each coarse cell that is taken. wish: how much a centre in each cell is wanted.
    None where no cell fits.
    """
    pattern = _pool(bent.inside)
    if pattern.shape[0] >= occupied.shape[0] or pattern.shape[1] >= occupied.shape[1]:
        return None
    hit = _shared(occupied, pattern)
    grown = np.asarray(cv2.dilate((pattern > 0).astype(np.float32), np.ones((3, 3), np.uint8)), np.float32)
    near = _shared(occupied, grown)
    whole = float(pattern.sum())
    if intent == "overlap":
        fits = (hit > 0.04 * whole) & (hit < 0.3 * whole)
    elif intent == "touch":
        fits = (hit > 0.05) & (hit < 0.015 * whole + 0.4)
    else:
        fits = near < 1e-3
    half = (pattern.shape[0] // 2, pattern.shape[1] // 2)
    chance = wish[half[0] : half[0] + hit.shape[0], half[1] : half[1] + hit.shape[1]] * fits
    total = float(chance.sum())
    if total <= 0:
        return None
    flat = np.cumsum(chance.reshape(-1), dtype=np.float64)
    cell = int(np.searchsorted(flat, rng.random() * flat[-1], side="right"))
    row, column = divmod(min(cell, len(flat) - 1), hit.shape[1])
    return column * _COARSE, row * _COARSE


def _wish(size_hw: tuple[int, int], rng: np.random.Generator) -> Float32:
    """Where chromosomes are wanted: an ellipse, turned and shifted, evenly filled with a soft rim."""
    rows, columns = (-(-side // _COARSE) for side in size_hw)
    y, x = np.mgrid[:rows, :columns].astype(np.float32)
    angle = rng.uniform(0, np.pi)
    radii = 0.5 * min(rows, columns) * rng.uniform(0.8, 1.05, 2)
    dx = x - columns / 2 - rng.normal(0, 0.03) * columns
    dy = y - rows / 2 - rng.normal(0, 0.03) * rows
    u, v = dx * np.cos(angle) + dy * np.sin(angle), dy * np.cos(angle) - dx * np.sin(angle)
    distance = np.hypot(u / radii[0], v / radii[1])
    return np.asarray(np.clip((1 - distance) / 0.15, 1e-5, 1), np.float32)


@dataclass(frozen=True)
class _Placed:
    bent: _Bent
    x: int
    y: int


def _place(
    size_hw: tuple[int, int], cell: list[_Bent], overlap: float, touch: float, rng: np.random.Generator
) -> tuple[list[_Placed], Float32]:
    """Places for all chromosomes, and the coarse map of what is taken."""
    wish = _wish(size_hw, rng)
    taken = np.zeros(size_hw, bool)
    placed: list[_Placed] = []
    for bent in sorted(cell, key=lambda one: -int(one.inside.sum())):
        dice = rng.random()
        wanted = "overlap" if dice < overlap else "touch" if dice < overlap + touch else "free"
        occupied = _pool(taken)
        for intent in (wanted, "free", "touch", "overlap"):
            place = _choose_place(bent, occupied, wish, intent, rng)
            if place is not None:
                break
        else:
            raise ConfigError(
                f"{plural(len(cell), 'chromosome does', 'chromosomes do')} not fit on "
                f"{size_hw[1]}x{size_hw[0]} pixels: use a larger one"
            )
        x, y = place
        window = taken[y : y + bent.inside.shape[0], x : x + bent.inside.shape[1]]
        window |= bent.inside[: window.shape[0], : window.shape[1]]
        placed.append(_Placed(bent, x, y))
    return placed, _pool(taken)


def _multiply(slide: Slide, one: _Placed) -> None:
    """Darken the slide by one chromosome: transmittances multiply where chromosomes cross."""
    window = slide.transmittance[one.y :, one.x :][: one.bent.inside.shape[0], : one.bent.inside.shape[1]]
    window *= one.bent.transmittance[: window.shape[0], : window.shape[1]]


def draw_spread(rng: np.random.Generator, style: SpreadStyle | None = None, *, name: str = "") -> DrawnSpread:
    """Draw one metaphase with exact truth; the generator alone decides what it looks like.

    style: what may be asked for; `SpreadStyle()` where left out. name: name of the spread.
    Instances are in random order; every chromosome lies wholly inside the image.
    Raises ConfigError where the chromosomes do not fit on the image.
    """
    style = style or SpreadStyle()
    least, most = style.size_range
    height, width = style.size_hw or (int(rng.integers(least, most + 1)), int(rng.integers(least, most + 1)))
    normal = ("46,XX", "46,XY")[int(rng.integers(2))]
    labels = labels_of_karyotype(normal if style.karyotype is None else style.karyotype)
    level = style.level if style.level is not None else int(rng.choice((400, 400, 550, 550, 850)))
    width_px = float(rng.uniform(*style.width_range))
    contraction, contrast = float(rng.uniform(7.5, 11.0)), float(rng.uniform(0.9, 1.2))
    cell = []
    for label in labels:
        straight = draw_chromosome(
            label, rng, level=level, width_px=width_px, chromosome1_widths=contraction, contrast=contrast
        )
        cell.append(_bend(straight, width_px, style.bend, rng))
    placed, taken = _place((height, width), cell, style.overlap, style.touch, rng)
    slide = Slide.clear((height, width))
    for _ in range(int(rng.integers(0, 4)) if style.nuclei is None else style.nuclei):
        draw_nucleus(slide, taken, _COARSE, width_px, rng)
    draw_dirt(slide, taken, _COARSE, width_px, rng)
    for one in placed:
        _multiply(slide, one)
    gray = finish(slide, width_px, rng)
    order = [placed[i] for i in rng.permutation(len(placed))]
    truth = Instances.from_masks(
        height,
        width,
        [one.bent.inside for one in order],
        [(one.x, one.y) for one in order],
        labels=[one.bent.label for one in order],
        probabilities_nc=np.eye(len(NAMES), dtype=np.float32)[[one.bent.label - 1 for one in order]],
    )
    directions = np.array([one.bent.direction_xy for one in order], np.float32)
    return DrawnSpread(Spread(gray, width_px, name=name, truth=truth), directions)
