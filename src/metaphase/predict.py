"""Image in, chromosomes out: the rooms called in order."""

from __future__ import annotations

import functools
import hashlib
import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from metaphase import identify, imaging, karyotype, segment
from metaphase.config import SegmentConfig
from metaphase.image_io import read_gray, to_gray
from metaphase.types import Instances, Karyotype, Spread

__all__ = ["Model", "load_model"]

_UNNAMED, _NAMED = 0.8, 0.8
"""Probability of the best class below which an outline may be two chromosomes, and from which each of these must have
one; chosen on val and every sixth train cell."""

_LIKELY = 0.5
"""Score of an outline from which its parts are looked at."""

Image = str | os.PathLike[str] | NDArray[np.generic]


class Model:
    """The whole program: `model(image)` returns the contract's dictionary.

    `boxes` Float32[M, 4] (x0, y0, x1, y1), pixels, half open; `labels` Int64[M] in 1..24 (23 is X, 24 is Y);
    `scores` Float32[M] in [0, 1]; `masks` Float32[M, 1, H, W] in [0, 1], which may overlap. M may be 0.
    """

    def __init__(self, folder: Path, config: SegmentConfig | None = None) -> None:
        self._segmenter = segment.Segmenter.load(folder, config)
        self._identifier = identify.Identifier.load(folder)
        self._folder = folder

    @functools.cached_property
    def info(self) -> dict[str, str]:
        """`name`, `version` and `sha256` of both weight files together."""
        digest = hashlib.sha256()
        for name in ("segment.onnx", "identify.onnx"):
            digest.update((self._folder / name).read_bytes())
        return {"name": "metaphase", "version": _version(), "sha256": digest.hexdigest()}

    def __call__(self, image: Image) -> dict[str, NDArray[np.generic]]:
        """Chromosomes of one image: a path, or an array [H, W] or [H, W, 3 or 4] of 8 or 16 bit or float pixels.

        Raises ImageError for what is not an image that can be read.
        """
        return self.karyotype(self.spread(image)).instances.of_status("chromosome").as_tensors()

    def spread(self, image: Image) -> Spread:
        """Read and normalise one image: polarity and scale recognised."""
        if isinstance(image, np.ndarray):
            pixels, name = to_gray(image), ""
        else:
            pixels, name = read_gray(image), Path(image).stem
        return imaging.normalise(pixels.gray, name=name, warnings=pixels.warnings)

    def identify(self, spread: Spread, instances: Instances | None = None) -> identify.Identified:
        """Name chromosomes each for itself, before the cell as a whole is considered.

        instances: with masks; left out, the chromosomes of the spread are found first.
        """
        if instances is not None:
            return self._identifier(spread, instances)
        found = self._identifier(spread, self._segmenter(spread))
        # In fluorescence hardly anything is named surely, and the bands cannot tell parts from wholes.
        return found if spread.inverted else self._with_parts(spread, found)

    def _with_parts(self, spread: Spread, found: identify.Identified) -> identify.Identified:
        """What was found, and what becomes of outlines that have no clear name where their two parts have one."""
        unnamed = found.instances.probabilities_nc.max(1, initial=0) < _UNNAMED
        doubtful = np.flatnonzero(unnamed & (found.instances.scores >= _LIKELY))
        parts = segment.parted(found.instances, doubtful, spread)
        if not len(parts):
            return found
        named = self._identifier(spread, parts, found.instances)
        surely = named.instances.probabilities_nc.max(1) >= _NAMED
        both = np.repeat(surely[::2] & surely[1::2], 2)
        return found.joined_with(named.select(np.flatnonzero(both)))

    def karyotype(self, spread: Spread) -> Karyotype:
        """Find, name and group the chromosomes of one spread."""
        identified = self.identify(spread)
        return karyotype.assemble(identified.instances, identified.upright, identified.straightened)


def load_model(weights: str | os.PathLike[str] | None = None) -> Model:
    """The model with the weights that the package carries, or those in the folder `weights`.

    Raises WeightsError where the weights are missing or damaged.
    """
    return Model(Path(weights) if weights is not None else Path(__file__).parent / "weights")


def _version() -> str:
    from metaphase import __version__  # noqa: PLC0415 - the package imports this module lazily

    return __version__
