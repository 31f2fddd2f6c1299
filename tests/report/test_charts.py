"""Plots as SVG: well formed, and at the right place."""

import re
from xml.etree import ElementTree

import pytest

from metaphase.report.charts import Series, bar_chart, confusion_chart, line_chart

SVG = "{http://www.w3.org/2000/svg}"


def parse(svg):
    return ElementTree.fromstring(svg.replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" ', 1))


def test_lines_run_from_corner_to_corner():
    root = parse(line_chart([Series("a < b", [(0, 0), (1, 1)], marks=True)], "x & y", "y"))
    line = next(e for e in root.iter(f"{SVG}polyline") if e.get("stroke") == "#1f5fa8")
    (x0, y0), (x1, y1) = ([float(v) for v in point.split(",")] for point in line.get("points").split())
    assert x0 < x1
    assert y0 > y1, "up is less in SVG"
    assert len(list(root.iter(f"{SVG}circle"))) == 2
    assert "a < b" in {e.text for e in root.iter(f"{SVG}text")}


def test_bars_are_as_high_as_their_value():
    root = parse(bar_chart([("−1", 5), ("0", 10), ("+1", 0)], "difference", "cells"))
    heights = [float(e.get("height")) for e in root.iter(f"{SVG}rect")]
    assert heights[1] == pytest.approx(2 * heights[0], abs=0.2)
    assert heights[2] == 0
    assert bar_chart([], "x", "y").startswith("<svg")


def test_every_count_of_the_confusion_is_written_and_shaded():
    svg = confusion_chart([[9, 1], [0, 4]], ["1", "false"], ["1", "missed"])
    root = parse(svg)
    words = [e.text for e in root.iter(f"{SVG}text")]
    assert [words.count(word) for word in ("9", "1", "4", "0")] == [1, 3, 1, 0]
    shades = [float(v) for v in re.findall(r"rgba\([\d,]+,([\d.]+)\)", svg)]
    assert shades[2] == 0
    assert shades[0] > shades[1] > 0.12
    assert "1 taken for missed: 1 (10.0%)" in svg
