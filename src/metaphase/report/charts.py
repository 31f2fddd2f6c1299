"""Plots as inline SVG: lines, bars, and a table of classes taken for each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

__all__ = ["PALETTE", "Series", "bar_chart", "confusion_chart", "line_chart"]

PALETTE = ("#1f5fa8", "#c2571a", "#2e7d5a", "#8a3ab0")

_WIDTH, _HEIGHT = 500, 360
_LEFT, _RIGHT, _TOP, _BOTTOM = 66, 16, 16, 56


@dataclass(frozen=True)
class Series:
    """One line: its name and its points (x, y); marks draws the points as dots as well."""

    name: str
    points: Sequence[tuple[float, float]]
    marks: bool = False
    dashed: bool = False


@dataclass(frozen=True)
class _Frame:
    """From values to places on the page."""

    x_range: tuple[float, float]
    y_range: tuple[float, float]

    def x(self, value: float) -> float:
        low, high = self.x_range
        return _LEFT + (_WIDTH - _LEFT - _RIGHT) * (value - low) / ((high - low) or 1)

    def y(self, value: float) -> float:
        low, high = self.y_range
        return _HEIGHT - _BOTTOM - (_HEIGHT - _TOP - _BOTTOM) * (value - low) / ((high - low) or 1)


def line_chart(
    series: Sequence[Series],
    x_label: str,
    y_label: str,
    x_range: tuple[float, float] = (0.0, 1.0),
    y_range: tuple[float, float] = (0.0, 1.0),
    legend_right: bool = False,
) -> str:
    """SVG of lines over numeric axes, with a legend of the names at the bottom, left or right."""
    frame = _Frame(x_range, y_range)
    parts = [_axes(frame, _ticks(x_range), _ticks(y_range), x_label, y_label)]
    for number, line in enumerate(series):
        colour = "#888" if line.dashed else PALETTE[number % len(PALETTE)]
        places = [(frame.x(x), frame.y(min(max(y, y_range[0]), y_range[1]))) for x, y in line.points]
        path = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
        dash = ' stroke-dasharray="5 4"' if line.dashed else ""
        parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"{dash}/>')
        if line.marks:
            parts += [f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="{colour}"/>' for x, y in places]
    parts.append(_legend(series, _WIDTH - 160 if legend_right else _LEFT))
    return _svg(_WIDTH, _HEIGHT, parts, f"{y_label} against {x_label}")


def bar_chart(bars: Sequence[tuple[str, float]], x_label: str, y_label: str) -> str:
    """SVG of bars that start at 0, each with the word below it."""
    top = max((value for _, value in bars), default=1.0) or 1.0
    frame = _Frame((0.0, float(max(len(bars), 1))), (0.0, 1.08 * top))
    parts = [_axes(frame, [], [tick for tick in _ticks((0.0, top)) if tick <= top], x_label, y_label)]
    step = max(1, len(bars) // 16)
    for number, (word, value) in enumerate(bars):
        x0, x1, y = frame.x(number + 0.1), frame.x(number + 0.9), frame.y(value)
        tip = f"<title>{escape(word)}: {value:g}</title>"
        parts.append(
            f'<rect x="{x0:.1f}" y="{y:.1f}" width="{x1 - x0:.1f}" height="{frame.y(0) - y:.1f}" fill="{PALETTE[0]}">'
            f"{tip}</rect>"
        )
        if number % step == 0:
            parts.append(_text(frame.x(number + 0.5), _HEIGHT - _BOTTOM + 18, word, "middle"))
        if len(bars) <= 16:
            parts.append(_text(frame.x(number + 0.5), y - 4, f"{value:g}", "middle"))
    return _svg(_WIDTH, _HEIGHT, parts, f"{y_label} by {x_label}")


def confusion_chart(table: Sequence[Sequence[int]], rows: Sequence[str], columns: Sequence[str]) -> str:
    """SVG of a table of counts: rows are the truth, columns the prediction, shade is the share of the row.

    The count stands in every field that is not empty; the diagonal is blue, everything else red.
    """
    cell, left, top = 36, 74, 74
    parts: list[str] = []
    for i, (row, name) in enumerate(zip(table, rows, strict=True)):
        total = max(sum(row), 1)
        parts.append(_text(left - 6, top + cell * (i + 0.65), name, "end"))
        for j, count in enumerate(row):
            x, y = left + cell * j, top + cell * i
            share = count / total
            # A few wrong ones among thousands must still be seen, hence the root.
            shade = 0.0 if not count else 0.12 + 0.88 * share**0.5
            colour = "31,95,168" if i == j else "196,52,38"
            tip = f"<title>{escape(name)} taken for {escape(columns[j])}: {count} ({share:.1%})</title>"
            parts.append(
                f'<rect x="{x}" y="{y}" width="{cell}" height="{cell}" fill="rgba({colour},{shade:.3f})" '
                f'stroke="#e4e4e4">{tip}</rect>'
            )
            if count:
                ink = "#fff" if shade > 0.6 else "#222"
                parts.append(_text(x + cell / 2, y + cell * 0.64, str(count), "middle", 12 if count > 999 else 14, ink))
    for j, name in enumerate(columns):
        # A word longer than its column may run out to the right.
        place, anchor = (0.5, "middle") if len(name) < 4 else (0.1, "start")
        parts.append(_text(left + cell * (j + place), top - 10, name, anchor))
    width, height = left + cell * len(columns) + 44, top + cell * len(rows) + 12
    parts.append(_text(left + cell * len(columns) / 2, 22, "predicted", "middle", 15))
    parts.append(_upright_text(14, top + cell * len(rows) / 2, "truth"))
    return _svg(width, height, parts, "confusion of classes")


def _axes(frame: _Frame, x_ticks: Sequence[float], y_ticks: Sequence[float], x_label: str, y_label: str) -> str:
    parts = []
    for tick in y_ticks:
        y = frame.y(tick)
        parts.append(f'<line x1="{_LEFT}" y1="{y:.1f}" x2="{_WIDTH - _RIGHT}" y2="{y:.1f}" stroke="#e6e6e6"/>')
        parts.append(_text(_LEFT - 6, y + 5, f"{tick:g}", "end"))
    for tick in x_ticks:
        x = frame.x(tick)
        parts.append(f'<line x1="{x:.1f}" y1="{_TOP}" x2="{x:.1f}" y2="{_HEIGHT - _BOTTOM}" stroke="#f0f0f0"/>')
        parts.append(_text(x, _HEIGHT - _BOTTOM + 18, f"{tick:g}", "middle"))
    parts.append(
        f'<polyline points="{_LEFT},{_TOP} {_LEFT},{_HEIGHT - _BOTTOM} {_WIDTH - _RIGHT},{_HEIGHT - _BOTTOM}" '
        'fill="none" stroke="#555"/>'
    )
    parts.append(_text((_LEFT + _WIDTH - _RIGHT) / 2, _HEIGHT - 12, x_label, "middle", 15))
    parts.append(_upright_text(15, (_TOP + _HEIGHT - _BOTTOM) / 2, y_label))
    return "".join(parts)


def _legend(series: Sequence[Series], left: float) -> str:
    parts = []
    for number, line in enumerate(series):
        colour = "#888" if line.dashed else PALETTE[number % len(PALETTE)]
        y = _HEIGHT - _BOTTOM - 14 - 20 * (len(series) - 1 - number)
        parts.append(
            f'<line x1="{left + 12}" y1="{y - 4}" x2="{left + 34}" y2="{y - 4}" stroke="{colour}" stroke-width="2"/>'
        )
        parts.append(_text(left + 40, y, line.name, "start", 14))
    return "".join(parts)


def _ticks(limits: tuple[float, float]) -> list[float]:
    """Round numbers inside the limits, about five of them."""
    low, high = limits
    span = (high - low) or 1.0
    step = next(s for s in (m * 10**e for e in range(-6, 9) for m in (1, 2, 2.5, 5)) if span / s <= 6)
    first = -(-low // step) * step
    return [round(first + i * step, 9) for i in range(int((high - first) / step + 1e-9) + 1)]


def _text(x: float, y: float, words: str, anchor: str, size: int = 14, colour: str = "#333") -> str:
    place = f'x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}" fill="{colour}"'
    return f"<text {place}>{escape(words)}</text>"


def _upright_text(x: float, y: float, words: str) -> str:
    place = f'x="{x:g}" y="{y:g}" font-size="15" text-anchor="middle" transform="rotate(-90 {x:g} {y:g})"'
    return f"<text {place}>{escape(words)}</text>"


def _svg(width: float, height: float, parts: Sequence[str], label: str) -> str:
    size = f'viewBox="0 0 {width:g} {height:g}" width="{width:g}" font-family="system-ui, sans-serif"'
    return f'<svg {size} role="img" aria-label="{escape(label, quote=True)}">{"".join(parts)}</svg>'
