"""How long each step from an image file to three result files takes, and how much memory."""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from provenance import date, machine, peak_memory_mb

from metaphase import identify, imaging, karyotype, report, segment
from metaphase.datasets.procedural import SpreadStyle, draw_spread
from metaphase.image_io import read_gray, write_atomically
from metaphase.predict import load_model

STAGES = ("read", "normalise", "segment", "identify", "karyotype", "write")
STYLE = SpreadStyle(size_hw=(700, 700), karyotype="46,XY", level=550, nuclei=1, width_range=(15.0, 15.0))


class Clock:
    """Seconds of each named stage, one list a stage."""

    def __init__(self) -> None:
        self.seconds: dict[str, list[float]] = {}

    def __call__(self, stage: str, work: Callable[..., Any], *arguments: Any) -> Any:  # noqa: ANN401
        """What `work(*arguments)` returns; the time it took is kept."""
        began = time.perf_counter()
        answer = work(*arguments)
        self.seconds.setdefault(stage, []).append(time.perf_counter() - began)
        return answer


def write_results(folder: Path, spread: Any, found: Any, image: Path, info: dict[str, str]) -> None:  # noqa: ANN401
    """The three files that `metaphase karyotype` writes."""
    document = report.result_document(spread, found, str(image), info)
    write_atomically(folder / "result.json", json.dumps(document, indent=1).encode())
    title = spread.name or image.stem
    write_atomically(folder / "karyogram.png", report.encode_png(report.draw_karyogram(spread, found, title)))
    write_atomically(folder / "overlay.png", report.encode_png(report.draw_overlay(spread, found)))


def measure(image: Path, weights: Path | None, rounds: int, folder: Path) -> tuple[Clock, dict[str, str], int]:
    """Times of `rounds` rounds after one that warms up, the model's name, and how many chromosomes were found."""
    clock, count = Clock(), 0
    info = clock("load (once)", load_model, weights).info
    loading = clock.seconds.pop("load (once)")
    place = weights or Path(segment.__file__).parents[1] / "weights"
    segmenter, identifier = segment.Segmenter.load(place), identify.Identifier.load(place)
    for _ in range(rounds + 1):
        began = time.perf_counter()
        pixels = clock("read", read_gray, image)
        spread = clock("normalise", imaging.normalise, pixels.gray, image.stem)
        instances = clock("segment", segmenter, spread)
        known = clock("identify", identifier, spread, instances)
        found = clock("karyotype", karyotype.assemble, known.instances, known.upright, known.straightened)
        clock("write", write_results, folder, spread, found, image, info)
        clock.seconds.setdefault("total", []).append(time.perf_counter() - began)
        count = len(found.instances.of_status("chromosome"))
    clock.seconds = {stage: times[1:] for stage, times in clock.seconds.items()}
    clock.seconds["load (once)"] = loading
    return clock, info, count


def draw(path: Path, seed: int) -> None:
    """Write the procedural spread that is measured by default: 700x700 pixels, 46 chromosomes 15 pixels wide."""
    done, data = cv2.imencode(".png", draw_spread(np.random.default_rng(seed), STYLE).spread.gray)
    if not done:
        raise OSError(f"{path}: the image could not be encoded")
    path.write_bytes(data.tobytes())


def table(clock: Clock) -> str:
    """Median, fastest and slowest round of each stage in milliseconds, as Markdown."""
    total = statistics.median(clock.seconds["total"])
    lines = ["| stage | median ms | least | most | share |", "|---|---:|---:|---:|---:|"]
    for stage in (*STAGES, "total", "load (once)"):
        times = clock.seconds[stage]
        middle = statistics.median(times)
        share = f"{middle / total:.0%}" if stage in STAGES else ""
        lines.append(f"| {stage} | {1e3 * middle:.1f} | {1e3 * min(times):.1f} | {1e3 * max(times):.1f} | {share} |")
    return "\n".join(lines)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--image", type=Path, help="an image file; left out, a procedural spread is drawn")
    parser.add_argument("--weights", type=Path, help="a folder of weights; left out, those of the package")
    parser.add_argument("--rounds", type=int, default=9, help="rounds that count, after one that warms up (9)")
    parser.add_argument("--seed", type=int, default=0, help="seed of the procedural spread (0)")
    options = parser.parse_args()
    if options.rounds < 1:
        parser.error("--rounds must be at least 1")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        image = options.image or folder / f"procedural-{options.seed}.png"
        if options.image is None:
            draw(image, options.seed)
        clock, info, count = measure(image, options.weights, options.rounds, folder)
        gray = read_gray(image).gray
    memory = peak_memory_mb()
    print(f"machine  {machine()}")
    print(f"date     {date()}")
    print(f"weights  {info['name']} {info['version']}, sha256 {info['sha256'][:16]}")
    print(f"image    {image.name}, {gray.shape[1]}x{gray.shape[0]}, {count} chromosomes found")
    print(f"memory   {'not known' if memory is None else f'{memory:.0f} MB at most'}; {options.rounds} rounds\n")
    print(table(clock))


if __name__ == "__main__":
    main()
