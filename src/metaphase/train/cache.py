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
from metaphase.datasets.isolated import annotated_foreground, isolated
from metaphase.identify.straighten import BREADTH, LENGTH, straighten, to_input
from metaphase.imaging.polarity import is_bright_on_dark
from metaphase.imaging.scale import measure_width
from metaphase.segment.scale import WIDTH, transmittance
from metaphase.train.sources import SINGLE, Source, case_mates, read, stale
from metaphase.types import Instances

__all__ = ["SMALLEST", "WIDTH", "Material", "build", "load", "load_all", "make", "resize_mask", "save"]

SMALLEST = 0.5
"""Masks smaller than this part of a squared chromosome width are not learnt; nor does prediction report them."""


@dataclass(frozen=True, eq=False)
class Material:
    """What one cell gives to training.

    inputs: UInt8[K, 160, 32] straightened chromosomes; input_labels: Int64[K].
    scale: pixels of the segmenter's grid to one of the image. spread: UInt8[h, w], transmittance on that grid;
    dark: mean transmittance of its chromosomes.
    masks: masks on that grid, as (crop, x, y), of all chromosomes, or of the isolated ones where a set has boxes only;
    boxes: Float32[B, 4] all annotated boxes on that grid, with box_labels; owner, labels: Int64[N], index in boxes and
    label of each mask.
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


def build(
    source: Source, names: Sequence[str], folder: Path, workers: int = 2, made_from_it: Sequence[Path] = ()
) -> Iterator[str]:
    """Write `folder/NAME.npz` for each image of the set that is not there yet, or is older than the image's files.

    made_from_it: folders of material that was made from that in `folder`; there the same images are dropped.
    Yields each name when done.
    """
    folder.mkdir(parents=True, exist_ok=True)
    missing = [name for name in names if stale(source.name, source.root, name, folder / f"{name}.npz")]
    if not missing:
        return
    for name in missing:
        for other in made_from_it:
            (other / f"{name}.npz").unlink(missing_ok=True)
    # OpenCV's threads do not survive a fork: a child that ends them waits for ever. So they end here, before it.
    cv2.setNumThreads(1)
    jobs = [(source.name, source.root, name, folder) for name in missing]
    with ProcessPoolExecutor(workers) as pool:
        yield from pool.map(_build_one, *zip(*jobs, strict=True), chunksize=8)


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


def _build_one(set_name: str, root: Path, name: str, folder: Path) -> str:
    cv2.setNumThreads(1)
    record = read(set_name, root, name)
    width = _width_of_cell(set_name, root, case_mates(set_name, root, name)) if set_name in SINGLE else 0.0
    # Some labels are published without their image.
    made = make(name, record.gray().gray, record.truth, width) if record.has_image else None
    if made is not None:
        save(folder, made)
    return name


@functools.lru_cache(maxsize=256)
def _width_of_cell(set_name: str, root: Path, names: tuple[str, ...]) -> float:
    """Median chromosome width of a cell whose chromosomes lie in an image each: one alone tells too little."""
    widths = [masks.chromosome_width(read(set_name, root, name).truth.union()) for name in names]
    return float(np.median([width for width in widths if width > 0] or [0.0]))


def make(name: str, gray: NDArray[np.uint8], truth: Instances, width: float = 0.0) -> Material | None:
    """Material of one annotated image, None where it shows no chromosome.

    gray: UInt8[H, W], either polarity. truth: masks and labels; where it has boxes only, the chromosomes that lie alone
    in their box give the masks. width: of a chromosome in pixels; 0: it is measured.
    A set with masks gets boxes as CIL's annotators would draw them, so that the network's boxes keep one style.
    Chromosomes of unknown class (label 0) have a mask and no straightened picture.
    """
    inverted = is_bright_on_dark(gray)
    gray = np.asarray(cv2.bitwise_not(gray), np.uint8) if inverted else gray
    if not len(truth):
        return None
    foreground, _ = annotated_foreground(gray, truth)
    # In fluorescence the threshold merges neighbours that glow; the width is then measured as in prediction.
    if width <= 0:
        width = measure_width(gray, glowing=True) if inverted else masks.chromosome_width(foreground)
    if width <= 0 and truth.has_masks:
        width = masks.chromosome_width(truth.union())
    if width <= 0:
        return None
    boxes = truth.boxes_xyxy
    if truth.has_masks:
        owner = np.flatnonzero(truth.areas >= SMALLEST * width**2)
        outlined, boxes = truth.select(owner), masks.pad_as_annotators(boxes, width)
    else:
        outlined, owner = isolated(foreground, truth, width)
    assert outlined.crops is not None
    levels = masks.photometry(gray, foreground)
    named = np.flatnonzero(outlined.labels)
    inputs = [
        to_input(straighten(gray, outlined.crops[i], outlined.offsets_xy[i], width), levels) for i in named.tolist()
    ]
    scale = WIDTH / width
    return Material(
        name=name,
        scale=scale,
        labels=outlined.labels,
        inputs=np.array(inputs, np.uint8).reshape(-1, LENGTH, BREADTH),
        input_labels=outlined.labels[named],
        spread=transmittance(gray, scale, levels[0]),
        dark=levels[1] / levels[0],
        masks=[resize_mask(crop, xy, scale) for crop, xy in zip(outlined.crops, outlined.offsets_xy, strict=True)],
        boxes=(boxes * scale).astype(np.float32),
        box_labels=truth.labels,
        owner=owner,
    )


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
