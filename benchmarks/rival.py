"""The rival: a plain single-stage detector of 24 classes on the segmenter's own trunk, beside the whole program.

The rival takes boxes, objectness and classes from the segmenter's heads at stride 8 and suppresses boxes within a
class, as detectors do: no masks, no straightening, no identifier, no assignment. Same weights, data, split and
scoring. Its head was trained beside the masks in the same run, so it is no detector trained for itself alone.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
from cells import arguments
from numpy.typing import NDArray
from provenance import provenance

from metaphase import masks
from metaphase.config import SegmentConfig
from metaphase.datasets import ADAPTERS
from metaphase.metrics import Comparison, ap, compare, counts, sanity
from metaphase.onnx_session import open_session
from metaphase.predict import Model, load_model
from metaphase.segment.candidates import CELL
from metaphase.segment.scale import WIDTH
from metaphase.segment.segmenter import Segmenter
from metaphase.types import Instances, Spread

ROWS = ("AP50", "AP75", "AP", "found", "end_to_end", "false_per_cell", "cells_without_error", "exact_count", "sanity")


class Detector:
    """Boxes of one class each, straight from the maps; `score` is the least score that counts."""

    def __init__(self, weights: Path, score: float, overlap: float = 0.6) -> None:
        self.segmenter = Segmenter(open_session(weights / "segment.onnx", "segmenter"), SegmentConfig())
        self.score, self.overlap = score, overlap

    def __call__(self, spread: Spread) -> Instances:
        """Instances with boxes, labels and scores, best first."""
        foreground = masks.foreground(spread.gray, masks.foreground_threshold(spread.gray))
        (objectness, box, _, _, classes), scale = self.segmenter.maps(spread, foreground)
        rows, columns = np.nonzero(objectness > -4)
        logits = classes[:, rows, columns].T
        probability = np.exp(logits - logits.max(1, keepdims=True, initial=-np.inf))
        probability /= probability.sum(1, keepdims=True)
        scores = probability.max(1, initial=0) / (1 + np.exp(-objectness[rows, columns]))
        sides = box[:, rows, columns].T * WIDTH
        centre = (np.stack([columns, rows], 1) + 0.5) * CELL
        boxes = np.concatenate([centre - sides[:, :2], centre + sides[:, 2:]], 1) / scale
        boxes = np.clip(boxes, 0, [spread.width, spread.height] * 2).astype(np.float32)
        labels = probability.argmax(1) + 1 if len(rows) else np.zeros(0, np.int64)
        kept = self._suppress(boxes, labels, scores)
        return Instances.from_boxes(
            spread.height, spread.width, boxes[kept], labels=labels[kept], scores=scores[kept].astype(np.float32)
        )

    def _suppress(
        self, boxes: NDArray[np.float32], labels: NDArray[np.int64], scores: NDArray[np.float32]
    ) -> list[int]:
        """Greedy, within a class."""
        kept: list[int] = []
        for i in np.argsort(-scores, kind="stable")[:600].tolist():
            if scores[i] < self.score:
                break
            same = [j for j in kept if labels[j] == labels[i]]
            if not same or masks.box_iou_matrix(boxes[same], boxes[[i]]).max() <= self.overlap:
                kept.append(i)
        return kept


def compared(
    model: Model, rivals: dict[str, Detector], set_name: str, split: str, root: Path, limit: int | None
) -> Iterator[tuple[str, Comparison]]:
    """Who predicted, and what came of it, for each image."""
    adapter = ADAPTERS[set_name]
    index = adapter.find(root)
    for name in adapter.splits(index)[split][:limit]:
        record = adapter.read(index, name)
        spread = model.spread(record.gray().gray)
        found = model.karyotype(spread).instances.of_status("chromosome")
        yield "two networks and assignment", compare(record.truth, found, "annotation_box", name, record.case)
        for label, rival in rivals.items():
            yield label, compare(record.truth, rival(spread), "annotation_box", name, record.case)


def main() -> None:
    """Print the table."""
    options = arguments(
        __doc__,
        set={"default": "cil", "help": "a data set with boxes and classes (cil)"},
        score={"type": float, "default": 0.35, "help": "the rival's operating point, chosen on val (0.35)"},
    )
    model = load_model(options.weights)
    weights = options.weights or Path(masks.__file__).parent / "weights"
    rivals = {
        f"single stage, score >= {options.score}": Detector(weights, options.score),
        "single stage, every box (its best AP)": Detector(weights, 0.02),
    }
    results: dict[str, list[Comparison]] = {}
    for label, comparison in compared(model, rivals, options.set, options.split, Path(options.root), options.limit):
        results.setdefault(label, []).append(comparison)
    images = len(next(iter(results.values())))
    print(f"{options.set} {options.split}, {images} images; {provenance(model.info)}\n")
    print("| metric | " + " | ".join(results) + " |\n|---|" + "---:|" * len(results))
    scores = {label: {**ap(all_), **counts(all_), **sanity(all_)} for label, all_ in results.items()}
    for key in ROWS:
        print(f"| `{key}` | " + " | ".join(f"{scores[label][key].value:.4f}" for label in results) + " |")


if __name__ == "__main__":
    main()
