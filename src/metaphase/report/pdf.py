"""Sheets as a PDF file: lines and letters stay vectors, chromosomes are gray pictures with a soft edge, photos JPEG.

Written after ISO 32000-1: one catalogue, one page tree, the font that Pillow carries (embedded, so that a page looks
the same everywhere), and for each page one content stream with its pictures.
"""

from __future__ import annotations

import io
import zlib
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from PIL import Image

from metaphase import __version__
from metaphase.report.lettering import font
from metaphase.report.sheet import Colour, Line, Picture, Rectangle, Sheet, Text

__all__ = ["A4", "encode_pdf"]

A4 = (595.28, 841.89)
"""Width and height of a page in points, portrait."""

_MARGIN = 24.0  # points
_EM = 1000


@dataclass(eq=False)
class _File:
    """The numbered objects of a file."""

    objects: list[bytes] = field(default_factory=list)

    def add(self, body: bytes) -> int:
        self.objects.append(body)
        return len(self.objects)

    def stream(self, data: bytes, entries: str) -> int:
        return self.coded(zlib.compress(data, 6), f"{entries} /Filter /FlateDecode")

    def coded(self, data: bytes, entries: str) -> int:
        """A stream of bytes that are coded already; entries: with its filter."""
        head = f"<< {entries} /Length {len(data)} >>\nstream\n".encode("ascii")
        return self.add(head + data + b"\nendstream")

    def encode(self, root: int, info: int) -> bytes:
        out = bytearray(b"%PDF-1.5\n%\xe2\xe3\xcf\xd3\n")
        offsets = []
        for number, body in enumerate(self.objects, 1):
            offsets.append(len(out))
            out += f"{number} 0 obj\n".encode("ascii") + body + b"\nendobj\n"
        start = len(out)
        out += f"xref\n0 {len(offsets) + 1}\n0000000000 65535 f \n".encode("ascii")
        for offset in offsets:
            out += f"{offset:010d} 00000 n \n".encode("ascii")
        out += f"trailer\n<< /Size {len(offsets) + 1} /Root {root} 0 R /Info {info} 0 R >>\n".encode("ascii")
        return bytes(out + f"startxref\n{start}\n%%EOF\n".encode("ascii"))


def encode_pdf(sheets: Sequence[Sheet], title: str = "", page: tuple[float, float] = A4) -> bytes:
    """A PDF file with each sheet on a page of its own, scaled to fit and centred across.

    title: stands in the file's properties. page: width and height in points. Raises ValueError without a sheet.
    """
    if not sheets:
        raise ValueError("a PDF file needs at least one sheet")
    file = _File()
    tree = file.add(b"")  # filled in when the pages are known
    letters = _font(file)
    pages = [_page(file, sheet, tree, letters, page) for sheet in sheets]
    kids = " ".join(f"{number} 0 R" for number in pages)
    file.objects[tree - 1] = f"<< /Type /Pages /Kids [{kids}] /Count {len(pages)} >>".encode("ascii")
    root = file.add(f"<< /Type /Catalog /Pages {tree} 0 R >>".encode("ascii"))
    name = b"\xfe\xff" + title.encode("utf-16-be", "replace")
    info = file.add(f"<< /Title <{name.hex()}> /Producer (metaphase {__version__}) >>".encode("ascii"))
    return file.encode(root, info)


