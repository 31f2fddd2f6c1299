"""Metaphases composed of cut-out chromosomes: exact masks, classes and overlaps.

Everything is transmittance (1 is clear background): where two chromosomes cross, transmittances multiply.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

__all__ = ["Composite", "CutOut", "compose", "cut_out", "is_cut", "resized"]

Float32 = NDArray[np.float32]
Bool = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class CutOut:
    """One chromosome: transmittance Float32[h, w] with a clear margin, its mask Bool[h, w], its label 1..24."""

    transmittance: Float32
    mask: Bool
    label: int


@dataclass(frozen=True, eq=False)
class Composite:
    """A composed image: transmittance Float32[H, W]; masks as (crop, column, row); labels Int64[M]."""

    transmittance: Float32
    masks: list[tuple[Bool, int, int]]
    labels: NDArray[np.int64]


def cut_out(
    image: NDArray[np.uint8], mask: Bool, x: int, y: int, label: int, *, clear: float, margin: int = 3
) -> CutOut:
    """Cut one chromosome out of an image, with the soft edge around its mask and nothing of its neighbours.

    image: UInt8[H, W], `clear` where it is fully transparent. mask, x, y: crop, column and row.
    """
    h, w = mask.shape
    y0, y1, x0, x1 = y - margin, y + h + margin, x - margin, x + w + margin
    patch = np.ones((h + 2 * margin, w + 2 * margin), np.float32)
    ys, xs = slice(max(0, y0), min(image.shape[0], y1)), slice(max(0, x0), min(image.shape[1], x1))
    patch[ys.start - y0 : ys.stop - y0, xs.start - x0 : xs.stop - x0] = image[ys, xs] / clear
    padded = np.pad(mask, margin)
    near = cv2.dilate(padded.astype(np.uint8), np.ones((3, 3), np.uint8), iterations=2).astype(bool)
    return CutOut(np.where(near, np.minimum(patch, 1.0), 1.0).astype(np.float32), padded, label)


def resized(cutout: CutOut, scale: float) -> CutOut | None:
    """The cut-out `scale` times as large, to fit chromosomes of other images; None where none is left."""
    size = (max(1, round(cutout.mask.shape[1] * scale)), max(1, round(cutout.mask.shape[0] * scale)))
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    mask = cv2.resize(cutout.mask.astype(np.float32), size, interpolation=method) >= 0.5
    if not mask.any():
        return None
    patch = cv2.resize(cutout.transmittance, size, interpolation=method)
    return CutOut(np.asarray(patch, np.float32), mask, cutout.label)


def compose(
    cutouts: Sequence[CutOut],
    rng: np.random.Generator,
    size: int,
    *,
    crossing: float = 0.34,
    touching: float = 0.36,
    piling: float = 1.0,
    linked: float = 0.0,
    as_in_cells: bool = False,
) -> Composite:
    """Place chromosomes on a drawn background until they or the free places run out.

    size: rows and columns. crossing, touching: share of chromosomes placed across and against another one. piling:
    how often one may cross another that is crossed already, in [0, 1]; 1 piles up heaps, as cells seldom do. linked:
    before anything else, `linked * touching` of the chromosomes are put in one line with another one, end to end, as
    if the two were one; the shares of the other two kinds hold for the rest. as_in_cells:
    overlaps of the kind that real cells have (docs/benchmarks.md measures both): crossings, steep more often than
    flat, half of which cut both chromosomes in two, and that meet a third one only as often as `piling` says;
    chromosomes that touch do so without overlapping.
    Density, darkness, bends, nuclei, dirt, halos, illumination, blur and noise are drawn from `rng`.
    """
    image = _background(rng, size)
    occupied = np.zeros((size, size), np.uint8)
    masks: list[tuple[Bool, int, int]] = []
    labels: list[int] = []
    crossed: set[int] = set()
    dark = float(rng.uniform(0.35, 0.62))
    back = (1, 4) if as_in_cells else (-3, 3)
    for cutout in cutouts:
        link = _link(masks, rng) if linked and masks and rng.random() < linked * touching else None
        patch, mask = _warp(cutout, rng, dark * float(rng.uniform(0.88, 1.12)), None if link is None else link.angle)
        kind = rng.random()
        at = None
        if link is not None:
            at = _slide(mask, occupied, rng, link.end, link.angle + link.bend, back)
        elif masks and kind < crossing and as_in_cells:
            across, at = _crossing(mask, masks, occupied, crossed, rng, piling)
            crossed |= {across, len(masks)} if at is not None else set()
        elif masks and kind < crossing:
            free = [i for i in range(len(masks)) if piling == 1 or i not in crossed or rng.random() < piling]
            host = free[int(rng.integers(len(free)))] if free else None
            if host is not None:
                at = _across(mask, masks[host], rng, size)
                crossed |= {host, len(masks)} if at is not None else set()
        elif masks and kind < crossing + touching:
            at = _against(mask, occupied, masks, rng, back)
        if at is None:
            at = _free(mask, occupied, rng)
        if at is None:
            continue
        x, y = at
        placed = _paste(image, patch, mask, x, y)
        if placed is None:
            continue
        crop, px, py = placed
        occupied[py : py + crop.shape[0], px : px + crop.shape[1]] |= crop.astype(np.uint8)
        masks.append((crop, px, py))
        labels.append(cutout.label)
    _dirt(image, rng)
    image = _optics(image, rng)
    return Composite(image, masks, np.array(labels, np.int64))


@dataclass(frozen=True)
class _Link:
    """Where the next chromosome goes on from another: the end (x, y), the direction of the next one in radians, and how
    much the two are out of line.
    """

    end: NDArray[np.float64]
    angle: float
    bend: float


def _link(masks: list[tuple[Bool, int, int]], rng: np.random.Generator) -> _Link | None:
    """Beyond one of the two ends of one of the `masks`; None where the border left hardly anything of it."""
    crop, x, y = masks[int(rng.integers(len(masks)))]
    if np.count_nonzero(crop) < 2:
        return None
    centre, axis = _main_axis(crop)
    axis = axis * rng.choice([-1.0, 1.0])
    rows, columns = np.nonzero(crop)
    along = (columns - centre[0]) * axis[0] + (rows - centre[1]) * axis[1]
    last = int(along.argmax())
    bend = float(rng.normal(0, 0.15))
    end = np.array([x + columns[last], y + rows[last]], np.float64)
    return _Link(end, float(np.arctan2(axis[1], axis[0])) - bend, bend)


def _main_axis(mask: Bool) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Middle (column, row) of a mask and the unit vector along it."""
    rows, columns = np.nonzero(mask)
    points = np.stack([columns, rows], 1).astype(np.float32)
    centre = points.mean(0)
    _, vectors = np.linalg.eigh(np.cov((points - centre).T) + 1e-3 * np.eye(2))
    return centre, vectors[:, 1]


