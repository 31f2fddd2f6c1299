"""Write drawn metaphases with exact truth: PNG images and one COCO file."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from metaphase.chromosomes import NAMES
from metaphase.config import ReportConfig
from metaphase.datasets.procedural import DrawnSpread, SpreadStyle, draw_spread
from metaphase.errors import ConfigError, DataError
from metaphase.image_io import write_atomically
from metaphase.masks import encode_rle
from metaphase.report import encode_png

__all__ = ["ANNOTATIONS", "draw_numbered", "synthesise"]

ANNOTATIONS = "annotations.json"
"""Name of the COCO file beside the images."""

_SMALL = ReportConfig(png_compression=9)


def draw_numbered(seed: int, index: int, style: SpreadStyle | None = None) -> DrawnSpread:
    """Spread number `index` (from 0) of `seed`: always the same, however many are drawn."""
    return draw_spread(np.random.default_rng([seed, index]), style, name=f"metaphase_{index + 1:04d}")


def _check(out_dir: Path, count: int, seed: int) -> None:
    if count < 1 or seed < 0:
        raise ConfigError(f"count must be at least 1 and seed at least 0, but got count {count}, seed {seed}")
    if out_dir.exists() and not out_dir.is_dir():
        raise DataError(f"{out_dir} is a file; expected a folder to write to: name another one")
    if out_dir.is_dir() and any(out_dir.iterdir()):
        raise DataError(f"{out_dir} is not empty; drawn metaphases go into a new folder: name another one")


def _annotations(drawn: DrawnSpread, image_id: int, first_id: int) -> list[dict[str, object]]:
    """COCO annotations of one image; boxes are [x, y, width, height]."""
    truth = drawn.spread.truth
    if truth is None or truth.crops is None:
        raise ValueError("a drawn spread carries its truth")
    entries: list[dict[str, object]] = []
    for i, (crop, offset) in enumerate(zip(truth.crops, truth.offsets_xy, strict=True)):
        height, width = crop.shape
        entries.append(
            {
                "id": first_id + i,
                "image_id": image_id,
                "category_id": int(truth.labels[i]),
                "bbox": [int(offset[0]), int(offset[1]), int(width), int(height)],
                "area": int(crop.sum()),
                "iscrowd": 0,
                "segmentation": encode_rle(crop, offset, (truth.height, truth.width)),
                "p_arm_direction_xy": [round(float(v), 4) for v in drawn.p_arm_direction_xy[i]],
            }
        )
    return entries


def synthesise(out_dir: str | Path, count: int, seed: int, style: SpreadStyle | None = None) -> Iterator[Path]:
    """Draw `count` metaphases into `out_dir`; yields the path of each image once it is written, the COCO file last.

    Images are `metaphase_0001.png`, ...; `annotations.json` holds their truth in COCO format: compressed RLE masks that
    overlap where chromosomes cross, category ids 1..24 named "1".."22", "X", "Y", and for each chromosome
    `p_arm_direction_xy`, the unit vector from its q tip to its p tip. The same seed and style write the same bytes.
    Every file is written whole or not at all, the annotations last: a folder that has them is complete. Where drawing
    fails or the caller stops early, what was written is removed again.
    Raises ConfigError for impossible numbers or chromosomes that do not fit, DataError for a folder that is not empty.
    """
    out_dir = Path(out_dir)
    _check(out_dir, count, seed)
    is_new = not out_dir.exists()
    images: list[dict[str, object]] = []
    annotations: list[dict[str, object]] = []
    written: list[Path] = []
    complete = False
    try:
        out_dir.mkdir(parents=True, exist_ok=True)
        for index in range(count):
            drawn = draw_numbered(seed, index, style)
            path = out_dir / f"{drawn.spread.name}.png"
            written.append(path)
            write_atomically(path, encode_png(drawn.spread.gray, _SMALL))
            size = {"width": drawn.spread.width, "height": drawn.spread.height}
            images.append({"id": index + 1, "file_name": path.name, **size})
            annotations += _annotations(drawn, index + 1, len(annotations) + 1)
            yield path
        document = {
            "info": {"description": "G-banded metaphases drawn from the ISCN bands", "seed": seed, "count": count},
            "images": images,
            "annotations": annotations,
            "categories": [{"id": i + 1, "name": name} for i, name in enumerate(NAMES)],
        }
        path = out_dir / ANNOTATIONS
        write_atomically(path, (json.dumps(document, indent=1) + "\n").encode("ascii"))
        complete = True
        yield path
    finally:
        if not complete:
            for path in written:
                path.unlink(missing_ok=True)
            if is_new and out_dir.is_dir() and not any(out_dir.iterdir()):
                out_dir.rmdir()
