"""Sheets as PDF: a file whose structure holds, with letters as letters and pictures as pictures."""

from __future__ import annotations

import io
import re
import zlib

import numpy as np
import pytest
from PIL import Image

from metaphase.report import encode_pdf, karyogram_sheet
from metaphase.report.sheet import Sheet


def objects(data: bytes) -> dict[int, bytes]:
    """Number -> body of each object, at the place that the cross-reference table gives."""
    start = int(re.search(rb"startxref\n(\d+)\n%%EOF\n$", data)[1])
    lines = data[start:].split(b"\n")
    assert lines[0] == b"xref"
    count = int(lines[1].split()[1])
    found = {}
    for number, line in enumerate(lines[3 : 2 + count], 1):
        offset = int(line[:10])
        head = f"{number} 0 obj\n".encode()
        assert data[offset : offset + len(head)] == head
        found[number] = data[offset + len(head) : data.index(b"\nendobj", offset)]
    return found


def content(body: bytes) -> bytes:
    assert b"/FlateDecode" in body
    return zlib.decompress(body[body.index(b"stream\n") + 7 : body.rindex(b"\nendstream")])


def example() -> Sheet:
    sheet = Sheet(200)
    sheet.grow(100)
    sheet.text((10, 20), "46,XY (proposed)", 12)
    sheet.line([(0, 50), (200, 50)], (255, 0, 0), 2, dash=3)
    sheet.rectangle((5, 60, 15, 70), (0, 0, 0))
    sheet.picture(20, 60, np.full((9, 7), 80, np.uint8))
    return sheet


def test_the_file_holds_together_and_says_what_was_drawn() -> None:
    data = encode_pdf([example(), example()], "Fall Müller")
    assert data.startswith(b"%PDF-1.5")
    found = objects(data)
    assert sum(b"/Type /Page " in body for body in found.values()) == 2
    assert any(b"/Count 2" in body for body in found.values())
    drawn = [content(body) for body in found.values() if b"stream" in body and b"/Length1" not in body]
    pages = [part for part in drawn if b" Tf " in part]
    assert len(pages) == 2
    assert rb"(46,XY \(proposed\)) Tj" in pages[0]
    assert b"1.000 0.000 0.000 RG 2.00 w [3.00 3.00] 0 d" in pages[0]
    assert b"/P1 Do" in pages[0]
    assert bytes([80] * 63) in drawn
    assert "Fall Müller".encode("utf-16-be").hex().encode() in data


def test_a_photograph_is_an_opaque_jpeg_of_its_colours() -> None:
    sheet = Sheet(60)
    sheet.grow(60)
    sheet.picture(10, 20, np.full((20, 30, 3), (200, 40, 90), np.uint8), (15, 10))
    (body,) = (body for body in objects(encode_pdf([sheet])).values() if b"/Subtype /Image" in body)
    assert b"/Width 30 /Height 20" in body
    assert b"/DeviceRGB" in body
    assert b"/SMask" not in body
    shown = Image.open(io.BytesIO(body[body.index(b"stream\n") + 7 : body.rindex(b"\nendstream")]))
    assert np.abs(np.asarray(shown).astype(int) - (200, 40, 90)).max() <= 3
    page = sheet.rgb()
    assert page[25, 15].tolist() == [200, 40, 90]
    assert (page[31:] == 255).all()


def test_a_karyogram_fits_the_page(make_cell, male: list[int]) -> None:
    sheet = karyogram_sheet(*make_cell(male), "cell")
    found = objects(encode_pdf([sheet]))
    assert sum(b"/SMask" in body for body in found.values()) == 46
    page = next(content(b) for b in found.values() if b"stream" in b and b"/Length1" not in b and b" Tf " in content(b))
    scale, left = (float(v) for v in re.match(rb"q ([\d.]+) 0 0 [\d.]+ ([\d.]+)", page).groups())
    assert left >= 23.9
    assert scale * sheet.width + left <= 595.28 - 23.9
    assert scale * sheet.height <= 841.89 - 47.9


def test_no_sheet_is_refused() -> None:
    with pytest.raises(ValueError, match="at least one sheet"):
        encode_pdf([])


def test_the_same_sheet_as_pixels() -> None:
    page = example().rgb()
    assert page.shape == (100, 200, 3)
    assert (page[61:68, 6:14] == 0).all()
    assert (page[62:68, 21:26] == 80).all()
    assert (page[50, :, 0] == 255).all()
    assert 0 < (page[50, :, 1] == 0).mean() < 1, "the line is dashed"
    assert (page[8:22, 10:100] < 255).any()
