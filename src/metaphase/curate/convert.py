"""Convert a set to COCO, YOLO, LabelMe or VOC: image by image, and saying first what the format cannot hold."""

from __future__ import annotations

import contextlib
import csv
import io
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from metaphase import masks as geometry
from metaphase.chromosomes import NAMES
from metaphase.curate.images import file_name_of, new_folder, put_image
from metaphase.curate.places import Place, locate, names_in
from metaphase.datasets import Record
from metaphase.datasets.formats.coco import CocoWriter
from metaphase.datasets.formats.labelme import LabelmeAnnotation, LabelmeShape, write_labelme
from metaphase.datasets.formats.voc import VocAnnotation, write_voc
from metaphase.datasets.formats.yolo import YoloObject, write_class_names, write_yolo
from metaphase.errors import ConfigError, MetaphaseError
from metaphase.image_io import write_atomically
from metaphase.types import Instances

__all__ = ["FORMATS", "ONE_CLASS_NAME", "coco_file", "convert", "write_lists"]

FORMATS = ("coco", "yolo", "labelme", "voc")
"""Formats that can be written."""

ONE_CLASS_NAME = "chromosome"
"""Written for chromosomes whose class is not known."""

_CANNOT_HOLD = {
    ("coco", True): "COCO holds masks, overlaps and classes exactly (RLE)",
    ("coco", False): "COCO holds boxes and classes exactly",
    (
        "yolo",
        True,
    ): "YOLO holds one outline for each chromosome: holes are filled, of a mask in pieces the largest stays",
    ("yolo", False): "YOLO holds boxes and classes; it holds no cases, which go to cases.csv",
    ("labelme", True): "LabelMe holds outlines, overlaps and pieces of a mask exactly; holes in a mask are filled",
    ("labelme", False): "LabelMe holds boxes as rectangles",
    ("voc", True): "VOC holds boxes only: MASKS AND OVERLAPS ARE LOST; convert to coco to keep them",
    ("voc", False): "VOC holds boxes and classes; it holds no cases, which go to cases.csv",
}


def convert(
    named: str, to: str, out: Path, root: Path | None = None, *, split: str | None = None, limit: int | None = None
) -> Iterator[dict[str, Any]]:
    """Write a copy of a set in another format.

    named, root: see `locate`. to: one of `FORMATS`. out: a new or empty folder. split: only these images.

    Yields first {"said": what the format cannot hold of this set}, before anything is written; then for each image
    {"image", "done", "total", "reason" (None, or why it was left out)}; at the end {"out", "format", "images",
    "chromosomes", "left_out", "lost" (masks, holes, pieces, classes), "without_image"}.
    Raises ConfigError for an unknown format or set, DataError where the set is not there, MetaphaseError where `out`
    is not empty or cannot be written.
    """
    if to not in FORMATS:
        raise ConfigError(f"unknown format {to!r}; expected one of {', '.join(FORMATS)}")
    place = locate(named, root)
    names = names_in(place, split, limit)
    masked, unnamed = _looked_ahead(place, names)
    yield {"said": _CANNOT_HOLD[to, masked]}
    new_folder(out)
    yield from _Writer(place, names, to, out, unnamed).run()


