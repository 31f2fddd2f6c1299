"""What end_to_end loses when the same cells come larger, smaller, turned, mirrored, inverted, compressed or blurred.

Annotated boxes can be scaled, mirrored and turned by quarters, but not by 17 degrees. So in those rows what was found
is turned back: the pixels of each mask go to their places in the image as it is annotated, and the box around them,
padded as annotators pad, is compared there. These rows have a first row of their own, scored so without a turn.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from provenance import provenance

from metaphase import masks
from metaphase.datasets import ADAPTERS, Record
from metaphase.matching import match
from metaphase.predict import Model, load_model
from metaphase.types import Instances

Gray = NDArray[np.generic]
Boxes = NDArray[np.float32]
Change = Callable[[Gray, Boxes], tuple[Gray, Boxes]]
Row = tuple[str, float, float, float]

TURNS = (0, 17, 45, 73)
"""Degrees against the clock, of the rows whose masks are turned back; the others are compared with the first."""

AGAIN = "as it is, by the boxes of masks"


def scaled(factor: float) -> Change:
    """The image and its boxes enlarged or shrunk."""

    def change(gray: Gray, boxes: Boxes) -> tuple[Gray, Boxes]:
        how = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
        return np.asarray(cv2.resize(gray, None, fx=factor, fy=factor, interpolation=how)), boxes * np.float32(factor)

    return change


def turned(times: int) -> Change:
    """The image and its boxes turned by 90 degrees, so many times, against the clock."""

    def change(gray: Gray, boxes: Boxes) -> tuple[Gray, Boxes]:
        for _ in range(times):
            x0, y0, x1, y1 = boxes.T
            boxes = np.stack([y0, gray.shape[1] - x1, y1, gray.shape[1] - x0], 1)
            gray = np.rot90(gray)
        return np.ascontiguousarray(gray), boxes

    return change


def mirrored(gray: Gray, boxes: Boxes) -> tuple[Gray, Boxes]:
    """Left and right exchanged."""
    x0, y0, x1, y1 = boxes.T
    return np.ascontiguousarray(gray[:, ::-1]), np.stack([gray.shape[1] - x1, y0, gray.shape[1] - x0, y1], 1)


def jpeg(gray: Gray, boxes: Boxes) -> tuple[Gray, Boxes]:
    """Compressed as JPEG of quality 50."""
    _, packed = cv2.imencode(".jpg", np.asarray(gray), [cv2.IMWRITE_JPEG_QUALITY, 50])
    return np.asarray(cv2.imdecode(packed, cv2.IMREAD_GRAYSCALE)), boxes


def deep(gray: Gray, boxes: Boxes) -> tuple[Gray, Boxes]:
    """16 bits, as a camera of 12 bits fills them."""
    return gray.astype(np.uint16) * 16 + 300, boxes


CHANGES: dict[str, Change] = {
    "as it is": lambda gray, boxes: (gray, boxes),
    "x0.5 (reported)": scaled(0.5),
    "x0.7": scaled(0.7),
    "x1.4": scaled(1.4),
    "x2": scaled(2.0),
    "turned 90": turned(1),
    "turned 180": turned(2),
    "turned 270": turned(3),
    "mirrored": mirrored,
    "inverted": lambda gray, boxes: (255 - gray, boxes),
    "JPEG 50": jpeg,
    "blur 1 px": lambda gray, boxes: (np.asarray(cv2.GaussianBlur(np.asarray(gray), (0, 0), 1.0)), boxes),
    "16 bit": deep,
}


def turned_freely(gray: Gray, degrees: float) -> tuple[Gray, NDArray[np.float64]]:
    """The image turned on a canvas that holds all of it, new corners as bright as the background; Float64[2, 3], which
    takes (column, row, 1) to its place there.
    """
    height, width = gray.shape
    if not degrees:
        return gray, np.eye(2, 3)
    matrix = cv2.getRotationMatrix2D(((width - 1) / 2, (height - 1) / 2), degrees, 1.0)
    size = np.ceil(np.abs(matrix[:, :2]) @ np.array([width, height])).astype(int)
    matrix[:, 2] += (size - np.array([width, height])) / 2
    # Most of a spread is background, of either polarity.
    level = float(np.median(gray))
    turned = cv2.warpAffine(gray, matrix, size.tolist(), flags=cv2.INTER_CUBIC, borderValue=level)
    return np.asarray(turned), matrix


def turned_back(found: Instances, matrix: NDArray[np.float64]) -> Boxes:
    """Float32[M, 4]: tight boxes of the masks where they lay before `matrix` moved them."""
    boxes = np.zeros((len(found), 4), np.float32)
    inverse = np.linalg.inv(matrix[:, :2])
    for i, (crop, offset) in enumerate(zip(found.crops or (), found.offsets_xy, strict=True)):
        rows, columns = np.nonzero(crop)
        places = inverse @ (np.stack([columns, rows]) + offset[:, None] - matrix[:, 2:])
        boxes[i] = [*places.min(1), *(places.max(1) + 1)]
    return boxes


def counts(model: Model, gray: Gray, boxes: Boxes, truth: Instances) -> tuple[int, int, int]:
    """Truths that are found, found and named rightly, and what was found beside them."""
    found = model.karyotype(model.spread(gray)).instances.of_status("chromosome")
    return _counted(truth, boxes, found, found.annotation_boxes_xyxy)


def counts_turned(model: Model, gray: Gray, truth: Instances, degrees: float) -> tuple[int, int, int]:
    """The same of the image turned by so many degrees, by the padded boxes of masks that are turned back."""
    turned, matrix = turned_freely(gray, degrees)
    spread = model.spread(turned)
    found = model.karyotype(spread).instances.of_status("chromosome")
    padded = masks.pad_as_annotators(turned_back(found, matrix), spread.chromosome_width)
    return _counted(truth, truth.boxes_xyxy, found, padded)


def _counted(truth: Instances, boxes: Boxes, found: Instances, found_boxes: Boxes) -> tuple[int, int, int]:
    rows, columns = match(masks.box_iou_matrix(boxes, found_boxes))
    return len(rows), int((truth.labels[rows] == found.labels[columns]).sum()), len(found) - len(rows)


def measure(records: Sequence[Record], count: Callable[[Record], tuple[int, int, int]]) -> tuple[float, float, float]:
    """found, end_to_end, false_per_cell."""
    total = np.array([count(record) for record in records], float).sum(0)
    chromosomes = sum(len(record.truth) for record in records)
    return total[0] / chromosomes, total[1] / chromosomes, total[2] / len(records)


def rows(model: Model, records: Sequence[Record], which: str) -> Iterator[Row]:
    """Name of the change and what was measured, for the changes of the whole image and for free turns."""
    for label, change in CHANGES.items() if which != "free" else ():
        yield (
            label,
            *measure(records, lambda r, c=change: counts(model, *c(r.gray().gray, r.truth.boxes_xyxy), r.truth)),
        )
    for degrees in TURNS if which != "frame" else ():
        label = f"turned {degrees}, masks turned back" if degrees else AGAIN
        yield label, *measure(records, lambda r, d=degrees: counts_turned(model, r.gray().gray, r.truth, d))


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--set", default="cil", help="a data set with boxes and classes")
    parser.add_argument("--split", default="val")
    parser.add_argument("--limit", type=int, default=60, help="so many cells, drawn with a fixed seed")
    parser.add_argument("--root", type=Path, default=os.environ.get("METAPHASE_DATA"))
    parser.add_argument("--weights", type=Path)
    parser.add_argument(
        "--which", choices=("all", "frame", "free"), default="all", help="free: turns by any angle only"
    )
    options = parser.parse_args()
    if options.root is None:
        parser.error("name the folder of the data sets with --root or METAPHASE_DATA")
    model = load_model(options.weights)
    print(f"{options.set} {options.split}, {options.limit} cells; {provenance(model.info)}\n")
    print("| change | found | end_to_end | loss, points | false_per_cell |\n|---|---:|---:|---:|---:|")
    adapter = ADAPTERS[options.set]
    index = adapter.find(Path(options.root))
    names = adapter.splits(index)[options.split]
    chosen = sorted(np.random.default_rng(0).permutation(len(names))[: options.limit])
    records = [adapter.read(index, names[i]) for i in chosen]
    first: float | None = None
    for label, found, right, false in rows(model, records, options.which):
        first = right if first is None or label == AGAIN else first
        print(f"| {label} | {found:.4f} | {right:.4f} | {100 * (first - right):.2f} | {false:.2f} |", flush=True)


if __name__ == "__main__":
    main()
