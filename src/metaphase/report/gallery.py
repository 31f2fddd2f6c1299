"""A cell with what was annotated or predicted, every instance marked by how it was matched."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from metaphase.chromosomes import name_of
from metaphase.report.lettering import font
from metaphase.types import Instances

__all__ = ["MARKS", "GalleryPicture", "draw_marked"]

MARKS: dict[str, tuple[int, int, int]] = {
    "right": (46, 125, 90),
    "wrong": (176, 42, 176),
    "missed": (212, 36, 36),
    "false": (226, 108, 0),
}
"""RGB colour of each mark: found and named rightly, misnamed, not found, found where there is none."""

_LARGEST = 3.0
"""Small images are enlarged by this at most."""

_NAMES, _ERRORS = 15, 20
"""Size of the names, pixels: a page shows two pictures side by side, about three quarters as large."""


@dataclass(frozen=True)
class GalleryPicture:
    """One cell: JPEG files of truth and prediction, marked, with a title and a line of text."""

    title: str
    caption: str
    truth: bytes
    predicted: bytes


def draw_marked(gray: NDArray[np.uint8], instances: Instances, marks: Sequence[str], side: int) -> bytes:
    """JPEG of the image with the outline of each instance, its box where there are boxes only, and its name.

    gray: UInt8[H, W]. marks: one of `MARKS` for each instance. side: longest side of the picture in pixels.
    Raises ValueError for another number of marks.
    """
    if len(marks) != len(instances):
        raise ValueError(f"marks must have {len(instances)} entries, one for each instance, but has {len(marks)}")
    scale = min(side / max(gray.shape), _LARGEST)
    size = (max(1, round(gray.shape[1] * scale)), max(1, round(gray.shape[0] * scale)))
    shrunk = cv2.resize(gray, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC)
    rgb = np.repeat(np.asarray(shrunk, np.uint8)[..., None], 3, 2)
    # What is right is drawn first, so that errors lie on top.
    order = sorted(range(len(marks)), key=lambda i: marks[i] != "right")
    for index in order:
        width = 1 if marks[index] == "right" else 2
        points = [np.rint(p * scale * 16).astype(np.int32) for p in _outlines(instances, index)]
        cv2.polylines(rgb, points, True, MARKS[marks[index]], width, cv2.LINE_AA, shift=4)
    picture = Image.fromarray(rgb)
    _draw_names(ImageDraw.Draw(picture), instances, marks, order, scale)
    done, data = cv2.imencode(".jpg", np.asarray(picture)[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 85])
    if not done:
        raise ValueError(f"OpenCV could not write a picture of {size[0]} x {size[1]} pixels as JPEG")
    return data.tobytes()


def _draw_names(
    canvas: ImageDraw.ImageDraw, instances: Instances, marks: Sequence[str], order: Sequence[int], scale: float
) -> None:
    boxes = instances.boxes_xyxy.astype(np.float64) * scale
    for index in order:
        label = int(instances.labels[index])
        if label:
            canvas.text(
                ((boxes[index, 0] + boxes[index, 2]) / 2, max(boxes[index, 1] - 1, _NAMES)),
                name_of(label),
                font=font(_NAMES if marks[index] == "right" else _ERRORS),
                fill=MARKS[marks[index]],
                anchor="ms",
                stroke_width=2,
                stroke_fill=(255, 255, 255),
            )


def _outlines(instances: Instances, index: int) -> list[NDArray[np.float64]]:
    if instances.crops is None:
        x0, y0, x1, y1 = instances.annotation_boxes_xyxy[index].astype(np.float64)
        return [np.array([[x0, y0], [x1, y0], [x1, y1], [x0, y1]])]
    crop = instances.crops[index].astype(np.uint8)
    contours, _ = cv2.findContours(crop, cv2.RETR_CCOMP, cv2.CHAIN_APPROX_SIMPLE)
    return [c.reshape(-1, 2) + instances.offsets_xy[index] + 0.5 for c in contours]