class _Writer:
    """One conversion: reads each record once, writes label and image, and counts."""

    def __init__(self, place: Place, names: Sequence[str], to: str, out: Path, unnamed: bool) -> None:
        self.place, self.names, self.to, self.out = place, names, to, out
        self.unnamed, self.some_unnamed = unnamed, False
        self.losses = {"masks": 0, "holes": 0, "pieces": 0, "classes": 0}
        self.left_out: list[dict[str, str]] = []
        self.cases: dict[str, str] = {}
        self.files: dict[str, str] = {}
        self.chromosomes = self.without_image = 0

    def run(self) -> Iterator[dict[str, Any]]:
        with contextlib.ExitStack() as stack:
            write = self._writer(stack)
            for done, name in enumerate(self.names, 1):
                reason = None
                try:
                    self._one(self.place.adapter.read(self.place.index, name), write)
                except MetaphaseError as error:
                    reason = str(error)
                    self.left_out.append({"image": name, "reason": reason})
                yield {"image": name, "done": done, "total": len(self.names), "reason": reason}
        if self.to == "yolo":
            named = () if self.unnamed else NAMES
            classes = (*named, ONE_CLASS_NAME) if self.unnamed or self.some_unnamed else named
            write_atomically(self.out / "data.yaml", write_class_names(classes, self._image_lists()))
        write_lists(self.place, self.cases, self.out, with_cases=self.to != "coco")
        yield {
            "out": str(self.out),
            "format": self.to,
            "images": len(self.cases),
            "chromosomes": self.chromosomes,
            "left_out": self.left_out,
            "lost": self.losses,
            "without_image": self.without_image,
        }

    def _image_lists(self) -> dict[str, str]:
        """YOLO's own lists of images, `train.txt` and so on, by split, so that no model is judged on what it learnt.

        Empty where the set has no splits.
        """
        lists: dict[str, str] = {}
        for side, names in _sides(self.place, self.files).items():
            lists[side] = f"{side}.txt"
            text = "".join(f"./images/{self.files[name]}\n" for name in names)
            write_atomically(self.out / lists[side], text.encode("utf-8"))
        return lists

    def _writer(self, stack: contextlib.ExitStack) -> Callable[[Record, str], None]:
        if self.to == "coco":
            info = {"description": f"{self.place.name}, converted", "licence": self.place.adapter.LICENCE}
            return stack.enter_context(coco_file(self.out / "annotations.json", info))
        return {"yolo": self._yolo, "labelme": self._labelme, "voc": self._voc}[self.to]

    def _one(self, record: Record, write: Callable[[Record, str], None]) -> None:
        file_name = file_name_of(record)
        if put_image(record, self._folder(record) / file_name):
            self.files[record.name] = file_name
        else:
            self.without_image += 1
        write(record, file_name)
        self.some_unnamed |= bool((record.truth.labels == 0).any())
        self.cases[record.name] = record.case
        self.chromosomes += len(record.truth)

    def _folder(self, record: Record) -> Path:
        """Where the image goes; LabelMe has a folder for each case, where the case is more than the image itself."""
        if self.to != "labelme":
            return self.out / ("JPEGImages" if self.to == "voc" else "images")
        plain = record.case == Path(record.case).name and record.case not in ("", ".", "..", record.name)
        return self.out / record.case if plain else self.out

    def _yolo(self, record: Record, file_name: str) -> None:
        truth, size = record.truth, np.array([record.truth.width, record.truth.height])
        objects = []
        for i, label in enumerate(truth.labels):
            number = 0 if self.unnamed else int(label) - 1 if label else len(NAMES)
            self.losses["classes"] += int(self.unnamed and label > 0)
            if truth.crops is None:
                box = truth.boxes_xyxy[i].astype(float)
                centre, sides = (box[:2] + box[2:]) / 2 / size, (box[2:] - box[:2]) / size
                objects.append(YoloObject(number, box_cxcywh=np.concatenate([centre, sides])))
            else:
                outline = max(self._outlines(truth, i), key=len)
                # A line needs three points; a mask of one or two pixels repeats its last one.
                outline = np.concatenate([outline, np.repeat(outline[-1:], max(0, 3 - len(outline)), axis=0)])
                objects.append(YoloObject(number, polygon_xy=outline / size))
        self._put(self.out / "labels" / f"{Path(file_name).stem}.txt", write_yolo(objects))

    def _labelme(self, record: Record, file_name: str) -> None:
        truth = record.truth
        shapes = []
        for i, label in enumerate(truth.labels):
            name = NAMES[label - 1] if label else ONE_CLASS_NAME
            if truth.crops is None:
                corners = truth.boxes_xyxy[i].astype(float).reshape(2, 2)
                shapes.append(LabelmeShape(name, corners, None, "rectangle"))
            else:
                outlines = self._outlines(truth, i, pieces_are_kept=True)
                group = i + 1 if len(outlines) > 1 else None
                shapes += [LabelmeShape(name, outline, group) for outline in outlines]
        annotation = LabelmeAnnotation(file_name, truth.width, truth.height, tuple(shapes))
        self._put(self._folder(record) / f"{Path(file_name).stem}.json", write_labelme(annotation))

    def _voc(self, record: Record, file_name: str) -> None:
        truth = record.truth
        names = tuple(NAMES[label - 1] if label else ONE_CLASS_NAME for label in truth.labels)
        annotation = VocAnnotation(file_name, truth.width, truth.height, names, truth.boxes_xyxy.astype(np.float64))
        self.losses["masks"] += len(truth) if truth.has_masks else 0
        self._put(self.out / "Annotations" / f"{Path(file_name).stem}.xml", write_voc(annotation))

    def _outlines(self, truth: Instances, i: int, pieces_are_kept: bool = False) -> list[NDArray[np.float64]]:
        """Outlines of one mask in pixels of the image; counts what the format loses of it."""
        assert truth.crops is not None
        crop, offset = truth.crops[i], truth.offsets_xy[i]
        traced = geometry.trace_polygons(crop)
        filled = np.zeros(crop.shape, bool)
        for outline in traced:
            filled |= geometry.rasterise_polygon(outline, crop.shape)
        self.losses["holes"] += int(not np.array_equal(filled, crop))
        if not pieces_are_kept and len(traced) > 1:
            self.losses["pieces"] += 1
        return [(outline + offset).astype(np.float64) for outline in traced]

    def _put(self, path: Path, data: bytes) -> None:
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise MetaphaseError(f"{path.parent}: the folder cannot be made ({error.strerror or error})") from error
        write_atomically(path, data)


