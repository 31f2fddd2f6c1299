"""Evaluate a set and write its tables into docs/benchmarks.md, between the marks of that set."""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from provenance import date, machine

PAGE = Path(__file__).resolve().parents[1] / "docs" / "benchmarks.md"
PART_KEYS = ("found", "SQ_all", "class_accuracy", "end_to_end", "false_per_cell", "count_error", "IoU_chromosomes")


def figure(entry: Mapping[str, Any] | None) -> str:
    """A value with its interval."""
    if entry is None or entry["value"] is None:
        return "–"
    interval = "" if entry["low"] is None else f" [{entry['low']:.3f}, {entry['high']:.3f}]"
    return f"{entry['value']:.4f}{interval}"


def rows(header: list[str], lines: list[list[str]]) -> str:
    """A Markdown table."""
    rule = ["---"] * len(header)
    return "\n".join("| " + " | ".join(line) + " |" for line in [header, rule, *lines])


def tables(document: Mapping[str, Any], command: str) -> str:
    """Everything that docs/benchmarks.md says of one run."""
    source = document["model"]
    who = (
        f"weights `{source['sha256'][:12]}`"
        if "sha256" in source
        else f"predictions `{Path(source.get('predictions', '')).name}`"
    )
    head = (
        f"{document['images']} images, {document['instances']} chromosomes, {document['cases']} cases; {who}; "
        f"{date()}; {machine()}; {document['resamples']} resamples by case."
    )
    parts = [f"    {command}", head]
    second = document["second_annotation"]
    header = ["metric", "value [95 %]"] + (["second annotation: the ceiling"] if second else [])
    lines = []
    for key, entry in document["metrics"].items():
        ceiling = [figure(second["metrics"].get(key))] if second else []
        lines.append([f"`{key}`", figure(entry), *ceiling])
    parts.append(rows(header, lines))
    groups = document["groups"]
    if groups:
        keys = [key for key in PART_KEYS if any(key in group["metrics"] for group in groups.values())]
        lines = [
            [f"`{name}`: {g['what']}", str(g["instances"]), *(figure(g["metrics"].get(key)) for key in keys)]
            for name, g in groups.items()
        ]
        parts.append(rows(["part", "chromosomes", *(f"`{key}`" for key in keys)], lines))
    classes = document["by_class"]
    if classes:
        keys = [key for key in ("accuracy", "end_to_end") if key in next(iter(classes.values()))["metrics"]]
        line = [
            ", ".join(f"{name} {entry['metrics'][keys[0]]['value']:.3f}" for name, entry in classes.items()),
        ]
        parts.append(f"`{keys[0]}` of each class: {line[0]}.")
    parts += [f"Left out: {', '.join(e['metrics'])}: {e['reason']}." for e in document["left_out"]]
    parts += [f"Note: {note}." for note in document["notes"]]
    return "\n\n".join(parts)


def insert(name: str, text: str) -> None:
    """Put the text between the marks of the set."""
    page = PAGE.read_text(encoding="utf-8")
    start, stop = f"<!-- table: {name} -->\n", f"<!-- end: {name} -->"
    if start not in page or stop not in page:
        sys.exit(f"{PAGE}: expected the lines {start.strip()} and {stop}")
    page = re.sub(
        re.escape(start) + ".*?" + re.escape(stop), lambda _: f"{start}\n{text}\n\n{stop}", page, flags=re.DOTALL
    )
    PAGE.write_text(page, encoding="utf-8")


def main() -> None:
    """Evaluate and write."""
    parser = argparse.ArgumentParser(description=__doc__, epilog="Further options go to metaphase evaluate.")
    parser.add_argument("set", help="name of the set, such as cil")
    parser.add_argument("--runs", type=Path, default=Path("runs/tables"), help="where the runs are kept (runs/tables)")
    parser.add_argument("--again", action="store_true", help="write the tables of the stored run, measure nothing")
    options, more = parser.parse_known_args()
    out = options.runs / options.set
    if not options.again:
        subprocess.run(
            [sys.executable, "-m", "metaphase", "evaluate", options.set, "--out", str(out), "--overwrite", *more],
            check=True,
        )
    document = json.loads((out / "metrics.json").read_text(encoding="utf-8"))
    shown = [word for i, word in enumerate(more) if word != "--root" and (i == 0 or more[i - 1] != "--root")]
    insert(options.set, tables(document, " ".join(["metaphase evaluate", options.set, *shown])))


if __name__ == "__main__":
    main()
