"""What scores are made of, image by image, as plain lists: written by one run, paired with another one later."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from metaphase.metrics.ap import AveragePrecision
from metaphase.metrics.calibration import CalibrationError
from metaphase.metrics.precision import THRESHOLDS, ImageMatches, Matches
from metaphase.metrics.score import Pooled, Score

__all__ = ["pack", "unpack"]

_DIGITS = 12


def pack(scores: Mapping[str, Score]) -> dict[str, Any]:
    """The terms of scores over the same N images as lists and numbers that JSON can hold; `unpack` gives them back.

    Average precisions that come from the same matches share them, under "matches".
    """
    shared: list[Matches] = []
    packed: dict[str, Any] = {}
    for key, score in scores.items():
        if isinstance(score, Pooled):
            packed[key] = {
                "numerators": _rows(score.numerators),
                "denominators": _rows(score.denominators),
                "support": None if score.support is None else _rows(score.support),
                "empty": None if math.isnan(score.empty) else score.empty,
            }
        elif isinstance(score, AveragePrecision):
            number = next((i for i, known in enumerate(shared) if known is score.matches), len(shared))
            if number == len(shared):
                shared.append(score.matches)
            packed[key] = {"matches": number, "which": list(score.which)}
        elif isinstance(score, CalibrationError):
            packed[key] = {"gaps": _rows(score.gaps_nb), "counts": score.counts_n.tolist()}
    return {"scores": packed, "matches": [[_image(image) for image in matches.images] for matches in shared]}


def unpack(terms: Mapping[str, Any], rows: Sequence[int]) -> dict[str, Score]:
    """The scores over the images at `rows`. Raises ValueError, KeyError, TypeError or IndexError for other terms."""
    index = np.asarray(rows, np.int64)
    shared = [Matches(tuple(_image_matches(images[row]) for row in rows)) for images in terms["matches"]]
    scores: dict[str, Score] = {}
    for key, packed in terms["scores"].items():
        if "which" in packed:
            scores[key] = AveragePrecision(shared[packed["matches"]], tuple(packed["which"]))
        elif "gaps" in packed:
            scores[key] = CalibrationError(_array(packed["gaps"])[index], np.array(packed["counts"], np.float64)[index])
        else:
            scores[key] = Pooled(
                _array(packed["numerators"])[index],
                _array(packed["denominators"])[index],
                empty=math.nan if packed["empty"] is None else float(packed["empty"]),
                support=None if packed["support"] is None else _array(packed["support"])[index],
            )
    return scores


def _rows(values: np.ndarray) -> list[list[float]]:
    return [[round(float(v), _DIGITS) for v in row] for row in values]


def _array(rows: list[list[float]]) -> np.ndarray:
    return np.array(rows, np.float64).reshape(len(rows), -1)


def _image(image: ImageMatches) -> dict[str, Any]:
    """Hits as one number for each prediction, bit t for threshold t."""
    bits = image.hits.astype(np.int64) @ (1 << np.arange(len(THRESHOLDS)))
    return {
        "labels": image.labels.tolist(),
        "scores": [float(f"{score:.9g}") for score in image.scores],
        "hits": bits.tolist(),
        "truths": image.truths.tolist(),
    }


def _image_matches(packed: Mapping[str, Any]) -> ImageMatches:
    bits = np.array(packed["hits"], np.int64).reshape(-1, 1)
    return ImageMatches(
        labels=np.array(packed["labels"], np.int64),
        scores=np.array(packed["scores"], np.float64),
        hits=(bits >> np.arange(len(THRESHOLDS)) & 1).astype(bool),
        truths=np.array(packed["truths"], np.int64),
    )
