"""How long scoring takes, and how much memory: a whole split from a file, one large image, the intervals."""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from provenance import date, machine, peak_memory_mb

from metaphase.config import EvaluateConfig
from metaphase.datasets import ADAPTERS
from metaphase.datasets.formats.coco_results import coco_entries, read_coco_results
from metaphase.datasets.formats.voc import VocAnnotation, write_voc
from metaphase.datasets.record import Record
from metaphase.evaluate import evaluate
from metaphase.evaluate.scheme import Scheme, plan_of
from metaphase.evaluate.scoring import Scoring
from metaphase.metrics import compare
from metaphase.types import Instances

SPLIT = 525
TARGETS = {"split": (30.0, None), "large image": (0.5, 300.0), "intervals": (10.0, None)}


def ellipse(height: int, width: int) -> np.ndarray:
    """A filled ellipse in a crop of this size: a mask with as many runs as a chromosome's."""
    y, x = (np.arange(n) * 2 - n + 1 for n in (height, width))
    return (y[:, None] / height) ** 2 + (x[None] / width) ** 2 <= 1


def disturbed(truth: Instances, rng: np.random.Generator) -> Instances:
    """A prediction of `truth`: 96 % of the boxes, shifted a little, with masks, 5 % misnamed, one false."""
    kept = np.flatnonzero(rng.random(len(truth)) < 0.96)
    boxes = truth.boxes_xyxy[kept] + rng.normal(0, 1.5, (len(kept), 4))
    boxes = np.concatenate([boxes, [[5, 5, 40, 60]]])
    boxes = np.rint(np.clip(boxes, 0, [truth.width, truth.height] * 2)).astype(int)
    boxes[:, 2:] = np.maximum(boxes[:, 2:], boxes[:, :2] + 1)
    labels = np.append(truth.labels[kept], 7)
    labels = np.where(rng.random(len(labels)) < 0.05, rng.integers(1, 25, len(labels)), labels)
    probabilities = rng.dirichlet(np.full(24, 0.02), len(labels))
    return Instances.from_masks(
        truth.height,
        truth.width,
        [ellipse(y1 - y0, x1 - x0) for x0, y0, x1, y1 in boxes],
        boxes[:, :2],
        labels=labels,
        scores=rng.random(len(labels)),
        probabilities_nc=probabilities,
        annotation_boxes_xyxy=boxes,
    )


def place(root: Path | None, folder: Path) -> Path:
    """The folder of the real data, or a drawn stand-in for CIL's test split: 525 label files of 46 boxes."""
    if root is not None:
        return root
    rng = np.random.default_rng(0)
    names = [f"{100000 + 10 * (i // 4) + i % 4 + 1}" for i in range(SPLIT)]
    classes = [*list(ADAPTERS["cil"].LABELS)[:22] * 2, "X", "Y"]
    for part in ("JEPG", "annotations"):
        (folder / "cil" / "24_chromosomes_object" / part).mkdir(parents=True)
    for name in names:
        corners = rng.integers(0, [600, 600], (46, 2))
        boxes = np.concatenate([corners, corners + rng.integers(15, 80, (46, 2))], 1).astype(float)
        annotation = VocAnnotation(f"{name}.jpg", 700, 700, tuple(classes), boxes)
        (folder / "cil" / "24_chromosomes_object" / "JEPG" / f"{name}.jpg").write_bytes(b"")
        (folder / "cil" / "24_chromosomes_object" / "annotations" / f"{name}.xml").write_bytes(write_voc(annotation))
    (folder / "cil" / "split_24_test.txt").write_text("\n".join(names), encoding="utf-8")
    return folder


def predictions(root: Path, file: Path) -> int:
    """Write a COCO result file for CIL's test split; returns the number of images."""
    adapter, rng = ADAPTERS["cil"], np.random.default_rng(1)
    index = adapter.find(root)
    names = adapter.splits(index)["test"]
    entries = [e for name in names for e in coco_entries(disturbed(adapter.read(index, name).truth, rng), name)]
    file.write_text(json.dumps(entries), encoding="utf-8")
    return len(names)


def now() -> tuple[float, float]:
    """Wall clock, and processor time of this process: on a busy machine only the second says what the work costs."""
    return time.perf_counter(), time.process_time()


def since(began: tuple[float, float]) -> dict[str, Any]:
    """Seconds that have passed and seconds that were computed."""
    wall, processor = now()
    return {"seconds": wall - began[0], "processor": processor - began[1]}


