"""The segmenter: a spread in, chromosome masks out."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import onnxruntime
from numpy.typing import NDArray

from metaphase import masks
from metaphase.config import SegmentConfig
from metaphase.onnx_session import open_session
from metaphase.segment.candidates import (
    CELL,
    WINDOW,
    Candidates,
    find_candidates,
    mask_probabilities,
    pool,
    shared_pixels,
    suppress,
)
from metaphase.segment.joining import with_joined
from metaphase.segment.scale import CLEAR, WIDTH, network_input, transmittance
from metaphase.types import Instances, Spread

__all__ = ["Segmenter"]

Bool = NDArray[np.bool_]
Float32 = NDArray[np.float32]


_CLIPPED = 0.9
"""Part of a background that has one gray, from which it was cut off there: others have a third, half at most."""

_CUT = 3
"""Pixels of a window's border that a mask covers, at least, where it may go on beyond."""

_SPECK = 0.2
"""Components of a mask smaller than this part of its largest one are none of it."""


class Segmenter:
    """Finds every chromosome of a spread; masks may overlap.

    `segmenter(spread)` returns `Instances` with masks, annotation boxes and scores. Its network has an opinion of the
    class too, at a coarse scale: `probabilities_nc`, which the identifier takes into account; labels are 0.
    """

    def __init__(self, session: onnxruntime.InferenceSession, config: SegmentConfig | None = None) -> None:
        self._session = session
        self._config = config or SegmentConfig()

    @classmethod
    def load(cls, folder: Path, config: SegmentConfig | None = None) -> Segmenter:
        """Read `folder/segment.onnx`. Raises WeightsError where it is missing or damaged."""
        return cls(open_session(folder / "segment.onnx", "segmenter"), config)

    def __call__(self, spread: Spread) -> Instances:
        """Chromosomes of one spread, best first; none where the spread has no chromosome width."""
        if spread.chromosome_width <= 0:
            return Instances.from_masks(spread.height, spread.width, [], [])
        foreground = masks.foreground(spread.gray, masks.foreground_threshold(spread.gray))
        (objectness, box, kernel, features, classes), scale = self.maps(spread, foreground)
        candidates = find_candidates(
            objectness,
            box,
            kernel,
            features,
            classes,
            threshold=self._config.objectness,
            most=self._config.most_candidates,
            unit=WIDTH,
        )
        shared = shared_pixels(candidates, (features.shape[1], features.shape[2]))
        kept = suppress(
            candidates,
            shared,
            iou=self._config.suppress_iou,
            contained=self._config.suppress_contained,
        )
        kept = kept[candidates.scores[kept] >= self._config.score]
        kept = kept[np.argsort(-candidates.scores[kept], kind="stable")]
        pooled = pool(candidates, kept, shared, alike=self._config.alike)
        windows = _whole_windows(pooled, features)
        found = _to_full_resolution(pooled, windows, foreground, scale, spread, self._config)
        logits = self._config.calibration_slope * found.scores + self._config.calibration_offset
        found = replace(found, scores=(1 / (1 + np.exp(-logits))).astype(np.float32))
        # In fluorescence the bands cannot tell which reading is right.
        return found if spread.inverted else with_joined(found, foreground, spread.chromosome_width)

    def maps(self, spread: Spread, foreground: Bool) -> tuple[list[Float32], float]:
        """What the network answers: its maps without the leading axis, and pixels of its grid to one of the image.

        spread: with a chromosome width above 0; foreground: Bool[H, W], its dark pixels. The maps are objectness
        [h, w], box [4, h, w], kernel [K, h, w], features [C, 4h, 4w] and classes [24, h, w], h and w at stride 8.
        """
        # Noise has a tiny width: without a limit a large noisy image would be enlarged beyond memory.
        largest = math.sqrt(self._config.largest_grid / (spread.height * spread.width))
        scale = min(WIDTH / spread.chromosome_width, largest)
        background, mean = masks.photometry(spread.gray, foreground)
        view = transmittance(spread.gray, scale, background)
        darkness = network_input(view, _chromosome_level(view, mean / background))
        return [output[0] for output in self._session.run(None, {"darkness": darkness[None, None]})], scale


