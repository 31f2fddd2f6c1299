"""`metaphase compare`: two evaluations, cell by cell."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from metaphase.words import plural

__all__ = ["compare"]

_SHOWN = 20


@click.command()
@click.argument("run_a", metavar="A", type=click.Path(path_type=Path))
@click.argument("run_b", metavar="B", type=click.Path(path_type=Path))
@click.option(
    "--out", "out_file", metavar="FILE", type=click.Path(path_type=Path), help="Write the comparison as JSON."
)
def compare(run_a: Path, run_b: Path, out_file: Path | None) -> None:
    """Say what changed from run A to run B, how surely, and in which cells.

    A and B are folders that `metaphase evaluate --out` wrote for the same set and split. Each difference (B - A) comes
    with the 95 % interval of a bootstrap that draws the same cases for both; an interval without 0 is marked *.

    \b
    Example:
      metaphase evaluate cil --out runs/old --weights old
      metaphase evaluate cil --out runs/new --weights new
      metaphase compare runs/old runs/new
    """
    from metaphase.compare import compare_runs

    found = compare_runs(run_a, run_b)
    click.echo(f"{found['set']} {found['split']}: {plural(found['images'], 'image')}, {plural(found['cases'], 'case')}")
    click.echo(f"  {'':<24}{'A':>9}{'B':>9}{'B - A':>10}   95 %")
    for key, entry in found["metrics"].items():
        _print_figure(key, entry)
    _print_cells(found["changed"], found["images"])
    for note in found["notes"]:
        click.echo(f"note: {note}")
    if out_file is not None:
        import json

        from metaphase.image_io import write_atomically

        write_atomically(out_file, (json.dumps(found, indent=1, allow_nan=False) + "\n").encode("utf-8"))
        click.echo(f"the comparison is in {out_file}")


def _print_figure(key: str, entry: Mapping[str, Any]) -> None:
    numbers = "".join(
        f"{'-' if entry[name] is None else format(entry[name], form):>{width}}"
        for name, form, width in (("a", ".4f", 9), ("b", ".4f", 9), ("difference", "+.4f", 10))
    )
    interval = "" if entry["low"] is None else f"   [{entry['low']:+.4f}, {entry['high']:+.4f}]"
    sure = " *" if entry["low"] is not None and (entry["low"] > 0 or entry["high"] < 0) else ""
    click.echo(f"  {key:<24}{numbers}{interval}{sure}")


def _print_cells(changed: list[dict[str, Any]], images: int) -> None:
    better = sum(cell["errors_b"] < cell["errors_a"] for cell in changed)
    worse = sum(cell["errors_b"] > cell["errors_a"] for cell in changed)
    click.echo(f"{len(changed)} of {plural(images, 'cell')} changed: {better} have fewer errors in B, {worse} more")
    half = _SHOWN // 2
    shown = changed if len(changed) <= _SHOWN else [*changed[:half], *changed[-half:]]
    for number, cell in enumerate(shown):
        if len(changed) > _SHOWN and number == half:
            click.echo(f"  ... {len(changed) - _SHOWN} more, in the file of --out ...")
        details = ", ".join(f"{key} {cell['a'][key]} > {cell['b'][key]}" for key in cell["a"])
        click.echo(f"  {cell['image']:<16} errors {cell['errors_a']:>3} > {cell['errors_b']:<3} ({details})")
