"""Many metaphases of one person on one page: proposal, clones, every cell; and the same as HTML."""

from __future__ import annotations

import html
from collections.abc import Sequence
from urllib.parse import quote

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from metaphase.report.heading import CONFIRM, NO_PROPOSAL, SANITY, STRUCTURAL, draw_footer, proposal_words, sanity_words
from metaphase.report.lettering import legible, shorten, wrap
from metaphase.report.sheet import BLACK, Sheet, gray
from metaphase.types import Case, Karyotype
from metaphase.words import plural

__all__ = ["MOST_PICTURED", "case_html", "case_sheets"]

MOST_PICTURED = 6
"""Cells of a case whose overlays stand on the printed summary; with more, the table needs the room."""

UInt8 = NDArray[np.uint8]

_WIDTH, _HEIGHT, _UNIT, _MARGIN = 1290, 1755, 30, 60
"""Pixels; the height is that of an A4 page without its footer."""

_ODD, _DARK, _MIDDLE, _PALE = (168, 30, 36), gray(70), gray(130), gray(200)
_PICTURES = {"karyogram.png": "karyogram", "overlay.png": "image with numbered outlines"}
_TEXT, _LINE = 18, 25
_GAP, _CAPTION = 24, 32  # between overlays, and for the name above each
_SMALLEST = 330  # width of an overlay in which the numbers can be told
_FINENESS = 2.0  # pixels of a printed overlay for each of the sheet, of which an inch has about 165
_COLUMNS = (("cell", 185), ("chromosomes", 135), ("sanity", 80), ("proposal", 150), ("sure", 70), ("to look at", 550))
"""Head and width of each column; "sanity" is quiet, and beside the count: that is what it speaks of."""


def case_sheets(case: Case, overlays: Sequence[UInt8] = ()) -> list[Sheet]:
    """The summary: as many sheets as the cells and all that is to look at in them need.

    overlays: UInt8[H, W, 3] RGB for each cell, or none at all. They stand below the table, where there is room.
    """
    sheets = [_first_sheet(case)]
    for name, karyotype in case.cells:
        columns = (*((word,) for word in (name, *_fields(karyotype))), karyotype.reasons)
        lines = [
            [line for word in words for line in wrap(legible(word), _TEXT, width - 14)]
            for words, (_, width) in zip(columns, _COLUMNS, strict=True)
        ]
        if sheets[-1].height + _row_height(lines) > _HEIGHT:
            sheets.append(Sheet(_WIDTH))
            sheets[-1].grow(_MARGIN)
            _draw_heads(sheets[-1])
        _draw_row(sheets[-1], lines, karyotype, name in case.disagreeing)
    if overlays:
        _draw_overlays(sheets[-1], [name for name, _ in case.cells], overlays)
    for sheet in sheets:
        draw_footer(sheet, _MARGIN, _UNIT, STRUCTURAL, f"sanity: {SANITY}")
    return sheets


def _first_sheet(case: Case) -> Sheet:
    sheet = Sheet(_WIDTH)
    top = sheet.grow(140)
    right = _WIDTH - _MARGIN
    sheet.text((_MARGIN, top + 70), shorten(legible(case.name), 34, 700), 34)
    sheet.text((right, top + 70), _numbers(case), 21, _DARK, "rs")
    sheet.text((_MARGIN, top + 122), case.iscn or NO_PROPOSAL, 30, BLACK if case.iscn else _MIDDLE)
    for reason in case.reasons:
        for line in wrap(legible(reason), _TEXT, right - _MARGIN):
            sheet.text((_MARGIN, sheet.grow(_LINE) + 19), line, _TEXT, _DARK)
    rule = sheet.grow(30) + 12
    sheet.line([(_MARGIN, rule), (right, rule)], _PALE)
    _draw_heads(sheet)
    return sheet


def _draw_heads(sheet: Sheet) -> None:
    x, base = _MARGIN, sheet.grow(44) + 28
    for words, width in _COLUMNS:
        sheet.text((x, base), words, _TEXT, _MIDDLE)
        x += width


def _row_height(lines: list[list[str]]) -> int:
    return 14 + _LINE * max(1, *(len(column) for column in lines))