def measure_split(root: Path, file: Path) -> dict[str, Any]:
    """The whole verb from the file: reading, comparing, every figure with its interval, groups and classes too."""
    began = now()
    *_, outcome = evaluate("cil", "test", root, predictions=file)
    spent = since(began)
    document = outcome.document  # type: ignore[union-attr]
    what = f"{document['images']} images, {document['instances']} chromosomes, file of {file.stat().st_size >> 20} MB"
    return spent | {"what": f"{what}, {document['resamples']} resamples"}


def measure_intervals(root: Path, file: Path) -> dict[str, Any]:
    """2,000 resamplings of every figure of CIL's test split, AP with both kinds of boxes among them."""
    adapter = ADAPTERS["cil"]
    index = adapter.find(root)
    results = read_coco_results(file, index.labels)
    plan = plan_of(Scheme(), truth_masks=False, predicted_masks=True)
    records: list[Record] = [adapter.read(index, name) for name in adapter.splits(index)["test"]]
    found = [results.instances(r.name, r.truth.height, r.truth.width) for r in records]
    compared = {
        overlap: [compare(r.truth, f, overlap, r.name, r.case) for r, f in zip(records, found, strict=True)]
        for overlap in {plan.overlap, *plan.ap.values()}
    }
    scoring = Scoring(compared, plan, EvaluateConfig(resamples=2000))
    for score in scoring.scores.values():
        _ = score.value
    began = now()
    figures = scoring.summary()["metrics"]
    return since(began) | {"what": f"2,000 resamples of {len(figures)} figures"}


def measure_large(root: Path, file: Path) -> dict[str, Any]:  # noqa: ARG001 - the same shape as the others
    """Every figure of one image of 3200x2200 pixels with 46 masks on each side, from the masks of both."""
    rng = np.random.default_rng(0)
    corners = rng.integers(0, [2900, 1900], (46, 2))
    sizes = rng.integers(60, 260, (46, 2))
    boxes = np.concatenate([corners, corners + sizes], 1)
    labels = np.array([*range(1, 23), *range(1, 23), 23, 24])
    crops = [ellipse(int(h), int(w)) for w, h in sizes]
    truth = Instances.from_masks(2200, 3200, crops, corners, labels=labels)
    predicted = disturbed(truth, rng)
    plan = plan_of(Scheme(), truth_masks=True, predicted_masks=True)
    began = now()
    compared = {overlap: [compare(truth, predicted, overlap)] for overlap in {plan.overlap, *plan.ap.values()}}
    figures = Scoring(compared, plan).summary()["metrics"]
    spent = since(began)
    return spent | {"what": f"{len(boxes)} and {len(predicted)} masks, {len(figures)} figures"}


def alone(work: Callable[[Path, Path], dict[str, Any]], root: Path, file: Path, answers: Any) -> None:  # noqa: ANN401
    """In a process of its own: the time and the peak memory of this work and of nothing else."""
    answers.put(work(root, file) | {"memory": peak_memory_mb()})


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    data = os.environ.get("METAPHASE_DATA")
    parser.add_argument("--root", type=Path, default=Path(data) if data else None, help="data with cil/; else drawn")
    parser.add_argument("--rounds", type=int, default=3, help="rounds of each; the median is shown (3)")
    options = parser.parse_args()
    spawn = multiprocessing.get_context("spawn")
    answers = spawn.Queue()
    print(f"machine  {machine()}")
    print(f"date     {date()}")
    print(f"data     {'a drawn stand-in for CIL test' if options.root is None else 'CIL test split'}\n")
    print("| what | seconds | of processor | target | peak MB | target | measured on |")
    print("|---|---:|---:|---:|---:|---:|---|")
    with tempfile.TemporaryDirectory() as name:
        root, file = place(options.root, Path(name) / "data"), Path(name) / "predictions.json"
        predictions(root, file)
        works = {"split": measure_split, "large image": measure_large, "intervals": measure_intervals}
        for what, work in works.items():
            found = []
            for _ in range(options.rounds):
                process = spawn.Process(target=alone, args=(work, root, file, answers))
                process.start()
                found.append(answers.get())
                process.join()
            seconds, processor = (float(np.median([f[key] for f in found])) for key in ("seconds", "processor"))
            memory = max((f["memory"] or 0 for f in found), default=0)
            limit, most = TARGETS[what]
            wanted = "" if most is None else f"{most:.0f}"
            times = f"{seconds:.2f} | {processor:.2f} | {limit:g}"
            print(f"| {what} | {times} | {memory:.0f} | {wanted} | {found[0]['what']} |", flush=True)


if __name__ == "__main__":
    main()
