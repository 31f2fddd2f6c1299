"""`metaphase evaluate`: measure the model on a data set."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

__all__ = ["evaluate"]


@click.command()
@click.argument("set_name", metavar="SET")
@click.option("--split", default="test", show_default=True, help="Part of the set: train, val or test.")
@click.option(
    "--root",
    metavar="DIR",
    envvar="METAPHASE_DATA",
    type=click.Path(path_type=Path),
    help="Folder of the data sets; left out, the environment variable METAPHASE_DATA names it.",
)
@click.option(
    "--out", "out_dir", metavar="DIR", type=click.Path(path_type=Path), help="Write DIR/metrics.json as well."
)
@click.option(
    "--weights", metavar="DIR", type=click.Path(path_type=Path), help="Weights other than those of the package."
)
@click.option(
    "--predictions",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="Score stored results, DIR/NAME/result.json, instead of running the model.",
)
@click.option(
    "--limit", type=click.IntRange(1), help="Only the first so many images: for a quick look, not for a table."
)
def evaluate(
    set_name: str,
    split: str,
    root: Path | None,
    out_dir: Path | None,
    weights: Path | None,
    predictions: Path | None,
    limit: int | None,
) -> None:
    """Compare what the program finds with what people annotated.

    SET is one of the data sets: cil, cil-single or gband_masks. The table shows each figure with its 95 % interval:
    how many chromosomes were found and named rightly (end_to_end), how many things were found that are none
    (false_per_cell), how well boxes and outlines fit (AP, PQ).

    \b
    Examples:
      metaphase evaluate cil --split test --root data
      metaphase evaluate gband_masks --out results
    """
    if root is None:
        raise click.UsageError("the data sets are not found: name their folder with --root DIR or METAPHASE_DATA")
    from tqdm import tqdm

    from metaphase import evaluate as verb
    from metaphase.predict import load_model

    model = load_model(weights) if predictions is None else None
    result: Mapping[str, Any] = {}
    with tqdm(unit="image", disable=None) as bar:
        for result in verb.evaluate(set_name, split, root, model=model, predictions=predictions, limit=limit):
            if "metrics" in result:
                continue
            bar.total = result["total"]
            bar.update()
            if result["reason"]:
                bar.write(f"not scored: {result['reason']}", file=sys.stderr)
    _print_table(result)
    if out_dir is not None:
        _write(result, out_dir)


def _print_table(result: Mapping[str, Any]) -> None:
    click.echo(
        f"{result['set']} {result['split']}: {result['images']} images, {result['instances']} chromosomes, "
        f"{result['cases']} cases; {result['seconds_per_image']:.2f} s an image"
    )
    _print_metrics(result["metrics"])
    for name, group in result["groups"].items():
        click.echo(f"{name}: {group['images']} images, {group['instances']} chromosomes")
        _print_metrics(group["metrics"])
    for note in result["notes"]:
        click.echo(f"note: {note}")


def _print_metrics(metrics: Mapping[str, Mapping[str, Any]]) -> None:
    for key, entry in metrics.items():
        value = "undefined" if entry["value"] is None else f"{entry['value']:.4f}"
        interval = "" if entry["low"] is None else f"  [{entry['low']:.4f}, {entry['high']:.4f}]"
        click.echo(f"  {key:<22}{value:>10}{interval}")


def _write(result: Mapping[str, Any], out_dir: Path) -> None:
    import json

    from metaphase.errors import MetaphaseError
    from metaphase.image_io import write_atomically

    path = out_dir / "metrics.json"
    try:
        out_dir.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise MetaphaseError(f"{out_dir}: the folder cannot be made ({error.strerror or error})") from error
    write_atomically(path, (json.dumps(result, indent=1, allow_nan=False) + "\n").encode("utf-8"))
    click.echo(f"the figures are in {path}")