def _draw_row(sheet: Sheet, lines: list[list[str]], karyotype: Karyotype, odd: bool) -> None:
    height = _row_height(lines)
    top = sheet.grow(height)
    x = _MARGIN
    for (head, width), column in zip(_COLUMNS, lines, strict=True):
        colour = BLACK if karyotype.iscn else _MIDDLE
        colour = {"sanity": _MIDDLE, "to look at": _DARK, "proposal": _ODD if odd else colour}.get(head, colour)
        for number, line in enumerate(column):
            sheet.text((x, top + 24 + _LINE * number), line, _TEXT, colour)
        x += width
    sheet.line([(_MARGIN, top + height - 1), (_WIDTH - _MARGIN, top + height - 1)], gray(232))


def _draw_overlays(sheet: Sheet, names: Sequence[str], overlays: Sequence[UInt8]) -> None:
    """The images with numbered outlines, as large as the page has room for; none where they would be small."""
    count, inner = len(names), sheet.width - 2 * _MARGIN
    aspects = [overlay.shape[0] / overlay.shape[1] for overlay in overlays]
    best, columns, tallest = 0.0, 1, [0.0]  # width of each overlay; height over width of the tallest in each row
    for n in range(1, count + 1):
        rows = [max(aspects[first : first + n]) for first in range(0, count, n)]
        room = _HEIGHT - sheet.height - len(rows) * (_GAP + _CAPTION)
        width = min((inner - (n - 1) * _GAP) / n, room / sum(rows))
        if width > best:
            best, columns, tallest = width, n, rows
    if best < _SMALLEST:
        return
    start = (sheet.width - columns * best - (columns - 1) * _GAP) / 2
    for row, aspect in enumerate(tallest):
        top = sheet.grow(round(_GAP + _CAPTION + aspect * best)) + _GAP
        for at in range(row * columns, min(count, (row + 1) * columns)):
            x = start + (at - row * columns) * (best + _GAP)
            sheet.text((x, top + 22), shorten(legible(names[at]), _TEXT, int(best)), _TEXT, _DARK)
            sheet.picture(x, top + _CAPTION, _printed(overlays[at], best), (best, aspects[at] * best))


def _printed(overlay: UInt8, width: float) -> UInt8:
    """With no more pixels than a printer shows."""
    image = Image.fromarray(overlay)
    most = round(_FINENESS * width)
    if image.width > most:
        image = image.resize((most, max(1, round(most * image.height / image.width))), Image.Resampling.LANCZOS)
    return np.asarray(image)


def _numbers(case: Case) -> str:
    modal = "-" if case.modal_number is None else str(case.modal_number)
    return f"{plural(len(case.cells), 'cell')}  ·  modal number {modal}"


def _fields(karyotype: Karyotype) -> tuple[str, str, str, str]:
    """What stands in the columns between the name and what is to look at."""
    found = str(karyotype.instances.status.count("chromosome"))
    own = dict(karyotype.posterior).get(karyotype.iscn or "", 0.0)
    sure = f"{100 * own:.0f} %" if karyotype.iscn else ""
    return found, sanity_words(karyotype), karyotype.iscn or NO_PROPOSAL, sure


