"""result.json: everything found in one image, for other programs."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from importlib import resources
from typing import Any

import numpy as np

from metaphase.banding import align, profile_of
from metaphase.chromosomes import NAMES, name_of
from metaphase.config import ReportConfig
from metaphase.masks import encode_rle
from metaphase.types import Karyotype, Spread

__all__ = ["SCHEMA_VERSION", "result_document", "result_schema"]

SCHEMA_VERSION = 2
"""Version of the layout of result.json."""

_DEFAULTS = ReportConfig()


def result_document(
    spread: Spread,
    karyotype: Karyotype,
    image_path: str | os.PathLike[str],
    model_info: Mapping[str, str],
    config: ReportConfig = _DEFAULTS,
) -> dict[str, Any]:
    """The content of result.json as plain dictionaries, lists, numbers and strings; `result_schema` describes it.

    image_path: written as given. model_info: needs "name", "version" and "sha256".
    The id of an instance is its position in `karyotype.instances`.
    Raises ValueError for instances without masks or of another image size, KeyError where `model_info` lacks a key.
    """
    instances = karyotype.instances
    if (instances.height, instances.width) != (spread.height, spread.width):
        raise ValueError(
            f"the instances belong to an image of {instances.width}x{instances.height} pixels, "
            f"but the spread has {spread.width}x{spread.height}"
        )
    names = [*NAMES[:22], "sex"]
    return {
        "schema_version": SCHEMA_VERSION,
        "image": {"path": os.fspath(image_path), "width": spread.width, "height": spread.height},
        "instances": [_instance(karyotype, i, config.score_decimals) for i in range(len(instances))],
        "groups": [
            {"name": name, "instances": [int(i) for i in group]}
            for name, group in zip(names, karyotype.groups, strict=True)
        ],
        "tray": [int(i) for i in karyotype.tray],
        "other_readings": sorted(karyotype.other_readings),
        "karyotype": _karyotype(karyotype, config),
        "sanity": {
            key: round(float(karyotype.sanity[key]), config.score_decimals)
            for key in ("score", "count", "pairs", "sex")
        },
        "model": {key: str(model_info[key]) for key in ("name", "version", "sha256")},
    }


def result_schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of result.json, as shipped in the package."""
    source = resources.files("metaphase") / "report" / "result.schema.json"
    schema: dict[str, Any] = json.loads(source.read_text(encoding="utf-8"))
    return schema


def _karyotype(karyotype: Karyotype, config: ReportConfig) -> dict[str, Any]:
    most_probable = karyotype.posterior[: config.most_hypotheses]
    return {
        "iscn": karyotype.iscn,
        "abstained": karyotype.abstained,
        "posterior": [
            {"iscn": iscn, "probability": round(float(np.clip(probability, 0, 1)), config.score_decimals)}
            for iscn, probability in most_probable
        ],
        "reasons": list(karyotype.reasons),
    }


def _instance(karyotype: Karyotype, index: int, decimals: int) -> dict[str, Any]:
    instances = karyotype.instances
    if instances.crops is None:
        raise ValueError("result.json needs masks, but these instances have boxes only")
    probabilities = instances.probabilities_nc[index]
    # The label is always the best guess, so one that was never set (0) takes the most probable class.
    likeliest = int(probabilities.argmax()) + 1
    label = int(instances.labels[index]) or likeliest
    before = int(karyotype.labels_before[index]) if len(karyotype.labels_before) else likeliest
    size_hw = (instances.height, instances.width)
    crop, offset = instances.crops[index], instances.offsets_xy[index]
    x, y = (int(v) for v in offset)
    return {
        "id": index,
        "status": instances.status[index],
        "label": name_of(label),
        "category_id": label,
        "label_before": name_of(before),
        "score": round(float(np.clip(instances.scores[index], 0, 1)), decimals),
        "box": [x, y, x + crop.shape[1], y + crop.shape[0]],
        "annotation_box": [round(float(v), 2) for v in instances.annotation_boxes_xyxy[index]],
        "segmentation": encode_rle(crop, offset, size_hw),
        "probabilities": [round(float(p), decimals) for p in np.clip(probabilities, 0, 1)],
        "centromere": _centromere(karyotype, index, label, decimals),
    }


def _centromere(karyotype: Karyotype, index: int, label: int, decimals: int) -> dict[str, float] | None:
    """Where the ideogram of the class, laid over the bands the way up that is shown, has its centromere."""
    if not karyotype.straightened:
        return None
    laid = karyotype.straightened[index]
    profile = profile_of(laid.gray, laid.inside)
    if len(profile) < 2:
        return None
    up = bool(karyotype.upright[index]) if len(karyotype.upright) else None
    found = align(profile, label, up)
    if up is None:
        up = found.upright
    return {
        "from_p_tip": round(found.centromere * len(profile), 1),
        "index": round(100 * found.centromere, 1),
        "fit": round(found.score if up else found.turned_score, decimals),
    }