def _warp(
    cutout: CutOut, rng: np.random.Generator, dark: float, direction: float | None = None
) -> tuple[Float32, Bool]:
    """Turn, scale, mirror and bend one cut-out, and bring its mean absorption to `-log(dark)`.

    direction: of its axis, radians; left out, any.
    """
    h, w = cutout.mask.shape
    rows, columns = np.nonzero(cutout.mask)
    points = np.stack([columns, rows], 1).astype(np.float32)
    centre, axis = _main_axis(cutout.mask)
    half = int(np.ceil(np.hypot(h, w) * 0.62)) + 2
    span = np.arange(-half, half + 1, dtype=np.float32)
    v, u = np.meshgrid(span, span, indexing="ij")
    angle, scale = rng.uniform(0, 2 * np.pi), rng.uniform(0.9, 1.12)
    angle = angle if direction is None else direction
    c, s = np.cos(angle) / scale, np.sin(angle) / scale
    along, across = c * u + s * v, -s * u + c * v
    if rng.random() < 0.5:
        across = -across
    if rng.random() < 0.45:
        reach = max(8.0, 0.5 * float(np.ptp((points - centre) @ axis)))
        bend = rng.normal(0, 0.13) * reach
        across = across + bend * (((along / reach) ** 2) - 0.3)
    x = centre[0] + along * axis[0] - across * axis[1]
    y = centre[1] + along * axis[1] + across * axis[0]
    x, y = x.astype(np.float32), y.astype(np.float32)
    absorbed = -np.log(np.clip(cutout.transmittance, 0.02, 1.0))
    absorbed *= -np.log(dark) / max(0.05, float(absorbed[cutout.mask].mean()))
    patch = cv2.remap(absorbed.astype(np.float32), x, y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_CONSTANT)
    mask = cv2.remap(cutout.mask.astype(np.float32), x, y, cv2.INTER_LINEAR) >= 0.5
    return np.exp(-np.maximum(patch, 0)).astype(np.float32), mask


