"""The ISCN ideogram of one chromosome, drawn."""

from __future__ import annotations

from metaphase.banding import VARIABLE_DENSITY
from metaphase.chromosomes import Band, bands
from metaphase.report.sheet import Sheet, gray

__all__ = ["draw_ideogram"]

_OUTLINE = gray(110)


def draw_ideogram(sheet: Sheet, label: int, box: tuple[float, float, float, float], level: int = 400) -> None:
    """Draw the ideogram of class `label` upright into box [x0, y0, x1, y1): dark bands dark, the centromere narrow."""
    x0, y0, x1, y1 = box
    own = bands(label, level)
    scale = (y1 - y0) / own[-1].stop
    for band in own:
        top, bottom = y0 + band.start * scale, y0 + band.stop * scale
        inset = 0.22 * (x1 - x0) if band.stain in ("acen", "stalk") else 0.0
        left, right = x0 + inset, x1 - inset
        sheet.rectangle((left, top, right, bottom), gray(_shade(band, label)))
        sheet.line([(left, top), (left, bottom)], _OUTLINE, 0.8)
        sheet.line([(right, top), (right, bottom)], _OUTLINE, 0.8)
    sheet.line([(x0, y0), (x1, y0)], _OUTLINE, 0.8)
    sheet.line([(x0, y1), (x1, y1)], _OUTLINE, 0.8)


def _shade(band: Band, label: int) -> int:
    density = {
        "gpos": float(band.density),
        "acen": 35.0,
        "stalk": 12.0,
        "gvar": VARIABLE_DENSITY.get(label, 35.0),
    }.get(band.stain, 0.0)
    return round(250 - 2.1 * density)
