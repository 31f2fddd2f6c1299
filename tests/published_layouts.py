"""Small data sets in exactly the published layouts, drawn by the procedural generator: nobody's cell is shown."""

from __future__ import annotations

import base64
import functools
import json
from pathlib import Path

import cv2
import numpy as np
import tifffile

from metaphase import masks
from metaphase.chromosomes import NAMES
from metaphase.datasets.formats.voc import VocAnnotation, write_voc
from metaphase.datasets.procedural import SpreadStyle, draw_spread
from metaphase.types import Spread


@functools.cache
def cell(seed: int, karyotype: tuple[int, ...] | str = (1, 7, 18, 23), size_hw=(200, 220), overlap=0.5) -> Spread:
    """A drawn spread; a few chromosomes are enough for a reader."""
    style = SpreadStyle(size_hw=size_hw, karyotype=karyotype, overlap=overlap, touch=0.0, nuclei=0)
    return draw_spread(np.random.default_rng(seed), style, name=f"cell{seed}").spread


def full_cell(seed: int, karyotype: str = "46,XY") -> Spread:
    return cell(seed, karyotype, (640, 680), 0.15)


def encoded(gray: np.ndarray, suffix: str = ".png") -> bytes:
    done, data = cv2.imencode(suffix, gray)
    assert done
    return data.tobytes()


def write(path: Path, data: bytes | str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data.encode("utf-8") if isinstance(data, str) else data)
    return path


CIL_NAMES = "A1 A2 A3 B4 B5 C6 C7 C8 C9 C10 C11 C12 D13 D14 D15 E16 E17 E18 F19 F20 G21 G22 X Y".split()  # noqa: SIM905


def write_cil(root: Path, cells: dict[str, Spread], splits: dict[str, list[str]] | None = None) -> Path:
    """`cells`: image name -> spread; boxes are tight. splits: names of each list, all in train by default."""
    home = root / "cil"
    folder = home / "24_chromosomes_object"
    for name, spread in cells.items():
        truth = spread.truth
        names = tuple(CIL_NAMES[label - 1] for label in truth.labels)
        annotation = VocAnnotation(f"{name}.jpg", spread.width, spread.height, names, truth.boxes_xyxy.astype(float))
        write(folder / "JEPG" / f"{name}.jpg", encoded(spread.gray, ".jpg"))
        write(folder / "annotations" / f"{name}.xml", write_voc(annotation))
    for side, names in (splits or {"train": list(cells)}).items():
        write(home / f"split_24_{side}.txt", "".join(f"{name}\n" for name in names))
    return home


def labelme_document(spread: Spread, image_path: str, dialect=False, embed=False) -> dict:
    shapes = []
    truth = spread.truth
    for crop, offset, label in zip(truth.crops, truth.offsets_xy, truth.labels, strict=True):
        for outline in masks.trace_polygons(crop):
            name = str(label) if dialect else NAMES[label - 1]
            points = (outline + offset).astype(float).tolist()
            shapes.append({"label": name, "points": points, "group_id": None, "shape_type": "polygon", "flags": {}})
    keys = ("image_path", "image_height", "image_width") if dialect else ("imagePath", "imageHeight", "imageWidth")
    document = {
        "shapes": shapes,
        **dict(zip(keys, (image_path, spread.height, spread.width), strict=True)),
    }
    if not dialect:
        data = base64.b64encode(encoded(spread.gray)).decode() if embed else None
        document = {"version": "5.0.1", "flags": {}, "imageData": data} | document
    return document


def write_autokary(root: Path, cells: dict[str, Spread], embed=False) -> Path:
    """`cells`: "train/CASE/NAME" or "test/CASE/NAME" -> spread. The image lies beside its label file or inside it."""
    home = root / "autokary2022"
    for key, spread in cells.items():
        split, case, name = key.split("/")
        folder = home / f"{split}_labelme" / case
        document = labelme_document(spread, f"{name}.png", embed=embed)
        write(folder / f"{name}.json", json.dumps(document, ensure_ascii=False))
        if not embed:
            write(folder / f"{name}.png", encoded(spread.gray))
    return home


def write_autokary_copy(root: Path, cells: dict[str, Spread]) -> Path:
    """The public copy: `cells`: "train/NAME" or "val/NAME" -> spread; label files only, in the dialect."""
    home = root / "autokary2022_labels"
    for key, spread in cells.items():
        split, name = key.split("/")
        document = labelme_document(spread, f"{name}.png", dialect=True)
        write(home / "dataset" / split / "annotations" / f"{name}.json", json.dumps(document))
    return home


