"""Training material made once from a data set, kept as compact arrays: spreads, cut-outs, straightened chromosomes."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from metaphase import masks
from metaphase.datasets import cil
from metaphase.datasets.isolated import annotated_foreground, isolated
from metaphase.datasets.record import Index
from metaphase.identify.straighten import BREADTH, LENGTH, straighten, to_input
from metaphase.image_io import read_gray
from metaphase.segment.scale import WIDTH, transmittance

__all__ = ["WIDTH", "Material", "build", "load", "load_all", "resize_mask", "save"]


@dataclass(frozen=True, eq=False)
class Material:
    """What one cell gives to training.

    inputs: UInt8[K, 160, 32] straightened chromosomes; input_labels: Int64[K].
    scale: pixels of the segmenter's grid to one of the image. spread: UInt8[h, w], transmittance on that grid;
    dark: mean transmittance of its chromosomes.
    masks: UInt8 masks on that grid of the isolated ones, as (crop, x, y); boxes: Float32[B, 4] all annotated boxes on
    that grid, with box_labels; owner, labels: Int64[N], index in boxes and label of each mask.
    """

    name: str
    scale: float
    labels: NDArray[np.int64]
    inputs: NDArray[np.uint8]
    input_labels: NDArray[np.int64]
    spread: NDArray[np.uint8]
    dark: float
    masks: list[tuple[NDArray[np.bool_], int, int]]
    boxes: NDArray[np.float32]
    box_labels: NDArray[np.int64]
    owner: NDArray[np.int64]


def build(root: Path, names: list[str], folder: Path, workers: int = 2) -> Iterator[str]:
    """Write `folder/NAME.npz` for each image of CIL that is not there yet; yields each name when done."""
    folder.mkdir(parents=True, exist_ok=True)
    missing = [name for name in names if not (folder / f"{name}.npz").exists()]
    if not missing:
        return
    # OpenCV's threads do not survive a fork: a child that ends them waits for ever. So they end here, before it.
    cv2.setNumThreads(1)
    with ProcessPoolExecutor(workers) as pool:
        yield from pool.map(_build_one, *zip(*((root, name, folder) for name in missing), strict=True), chunksize=8)


def load(folder: Path, name: str) -> Material:
    """Read what `build` wrote."""
    with np.load(folder / f"{name}.npz") as file:
        sizes, flat = file["mask_sizes"], np.unpackbits(file["mask_bits"]).astype(bool)
        crops, at = [], 0
        for x, y, w, h in sizes:
            crops.append((flat[at : at + w * h].reshape(h, w), int(x), int(y)))
            at += w * h
        return Material(
            name=name,
            scale=float(file["scale"]),
            labels=file["labels"],
            inputs=file["inputs"],
            input_labels=file["input_labels"],
            spread=file["spread"],
            dark=float(file["dark"]),
            masks=crops,
            boxes=file["boxes"],
            box_labels=file["box_labels"],
            owner=file["owner"],
        )


def load_all(folders: Sequence[Path], names: list[str]) -> list[Material]:
    """The cells of `names` that are cached; the last of `folders` that holds a cell is read."""
    paths = [[folder / f"{name}.npz" for folder in folders] for name in names]
    found = [[path for path in group if path.exists()] for group in paths]
    return [load(group[-1].parent, group[-1].stem) for group in found if group]


@functools.cache
def _index(root: Path) -> Index:
    return cil.find(root)


def _build_one(root: Path, name: str, folder: Path) -> str:
    cv2.setNumThreads(1)
    index = _index(root)
    record = cil.read(index, name)
    gray = read_gray(record.path).gray
    foreground, _ = annotated_foreground(gray, record.truth)
    width = masks.chromosome_width(foreground)
    if width <= 0:
        return name
    alone, owner = isolated(foreground, record.truth, width)
    assert alone.crops is not None
    levels = masks.photometry(gray, foreground)
    inputs = [
        to_input(straighten(gray, crop, xy, width), levels)
        for crop, xy in zip(alone.crops, alone.offsets_xy, strict=True)
    ]
    scale = WIDTH / width
    save(
        folder,
        Material(
            name=name,
            scale=scale,
            labels=alone.labels,
            inputs=np.array(inputs, np.uint8).reshape(-1, LENGTH, BREADTH),
            input_labels=alone.labels,
            spread=transmittance(gray, scale, levels[0]),
            dark=levels[1] / levels[0],
            masks=[resize_mask(crop, xy, scale) for crop, xy in zip(alone.crops, alone.offsets_xy, strict=True)],
            boxes=(record.truth.boxes_xyxy * scale).astype(np.float32),
            box_labels=record.truth.labels,
            owner=owner,
        ),
    )
    return name


def save(folder: Path, cell: Material) -> None:
    """Write `folder/NAME.npz`, whole or not at all."""
    sizes = np.array([[x, y, crop.shape[1], crop.shape[0]] for crop, x, y in cell.masks], np.int64).reshape(-1, 4)
    bits = np.concatenate([crop.reshape(-1) for crop, _, _ in cell.masks] or [np.zeros(0, bool)])
    partial = folder / f".{cell.name}.partial.npz"
    np.savez(
        partial,
        scale=np.float64(cell.scale),
        labels=cell.labels,
        inputs=cell.inputs,
        input_labels=cell.input_labels,
        spread=cell.spread,
        dark=np.float32(cell.dark),
        mask_sizes=sizes,
        mask_bits=np.packbits(bits),
        boxes=cell.boxes,
        box_labels=cell.box_labels,
        owner=cell.owner,
    )
    partial.replace(folder / f"{cell.name}.npz")


def resize_mask(
    crop: NDArray[np.bool_], offset_xy: NDArray[np.int64], scale: float
) -> tuple[NDArray[np.bool_], int, int]:
    """A mask crop on the scaled grid, with its column and row there."""
    x0, y0 = int(np.floor(offset_xy[0] * scale)), int(np.floor(offset_xy[1] * scale))
    w = int(np.ceil((offset_xy[0] + crop.shape[1]) * scale)) - x0
    h = int(np.ceil((offset_xy[1] + crop.shape[0]) * scale)) - y0
    # Pixel centres: target column c stands for source column (c + x0 + .5) / scale - .5 - offset.
    shift = np.array([x0, y0]) + 0.5
    start = shift / scale - 0.5 - offset_xy
    matrix = np.array([[1 / scale, 0, start[0]], [0, 1 / scale, start[1]]])
    blurred = cv2.GaussianBlur(crop.astype(np.float32), (0, 0), 0.35 / scale) if scale < 1 else crop.astype(np.float32)
    resized = cv2.warpAffine(blurred, matrix, (w, h), flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP)
    return resized >= 0.5, x0, y0
