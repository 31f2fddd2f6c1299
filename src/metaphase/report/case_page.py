"""Many metaphases of one person on one page: proposal, clones, every cell; and the same as HTML."""

from __future__ import annotations

import html
from collections.abc import Mapping
from urllib.parse import quote

from metaphase.report.heading import CONFIRM, NO_PROPOSAL, SANITY, draw_footer, sanity_words
from metaphase.report.lettering import legible, shorten
from metaphase.report.sheet import BLACK, Sheet, gray
from metaphase.types import Case, Karyotype

__all__ = ["case_html", "case_sheets"]

_WIDTH, _UNIT, _MARGIN = 1290, 30, 60
_ROWS = 40
"""Cells on one sheet."""

_DARK, _MIDDLE, _PALE = gray(70), gray(130), gray(200)
_COLUMNS = (("cell", 0), ("chromosomes", 300), ("proposal", 430), ("sure", 640), ("sanity", 710), ("to look at", 790))


def case_sheets(case: Case) -> list[Sheet]:
    """The summary: one sheet, more where there are more than 40 cells."""
    starts = range(0, max(1, len(case.cells)), _ROWS)
    return [_summary(case, start) for start in starts]


def _summary(case: Case, start: int) -> Sheet:
    sheet = Sheet(_WIDTH)
    top = sheet.grow(round(6.2 * _UNIT))
    right = _WIDTH - _MARGIN
    sheet.text((_MARGIN, top + 70), shorten(legible(case.name), 34, 700), 34)
    sheet.text((right, top + 70), _numbers(case), 21, _DARK, "rs")
    sheet.text((_MARGIN, top + 122), case.iscn or NO_PROPOSAL, 30, BLACK if case.iscn else _MIDDLE)
    for line, reason in enumerate(case.reasons[:1]):
        words = shorten(legible(reason), 18, right - _MARGIN)
        sheet.text((_MARGIN, top + 156 + 24 * line), words, 18, _MIDDLE)
    sheet.line([(_MARGIN, top + 176), (right, top + 176)], _PALE)
    top = sheet.grow(44)
    for words, x in _COLUMNS:
        sheet.text((_MARGIN + x, top + 28), words, 18, _MIDDLE)
    for name, karyotype in case.cells[start : start + _ROWS]:
        top = sheet.grow(34)
        _row(sheet, top + 24, name, karyotype, name in case.disagreeing)
        sheet.line([(_MARGIN, top + 33), (right, top + 33)], gray(232))
    draw_footer(sheet, _MARGIN, _UNIT, SANITY)
    return sheet


def _numbers(case: Case) -> str:
    modal = "-" if case.modal_number is None else str(case.modal_number)
    return f"{len(case.cells)} cells  ·  modal number {modal}"


def _row(sheet: Sheet, base: int, name: str, karyotype: Karyotype, odd: bool) -> None:
    sure, look = _sure(karyotype), _look(karyotype)
    found, sanity = str(karyotype.instances.status.count("chromosome")), sanity_words(karyotype)
    words = (name, found, karyotype.iscn or NO_PROPOSAL, sure, sanity, look)
    ends = [*(x for _, x in _COLUMNS[1:]), _WIDTH - 2 * _MARGIN]
    for (_, x), end, word in zip(_COLUMNS, ends, words, strict=True):
        colour = (168, 30, 36) if odd and word == karyotype.iscn else BLACK if karyotype.iscn else _MIDDLE
        sheet.text((_MARGIN + x, base), shorten(legible(word), 18, end - x - 14), 18, colour)


def _sure(karyotype: Karyotype) -> str:
    if karyotype.iscn is None:
        return ""
    return f"{100 * dict(karyotype.posterior).get(karyotype.iscn, 0.0):.0f} %"


def _look(karyotype: Karyotype) -> str:
    return karyotype.reasons[0] if karyotype.reasons else ""


def case_html(case: Case, pictures: Mapping[str, str]) -> str:
    """One page of HTML without scripts. pictures: for each cell's name the address of its karyogram."""
    rows = "\n".join(
        f"<tr{' class=odd' if name in case.disagreeing else ''}><td><a href='#{i}'>{html.escape(name)}</a></td>"
        f"<td>{k.instances.status.count('chromosome')}</td><td>{html.escape(k.iscn or NO_PROPOSAL)}</td>"
        f"<td>{_sure(k)}</td><td>{sanity_words(k)}</td><td>{html.escape(_look(k))}</td></tr>"
        for i, (name, k) in enumerate(case.cells)
    )
    figures = "\n".join(
        f"<figure id='{i}'><img src='{_address(pictures[name])}' alt='karyogram of {html.escape(name)}'></figure>"
        for i, (name, _) in enumerate(case.cells)
    )
    reasons = "".join(f"<li>{html.escape(reason)}</li>" for reason in case.reasons)
    return f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{html.escape(case.name)}</title>
<meta name="viewport" content="width=device-width"><style>{_STYLE}</style></head><body>
<header><h1>{html.escape(case.name)}</h1><p class="numbers">{html.escape(_numbers(case))}</p>
<p class="proposal">{html.escape(case.iscn or NO_PROPOSAL)}</p><ul>{reasons}</ul></header>
<table><thead><tr><th>cell<th>chromosomes<th>proposal<th>sure<th>sanity<th>to look at</tr></thead><tbody>
{rows}
</tbody></table>
<main>{figures}</main>
<footer>{html.escape(CONFIRM)}<br>{html.escape(SANITY)}</footer></body></html>
"""


def _address(place: str) -> str:
    """A relative address; signs that mean something there (#, ?, %) stand for themselves, as do bytes of no text."""
    return html.escape(quote(place, errors="surrogateescape"), quote=True)


_STYLE = (
    "body{font:16px/1.5 system-ui,sans-serif;color:#1a1a1a;background:#fff;max-width:72rem;"
    "margin:2.5rem auto;padding:0 2rem}"
    "header{border-bottom:1px solid #ccc;position:relative}h1{font-weight:500;font-size:1.7rem;margin:0}"
    ".numbers{position:absolute;right:0;top:.6rem;margin:0;color:#555}.proposal{font-size:1.45rem;margin:.4rem 0}"
    "ul{list-style:none;padding:0;color:#777;margin:.2rem 0 1rem}"
    "table{border-collapse:collapse;width:100%;margin:1.2rem 0}"
    "th{text-align:left;font-weight:400;color:#777}td,th{padding:.35rem .8rem .35rem 0;border-bottom:1px solid #eee;"
    "vertical-align:top}td:first-child{overflow-wrap:anywhere;min-width:8rem}"
    "td:nth-child(n+2):nth-child(-n+5){white-space:nowrap}"
    ".odd td:nth-child(3){color:#a81e24}a{color:inherit}main{display:grid;gap:2rem;"
    "grid-template-columns:repeat(auto-fill,minmax(26rem,1fr))}figure{margin:0;border:1px solid #eee}"
    "img{width:100%;display:block}"
    "footer{color:#777;margin:2rem 0}@media print{figure{break-inside:avoid}}"
)
