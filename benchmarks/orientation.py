"""Which end is up: on chromosomes marked by eye, on drawn ones, on BioImLAB, and which classes the network has upside
down.

`orientation_marks.json` holds, for isolated G-banded chromosomes of CIL val cells, the tips of the p and the q arm in
pixels, marked by eye on straightened chromosomes beside the ideogram of their class; those that could not be told
were left out.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from pathlib import Path

import cv2
import numpy as np
from cells import arguments, load_cells
from PIL import Image
from provenance import heading

from metaphase import identify, masks
from metaphase.banding import align, profile_of
from metaphase.chromosomes import name_of
from metaphase.config import IdentifyConfig
from metaphase.identify import Identified
from metaphase.predict import Model, load_model
from metaphase.synth import draw_numbered
from metaphase.types import Instances, Spread, Straightened

MARKS = Path(__file__).with_name("orientation_marks.json")


def tips(crop: np.ndarray, offset_xy: np.ndarray, width: float) -> tuple[np.ndarray, np.ndarray]:
    """(x, y) of the first and the last seventh of a straightened chromosome, in pixels of the image."""
    height, columns = crop.shape
    laid = []
    for axis, size in ((1, columns), (0, height)):
        # The place of every pixel, coded as a gray and straightened as the chromosome is.
        ramp = np.broadcast_to(np.expand_dims(np.linspace(0, 250, size), 1 - axis), crop.shape).astype(np.uint8)
        laid.append((identify.straighten(np.ascontiguousarray(ramp), crop, (0, 0), width), size))
    inside = laid[0][0].inside
    rows = np.flatnonzero(inside.any(1))
    part = max(1, len(rows) // 7)
    ends = []
    for chosen in (rows[:part], rows[-part:]):
        at = [strip.gray[chosen][inside[chosen]].mean() / 250 * (size - 1) for strip, size in laid]
        ends.append(np.array(at) + offset_xy)
    return ends[0], ends[1]


def up(found: Identified, index: int) -> bool:
    """Whether the p arm is at row 0, for the class that was named."""
    return bool(found.upright[index, found.instances.labels[index] - 1])


def marked(options: object, model: Model) -> tuple[int, int, dict[int, list[bool]]]:
    """Right, all, and by class, of the marked chromosomes that were found."""
    by_image = defaultdict(list)
    for mark in json.loads(MARKS.read_text())["marks"]:
        by_image[mark["image"]].append(mark)
    outcome: dict[int, list[bool]] = defaultdict(list)
    for cell in load_cells(options, model):  # type: ignore[arg-type]
        if cell.name not in by_image:
            continue
        width = model.spread(cell.record.gray().gray).chromosome_width
        instances = cell.identified.instances
        for mark in by_image[cell.name]:
            p, q = np.array(mark["p_xy"]), np.array(mark["q_xy"])
            boxes = instances.boxes_xyxy
            near = np.abs((boxes[:, :2] + boxes[:, 2:]) / 2 - (p + q) / 2).max(1)
            i = int(near.argmin())
            assert instances.crops is not None
            first, last = tips(instances.crops[i], instances.offsets_xy[i], width)
            is_up = np.linalg.norm(first - p) + np.linalg.norm(last - q) < np.linalg.norm(first - q) + np.linalg.norm(
                last - p
            )
            outcome[mark["label"]].append(bool(up(cell.identified, i) == is_up))
    flat = [right for each in outcome.values() for right in each]
    return sum(flat), len(flat), outcome


def drawn(model: Model, count: int) -> list[bool]:
    """Whether the orientation of each chromosome of drawn spreads is right, outlines as drawn."""
    right = []
    for number in range(count):
        one = draw_numbered(11, number)
        truth = one.spread.truth
        assert truth is not None
        assert truth.crops is not None
        found = model.identify(one.spread, truth)
        for i, direction in enumerate(one.p_arm_direction_xy):
            first, last = tips(truth.crops[i], truth.offsets_xy[i], one.spread.chromosome_width)
            right.append(up(found, i) == (float((first - last) @ direction) > 0))
    return right


def bioimlab(model: Model, root: Path, every: int) -> tuple[list[bool], dict[int, list[bool]]]:
    """The same for single Q-banded chromosomes, which are upright by convention, each without a cell.

    Returns whether it is right for the class that was named; and, by class, for the class that is given.
    """
    named: list[bool] = []
    given: dict[int, list[bool]] = defaultdict(list)
    folders = sorted((root / "bioimlab").iterdir(), key=lambda folder: int(folder.name))[::every]
    for folder in folders:
        for label, spread, instances in single(folder):
            found = model.identify(spread, instances)
            assert instances.crops is not None
            first, last = tips(instances.crops[0], instances.offsets_xy[0], spread.chromosome_width)
            is_up = bool(first[1] < last[1])
            sure = np.eye(24)[[label - 1]]
            told = identify.upright(found.up_log_odds, sure, found.straightened, IdentifyConfig())
            named.append(up(found, 0) == is_up)
            given[label].append(bool(told[0, label - 1]) == is_up)
    return named, given


def single(folder: Path) -> list[tuple[int, Spread, Instances]]:
    """The chromosomes of one cell, each as a spread of its own, dark on bright, at the cell's chromosome width."""
    found = []
    for file in sorted(folder.glob("*.bmp")):
        named = re.fullmatch(r"\d+ (\d+)[ab]?", file.stem)
        if named is None:
            continue
        gray = np.pad(255 - np.asarray(Image.open(file).convert("L")), 4, mode="edge")
        count, parts, stats, _ = cv2.connectedComponentsWithStats(
            masks.foreground(gray, masks.foreground_threshold(gray)).astype(np.uint8)
        )
        if count > 1:
            found.append((int(named[1]), gray, parts == 1 + int(stats[1:, cv2.CC_STAT_AREA].argmax())))
    width = float(np.median([masks.chromosome_width(mask) or 10.0 for _, _, mask in found]))
    return [
        (label, Spread(gray, width), Instances.from_masks(*gray.shape, [mask], [(0, 0)])) for label, gray, mask in found
    ]