def case_html(case: Case) -> str:
    """One page of HTML without scripts, to lie beside a folder for each cell with its pictures and result.json."""
    rows = "\n".join(
        f"<tr{' class=odd' if name in case.disagreeing else ''}><td><a href='#{i}'>{html.escape(name)}</a></td>"
        + "".join(f"<td>{html.escape(field)}</td>" for field in _fields(karyotype))
        + f"<td>{'<br>'.join(html.escape(reason).replace(' (', '&nbsp;(') for reason in karyotype.reasons)}</td></tr>"
        for i, (name, karyotype) in enumerate(case.cells)
    )
    cells = "\n".join(
        _cell(i, name, "  ·  ".join(filter(None, proposal_words(karyotype))))
        for i, (name, karyotype) in enumerate(case.cells)
    )
    cells += "\n".join(
        _cell(i, name, f"left out: {why}", ("overlay.png",))
        for i, (name, why) in enumerate(case.left_out, len(case.cells))
    )
    reasons = "".join(f"<li>{html.escape(reason)}</li>" for reason in case.reasons)
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{html.escape(case.name)}</title>
<meta name="viewport" content="width=device-width"><style>{_STYLE}</style></head><body>
<header><h1>{html.escape(case.name)}</h1><p class="numbers">{html.escape(_numbers(case))}</p>
<p class="proposal">{html.escape(case.iscn or NO_PROPOSAL)}</p><ul>{reasons}</ul></header>
<table><thead><tr>{"".join(f"<th>{head}" for head, _ in _COLUMNS)}</tr></thead><tbody>
{rows}
</tbody></table>
<main>{cells}</main>
<footer>{html.escape(CONFIRM)}<br>{html.escape(STRUCTURAL)}<br>sanity: {html.escape(SANITY)}</footer></body></html>
"""


def _cell(number: int, name: str, said: str, files: Sequence[str] = tuple(_PICTURES)) -> str:
    """One cell: what is said of it, and pictures of it side by side, each a link to the file."""
    shown = html.escape(name)
    pictures = "".join(
        f"<a href='{_address(f'{name}/{file}')}'><img src='{_address(f'{name}/{file}')}' loading=lazy "
        f"alt='{_PICTURES[file]} of {shown}'></a>"
        for file in files
    )
    links = ", ".join(f"<a href='{_address(f'{name}/{file}')}'>{file}</a>" for file in (*files, "result.json"))
    return (
        f"<section id='{number}'><h2>{shown}</h2><p>{html.escape(said)}  ·  {links}</p><div>{pictures}</div></section>"
    )


def _address(place: str) -> str:
    """A relative address; signs that mean something there (#, ?, %) stand for themselves, as do bytes of no text."""
    return html.escape(quote(place, errors="surrogateescape"), quote=True)


_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;color:#1a1a1a;background:#fff;max-width:90rem;"
    "margin:2.5rem auto;padding:0 2rem}"
    "header{border-bottom:1px solid #ccc;position:relative}h1{font-weight:500;font-size:1.7rem;margin:0}"
    ".numbers{position:absolute;right:0;top:.6rem;margin:0;color:#555}.proposal{font-size:1.45rem;margin:.4rem 0}"
    "ul{list-style:none;padding:0;color:#555;margin:.2rem 0 1rem}"
    "table{border-collapse:collapse;width:100%;margin:1.2rem 0}"
    "th{text-align:left;font-weight:400;color:#777}td,th{padding:.35rem .8rem .35rem 0;border-bottom:1px solid #eee;"
    "vertical-align:top}td:first-child{overflow-wrap:anywhere;min-width:8rem}td:nth-child(3){color:#777}"
    "td:nth-child(n+2):nth-child(-n+5){white-space:nowrap}"
    ".odd td:nth-child(4){color:#a81e24}a{color:inherit}"
    "section{border-top:1px solid #ccc;margin-top:2.2rem;padding-top:1rem}"
    "h2{font-weight:500;font-size:1.25rem;margin:0}section p{margin:.1rem 0 .8rem;color:#555}"
    "section div{display:grid;gap:1.5rem;grid-template-columns:5fr 7fr;align-items:start}"
    "img{width:100%;display:block;border:1px solid #eee;box-sizing:border-box}"
    "footer{color:#777;margin:2rem 0}@media (max-width:60rem){section div{grid-template-columns:1fr}}"
    "@media screen and (max-width:48rem){body{margin:1.2rem auto;padding:0 1rem}.numbers{position:static}"
    "thead{display:none}tr{display:flex;flex-wrap:wrap;gap:0 1rem;border-bottom:1px solid #eee;padding:.3rem 0}"
    "td,td:first-child{border:0;padding:0;min-width:0}td:nth-child(2)::after{content:' chr.'}"
    "td:nth-child(3)::before{content:'sanity '}td:nth-child(5):not(:empty)::after{content:' sure'}"
    "td:last-child{flex-basis:100%;color:#555}}"
    "@media print{section{break-inside:avoid}}"
)
