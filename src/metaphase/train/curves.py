"""A run's curves as one page that opens anywhere: `curve.html`, drawn from `curve.csv` and `val.csv`."""

from __future__ import annotations

import csv
import html
import math
from collections.abc import Sequence
from pathlib import Path

from metaphase.image_io import write_atomically

__all__ = ["CURVE", "PAGE", "VAL", "write_page"]

CURVE, VAL = "curve.csv", "val.csv"
"""Names of the tables of losses and of looks at val."""

PAGE = "curve.html"
"""Name of the page beside them."""
_MOST = 600  # points of a curve: more cannot be told apart

_WIDTH, _HEIGHT, _LEFT, _BOTTOM = 420, 220, 58, 24
_NO_CURVE = {"step", "of", "seconds_a_step", "seconds_left"}
_STYLE = (
    "body{font:14px system-ui,sans-serif;margin:2em;color:#222}h1{font-size:18px}"
    "div{display:flex;flex-wrap:wrap;gap:16px}figure{margin:0}figcaption{font-weight:600;margin-left:58px}"
    "svg{background:#fafafa}text{font-size:11px;fill:#555}path{fill:none;stroke:#1f5fa8;stroke-width:1.6}"
    ".val path{stroke:#b3501b}line{stroke:#ddd}circle{fill:#b3501b}"
)

Points = Sequence[tuple[float, float]]


def write_page(folder: Path) -> None:
    """Write `folder/curve.html`: a curve for every figure of the run, val apart. Nothing before the first record."""
    curves = [(name, points, "val") for name, points in _columns(folder / VAL).items()]
    curves += [(name, points, "") for name, points in _columns(folder / CURVE).items()]
    if not curves:
        return
    end = max(points[-1][0] for _, points, _ in curves)
    figures = "\n".join(_figure(name, points, kind, end) for name, points, kind in curves)
    title = html.escape(f"{folder.name}: {end:.0f} steps")
    page = (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title><style>{_STYLE}</style>'
        f"<h1>{title}</h1><div>{figures}</div></html>\n"
    )
    write_atomically(folder / PAGE, page.encode("utf-8"))


def _columns(path: Path) -> dict[str, list[tuple[float, float]]]:
    """(step, value) of each column of a table; what is no number is left out."""
    if not path.exists():
        return {}
    with path.open(newline="", encoding="utf-8") as file:
        rows = [{name: float(value) for name, value in row.items() if value} for row in csv.DictReader(file)]
    names = [name for name in (rows[0] if rows else {}) if name not in _NO_CURVE]
    found = {
        name: [(row["step"], row[name]) for row in rows if math.isfinite(row.get(name, math.nan))] for name in names
    }
    return {name: points for name, points in found.items() if points}


def _figure(name: str, points: Points, kind: str, end: float) -> str:
    low, high = min(y for _, y in points), max(y for _, y in points)
    if high - low < 1e-12:
        low, high = low - max(1e-6, abs(low) * 0.1), high + max(1e-6, abs(high) * 0.1)
    plot_w, plot_h = _WIDTH - _LEFT - 10, _HEIGHT - _BOTTOM - 12

    def place(x: float, y: float) -> tuple[float, float]:
        return _LEFT + plot_w * x / max(end, 1), 12 + plot_h * (high - y) / (high - low)

    marks = []
    for share in (0.0, 0.5, 1.0):
        y = low + share * (high - low)
        row = place(0, y)[1]
        marks.append(f'<line x1="{_LEFT}" x2="{_WIDTH - 10}" y1="{row:.1f}" y2="{row:.1f}"/>')
        marks.append(f'<text x="{_LEFT - 6}" y="{row + 4:.1f}" text-anchor="end">{y:.3g}</text>')
        column = place(share * end, low)[0]
        anchor = "end" if share == 1 else "middle"
        marks.append(f'<text x="{column:.1f}" y="{_HEIGHT - 6}" text-anchor="{anchor}">{share * end:.0f}</text>')
    spots = [place(x, y) for x, y in points[:: -(-len(points) // _MOST)]]
    path = "M" + "L".join(f"{x:.1f},{y:.1f}" for x, y in spots)
    dots = "".join(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="2.5"/>' for x, y in spots) if kind else ""
    return (
        f'<figure class="{kind}"><figcaption>{html.escape(name)}: {points[-1][1]:.4g}</figcaption>'
        f'<svg width="{_WIDTH}" height="{_HEIGHT}" role="img" aria-label="{html.escape(name)} by step">'
        f'{"".join(marks)}<path d="{path}"/>{dots}</svg></figure>'
    )