@contextlib.contextmanager
def coco_file(path: Path, info: Mapping[str, object]) -> Iterator[Callable[[Record, str], None]]:
    """A COCO file that grows by one record a call, whole at the end or not there at all; images lie in `images/`."""
    part = path.with_name(f".{path.name}.part")
    try:
        with part.open("wb") as file:
            writer = CocoWriter(file, info)
            yield lambda record, file_name: writer.add(f"images/{file_name}", record.truth, {"case": record.case})
            writer.close()
        part.replace(path)
    except OSError as error:
        raise MetaphaseError(f"{path}: the file cannot be written ({error.strerror or error})") from error
    finally:
        part.unlink(missing_ok=True)


def write_lists(place: Place, cases: dict[str, str], out: Path, with_cases: bool) -> None:
    """The set's splits as `split_train.txt`, ... and, where the format holds no cases, `cases.csv`."""
    for side, names in _sides(place, cases).items():
        write_atomically(out / f"split_{side}.txt", "".join(f"{name}\n" for name in names).encode("utf-8"))
    if with_cases and any(name != case for name, case in cases.items()):
        text = io.StringIO()
        csv.writer(text, lineterminator="\n").writerows([("image", "case"), *cases.items()])
        write_atomically(out / "cases.csv", text.getvalue().encode("utf-8"))


def _sides(place: Place, written: Collection[str]) -> dict[str, list[str]]:
    """The images of train, val and test that were written; nothing where the set has no splits."""
    if len(place.splits) <= 2:  # `test` and `all` alone are no split
        return {}
    found = {side: [n for n in place.splits.get(side, ()) if n in written] for side in ("train", "val", "test")}
    return {side: names for side, names in found.items() if names}


def _looked_ahead(place: Place, names: Sequence[str]) -> tuple[bool, bool]:
    """Has the set masks, and is the class unknown? Told by the first image with chromosomes that can be read."""
    for name in names:
        try:
            truth = place.adapter.read(place.index, name).truth
        except MetaphaseError:
            continue
        if len(truth):
            return truth.has_masks, not truth.labels.any()
    return False, False