def pair(seed: int, touching=False) -> tuple[np.ndarray, np.ndarray]:
    """(image, map 0/1/2/3) of two chromosomes of 128 x 128 pixels."""
    style = SpreadStyle(
        size_hw=(128, 128),
        karyotype=(19, 21),
        width_range=(9.0, 11.0),
        overlap=0.0 if touching else 1.0,
        touch=1.0 * touching,
        nuclei=0,
    )
    truth = (spread := draw_spread(np.random.default_rng(seed), style).spread).truth
    first, second = truth.mask(0), truth.mask(1)
    # Drawn chromosomes that touch share a few pixels; in the published set they share none.
    return spread.gray, np.where(second, 2 if touching else 2 + first, first).astype(np.uint8)


def painted(label_map: np.ndarray) -> np.ndarray:
    """BGR: red and green chromosomes, blue overlap, on white."""
    return np.array([[255, 255, 255], [0, 0, 255], [0, 255, 0], [255, 0, 0]], np.uint8)[label_map]


def write_overlap_pairs(root: Path, count=2, paint=True) -> Path:
    home = root / "overlap-pairs"
    for kind in ("Overlapping", "Touching"):
        for number in range(1, count + 1):
            image, label_map = pair(number, touching=kind == "Touching")
            write(home / kind / "images" / f"{number}.png", encoded(image))
            write(home / kind / "labels" / f"{number}.png", encoded(painted(label_map) if paint else label_map))
    return home


def yolo_lines(spread: Spread, classes=24) -> str:
    size = np.array([spread.width, spread.height])
    lines = []
    for box, label in zip(spread.truth.boxes_xyxy.astype(float), spread.truth.labels, strict=True):
        centre, side = (box[:2] + box[2:]) / 2 / size, (box[2:] - box[:2]) / size
        number = label - 1 if classes == 24 else 0
        lines.append(" ".join([str(number), *(repr(float(v)) for v in (*centre, *side))]))
    return "".join(f"{line}\n" for line in lines)


def write_crcn(root: Path, cells: dict[str, Spread], classes=1, yaml=True) -> Path:
    """`cells`: "NAME", "train/NAME", ... or "hard/NAME" -> spread; `hard` goes to the folder of discarded images."""
    home = root / "crcn-ne"
    for key, spread in cells.items():
        *folders, name = key.split("/")
        folder = home / ("discarded" if folders == ["hard"] else "/".join(folders))
        write(folder / "images" / f"{name}.jpg", encoded(spread.gray, ".jpg"))
        write(folder / "labels" / f"{name}.txt", yolo_lines(spread, classes))
    if yaml:
        names = ["chromosome"] if classes == 1 else list(NAMES)
        write(home / "data.yaml", f"path: .\nnc: {classes}\nnames: {json.dumps(names)}\n")
    return home


def write_bioimlab(root: Path, cells: dict[str, Spread]) -> Path:
    """`cells`: cell number -> spread; each chromosome becomes one bright BMP on black."""
    home = root / "bioimlab"
    for number, spread in cells.items():
        seen: dict[int, int] = {}
        truth = spread.truth
        for i, label in enumerate(int(v) for v in truth.labels):
            seen[label] = seen.get(label, 0) + 1
            letter = "ab"[seen[label] - 1]
            inside = np.pad(truth.crops[i], 4)
            x, y = truth.offsets_xy[i]
            bright = np.pad(255 - spread.gray[y : y + truth.crops[i].shape[0], x : x + truth.crops[i].shape[1]], 4)
            write(home / number / f"{number} {label}{letter}.bmp", encoded(np.where(inside, bright, 0), ".bmp"))
    return home


def class_map(spread: Spread) -> np.ndarray:
    truth = spread.truth
    full = np.zeros((spread.height, spread.width), np.uint8)
    for i, label in enumerate(truth.labels):
        mask = truth.mask(i)
        full[mask] = np.where(full[mask] > 0, 255, label)
    return full


def write_mfish(root: Path, cells: dict[str, tuple[Spread, str]]) -> Path:
    """`cells`: "SLIDE__CODE/NAME" -> (spread, Case Info); the first cell is test, the second val, the rest train."""
    home = root / "mfish"
    for key, (spread, info) in cells.items():
        folder, name = key.split("/")
        (home / folder).mkdir(parents=True, exist_ok=True)
        tifffile.imwrite(home / folder / f"{name}D.tif", 255 - spread.gray, compression="lzw")
        tifffile.imwrite(home / folder / f"{name}K.tif", class_map(spread), compression="lzw")
        write(home / folder / "Case Info", info)
    names = list(cells)
    for split, part in {"test": names[:1], "val": names[1:2], "train": names[2:]}.items():
        write(home / f"split_{split}.txt", "".join(f"{name}\n" for name in part))
    return home