def _page(file: _File, sheet: Sheet, tree: int, letters: int, page: tuple[float, float]) -> int:
    scale = min((page[0] - 2 * _MARGIN) / sheet.width, (page[1] - 2 * _MARGIN) / max(1, sheet.height))
    left, top = (page[0] - scale * sheet.width) / 2, page[1] - _MARGIN
    # From here on one unit is one pixel of the sheet, and y grows upwards from its top edge.
    content = [f"q {scale:.5f} 0 0 {scale:.5f} {left:.3f} {top:.3f} cm"]
    pictures: list[int] = []
    for mark in sheet.marks:
        if isinstance(mark, Picture):
            pictures.append(_picture(file, mark))
            place = f"{mark.width:.2f} 0 0 {mark.height:.2f} {mark.x:.2f} {-mark.y - mark.height:.2f}"
            content.append(f"q {place} cm /P{len(pictures)} Do Q")
    for mark in sheet.marks:
        if isinstance(mark, Line):
            content.append(_line(mark))
        elif isinstance(mark, Rectangle):
            x0, y0, x1, y1 = mark.box
            content.append(f"{_colour(mark.colour)} rg {x0:.2f} {-y1:.2f} {x1 - x0:.2f} {y1 - y0:.2f} re f")
        elif isinstance(mark, Text):
            content.append(_text(mark))
    stream = file.stream("\n".join([*content, "Q"]).encode("latin-1", "replace"), "")
    named = " ".join(f"/P{i} {number} 0 R" for i, number in enumerate(pictures, 1))
    resources = f"<< /Font << /F {letters} 0 R >> /XObject << {named} >> >>"
    return file.add(
        f"<< /Type /Page /Parent {tree} 0 R /MediaBox [0 0 {page[0]} {page[1]}] /Resources {resources} "
        f"/Contents {stream} 0 R >>".encode("ascii")
    )


def _picture(file: _File, mark: Picture) -> int:
    """A gray picture's whiteness is its transparency, as where one is multiplied onto white paper; RGB is opaque."""
    height, width = mark.pixels.shape[:2]
    size = f"/Type /XObject /Subtype /Image /Width {width} /Height {height} /BitsPerComponent 8 /ColorSpace"
    if mark.pixels.ndim == 3:
        packed = io.BytesIO()
        Image.fromarray(mark.pixels).save(packed, "JPEG", quality=90, subsampling=0)
        return file.coded(packed.getvalue(), f"{size} /DeviceRGB /Filter /DCTDecode")
    size += " /DeviceGray"
    opaque = np.where(mark.pixels < 255, 255, 0).astype(np.uint8)
    mask = file.stream(opaque.tobytes(), size)
    return file.stream(mark.pixels.tobytes(), f"{size} /Interpolate true /SMask {mask} 0 R")


def _line(mark: Line) -> str:
    (x0, y0), *rest = mark.points
    path = " ".join([f"{x0:.2f} {-y0:.2f} m", *(f"{x:.2f} {-y:.2f} l" for x, y in rest)])
    dash = f"[{mark.dash:.2f} {mark.dash:.2f}] 0 d" if mark.dash else "[] 0 d"
    return f"{_colour(mark.colour)} RG {mark.width:.2f} w {dash} {path} S"


def _text(mark: Text) -> str:
    words = mark.words.encode("cp1252", "replace").decode("latin-1")
    width = font(_EM).getlength(mark.words) * mark.size / _EM
    x = mark.x - width * {"l": 0.0, "m": 0.5, "r": 1.0}[mark.anchor[0]]
    y = mark.y + (0.36 * mark.size if mark.anchor[1] == "m" else 0.0)
    escaped = words.replace("\\", r"\\").replace("(", r"\(").replace(")", r"\)")
    return f"BT {_colour(mark.colour)} rg /F {mark.size} Tf {x:.2f} {-y:.2f} Td ({escaped}) Tj ET"


def _colour(colour: Colour) -> str:
    return " ".join(f"{value / 255:.3f}" for value in colour)


def _font(file: _File) -> int:
    """The font that Pillow carries, as a TrueType font of the signs of Windows-1252."""
    letters = font(_EM)
    data = letters.font_bytes
    program = file.stream(data, f"/Length1 {len(data)}")
    signs = [bytes([code]).decode("cp1252", "replace") for code in range(32, 256)]
    widths = " ".join(str(round(letters.getlength(sign))) for sign in signs)
    ascent, descent = letters.getmetrics()
    describing = file.add(
        (
            f"<< /Type /FontDescriptor /FontName /Aileron-Regular /Flags 32 /FontBBox [-200 {-descent} 1200 {ascent}] "
            f"/ItalicAngle 0 /Ascent {ascent} /Descent {-descent} /CapHeight 700 /StemV 80 /FontFile2 {program} 0 R >>"
        ).encode("ascii")
    )
    return file.add(
        f"<< /Type /Font /Subtype /TrueType /BaseFont /Aileron-Regular /FirstChar 32 /LastChar 255 /Widths [{widths}] "
        f"/FontDescriptor {describing} 0 R /Encoding /WinAnsiEncoding >>".encode("ascii")
    )
