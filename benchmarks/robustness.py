"""What end_to_end loses when the same cells come larger, smaller, turned, mirrored, inverted, compressed or blurred."""

from __future__ import annotations

import argparse
import os
from collections.abc import Callable, Iterator
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from provenance import provenance

from metaphase import masks
from metaphase.datasets import ADAPTERS
from metaphase.matching import match
from metaphase.predict import Model, load_model
from metaphase.types import Instances

Gray = NDArray[np.generic]
Boxes = NDArray[np.float32]
Change = Callable[[Gray, Boxes], tuple[Gray, Boxes]]


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


def counts(model: Model, gray: Gray, boxes: Boxes, truth: Instances) -> tuple[int, int, int]:
    """Truths that are found, found and named rightly, and what was found beside them."""
    found = model.karyotype(model.spread(gray)).instances.of_status("chromosome")
    rows, columns = match(masks.box_iou_matrix(boxes, found.annotation_boxes_xyxy))
    return len(rows), int((truth.labels[rows] == found.labels[columns]).sum()), len(found) - len(rows)


def measure(
    model: Model, set_name: str, split: str, root: Path, limit: int
) -> Iterator[tuple[str, float, float, float]]:
    """Name of the change, found, end_to_end, false_per_cell."""
    adapter = ADAPTERS[set_name]
    index = adapter.find(root)
    names = adapter.splits(index)[split]
    chosen = [names[i] for i in sorted(np.random.default_rng(0).permutation(len(names))[:limit])]
    for label, change in CHANGES.items():
        total = np.zeros(3)
        chromosomes = 0
        for name in chosen:
            record = adapter.read(index, name)
            gray, boxes = change(record.gray().gray, record.truth.boxes_xyxy)
            total += counts(model, gray, boxes, record.truth)
            chromosomes += len(record.truth)
        yield label, total[0] / chromosomes, total[1] / chromosomes, total[2] / len(chosen)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--set", default="cil", help="a data set with boxes and classes")
    parser.add_argument("--split", default="val")
    parser.add_argument("--limit", type=int, default=60, help="so many cells, drawn with a fixed seed")
    parser.add_argument("--root", type=Path, default=os.environ.get("METAPHASE_DATA"))
    parser.add_argument("--weights", type=Path)
    options = parser.parse_args()
    if options.root is None:
        parser.error("name the folder of the data sets with --root or METAPHASE_DATA")
    model = load_model(options.weights)
    print(f"{options.set} {options.split}, {options.limit} cells; {provenance(model.info)}\n")
    print("| change | found | end_to_end | loss, points | false_per_cell |\n|---|---:|---:|---:|---:|")
    first: float | None = None
    for label, found, right, false in measure(model, options.set, options.split, Path(options.root), options.limit):
        first = right if first is None else first
        print(f"| {label} | {found:.4f} | {right:.4f} | {100 * (first - right):.2f} | {false:.2f} |", flush=True)


if __name__ == "__main__":
    main()
