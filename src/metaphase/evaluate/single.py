"""Single chromosomes: named each alone, and a second time with the others of its cell."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from metaphase import karyotype, masks
from metaphase.datasets import Record
from metaphase.types import Instances, Spread

if TYPE_CHECKING:
    from metaphase.predict import Model

__all__ = ["SingleSource"]

_MARGIN = 8


class SingleSource:
    """Names each cut out chromosome by its own pixels; its mask is the set's.

    What was seen is kept, so that `in_cells` can name all chromosomes of a cell together.
    """

    has_masks = has_classes = has_probabilities = True
    strict = False

    def __init__(self, model: Model) -> None:
        self._model = model
        self._seen: dict[str, list[tuple[str, NDArray[np.uint8], Instances]]] = {}
        self.info: Mapping[str, str] = dict(model.info)

    def __call__(self, record: Record) -> Instances:
        """The chromosome with the class that its own pixels give it; scale and contrast are its own as well."""
        dark = _dark_on_bright(record.gray().gray, record.truth)
        self._seen.setdefault(record.case, []).append((record.name, dark, record.truth))
        if not len(record.truth):
            return record.truth
        named = self._model.identify(_spread(dark, record.truth), record.truth).instances
        return replace(named, scores=named.probabilities_nc.max(1))

    def in_cells(self) -> dict[str, Instances]:
        """The same chromosomes by name, those of a cell with one scale, one contrast and one joint assignment."""
        found: dict[str, Instances] = {}
        for members in self._seen.values():
            seen = [(name, dark, truth) for name, dark, truth in members if len(truth)]
            if not seen:
                continue
            dark, instances = _montage([(dark, truth) for _, dark, truth in seen])
            named = self._model.identify(_spread(dark, instances), instances)
            cell = karyotype.assemble(named.instances, named.upright, named.straightened).instances
            for i, (name, _, truth) in enumerate(seen):
                found[name] = replace(
                    truth, labels=cell.labels[i : i + 1], probabilities_nc=cell.probabilities_nc[i : i + 1]
                )
        return found

    def notes(self, split: Collection[str]) -> list[str]:  # noqa: ARG002
        """Nothing: a model looks at every image."""
        return []

    def invalid(self) -> list[dict[str, Any]]:
        """Nothing."""
        return []


def _dark_on_bright(gray: NDArray[np.uint8], truth: Instances) -> NDArray[np.uint8]:
    """The mask says which is the chromosome: too few pixels lie around it to tell the polarity from the image."""
    inside = truth.union() if len(truth) else np.zeros(gray.shape, bool)
    if not inside.any() or inside.all() or gray[inside].mean() < gray[~inside].mean():
        return gray
    return np.asarray(255 - gray, np.uint8)


def _spread(dark: NDArray[np.uint8], instances: Instances) -> Spread:
    inside = instances.union()
    width = masks.chromosome_width(np.pad(inside, 1))
    if width <= 0:
        # Round or tiny: no ridge to measure. A chromosome is about as wide as the short side of its box.
        width = float(max(2, min(crop_side for crop in instances.crops or () for crop_side in crop.shape)))
    return Spread(dark, width)


def _montage(chromosomes: Sequence[tuple[NDArray[np.uint8], Instances]]) -> tuple[NDArray[np.uint8], Instances]:
    """All chromosomes of a cell side by side in one image."""
    height = max(dark.shape[0] for dark, _ in chromosomes) + 2 * _MARGIN
    width = sum(dark.shape[1] + _MARGIN for dark, _ in chromosomes) + _MARGIN
    canvas = np.full((height, width), 255, np.uint8)
    crops: list[NDArray[np.bool_]] = []
    offsets: list[tuple[int, int]] = []
    labels: list[int] = []
    x = _MARGIN
    for dark, truth in chromosomes:
        canvas[_MARGIN : _MARGIN + dark.shape[0], x : x + dark.shape[1]] = dark
        crops += list(truth.crops or ())[:1]
        offsets.append((x + int(truth.offsets_xy[0, 0]), _MARGIN + int(truth.offsets_xy[0, 1])))
        labels.append(int(truth.labels[0]))
        x += dark.shape[1] + _MARGIN
    return canvas, Instances.from_masks(height, width, crops, offsets, labels=labels)
