"""report.html of an evaluation: one page that needs no other file and no network."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from html import escape
from importlib import resources
from typing import Any

from metaphase.chromosomes import NAMES
from metaphase.report.charts import Series, bar_chart, confusion_chart, line_chart
from metaphase.report.gallery import MARKS, GalleryPicture
from metaphase.words import plural

__all__ = ["evaluation_page", "metrics_schema"]

_CSS = """
body { font: 15px/1.5 system-ui, sans-serif; color: #222; margin: 2rem auto; max-width: 1440px; padding: 0 1rem; }
h1 { font-size: 1.6rem; margin: 0 0 .3rem; } h2 { font-size: 1.2rem; margin: 2.2rem 0 .6rem; }
p, li { max-width: 62rem; } .quiet { color: #666; } .scroll { overflow-x: auto; }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; }
th, td { padding: .2rem .5rem; text-align: right; border-bottom: 1px solid #e6e6e6; white-space: nowrap; }
th:first-child, td:first-child { text-align: left; } thead th { border-bottom: 2px solid #999; }
td.words { white-space: normal; min-width: 16rem; max-width: 24rem; line-height: 1.3; }
td.low { background: #fbe3df; }
.plots { display: flex; flex-wrap: wrap; gap: 1rem 1.5rem; } figure { margin: 0; } figcaption { font-weight: 600; }
svg { max-width: 100%; height: auto; }
.cell { margin: 0 0 1.8rem; } .pair { display: grid; grid-template-columns: 1fr 1fr; gap: .6rem; }
.pair img { width: 100%; border: 1px solid #ccc; } .key span { margin-right: 1.2rem; font-weight: 600; }
"""


_LOW = ' class="low"'


def metrics_schema() -> dict[str, Any]:
    """The JSON Schema (draft 2020-12) of metrics.json, as shipped in the package."""
    source = resources.files("metaphase") / "report" / "metrics.schema.json"
    schema: dict[str, Any] = json.loads(source.read_text(encoding="utf-8"))
    return schema


def evaluation_page(document: Mapping[str, Any], pictures: Sequence[GalleryPicture] = ()) -> str:
    """The page as HTML text.

    document: the content of metrics.json. pictures: the gallery, worst cell first. Pictures show images of a data set:
    the page is for whoever holds the set.
    """
    title = f"{document['set']} {document['split']}"
    sections = [
        _head(document, title),
        _figures(document),
        _plots(document["tables"]),
        _groups(document["groups"]),
        _classes(document["by_class"]),
        _second(document),
        _list("Left out", [f"{', '.join(e['metrics'])}: {e['reason']}" for e in document["left_out"]]),
        _list("Images that were not scored", [f"{e['image']}: {e['reason']}" for e in document["not_scored"]]),
        _list("Entries set aside", [f"entry {e['entry']}, {e['image']}: {e['reason']}" for e in document["invalid"]]),
        _gallery(pictures),
    ]
    return (
        f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n<title>{escape(title)}</title>\n'
        f'<meta name="viewport" content="width=device-width">\n<style>{_CSS}</style>\n</head>\n<body>\n'
        + "\n".join(section for section in sections if section)
        + "\n</body>\n</html>\n"
    )


def _head(document: Mapping[str, Any], title: str) -> str:
    source = document["model"]
    who = source.get("predictions") or f"{source.get('name', 'model')} {source.get('version', '')}".strip()
    weights = f", weights {source['sha256'][:12]}" if "sha256" in source else ""
    compared = {"mask": "masks", "box": "tight boxes", "annotation_box": "boxes in the annotators' style"}
    scored = (
        f"{plural(document['images'], 'image')}, {plural(document['instances'], 'chromosome')}, "
        f"{plural(document['cases'], 'case')}; compared by {compared[document['overlap']]}. "
        f"Intervals: 95 %, bootstrap over cases, {document['resamples']} resamples."
    )
    notes = "".join(f"<li>{escape(note)}</li>" for note in document["notes"])
    cited = f"Data: {escape(document['citation'])} Terms: {escape(document['licence'])}."
    return (
        f"<h1>{escape(title)}</h1>\n<p>{escape(who + weights)}. {escape(scored)}</p>\n<ul>{notes}</ul>\n"
        f'<p class="quiet">{cited}</p>'
    )


def _figures(document: Mapping[str, Any]) -> str:
    rows = [
        f"<tr><td>{escape(key)}</td><td>{_number(e['value'])}</td><td>{_interval(e)}</td><td>{e['n']}</td>"
        f"<td>{e['instances']}</td><td>{e['left_out'] or ''}</td></tr>"
        for key, e in document["metrics"].items()
    ]
    head = "<tr><th>metric</th><th>value</th><th>95 %</th><th>images</th><th>chromosomes</th><th>left out</th></tr>"
    return f"<h2>Figures</h2>\n{_table(head, rows)}"


def _plots(tables: Mapping[str, Any]) -> str:
    plots: list[tuple[str, str]] = []
    curves = tables.get("precision_recall") or {}
    if curves:
        series = [Series(key, [(i / 100, p) for i, p in enumerate(curve)]) for key, curve in curves.items()]
        plots.append(("Precision against recall, mean over the classes", line_chart(series, "recall", "precision")))
    if tables.get("count_histogram"):
        plots.append(("Counts", bar_chart(_filled(tables["count_histogram"]), "predicted − true chromosomes", "cells")))
    for key, title, below in (
        ("calibration_bins", "Calibration of the class", "mean confidence"),
        ("score_bins", "Calibration of the scores: is a chromosome and has this class", "mean score"),
    ):
        if tables.get(key):
            points = [(confidence, accuracy) for confidence, accuracy, _ in tables[key]]
            series = [Series("measured", points, marks=True), Series("perfect", [(0, 0), (1, 1)], dashed=True)]
            plots.append((title, line_chart(series, below, "accuracy", legend_right=True)))
    if tables.get("coverage_accuracy"):
        points = [(coverage, accuracy) for coverage, accuracy in tables["coverage_accuracy"]]
        low = min([accuracy for _, accuracy in points])
        floor = max(0.0, int(low * 20 - 1) / 20)
        chart = line_chart([Series("the surest", points, marks=True)], "coverage", "accuracy", (0.5, 1.0), (floor, 1.0))
        plots.append(("Accuracy when the least sure are abstained from", chart))
    if tables.get("confusion"):
        chart = confusion_chart(tables["confusion"], [*NAMES, "false"], [*NAMES, "missed"])
        plots.append(("Confusion of classes: counts, shade by share of the row", f'<div class="scroll">{chart}</div>'))
    figures = "".join(f"<figure><figcaption>{escape(c)}</figcaption>{svg}</figure>" for c, svg in plots)
    return f'<h2>Plots</h2>\n<div class="plots">{figures}</div>' if plots else ""


def _filled(histogram: Sequence[Sequence[int]]) -> list[tuple[str, float]]:
    """Every difference between the least and the greatest, those of no cell too; far outliers are joined."""
    clipped: dict[int, int] = {}
    for difference, images in histogram:
        clipped[max(-10, min(10, difference))] = clipped.get(max(-10, min(10, difference)), 0) + images
    low, high = min([*clipped, -1]), max([*clipped, 1])
    words = {-10: "≤ −10", 10: "≥ 10"}
    return [
        (words.get(v, f"{v:+d}".replace("-", "−") if v else "0"), float(clipped.get(v, 0)))
        for v in range(low, high + 1)
    ]


def _groups(groups: Mapping[str, Mapping[str, Any]]) -> str:
    keys = list(dict.fromkeys(key for group in groups.values() for key in group["metrics"]))
    wanted = [
        k for k in ("found", "end_to_end", "class_accuracy", "SQ_all", "false_per_cell", "count_error") if k in keys
    ]
    wanted += [k for k in keys if k.endswith(("AP50", "AP75")) and not k.startswith(("tight", "agnostic"))]
    rows = [
        f'<tr><td class="words"><b>{escape(name)}</b><br>{escape(group["what"])}</td><td>{group["images"]}</td>'
        f"<td>{group['instances']}</td>"
        + "".join(f"<td>{_with_interval(group['metrics'].get(key))}</td>" for key in wanted)
        + "</tr>"
        for name, group in groups.items()
    ]
    head = "<tr><th>part</th><th>images</th><th>chromosomes</th>" + "".join(f"<th>{escape(k)}</th>" for k in wanted)
    return f"<h2>Hard parts, apart</h2>\n{_table(head + '</tr>', rows)}" if rows else ""


def _classes(classes: Mapping[str, Mapping[str, Any]]) -> str:
    if not classes:
        return ""
    keys = list(dict.fromkeys(key for entry in classes.values() for key in entry["metrics"]))
    values = {key: [e["metrics"][key]["value"] for e in classes.values() if _value(e, key) is not None] for key in keys}
    lowest = {key: _lowest(listed) for key, listed in values.items()}
    rows = []
    for name, entry in classes.items():
        cells = "".join(
            f"<td{_LOW if _value(entry, key) in lowest[key] else ''}>{_with_interval(entry['metrics'].get(key))}</td>"
            for key in keys
        )
        rows.append(f"<tr><td>{escape(name)}</td><td>{entry['instances']}</td>{cells}</tr>")
    head = "<tr><th>class</th><th>chromosomes</th>" + "".join(f"<th>{escape(key)}</th>" for key in keys) + "</tr>"
    shaded = "<p class=quiet>The three lowest of a column are shaded where below its median.</p>"
    return f"<h2>Each class</h2>\n{shaded}\n{_table(head, rows)}"


def _lowest(values: Sequence[float]) -> set[float]:
    ordered = sorted(values)
    return {value for value in ordered[:3] if value < ordered[len(ordered) // 2]}


def _second(document: Mapping[str, Any]) -> str:
    second = document["second_annotation"]
    if not second:
        return ""
    own = document["metrics"]
    rows = [
        f"<tr><td>{escape(key)}</td><td>{_with_interval(own.get(key))}</td><td>{_with_interval(entry)}</td></tr>"
        for key, entry in second["metrics"].items()
        if key in own
    ]
    text = (
        f"The same cells were annotated a second time (set {second['set']}, {plural(second['images'], 'image')}). "
        "What the two annotations of one cell score against each other is the ceiling: "
        "more cannot be asked of any program."
    )
    head = "<tr><th>metric</th><th>predictions</th><th>second annotation</th></tr>"
    return f"<h2>Ceiling</h2>\n<p>{escape(text)}</p>\n{_table(head, rows)}"


def _gallery(pictures: Sequence[GalleryPicture]) -> str:
    if not pictures:
        return ""
    key = "".join(f'<span style="color:rgb{MARKS[mark]}">{mark}</span>' for mark in MARKS)
    cells = []
    for picture in pictures:
        images = "".join(
            f'<div>{side}<img alt="{escape(f"{side} of {picture.title}", quote=True)}" '
            f'src="data:image/jpeg;base64,{base64.b64encode(data).decode("ascii")}"></div>'
            for side, data in (("truth", picture.truth), ("prediction", picture.predicted))
        )
        cells.append(
            f'<div class="cell"><b>{escape(picture.title)}</b>, {escape(picture.caption)}'
            f'<div class="pair">{images}</div></div>'
        )
    return (
        f"<h2>The {len(pictures)} worst cells</h2>\n<p>Truth on the left, prediction on the right. These are images of "
        f'the data set: this page is for whoever holds the set.</p>\n<p class="key">{key}</p>\n' + "\n".join(cells)
    )


def _list(title: str, lines: Sequence[str]) -> str:
    items = "".join(f"<li>{escape(line)}</li>" for line in lines)
    return f"<h2>{escape(title)}</h2>\n<ul>{items}</ul>" if lines else ""


def _table(head: str, rows: Sequence[str]) -> str:
    body = "\n".join(rows)
    return f'<div class="scroll"><table>\n<thead>{head}</thead>\n<tbody>\n{body}\n</tbody>\n</table></div>'


def _value(entry: Mapping[str, Any], key: str) -> float | None:
    value: float | None = entry["metrics"].get(key, {}).get("value")
    return value


def _number(value: float | None) -> str:
    return "–" if value is None else f"{value:.4f}"


def _interval(entry: Mapping[str, Any]) -> str:
    return "" if entry["low"] is None else f"{entry['low']:.4f} – {entry['high']:.4f}"


def _with_interval(entry: Mapping[str, Any] | None) -> str:
    if entry is None or entry["value"] is None:
        return "–"
    interval = "" if entry["low"] is None else f' title="{_interval(entry)}"'
    return f"<span{interval}>{entry['value']:.3f}</span>"
