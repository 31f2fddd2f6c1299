"""`result.json`, the file that the program writes for each image: read back as instances."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from metaphase.datasets.formats.json_file import read_json_object
from metaphase.datasets.formats.segmentation import finite_numbers, mask_of, probabilities_of
from metaphase.errors import DataError
from metaphase.image_io import MAX_SIDE
from metaphase.types import STATUSES, Instances

__all__ = ["LARGEST_FILE", "read_result"]

LARGEST_FILE = 64 * 1024 * 1024


def read_result(path: Path) -> Instances:
    """Instances of one `result.json`, those of every status.

    Raises DataError, naming the file and the entry, where it is not such a file.
    """
    document = read_json_object(path, "result.json", LARGEST_FILE, "image and instances")
    try:
        width, height = int(document["image"]["width"]), int(document["image"]["height"])
        entries = list(document["instances"])
    except (KeyError, OverflowError, TypeError, ValueError) as error:
        raise DataError(f"{path}: expected a result.json with image and instances ({error!r})") from error
    if not (0 < width <= MAX_SIDE and 0 < height <= MAX_SIDE):
        raise DataError(f"{path}: an image of {width} x {height} pixels is not read")
    columns: dict[str, list[Any]] = {
        key: [] for key in ("labels", "scores", "probabilities_nc", "annotation_boxes_xyxy")
    }
    status: list[str] = []
    crops: list[Any] = []
    offsets: list[tuple[int, int]] = []
    for number, entry in enumerate(entries, 1):
        try:
            crop, offset = mask_of(entry["segmentation"], (height, width))
            columns["labels"].append(int(entry["category_id"]))
            columns["scores"].append(_finite([entry["score"]], 1)[0])
            columns["probabilities_nc"].append(probabilities_of(entry["probabilities"]))
            columns["annotation_boxes_xyxy"].append(_finite(entry.get("annotation_box", entry["box"]), 4))
            status.append(str(entry["status"]))
            crops.append(crop)
            offsets.append(offset)
        except (AttributeError, KeyError, OverflowError, TypeError, ValueError) as error:
            raise DataError(f"{path}: instance {number} is not as the schema says ({error!r})") from error
    if set(status) - set(STATUSES):
        raise DataError(f"{path}: status must be one of {', '.join(STATUSES)}")
    arrays = {key: np.array(values) for key, values in columns.items() if values}
    try:
        return Instances.from_masks(height, width, crops, offsets, status=status, **arrays)
    except ValueError as error:
        raise DataError(f"{path}: the instances do not fit together ({error})") from error


def _finite(value: object, count: int) -> list[float]:
    numbers = finite_numbers(value)
    if numbers is None or len(numbers) != count:
        raise ValueError(f"expected {count} finite numbers, but got {value!r}")
    return numbers
