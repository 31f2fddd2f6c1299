"""Pascal VOC: one XML file an image, axis-parallel boxes with class names.

Coordinates are taken as they stand, as edges between pixels that start at 0 (half open), not as VOC's inclusive
pixels that start at 1: both published sets read here hold 0 as well as the full width and height as ordinary values.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
from numpy.typing import NDArray

from metaphase.errors import DataError
from metaphase.image_io import MAX_SIDE

__all__ = ["LARGEST_FILE", "VocAnnotation", "read_voc", "write_voc"]

LARGEST_FILE = 16 * 1024 * 1024
_CORNERS = ("xmin", "ymin", "xmax", "ymax")


@dataclass(frozen=True, eq=False)
class VocAnnotation:
    """What one VOC file says of one image.

    filename: the image's name as written in the file. width, height: pixels.
    names: class name of each box. boxes_xyxy: Float64[M, 4] as written, neither clipped nor shifted.
    """

    filename: str
    width: int
    height: int
    names: tuple[str, ...]
    boxes_xyxy: NDArray[np.float64]


def read_voc(path: Path) -> VocAnnotation:
    """Read one VOC file.

    Raises DataError, naming the file and the entry, where the file is not XML, is larger than `LARGEST_FILE` bytes,
    declares a document type or entities (never needed, and the way to attack an XML reader), lacks the image size, or
    has a box without a name or four finite corners.
    """
    root = _parse(path)
    width, height = (_positive(path, root.findtext(f"size/{side}"), f"size/{side}") for side in ("width", "height"))
    names: list[str] = []
    boxes: list[list[float]] = []
    for number, entry in enumerate(root.iter("object"), 1):
        name = (entry.findtext("name") or "").strip()
        if not name:
            raise DataError(f"{path}: object {number} has no <name>; give it one or remove the object")
        names.append(name)
        boxes.append([_number(path, entry.findtext(f"bndbox/{key}"), f"object {number} <{key}>") for key in _CORNERS])
    return VocAnnotation(
        filename=(root.findtext("filename") or "").strip(),
        width=width,
        height=height,
        names=tuple(names),
        boxes_xyxy=np.array(boxes, np.float64).reshape(-1, 4),
    )


def write_voc(annotation: VocAnnotation) -> bytes:
    """The UTF-8 XML of an annotation; `read_voc` of it gives the annotation back. Whole numbers stay whole."""
    root = ElementTree.Element("annotation")
    ElementTree.SubElement(root, "filename").text = annotation.filename
    size = ElementTree.SubElement(root, "size")
    for key, value in (("width", annotation.width), ("height", annotation.height), ("depth", 1)):
        ElementTree.SubElement(size, key).text = str(value)
    for name, box in zip(annotation.names, annotation.boxes_xyxy, strict=True):
        entry = ElementTree.SubElement(root, "object")
        ElementTree.SubElement(entry, "name").text = name
        corners = ElementTree.SubElement(entry, "bndbox")
        for key, value in zip(_CORNERS, box, strict=True):
            ElementTree.SubElement(corners, key).text = (
                str(int(value)) if float(value).is_integer() else repr(float(value))
            )
    ElementTree.indent(root)
    return ElementTree.tostring(root, encoding="utf-8") + b"\n"


def _parse(path: Path) -> ElementTree.Element:
    try:
        if path.stat().st_size > LARGEST_FILE:
            raise DataError(
                f"{path}: a VOC file of more than {LARGEST_FILE} bytes is not read; is this the right file?"
            )
        # Decoded here, so that no other encoding can hide a declaration from the check below.
        text = path.read_bytes().decode("utf-8-sig", "replace")
    except OSError as error:
        raise DataError(f"{path}: expected a VOC annotation file, but it cannot be read ({error.strerror})") from error
    if "<!DOCTYPE" in text or "<!ENTITY" in text:
        raise DataError(f"{path}: document type and entity declarations are refused; remove them from the file")
    try:
        root = ElementTree.fromstring(text)
    except (ElementTree.ParseError, ValueError) as error:
        raise DataError(f"{path}: expected a VOC annotation in XML, but it cannot be parsed ({error})") from error
    if root.tag != "annotation":
        raise DataError(f"{path}: expected the root <annotation> of a VOC file, but got <{root.tag}>")
    return root


def _number(path: Path, text: str | None, entry: str) -> float:
    try:
        value = float(text or "")
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise DataError(f"{path}: {entry} must be a number, but got {text!r}")
    return value


def _positive(path: Path, text: str | None, entry: str) -> int:
    value = _number(path, text, entry)
    if not (value.is_integer() and 0 < value <= MAX_SIDE):
        raise DataError(f"{path}: {entry} must be a whole number of pixels in 1..{MAX_SIDE}, but got {text!r}")
    return int(value)
