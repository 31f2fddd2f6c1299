"""A model without weights: dark blobs are chromosomes, named in turn. Fast, and its answer is known."""

import os
import zlib
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from metaphase.image_io import read_gray
from metaphase.imaging import normalise
from metaphase.types import Instances, Karyotype, Spread, Straightened


class FakeModel:
    """Every dark component of an image is a chromosome; classes are given out as 1, 1, 2, 2, ... 23, 23."""

    info = {"name": "fake", "version": "0", "sha256": "0" * 64}

    def spread(self, image: Path) -> Spread:
        found = read_gray(image)
        return normalise(found.gray, name=Path(image).stem, warnings=found.warnings)

    def karyotype(self, spread: Spread) -> Karyotype:
        count, parts = cv2.connectedComponents((spread.gray < 128).astype(np.uint8))
        masks = [parts == i for i in range(1, count)]
        labels = np.array([min(i // 2 + 1, 23) for i in range(len(masks))], np.int64)
        probabilities = np.full((len(masks), 24), 0.1 / 23)
        probabilities[np.arange(len(masks)), labels - 1] = 0.9
        instances = Instances.from_masks(
            spread.height,
            spread.width,
            masks,
            [(0, 0)] * len(masks),
            labels=labels,
            scores=np.full(len(masks), 0.9),
            probabilities_nc=probabilities,
        )
        straight = Straightened(np.full((30, 12), 90, np.uint8), np.ones((30, 12), bool))
        return Karyotype(
            instances=instances,
            groups=tuple(tuple(int(i) for i in np.flatnonzero(labels == k)) for k in range(1, 24)),
            tray=(),
            sanity={"score": 0.5, "count": 0.5, "pairs": 0.5, "sex": 0.5},
            upright=np.ones(len(masks), bool),
            straightened=(straight,) * len(masks),
        )


@pytest.fixture
def fake_model() -> FakeModel:
    return FakeModel()


@pytest.fixture
def write_spread() -> Callable[..., Path]:
    """Write an image with `count` dark bars on a bright background, elsewhere in each file."""

    def write(path: Path, count: int = 46) -> Path:
        gray = np.full((260, 260), 250, np.uint8)
        rng = np.random.default_rng(zlib.crc32(os.fsencode(path.name)))
        for i in rng.permutation(49)[:count].tolist():
            w, h = (12, 24) if rng.random() < 0.5 else (24, 12)
            x = 4 + 36 * (i % 7) + int(rng.integers(33 - w))
            y = 4 + 36 * (i // 7) + int(rng.integers(33 - h))
            gray[y : y + h, x : x + w] = 80
        path.parent.mkdir(parents=True, exist_ok=True)
        done, data = cv2.imencode(path.suffix, gray)
        assert done
        path.write_bytes(data.tobytes())
        return path

    return write