def _chromosome_level(view: NDArray[np.uint8], first: float) -> float:
    """Mean transmittance of the chromosomes, without the nuclei: components much thicker than a chromosome."""
    dark = view < CLEAR * 0.5 * (1 + first)
    inner = cv2.erode(dark.astype(np.uint8), np.ones((3, 3), np.uint8), iterations=int(WIDTH))
    if inner.any():
        thick = cv2.dilate(inner, np.ones((3, 3), np.uint8), iterations=int(WIDTH) + 3).astype(bool)
        thin = dark & ~thick
        if thin.any():
            return min(float(view[thin].mean()) / CLEAR, 0.95)
    return min(first, 0.95)


def _whole_windows(candidates: Candidates, features: Float32) -> list[Float32]:
    """Mask windows, Float32[72, 72] each, and twice as wide where the mask runs into the border of its window.

    features: [C, 4h, 4w]. Beyond the usual window a wide one has what is connected with the mask there, without what
    goes on from specks of it. Overlap was judged on the usual windows: two that saw one end each may be alike now.
    """
    inside = candidates.probabilities > 0.5
    edges = np.stack([inside[:, 0], inside[:, -1], inside[:, :, 0], inside[:, :, -1]])
    cut = np.flatnonzero(edges.sum(2).max(0, initial=0) >= _CUT)
    wide = mask_probabilities(candidates.kernels[cut], features, candidates.cells[cut], 2 * WINDOW)
    windows = list(candidates.probabilities)
    margin = slice(WINDOW // 2, WINDOW // 2 + WINDOW)
    for i, probability in zip(cut.tolist(), wide, strict=True):
        _, parts = cv2.connectedComponents((probability > 0.5).astype(np.uint8), connectivity=8)
        area = np.bincount(parts[margin, margin][inside[i]], minlength=parts.max() + 1)
        area[0] = 0
        own = (area >= _SPECK * area.max())[parts] & (parts > 0)
        around = cv2.dilate(own.astype(np.uint8), np.ones((5, 5), np.uint8)).astype(bool) & (parts == 0)
        kept = own | around
        kept[margin, margin] = True
        windows[i] = np.where(kept, probability, np.float32(0))
    return windows


def _to_full_resolution(
    candidates: Candidates,
    windows: list[Float32],
    foreground: Bool,
    scale: float,
    spread: Spread,
    config: SegmentConfig,
) -> Instances:
    """Masks in original pixels: the windows enlarged, edges taken from the foreground, left-over pixels shared out."""
    height, width = foreground.shape
    crops: list[Float32] = []
    offsets: list[tuple[int, int]] = []
    index: list[int] = []
    best = np.full((height, width), np.float32(0))
    for i in range(len(candidates.scores)):
        enlarged = _enlarge(windows[i], candidates.cells[i], scale, (height, width))
        if enlarged is None:
            continue
        probability, x, y = enlarged
        region = best[y : y + probability.shape[0], x : x + probability.shape[1]]
        np.maximum(region, probability, out=region)
        crops.append(probability)
        offsets.append((x, y))
        index.append(i)
    smooth = np.asarray(cv2.medianBlur(spread.gray, 3), np.uint8) if spread.inverted else None
    clear, edge = 255.0, config.fluorescent_edge
    if not foreground.all():
        background = spread.gray[~foreground]
        clear = float(np.median(background))
        if (background == clear).mean() > _CLIPPED:
            edge = config.fluorescent_edge_clipped
    final, places, chosen = [], [], []
    for probability, (x, y), i in zip(crops, offsets, index, strict=True):
        area = (slice(y, y + probability.shape[0]), slice(x, x + probability.shape[1]))
        own = (probability > 0.5) | ((probability > 0.15) & (probability >= best[area]))
        if smooth is None:
            pale = (probability > 0.9) & _pale(foreground[area], probability)
            mask = _main_part((own & foreground[area]) | pale)
        else:
            mask = _main_part(own & _bright(smooth[area], own, clear, edge))
        if np.count_nonzero(mask) >= 0.5 * spread.chromosome_width**2:
            final.append(mask)
            places.append((x, y))
            chosen.append(i)
    logits = candidates.class_logits[chosen]
    probabilities = np.exp(logits - logits.max(1, keepdims=True, initial=-np.inf))
    instances = Instances.from_masks(
        height,
        width,
        final,
        places,
        scores=candidates.scores[chosen],
        probabilities_nc=probabilities / probabilities.sum(1, keepdims=True),
    )
    boxes = _annotation_boxes(
        candidates.boxes[chosen] / scale, instances, spread.chromosome_width, config.regressed_box
    )
    return replace(instances, annotation_boxes_xyxy=boxes)


def _enlarge(
    window: Float32, cell: NDArray[np.int64], scale: float, size_hw: tuple[int, int]
) -> tuple[Float32, int, int] | None:
    """One mask window as probability crop in original pixels with its column and row; None where it is empty."""
    rows, columns = np.flatnonzero((window > 0.15).any(1)), np.flatnonzero((window > 0.15).any(0))
    if not len(rows):
        return None
    top, left = (cell * CELL + CELL // 2 - len(window)).tolist()
    x0 = max(0, int(np.floor((left + 2 * columns[0] - 2) / scale)))
    y0 = max(0, int(np.floor((top + 2 * rows[0] - 2) / scale)))
    x1 = min(size_hw[1], int(np.ceil((left + 2 * columns[-1] + 4) / scale)))
    y1 = min(size_hw[0], int(np.ceil((top + 2 * rows[-1] + 4) / scale)))
    if x1 <= x0 or y1 <= y0:
        return None
    # Pixel centres: column c of the image lies at ((c + .5) * scale - left) / 2 - .5 of the window.
    step = scale / 2
    matrix = np.array(
        [
            [step, 0, ((x0 + 0.5) * scale - left) / 2 - 0.5],
            [0, step, ((y0 + 0.5) * scale - top) / 2 - 0.5],
        ]
    )
    how = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    return np.asarray(cv2.warpAffine(window, matrix, (x1 - x0, y1 - y0), flags=how), np.float32), x0, y0


def _bright(gray: NDArray[np.uint8], own: Bool, clear: float, share: float) -> Bool:
    """Pixels of a fluorescent chromosome without its glow: darker (here) than `share` of the way to the background.

    gray: inverted and smoothed. The glow of one dye is as wide for a dim chromosome as for a bright one, so each has
    its own level, and one threshold for the image would widen the bright ones.
    """
    inner = cv2.erode(own.astype(np.uint8), np.ones((3, 3), np.uint8), iterations=2).astype(bool)
    used = inner if inner.any() else own
    if not used.any():
        return used
    level = float(np.median(gray[used]))
    return np.asarray(gray < level + share * (clear - level))


def _pale(foreground: Bool, probability: Float32) -> Bool:
    """Background pixels deep inside a mask: a pale band or stalk that the threshold missed."""
    inner = cv2.erode((probability > 0.5).astype(np.uint8), np.ones((3, 3), np.uint8), iterations=2)
    return inner.astype(bool) & ~foreground


def _main_part(mask: Bool) -> Bool:
    """The mask without specks, small holes filled."""
    count, labels, stats, _ = cv2.connectedComponentsWithStats(mask.astype(np.uint8), connectivity=8)
    if count > 2:
        area = stats[:, cv2.CC_STAT_AREA].astype(float)
        area[0] = 0
        mask = (area >= _SPECK * area.max())[labels]
    count, labels, stats, _ = cv2.connectedComponentsWithStats((~mask).astype(np.uint8), connectivity=4)
    small = stats[:, cv2.CC_STAT_AREA] <= 12
    small[0] = False
    return mask | small[labels]


def _annotation_boxes(regressed_xyxy: Float32, instances: Instances, chromosome_width: float, share: float) -> Float32:
    """The mask's box with the usual padding of annotators; where the network's box agrees, `share` parts of that."""
    tight = instances.boxes_xyxy
    usual = masks.pad_as_annotators(tight, chromosome_width)
    overlap = np.array(
        [masks.box_iou_matrix(a, b)[0, 0] for a, b in zip(regressed_xyxy, usual, strict=True)], np.float64
    ).reshape(-1, 1)
    chosen = np.where(overlap > 0.6, share * regressed_xyxy + (1 - share) * usual, usual)
    limit = np.array([instances.width, instances.height] * 2, np.float32)
    return np.clip(chosen, 0, limit).astype(np.float32)
