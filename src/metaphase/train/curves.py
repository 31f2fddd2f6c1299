"""A run's curves as one page that opens anywhere: `curve.html`, drawn from `curve.csv` and `val.csv`."""

from __future__ import annotations

import csv
import html
import io
import math
from collections.abc import Mapping, Sequence
from pathlib import Path

from metaphase.errors import MetaphaseError
from metaphase.image_io import write_atomically

__all__ = ["CURVE", "PAGE", "VAL", "append_row", "cut_table", "write_page"]

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


def append_row(path: Path, record: Mapping[str, float]) -> None:
    """Add a row to a table. Where its columns are others than the table's, the table gets those of both.

    Raises MetaphaseError where it cannot be written.
    """
    row = {name: f"{value:.6g}" for name, value in record.items()}
    known = _rows(path)
    columns = list(dict.fromkeys([name for other in known[:1] for name in other] + list(row)))
    if known and list(known[0]) == list(row):
        try:
            with path.open("a", newline="", encoding="utf-8") as file:
                csv.writer(file).writerow(row.values())
        except OSError as error:
            raise MetaphaseError(f"{path}: the row cannot be written ({error.strerror or error})") from error
    else:
        _write_rows(path, columns, [*known, row])


def cut_table(path: Path, step: int) -> None:
    """Drop the rows after a step: a run that goes on from there writes them again. No step: the table goes."""
    rows = _rows(path)
    kept = [row for row in rows if _number(row.get("step")) <= step] if step else []
    if kept and len(kept) < len(rows):
        _write_rows(path, list(kept[0]), kept)
    elif not kept:
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise MetaphaseError(f"{path}: the table cannot be removed ({error.strerror or error})") from error


def _rows(path: Path) -> list[dict[str, str]]:
    """Rows of a table by column, what stands beyond the header left out; none where there is no table."""
    if not path.exists():
        return []
    try:
        with path.open(newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file)
            return [{name: row.get(name) or "" for name in reader.fieldnames or ()} for row in reader]
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise MetaphaseError(f"{path}: expected a table of this run; remove it ({error})") from error


def _write_rows(path: Path, columns: Sequence[str], rows: Sequence[Mapping[str, str]]) -> None:
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, restval="")
    writer.writeheader()
    writer.writerows(rows)
    write_atomically(path, text.getvalue().encode("utf-8"))


def _number(text: str | None) -> float:
    try:
        return float(text or "nan")
    except ValueError:
        return math.nan


def _columns(path: Path) -> dict[str, list[tuple[float, float]]]:
    """(step, value) of each column of a table; what is no number is left out."""
    rows = [{name: _number(value) for name, value in row.items()} for row in _rows(path)]
    found = {
        name: [(row["step"], row[name]) for row in rows if math.isfinite(row[name]) and math.isfinite(row["step"])]
        for name in (rows[0] if rows and "step" in rows[0] else ())
        if name not in _NO_CURVE
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
