"""Where the edges of M-FISH masks go wrong: too wide or too narrow by a constant, or differently from cell to cell?

The outlines of the segmenter (no assignment, score from .5 on) are grown and shrunk by parts of a pixel and compared
with the truth again; so are outlines whose edge lies at another share of the way from the chromosome to the background
(`segment.fluorescent_edge`). "Best for each cell" chooses the growth that suits a cell's own truth best: what a rule
that knew each cell's convention could reach at most. Bright-field images know no such share and are not touched.
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray
from provenance import heading

from metaphase.config import SegmentConfig
from metaphase.datasets import mfish
from metaphase.metrics import Comparison, aji, compare, pq
from metaphase.predict import load_model
from metaphase.segment.segmenter import Segmenter
from metaphase.types import Instances

Bool = NDArray[np.bool_]

GROWTHS = (-1.5, -1.0, -0.5, -0.25, 0.0, 0.25, 0.5, 1.0, 1.5)
SHARES = (0.4, 0.45, 0.5, 0.55, 0.6, 0.65, 0.7, 0.75, 0.8, 0.85)


class Remembered:
    """A session that answers the same image from memory."""

    def __init__(self, session: object) -> None:
        self._session, self._known = session, {}

    def run(self, names: None, feed: dict[str, NDArray[np.float32]]) -> list[NDArray[np.float32]]:
        """As ONNX Runtime's."""
        key = hash(feed["darkness"].tobytes())
        if key not in self._known:
            self._known[key] = self._session.run(names, feed)
        return self._known[key]


def grown(crop: Bool, by: float) -> Bool:
    """The mask with its edge moved outwards by so many pixels (inwards below 0), on a crop 3 pixels wider."""
    padded = np.pad(crop, 3).astype(np.uint8)
    # Half a pixel lies between the last pixel inside and the edge, and half between the edge and the first outside.
    inside = cv2.distanceTransform(padded, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    outside = cv2.distanceTransform(1 - padded, cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
    signed = np.where(padded > 0, inside - 0.5, 0.5 - outside)
    return np.asarray(signed + by > 0)


def all_grown(found: Instances, by: float) -> Instances:
    """Every mask grown, cut to the image; one that vanishes stays as it is."""
    crops, offsets, scores = [], [], []
    for crop, (x, y), score in zip(found.crops or (), found.offsets_xy.tolist(), found.scores, strict=True):
        wide, x0, y0 = grown(crop, by), x - 3, y - 3
        inner = wide[max(0, -y0) : found.height - y0, max(0, -x0) : found.width - x0]
        keeps = inner.any()
        crops.append(inner if keeps else crop)
        offsets.append((max(0, x0), max(0, y0)) if keeps else (x, y))
        scores.append(score)
    return Instances.from_masks(found.height, found.width, crops, offsets, scores=scores)


def summary(compared: Sequence[Comparison]) -> str:
    """RQ, SQ, AJI, and the area of the matched masks as a share of that of their truths."""
    scores = {**pq(compared), **aji(compared)}
    predicted = sum(float(c.predicted_areas[c.cols].sum()) for c in compared)
    true = sum(float(c.truth_areas[c.rows].sum()) for c in compared)
    return " | ".join([*(f"{scores[k].value:.4f}" for k in ("RQ_all", "SQ_all", "AJI")), f"{predicted / true:.3f}"])


def quality(compared: Comparison) -> float:
    """PQ of one image."""
    return pq([compared])["PQ_all"].value


def level_of_edge(gray: NDArray[np.uint8], truth: Instances) -> list[float]:
    """For each true mask, how far its outermost pixels are on the way from its median gray to the background's."""
    clear = float(np.median(gray[~truth.union()]))
    levels = []
    for crop, (x, y) in zip(truth.crops or (), truth.offsets_xy.tolist(), strict=True):
        window = gray[y : y + crop.shape[0], x : x + crop.shape[1]].astype(float)
        inner = cv2.erode(np.pad(crop, 1).astype(np.uint8), np.ones((3, 3), np.uint8))[1:-1, 1:-1].astype(bool)
        core = cv2.erode(inner.astype(np.uint8), np.ones((3, 3), np.uint8)).astype(bool)
        if core.sum() < 10:
            continue
        level = float(np.median(window[core]))
        if abs(clear - level) > 10:
            levels.append((float(np.median(window[crop & ~inner])) - level) / (clear - level))
    return levels


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--split", default="val")
    parser.add_argument("--root", type=Path, default=os.environ.get("METAPHASE_DATA"))
    parser.add_argument("--weights", type=Path)
    options = parser.parse_args()
    if options.root is None:
        parser.error("name the folder of the data sets with --root or METAPHASE_DATA")
    model = load_model(options.weights)
    session = Remembered(model._segmenter._session)
    index = mfish.find(Path(options.root))
    names = mfish.splits(index)[options.split]
    records = [mfish.read(index, name) for name in names]
    spreads = [model.spread(index.images[name]) for name in names]
    print(heading(f"Edges, M-FISH {options.split}", model.info))

    def outlined(config: SegmentConfig) -> list[Instances]:
        found = (Segmenter(session, config)(spread) for spread in spreads)  # type: ignore[arg-type]
        return [one.select(np.flatnonzero(one.scores >= 0.5)) for one in found]

    def against(found: Sequence[Instances]) -> list[Comparison]:
        return [compare(r.truth, f, "mask", r.name, r.case) for r, f in zip(records, found, strict=True)]

    print("| edge at | RQ | SQ | AJI | area |\n|---|---:|---:|---:|---:|")
    at = {}
    for share in SHARES:
        at[share] = against(outlined(SegmentConfig(fluorescent_edge=share, fluorescent_edge_clipped=share)))
        print(f"| {share} | {summary(at[share])} |", flush=True)
    found = outlined(SegmentConfig())
    print(f"| as shipped, by the background | {summary(against(found))} |", flush=True)
    each = {by: against([all_grown(one, by) for one in found]) for by in GROWTHS}
    print("\n| grown by, px | RQ | SQ | AJI | area |\n|---|---:|---:|---:|---:|")
    for by, compared in each.items():
        print(f"| {by:+g} | {summary(compared)} |", flush=True)
    best = [max(GROWTHS, key=lambda by, i=i: quality(each[by][i])) for i in range(len(names))]
    print(f"| best for each cell | {summary([each[by][i] for i, by in enumerate(best)])} |\n")
    print("| cell | width, px | edge of the truth at 25/50/75 % | area | SQ | best growth | SQ then | best edge |")
    print("|---|---:|---:|---:|---:|---:|---:|---:|")
    for i, (record, spread) in enumerate(zip(records, spreads, strict=True)):
        edge = " / ".join(f"{v:.2f}" for v in np.quantile(level_of_edge(spread.gray, record.truth), [0.25, 0.5, 0.75]))
        now, then = each[0.0][i], each[best[i]][i]
        area = now.predicted_areas[now.cols].sum() / now.truth_areas[now.rows].sum()
        before, after = (pq([c])["SQ_all"].value for c in (now, then))
        print(
            f"| {record.name} | {spread.chromosome_width:.1f} | {edge} | {area:.2f} | {before:.3f} | {best[i]:+g} "
            f"| {after:.3f} | {max(SHARES, key=lambda share, i=i: quality(at[share][i]))} |"
        )


if __name__ == "__main__":
    main()
