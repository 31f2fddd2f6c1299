"""Several labelled images on one sheet: boxes or outlines and the name of each chromosome."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from metaphase import masks as geometry
from metaphase.chromosomes import name_of
from metaphase.report.lettering import colour_of, font, legible, shorten, text_size
from metaphase.types import Instances

__all__ = ["SheetImage", "draw_contact_sheet"]

UInt8 = NDArray[np.uint8]

_TILE = 640  # pixels of a tile's longer side
_SMALL_TILE = 200  # where every image is small (single chromosomes, pairs)
_GAP = 12
_CAPTION = 22
_TEXT = 13
_PAPER = (250, 250, 250)
_INK = (40, 40, 40)


@dataclass(frozen=True, eq=False)
class SheetImage:
    """One image of a sheet: gray UInt8[H, W] as its file stores it, the labels, and a line of words below."""

    gray: UInt8
    truth: Instances
    caption: str


def draw_contact_sheet(images: Sequence[SheetImage]) -> UInt8:
    """UInt8[H, W, 3] RGB: the images in rows, scaled to one size, with labels in the colours of the classes."""
    largest = max((max(image.gray.shape) for image in images), default=_TILE)
    tile = _SMALL_TILE if largest <= _SMALL_TILE else _TILE
    columns = max(1, min(len(images), round(math.sqrt(len(images) * 1.4)), 1800 // tile))
    drawn = [_draw_labelled(image, tile) for image in images]
    rows = [range(first, min(first + columns, len(images))) for first in range(0, len(images), columns)]
    heights = [max(drawn[number].height for number in row) for row in rows]
    size = (columns * (tile + _GAP) + _GAP, sum(height + _CAPTION + _GAP for height in heights) + _GAP)
    sheet = Image.new("RGB", size, _PAPER)
    pen = ImageDraw.Draw(sheet)
    y = _GAP
    for row, height in zip(rows, heights, strict=True):
        for column, number in enumerate(row):
            x = _GAP + column * (tile + _GAP)
            sheet.paste(drawn[number], (x + (tile - drawn[number].width) // 2, y))
            caption = shorten(legible(images[number].caption), _TEXT, tile)
            pen.text((x, y + height + 4), caption, fill=_INK, font=font(_TEXT))
        y += height + _CAPTION + _GAP
    return np.asarray(sheet, np.uint8)


def _draw_labelled(image: SheetImage, tile: int) -> Image.Image:
    scale = tile / max(image.gray.shape)
    size = (max(1, round(image.gray.shape[1] * scale)), max(1, round(image.gray.shape[0] * scale)))
    method = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    rgb = np.repeat(cv2.resize(image.gray, size, interpolation=method)[..., None], 3, axis=2)
    truth = image.truth
    for i, label in enumerate(truth.labels):
        # Without a class the colour means nothing, but neighbours must be told apart.
        colour = colour_of(int(label) or i % 24 + 1)
        if truth.crops is None:
            x0, y0, x1, y1 = (round(float(v) * scale) for v in truth.boxes_xyxy[i])
            cv2.rectangle(rgb, (x0, y0), (x1 - 1, y1 - 1), colour, 1, cv2.LINE_AA)
        else:
            outlines = [
                np.rint((outline + truth.offsets_xy[i] + 0.5) * scale).astype(np.int32)
                for outline in geometry.trace_polygons(truth.crops[i])
            ]
            cv2.polylines(rgb, outlines, True, colour, 1, cv2.LINE_AA)
    drawn = Image.fromarray(rgb)
    pen = ImageDraw.Draw(drawn)
    for i, label in enumerate(truth.labels.tolist()):
        if label:
            word = name_of(label)
            x, y = _above(truth, i, scale)
            at = (min(max(0.0, x - text_size(word, _TEXT)[0] / 2), drawn.width - 8.0), max(0.0, y - _TEXT - 4))
            pen.text(at, word, fill=colour_of(label), font=font(_TEXT), stroke_width=2, stroke_fill=(255, 255, 255))
    return drawn


def _above(truth: Instances, i: int, scale: float) -> tuple[float, float]:
    """The highest point of a mask, where its name is read as its own; of a box, the middle of its upper side."""
    if truth.crops is None:
        x0, y0, x1, _ = truth.boxes_xyxy[i].tolist()
        return (x0 + x1) / 2 * scale, y0 * scale
    x, y = truth.offsets_xy[i].tolist()
    return (x + float(np.flatnonzero(truth.crops[i][0]).mean()) + 0.5) * scale, y * scale
