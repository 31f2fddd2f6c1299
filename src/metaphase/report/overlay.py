"""The metaphase image with the outline, the name and the number of every chromosome."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from metaphase.chromosomes import name_of
from metaphase.config import ReportConfig
from metaphase.report.lettering import QUIET, colour_of, font, text_size
from metaphase.types import Instances, Karyotype, Spread

__all__ = ["draw_overlay"]

UInt8 = NDArray[np.uint8]
Bool = NDArray[np.bool_]
Float64 = NDArray[np.float64]

_NUMBER, _HALO = (60, 60, 60), (255, 255, 255)


@dataclass(frozen=True)
class _Pen:
    """Sizes in pixels that follow the chromosome width."""

    line: int
    text: int
    number: int
    halo: int


@dataclass(frozen=True, eq=False)
class _Outline:
    """A smooth outline just outside one instance: points Float64[n, 2] and unit normals that point away from it."""

    points_xy: Float64
    normals_xy: Float64
    inside_xy: Float64


def draw_overlay(spread: Spread, karyotype: Karyotype, config: ReportConfig | None = None) -> UInt8:
    """UInt8[H, W, 3] RGB: the image in the polarity of its file, outlines in the colour of the class, names beside.

    Beside the name stands the number of the instance, small: the id in result.json, by which reasons, karyogram and
    evidence speak of it. Unknown ones are gray and named "9?" by their best guess, debris is gray with its number only.
    Where two outlines run over each other they alternate, so both can be followed. An image whose chromosomes are
    narrower than `config.overlay_chromosome_width` is enlarged two or three times, up to 3,000 pixels a
    side, or numbers would cover it.
    Raises ValueError for instances without masks.
    """
    instances = karyotype.instances
    if instances.crops is None:
        raise ValueError("an overlay needs masks, but these instances have boxes only")
    zoom = _zoom(spread, config or ReportConfig())
    gray = 255 - spread.gray if spread.inverted else spread.gray
    if zoom > 1:
        size = (zoom * spread.width, zoom * spread.height)
        gray = np.asarray(cv2.resize(gray, size, interpolation=cv2.INTER_CUBIC), np.uint8)
        instances = _enlarged(instances, zoom)
    rgb = np.repeat(gray[..., None], 3, 2)
    if not len(instances):
        return rgb
    pen = _pen(zoom * spread.chromosome_width, max(rgb.shape))
    drawn = np.zeros(rgb.shape[:2], bool)
    for index in np.argsort(-instances.areas):
        _draw_outline(rgb, drawn, instances, int(index), pen)
    return _draw_names(rgb, instances, pen)


def _zoom(spread: Spread, config: ReportConfig) -> int:
    """1, 2 or 3: until a chromosome has the wanted width, but never to more than 3,000 pixels a side."""
    if not spread.chromosome_width:
        return 1
    wanted = int(np.ceil(config.overlay_chromosome_width / spread.chromosome_width))
    return max(1, min(wanted, 3, 3000 // max(spread.height, spread.width)))


def _enlarged(instances: Instances, zoom: int) -> Instances:
    """The same instances in an image `zoom` times as large, their outlines smooth."""
    assert instances.crops is not None
    crops, offsets = [], []
    for crop, (x, y) in zip(instances.crops, instances.offsets_xy, strict=True):
        padded = np.pad(crop, 1).astype(np.float32)
        size = (zoom * padded.shape[1], zoom * padded.shape[0])
        crops.append(cv2.resize(padded, size, interpolation=cv2.INTER_LINEAR) >= 0.5)
        offsets.append((zoom * (int(x) - 1), zoom * (int(y) - 1)))
    larger = Instances.from_masks(zoom * instances.height, zoom * instances.width, crops, offsets)
    return replace(larger, labels=instances.labels, scores=instances.scores, status=instances.status)


def _pen(width: float, side: int) -> _Pen:
    """width: of a chromosome, 0 where none is known: then a metaphase of this size would have about a 45th."""
    unit = width or side / 45
    line = max(2, round(max(unit / 14, side / 1800)))
    text = max(11, round(0.82 * unit))
    return _Pen(line=line, text=text, number=max(9, round(0.55 * text)), halo=max(2, round(text / 9)))


def _colour(instances: Instances, index: int) -> tuple[int, int, int]:
    return colour_of(int(instances.labels[index])) if instances.status[index] == "chromosome" else QUIET


def _draw_outline(rgb: UInt8, drawn: Bool, instances: Instances, index: int, pen: _Pen) -> None:
    """Paint one outline into `rgb`, just outside the mask so that the bands stay visible."""
    assert instances.crops is not None
    margin = 2 * pen.line + 2
    mask = np.pad(instances.crops[index], margin).astype(np.uint8)
    reach = 2 * ((pen.line + 1) // 2) + 1
    grown = cv2.dilate(mask, cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (reach, reach)))
    contours, _ = cv2.findContours(grown, cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
    ink: UInt8 = np.zeros(mask.shape, np.uint8)
    cv2.drawContours(ink, contours, -1, 255, pen.line, cv2.LINE_AA)
    x, y = (int(v) - margin for v in instances.offsets_xy[index])
    left, top = max(0, -x), max(0, -y)
    ink = ink[top : instances.height - y, left : instances.width - x]
    x, y = x + left, y + top
    rows, columns = slice(y, y + len(ink)), slice(x, x + ink[0].size)
    row, column = np.ogrid[rows, columns]
    dash = 4 * pen.line
    stitch = (row // dash + column // dash) % 2 == 0
    alpha = np.where(drawn[rows, columns] & stitch, 0.0, ink / np.float32(255))[..., None]
    paint = np.array(_colour(instances, index), np.float32)
    rgb[rows, columns] = np.rint(rgb[rows, columns] * (1 - alpha) + paint * alpha).astype(np.uint8)
    drawn[rows, columns] |= ink > 127


def _outline(crop: Bool, offset_xy: NDArray[np.int64], count: int = 40) -> _Outline:
    contours, _ = cv2.findContours(np.pad(crop, 1).astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    points = max(contours, key=len).reshape(-1, 2).astype(np.float64) - 1
    step = max(1, len(points) // 40)
    tangent = np.roll(points, -step, 0) - np.roll(points, step, 0)
    normals = np.stack([tangent[:, 1], -tangent[:, 0]], 1)
    # The sign of the area says which way round the outline runs.
    x, y = points[:, 0], points[:, 1]
    if np.sum(x * np.roll(y, -1) - y * np.roll(x, -1)) < 0:
        normals = -normals
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-9)
    chosen = np.unique(np.linspace(0, len(points) - 1, count).round().astype(int))
    depth = cv2.distanceTransform(np.pad(crop, 1).astype(np.uint8), cv2.DIST_L2, 3)
    row, column = np.unravel_index(int(depth.argmax()), depth.shape)
    origin = np.asarray(offset_xy, np.float64)
    return _Outline(points[chosen] + origin, normals[chosen], np.array([column - 1.0, row - 1.0]) + origin)


def _draw_names(rgb: UInt8, instances: Instances, pen: _Pen) -> UInt8:
    assert instances.crops is not None
    occupied = np.zeros((instances.height, instances.width), np.uint8)
    for crop, (x, y) in zip(instances.crops, instances.offsets_xy, strict=True):
        occupied[y : y + crop.shape[0], x : x + crop.shape[1]] |= crop.view(np.uint8)
    taken = np.asarray(cv2.integral(cv2.dilate(occupied, np.ones((3, 3), np.uint8))), np.int32)
    names: list[Float64] = []
    picture = Image.fromarray(rgb)
    canvas = ImageDraw.Draw(picture)
    # Small ones have the fewest places, so they choose first.
    for index in np.argsort(instances.areas, kind="stable"):
        outline = _outline(instances.crops[index], instances.offsets_xy[index])
        colour = tuple(round(0.72 * v) for v in _colour(instances, int(index)))
        parts = [(_name(instances, int(index)), pen.text, colour), (str(index), pen.number, _NUMBER)]
        parts = [part for part in parts if part[0]]
        sizes = [text_size(words, size) for words, size, _ in parts]
        gap = round(0.2 * pen.text) * (len(parts) - 1)
        size = np.array([sum(width for width, _ in sizes) + gap, max(height for _, height in sizes)], np.float64)
        box, anchor_xy = _place(outline, size + 2 * pen.halo, taken, names, pen)
        names.append(box)
        centre = (box[:2] + box[2:]) / 2
        if anchor_xy is not None:
            canvas.line([*anchor_xy, *centre], fill=colour, width=max(1, pen.line // 2))
        x, base = float(centre[0] - size[0] / 2), float(centre[1] + size[1] / 2)
        for (words, letters, ink), (width, _) in zip(parts, sizes, strict=True):
            canvas.text(
                (x, base), words, font=font(letters), fill=ink, anchor="ls", stroke_width=pen.halo, stroke_fill=_HALO
            )
            x += width + gap
    return np.asarray(picture)


def _name(instances: Instances, index: int) -> str:
    """The class, with a question mark where it is but a guess; nothing for debris."""
    status, label = instances.status[index], int(instances.labels[index])
    if status == "debris":
        return ""
    guess = name_of(label) if label else ""
    return guess if status == "chromosome" and label else f"{guess}?"


def _place(
    outline: _Outline, size: Float64, taken: NDArray[np.int32], names: list[Float64], pen: _Pen
) -> tuple[Float64, Float64 | None]:
    """Box [x0, y0, x1, y1] for a name, and the outline point it belongs to where it stands off.

    Candidates stand at the outline, a little further off, or on the chromosome itself; the price is what they cover.
    """
    support = np.abs(outline.normals_xy) @ (size / 2)
    rings = [1.3 * pen.line, 1.3 * pen.line + 0.9 * pen.text]
    centres = [outline.points_xy + outline.normals_xy * (support + ring)[:, None] for ring in rings]
    centre_xy = np.concatenate([*centres, outline.inside_xy[None]])
    boxes = np.concatenate([centre_xy - size / 2, centre_xy + size / 2], 1)
    # Beside the middle reads better than beyond an end.
    middle = outline.points_xy.mean(0)
    spread_out = np.linalg.norm(outline.points_xy - middle, axis=1)
    near = 0.25 * spread_out / max(spread_out.max(), 1e-9)
    price = np.concatenate([near, near + 0.45, [0.9]])
    price[:-1] += 3.0 * _covered(boxes[:-1], taken)
    height, width = taken.shape[0] - 1, taken.shape[1] - 1
    beyond = np.clip(-boxes[:, :2], 0, None).sum(1) + np.clip(boxes[:, 2:] - [width, height], 0, None).sum(1)
    price += 2.0 * beyond
    others = np.array(names).reshape(1, -1, 4)
    shared = np.minimum(boxes[:, None, 2:], others[..., 2:]) - np.maximum(boxes[:, None, :2], others[..., :2])
    price += 8.0 * np.clip(shared, 0, None).prod(2).sum(1) / size.prod()
    best = int(price.argmin())
    count = len(outline.points_xy)
    return boxes[best], outline.points_xy[best - count] if count <= best < 2 * count else None


def _covered(boxes: Float64, taken: NDArray[np.int32]) -> Float64:
    """Share of each box that lies on a chromosome, from the integral image of the masks."""
    height, width = taken.shape[0] - 1, taken.shape[1] - 1
    x0, x1 = (np.clip(np.rint(boxes[:, c]), 0, width).astype(int) for c in (0, 2))
    y0, y1 = (np.clip(np.rint(boxes[:, c]), 0, height).astype(int) for c in (1, 3))
    inside = taken[y1, x1] - taken[y0, x1] - taken[y1, x0] + taken[y0, x0]
    return np.asarray(inside / np.maximum((boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1]), 1.0), np.float64)
