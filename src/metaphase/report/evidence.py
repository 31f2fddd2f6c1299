"""Evidence for each label that a person can check: the chromosome, its band profile, and the ideogram it was laid
against.
"""

from __future__ import annotations

from metaphase.banding import POINTS, Alignment, align, profile_of
from metaphase.chromosomes import name_of
from metaphase.config import ReportConfig
from metaphase.report.heading import draw_footer, draw_header
from metaphase.report.ideogram import draw_ideogram
from metaphase.report.sheet import BLACK, Sheet, gray
from metaphase.report.strips import Strip, cut_strips, page_unit
from metaphase.types import Karyotype, Spread

__all__ = ["evidence_sheet"]

_ACROSS = 8
_MIDDLE, _PALE, _EXPECTED = gray(130), gray(222), (182, 74, 58)


def evidence_sheet(spread: Spread, karyotype: Karyotype, title: str, config: ReportConfig | None = None) -> Sheet:
    """One panel for each chromosome in the order of the karyogram, the tray last.

    From left to right: the chromosome upright, its profile (black: the further right the darker) with the profile
    that the ideogram of its class lets expect (red), and the ideogram with the centromere. Below: class, number,
    correlation of the two curves, and "turned" where the bands alone would see the other end up. All are drawn at one
    height.
    Raises ValueError where the chromosomes are not straightened.
    """
    if len(karyotype.straightened) != len(karyotype.instances):
        raise ValueError("evidence needs straightened chromosomes, but this karyotype has none")
    config = config or ReportConfig()
    unit = page_unit(spread, config)
    strips = cut_strips(spread, karyotype, config)
    order = [*(i for group in karyotype.groups for i in group), *karyotype.tray]
    margin, panel = 2 * unit, (round(5.2 * unit), 7 * unit)
    sheet = Sheet(width=_ACROSS * panel[0] + 2 * margin)
    draw_header(sheet, margin, unit, title, karyotype)
    for start in range(0, len(order), _ACROSS):
        top = sheet.grow(panel[1] + 2 * unit)
        for column, index in enumerate(order[start : start + _ACROSS]):
            box = (margin + column * panel[0], top, margin + column * panel[0] + round(4.6 * unit), top + panel[1])
            _draw_panel(sheet, karyotype, index, strips[index], box, unit)
    draw_footer(
        sheet,
        margin,
        unit,
        "all drawn to one length, p arm up; black: profile of the chromosome; red: the ideogram, as it was laid; "
        "number: how well they agree, at most 1, for 19 and Y mostly little; turned: bands alone would see the other "
        "end up",
    )
    return sheet


def _draw_panel(
    sheet: Sheet, karyotype: Karyotype, index: int, strip: Strip, box: tuple[int, int, int, int], unit: int
) -> None:
    x0, y0, x1, y1 = box
    label, laid = int(karyotype.instances.labels[index]), karyotype.straightened[index]
    width = min(round(1.3 * unit), round(strip.width * (y1 - y0) / strip.height))
    sheet.picture(x0, y0, strip.gray, (max(4, width), y1 - y0))
    profile = profile_of(laid.gray, laid.inside)
    doubt = "" if label and karyotype.instances.status[index] == "chromosome" else "?"
    caption = f"{name_of(label) if label else ''}{doubt}"
    if karyotype.instances.status[index] == "debris":
        caption = "reading" if index in karyotype.other_readings else "debris"
    if label and len(profile) > 1:
        found = align(profile, label)
        up = bool(karyotype.upright[index]) if len(karyotype.upright) else found.upright
        middle = (x0 + round(1.5 * unit), x0 + round(3.5 * unit))
        _draw_curves(sheet, found, up == found.upright, (middle[0], y0, middle[1], y1))
        draw_ideogram(sheet, label, (x0 + round(3.7 * unit), y0, x0 + round(4.2 * unit), y1))
        score = found.score if up else found.turned_score
        sheet.text((x1, y1 + 0.9 * unit), f"{score:.2f}", round(0.5 * unit), _MIDDLE, "rs")
        if up != found.upright:
            sheet.text((x1, y1 + 1.5 * unit), "turned", round(0.5 * unit), _MIDDLE, "rs")
    sheet.text((x0, y1 + 0.9 * unit), caption, round(0.75 * unit), BLACK, "ls")
    sheet.text((x0, y1 + 1.5 * unit), f"no. {index}", round(0.42 * unit), _MIDDLE, "ls")


def _draw_curves(sheet: Sheet, found: Alignment, agrees: bool, box: tuple[float, float, float, float]) -> None:
    """Both profiles downwards, p arm on top; two and a half deviations fill the box to either side."""
    x0, y0, x1, y1 = box
    middle, scale = (x0 + x1) / 2, (x1 - x0) / 5
    sheet.line([(middle, y0), (middle, y1)], _PALE)
    own = found.profile if agrees else found.profile[::-1]
    expected = found.expected if agrees else found.expected[::-1]
    for values, colour, width in ((expected, _EXPECTED, 1.2), (own, BLACK, 1.6)):
        points = [
            (middle + scale * max(-2.5, min(2.5, float(v))), y0 + (y1 - y0) * (i + 0.5) / POINTS)
            for i, v in enumerate(values)
        ]
        sheet.line(points, colour, width)
