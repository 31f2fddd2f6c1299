"""`result.json`, the file that the program writes for each image: read back as instances."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from metaphase import masks as geometry
from metaphase.errors import DataError
from metaphase.types import STATUSES, Instances

__all__ = ["LARGEST_FILE", "read_result"]

LARGEST_FILE = 64 * 1024 * 1024
_LARGEST_AREA = 8000 * 8000


def read_result(path: Path) -> Instances:
    """Instances of one `result.json`, those of every status.

    Raises DataError, naming the file and the entry, where it is not such a file.
    """
    document = _load(path)
    try:
        width, height = int(document["image"]["width"]), int(document["image"]["height"])
        entries = list(document["instances"])
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(f"{path}: expected a result.json with image and instances ({error!r})") from error
    if not (width > 0 and height > 0 and width * height <= _LARGEST_AREA):
        raise DataError(f"{path}: an image of {width} x {height} pixels is not read")
    columns: dict[str, list[Any]] = {
        key: [] for key in ("labels", "scores", "probabilities_nc", "annotation_boxes_xyxy")
    }
    status: list[str] = []
    crops: list[Any] = []
    offsets: list[tuple[int, int]] = []
    for number, entry in enumerate(entries, 1):
        try:
            crop, offset = _mask(entry["segmentation"], height, width)
            columns["labels"].append(int(entry["category_id"]))
            columns["scores"].append(float(entry["score"]))
            columns["probabilities_nc"].append(np.array(entry["probabilities"], np.float32).reshape(24))
            box = entry.get("annotation_box", entry["box"])
            columns["annotation_boxes_xyxy"].append(np.array(box, np.float32).reshape(4))
            status.append(str(entry["status"]))
            crops.append(crop)
            offsets.append(offset)
        except (AttributeError, KeyError, TypeError, ValueError) as error:
            raise DataError(f"{path}: instance {number} is not as the schema says ({error!r})") from error
    if set(status) - set(STATUSES):
        raise DataError(f"{path}: status must be one of {', '.join(STATUSES)}")
    arrays = {key: np.array(values) for key, values in columns.items() if values}
    try:
        return Instances.from_masks(height, width, crops, offsets, status=status, **arrays)
    except ValueError as error:
        raise DataError(f"{path}: the instances do not fit together ({error})") from error


def _mask(rle: dict[str, Any], height: int, width: int) -> tuple[np.ndarray, tuple[int, int]]:
    if [int(v) for v in rle["size"]] != [height, width]:
        raise ValueError(f"segmentation of size {rle['size']}, image of {[height, width]}")
    return geometry.decode_rle_crop(rle)


def _load(path: Path) -> dict[str, Any]:
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise DataError(
                f"{path}: a result.json of more than {LARGEST_FILE} bytes is not read; is it the right file?"
            )
        document = json.loads(path.read_bytes())
    except OSError as error:
        raise DataError(f"{path}: expected a result.json, but it cannot be read ({error.strerror})") from error
    except (ValueError, RecursionError) as error:
        raise DataError(f"{path}: expected a result.json, but it cannot be parsed ({error})") from error
    if not isinstance(document, dict):
        raise DataError(f"{path}: expected a JSON object with image and instances")
    return document