def _paste(image: Float32, patch: Float32, mask: Bool, x: int, y: int) -> tuple[Bool, int, int] | None:
    """Multiply a patch into the image with its top left pixel at (x, y); its mask inside the image, or None."""
    size = image.shape[0]
    x0, y0, x1, y1 = max(0, x), max(0, y), min(size, x + mask.shape[1]), min(size, y + mask.shape[0])
    if x1 <= x0 or y1 <= y0:
        return None
    part = (slice(y0 - y, y1 - y), slice(x0 - x, x1 - x))
    if not mask[part].any():
        return None
    image[y0:y1, x0:x1] *= patch[part]
    return mask[part], x0, y0


def _overlap(mask: Bool, occupied: NDArray[np.uint8], x: int, y: int) -> int:
    size = occupied.shape[0]
    x0, y0, x1, y1 = max(0, x), max(0, y), min(size, x + mask.shape[1]), min(size, y + mask.shape[0])
    if x1 <= x0 or y1 <= y0:
        return 0
    return int(np.count_nonzero(occupied[y0:y1, x0:x1] & mask[y0 - y : y1 - y, x0 - x : x1 - x].view(np.uint8)))


def _free(mask: Bool, occupied: NDArray[np.uint8], rng: np.random.Generator) -> tuple[int, int] | None:
    """A place that touches nothing, or None after some tries."""
    near = cv2.dilate(mask.view(np.uint8), np.ones((5, 5), np.uint8)).astype(bool)
    size, (h, w) = occupied.shape[0], mask.shape
    for _ in range(25):
        x, y = int(rng.integers(-w // 3, size - 2 * w // 3)), int(rng.integers(-h // 3, size - 2 * h // 3))
        if _overlap(near, occupied, x, y) == 0:
            return x, y
    return None


def _against(
    mask: Bool,
    occupied: NDArray[np.uint8],
    masks: list[tuple[Bool, int, int]],
    rng: np.random.Generator,
    back: tuple[int, int],
) -> tuple[int, int] | None:
    """Slide towards another chromosome until they touch, or overlap by a few pixels."""
    crop, px, py = masks[int(rng.integers(len(masks)))]
    rows, columns = np.nonzero(crop)
    k = int(rng.integers(len(rows)))
    return _slide(mask, occupied, rng, np.array([px + columns[k], py + rows[k]]), rng.uniform(0, 2 * np.pi), back)


def _slide(
    mask: Bool,
    occupied: NDArray[np.uint8],
    rng: np.random.Generator,
    to: NDArray[np.float64],
    angle: float,
    back: tuple[int, int],
) -> tuple[int, int] | None:
    """From the side of `angle` towards the point `to` (x, y) until something is touched, then `back` again.

    back: least and below most pixels away from where the two first share a pixel; negative ones overlap.
    """
    target = to - np.array([mask.shape[1] / 2, mask.shape[0] / 2])
    direction = np.array([np.cos(angle), np.sin(angle)])
    start = 0.75 * max(mask.shape)
    if _overlap(mask, occupied, *np.rint(target + start * direction).astype(int)) > 0:
        return None
    for distance in np.arange(start, -1, -1.0):
        at = np.rint(target + distance * direction).astype(int)
        if _overlap(mask, occupied, int(at[0]), int(at[1])) > 0:
            end = np.rint(target + (distance + rng.integers(*back)) * direction).astype(int)
            return int(end[0]), int(end[1])
    return None


def _across(mask: Bool, other: tuple[Bool, int, int], rng: np.random.Generator, size: int) -> tuple[int, int] | None:
    """Put a point of this mask onto a point of the other one, so that they cross or overlap at an end."""
    full = _on_canvas(*other, size)
    for _ in range(6):
        at = _point_on_point(mask, other, full, rng)
        if at is not None:
            return at
    return None


def _on_canvas(mask: Bool, x: int, y: int, size: int) -> NDArray[np.uint8]:
    """A mask, cut to the image, on the whole of it."""
    full = np.zeros((size, size), np.uint8)
    x0, y0, x1, y1 = max(0, x), max(0, y), min(size, x + mask.shape[1]), min(size, y + mask.shape[0])
    full[y0:y1, x0:x1] = mask[y0 - y : y1 - y, x0 - x : x1 - x]
    return full


def _point_on_point(
    mask: Bool, other: tuple[Bool, int, int], full: NDArray[np.uint8], rng: np.random.Generator
) -> tuple[int, int] | None:
    """One try of `_across`; full: the other mask on the whole image."""
    crop, px, py = other
    rows, columns = np.nonzero(crop)
    own_rows, own_columns = np.nonzero(mask)
    k, j = int(rng.integers(len(rows))), int(rng.integers(len(own_rows)))
    x, y = int(px + columns[k] - own_columns[j]), int(py + rows[k] - own_rows[j])
    return (x, y) if 0 < _overlap(mask, full, x, y) < 0.45 * min(crop.sum(), mask.sum()) else None


def _crossing(
    mask: Bool,
    masks: list[tuple[Bool, int, int]],
    occupied: NDArray[np.uint8],
    crossed: set[int],
    rng: np.random.Generator,
    piling: float,
) -> tuple[int, tuple[int, int] | None]:
    """Which other chromosome to lie across, and where, as crossings are in real cells; None for where nowhere fits."""
    piled, cuts = rng.random() < piling, rng.random() < 0.5
    _, own = _main_axis(mask)
    host = 0
    for _ in range(30):
        host = int(rng.integers(len(masks)))
        if (host in crossed and not piled) or np.count_nonzero(masks[host][0]) < 2:
            continue
        _, axis = _main_axis(masks[host][0])
        if rng.random() > 1 - float(own @ axis) ** 2:  # the squared sine of the angle between them
            continue
        other = _on_canvas(*masks[host], len(occupied))
        at = _point_on_point(mask, masks[host], other, rng)
        if at is None or (not piled and _overlap(mask, occupied, *at) > _overlap(mask, other, *at)):
            continue
        laid = _on_canvas(mask, *at, len(occupied))
        if not cuts or (is_cut(other, laid) and is_cut(laid, other)):
            return host, at
    return host, None


def is_cut(one: NDArray[np.uint8], by: NDArray[np.uint8]) -> bool:
    """Whether what the other leaves free falls into parts, two of which are more than a tenth of the chromosome."""
    _, _, stats, _ = cv2.connectedComponentsWithStats(one & (1 - by), connectivity=4)
    return int(np.count_nonzero(stats[1:, cv2.CC_STAT_AREA] > 0.1 * np.count_nonzero(one))) >= 2


def _smooth(rng: np.random.Generator, size: int, cells: int) -> Float32:
    """Smooth noise of deviation about 1 with about `cells` bumps a side."""
    coarse = rng.normal(0, 1, (cells + 2, cells + 2)).astype(np.float32)
    return np.asarray(cv2.resize(coarse, (size, size), interpolation=cv2.INTER_CUBIC), np.float32)


def _background(rng: np.random.Generator, size: int) -> Float32:
    """Uneven light, nuclei, haze."""
    image = 1 + rng.uniform(0, 0.025) * _smooth(rng, size, 3)
    yy, xx = np.mgrid[:size, :size].astype(np.float32)
    for _ in range(rng.poisson(0.5)):
        radius, cx, cy = rng.uniform(18, 60), rng.uniform(0, size), rng.uniform(0, size)
        stretch, turn = rng.uniform(0.7, 1.0), rng.uniform(0, np.pi)
        dx, dy = xx - cx, yy - cy
        a, b = dx * np.cos(turn) + dy * np.sin(turn), -dx * np.sin(turn) + dy * np.cos(turn)
        distance = np.sqrt(a**2 + (b / stretch) ** 2) / radius
        inside = 1 / (1 + np.exp(np.clip((distance - 1) * radius / rng.uniform(0.6, 2.5), -30, 30)))
        texture = 1 + rng.uniform(0.03, 0.25) * _smooth(rng, size, int(size / 8))
        image = image * np.exp(-inside * np.clip(rng.uniform(0.1, 1.2) * texture, 0, None))
    if rng.random() < 0.3:
        image = image * np.exp(-rng.uniform(0, 0.12) * np.clip(_smooth(rng, size, int(rng.integers(4, 14))), 0, None))
    return image.astype(np.float32)


def _dirt(image: Float32, rng: np.random.Generator) -> None:
    """Dots, specks, rings and short rods, dark or bright-rimmed."""
    size = image.shape[0]
    for _ in range(rng.poisson(rng.choice([1.0, 4.0, 15.0]))):
        cx, cy, radius = rng.uniform(0, size), rng.uniform(0, size), float(np.exp(rng.uniform(0.2, 1.9)))
        reach = int(radius * 3 + 3)
        x0, y0 = max(0, int(cx) - reach), max(0, int(cy) - reach)
        x1, y1 = min(size, int(cx) + reach), min(size, int(cy) + reach)
        if x1 <= x0 or y1 <= y0:
            continue
        yy, xx = np.mgrid[y0:y1, x0:x1].astype(np.float32)
        turn, thin = rng.uniform(0, np.pi), rng.uniform(0.45, 1.0)
        dx, dy = xx - cx, yy - cy
        a, b = dx * np.cos(turn) + dy * np.sin(turn), (-dx * np.sin(turn) + dy * np.cos(turn)) / thin
        distance = np.hypot(a, b)
        kind = rng.random()
        if kind < 0.55:
            effect = -rng.uniform(0.2, 1.5) / (1 + np.exp(np.clip((distance - radius) * 2, -30, 30)))
        elif kind < 0.8:
            effect = -rng.uniform(0.3, 1.2) * np.exp(-(((distance - radius) / 1.1) ** 2))
        else:
            effect = rng.uniform(0.05, 0.2) * np.exp(-(((distance - radius - 2) / 1.5) ** 2))
            effect = effect - rng.uniform(0.2, 1.2) / (1 + np.exp(np.clip((distance - radius) * 2, -30, 30)))
        image[y0:y1, x0:x1] *= np.exp(effect)


def _optics(image: Float32, rng: np.random.Generator) -> Float32:
    """Blur or sharpening halo, noise."""
    if rng.random() < 0.35:
        image = np.asarray(cv2.GaussianBlur(image, (0, 0), rng.uniform(0.4, 1.0)), np.float32)
    if rng.random() < 0.35:
        image = image + rng.uniform(0.2, 0.8) * (image - cv2.GaussianBlur(image, (0, 0), rng.uniform(1.0, 2.0)))
    noise = rng.normal(0, 1, image.shape).astype(np.float32)
    if rng.random() < 0.5:
        noise = np.asarray(cv2.GaussianBlur(noise, (0, 0), 0.6), np.float32)
    return np.clip(image + rng.uniform(0.0, 0.025) * noise, 0.0, 1.3).astype(np.float32)