def upside_down(options: object, model: Model) -> list[tuple[int, float, int]]:
    """(label, share of sure chromosomes whose bands agree with the network alone, how many) of every class."""
    votes: dict[int, list[bool]] = defaultdict(list)
    for cell in load_cells(options, model):  # type: ignore[arg-type]
        instances = cell.identified.instances
        for i, laid in enumerate(cell.identified.straightened):
            label, sure = int(instances.labels[i]), float(instances.probabilities_nc[i].max())
            if sure > 0.95 and instances.scores[i] > 0.95:
                votes[label].append(agree(laid, label, float(cell.identified.up_log_odds[i, label - 1])))
    return [(label, float(np.mean(each)), len(each)) for label, each in sorted(votes.items())]


def agree(laid: Straightened, label: int, log_odds: float) -> bool:
    """Whether bands and network see the same end up."""
    return bool(align(profile_of(laid.gray, laid.inside), label).margin * log_odds > 0)


def main() -> None:
    """Measure and print."""
    options = arguments(
        __doc__,
        spreads={"type": int, "default": 12, "help": "drawn spreads (12)"},
        every={"type": int, "default": 1, "help": "every so many cells of BioImLAB (1: all 119)"},
    )
    model = load_model(options.weights)
    print(heading("Orientation", model.info))
    print("| set | right | chromosomes |\n|---|---:|---:|")
    right, count, _ = marked(options, model)
    print(f"| CIL val, marked by eye | {right / max(1, count):.1%} | {count} |")
    flat = drawn(model, options.spreads)
    print(f"| drawn | {np.mean(flat):.1%} | {len(flat)} |")
    if (options.root / "bioimlab").is_dir():
        named, by_class = bioimlab(model, options.root, options.every)
        flat = [right for each in by_class.values() for right in each]
        for how, each in (("class named by the program", named), ("class given", flat)):
            print(f"| BioImLAB (Q-bands; no training on it), {how} | {np.mean(each):.1%} | {len(each)} |")
        worst = sorted(by_class.items(), key=lambda entry: np.mean(entry[1]))[:5]
        print("\nWorst on BioImLAB, class given: " + ", ".join(f"{name_of(k)} {np.mean(v):.0%}" for k, v in worst))
    votes = upside_down(options, model)
    print("\nThe network alone agrees with the ideogram: " + ", ".join(f"{name_of(k)} {s:.0%}" for k, s, _ in votes))
    turned = [name_of(k) for k, s, _ in votes if s < 0.35]
    print(f"\nLearnt upside down: {', '.join(turned) or 'none'}")


if __name__ == "__main__":
    main()
