"""`metaphase evaluate`: measure the model on a data set."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from metaphase.words import plural

if TYPE_CHECKING:
    from metaphase.evaluate import Evaluation

__all__ = ["evaluate"]

_FILES = ("metrics.json", "cells.json", "report.html", "predictions.json")


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
    "--out",
    "out_dir",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="Write metrics.json, cells.json, report.html and predictions.json into DIR.",
)
@click.option("--overwrite", is_flag=True, help="Replace an earlier run in DIR.")
@click.option(
    "--weights", metavar="DIR", type=click.Path(path_type=Path), help="Weights other than those of the package."
)
@click.option(
    "--predictions",
    metavar="PATH",
    type=click.Path(path_type=Path),
    help="Score these instead of running the model: a COCO result file of any tool (boxes or masks, 24 classes or "
    "one), or a folder of stored results, PATH/NAME/result.json.",
)
@click.option(
    "--images",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="COCO file whose images say which file an image_id of the predictions stands for; not needed where image_id "
    "is the name itself.",
)
@click.option(
    "--one-class/--24-classes",
    "one_class",
    default=None,
    help="Whether category_id of the predictions is a chromosome class; left out, a single category in the whole file "
    "is taken for none.",
)
@click.option(
    "--min-score", type=float, metavar="S", help="Leave out predictions with a score below S: the operating point."
)
@click.option("--skip-invalid", is_flag=True, help="Set invalid predictions aside and list them instead of stopping.")
@click.option(
    "--limit", type=click.IntRange(1), help="Only the first so many images: for a quick look, not for a table."
)
def evaluate(
    set_name: str,
    split: str,
    root: Path | None,
    out_dir: Path | None,
    overwrite: bool,
    weights: Path | None,
    predictions: Path | None,
    images: Path | None,
    one_class: bool | None,
    min_score: float | None,
    skip_invalid: bool,
    limit: int | None,
) -> None:
    """Compare what the program, or any other tool, finds with what people annotated.

    SET is the name of a data set, such as cil, gband_masks or mfish, or the format of your own labelled images: coco,
    labelme, yolo or voc, whose folder --root names. The table shows each figure with its 95 %
    interval: how many chromosomes were found and named rightly (end_to_end), how many things were found that are none
    (false_per_cell), how well boxes and outlines fit (AP, PQ), and the same apart for what is hard. What cannot be
    measured on a set is named with the reason.

    report.html shows images of the data set: it is for whoever holds the set, not for publication. An earlier run in
    the folder of --out is replaced with --overwrite only.

    \b
    Examples:
      metaphase evaluate cil --split test --root data --out runs/mine
      metaphase evaluate coco --root my_images --out runs/my_images
      metaphase evaluate cil --predictions yolo.json --images coco.json --out runs/yolo
      metaphase compare runs/mine runs/yolo
    """
    if root is None:
        raise click.UsageError(
            "name the folder of the data sets, or of your own images, with --root DIR or METAPHASE_DATA"
        )
    if weights is not None and predictions is not None:
        raise click.UsageError("--weights are those of a model to run, --predictions replace it: name one of them")
    from tqdm import tqdm

    from metaphase import evaluate as verb
    from metaphase.datasets.formats.coco_results import CocoReading
    from metaphase.predict import load_model
    from metaphase.result_folder import keep_results

    if out_dir is not None and not overwrite:
        keep_results(out_dir / name for name in _FILES)
    model = load_model(weights) if predictions is None else None
    reading = CocoReading(images, one_class, skip_invalid, min_score)
    found: verb.Evaluation | None = None
    with tqdm(unit="image", disable=None) as bar:
        for step in verb.evaluate(set_name, split, root, model, predictions, reading=reading, limit=limit):
            if isinstance(step, verb.Evaluation):
                found = step
                continue
            bar.total = step["total"]
            bar.update()
            if step["reason"]:
                bar.write(f"not scored: {step['reason']}", file=sys.stderr)
    assert found is not None, "an evaluation ends with its outcome or raises"
    _print_table(found.document)
    if out_dir is not None:
        _write(found, out_dir)


def _print_table(result: Mapping[str, Any]) -> None:
    click.echo(
        f"{result['set']} {result['split']}: {_sizes(result)}, {plural(result['cases'], 'case')}; "
        f"compared by {result['overlap']}; {result['seconds_per_image']:.2f} s an image"
    )
    _print_metrics(result["metrics"])
    for name, group in result["groups"].items():
        click.echo(f"{name} ({group['what']}): {_sizes(group)}")
        _print_metrics(group["metrics"])
    second = result["second_annotation"]
    if second:
        click.echo(f"ceiling: {second['images']} of these images annotated a second time (set {second['set']})")
        _print_metrics(second["metrics"])
    _print_classes(result["by_class"])
    for entry in result["left_out"]:
        click.echo(f"left out: {', '.join(entry['metrics'])}: {entry['reason']}")
    for entry in result["invalid"]:
        click.echo(f"set aside: entry {entry['entry']} (image {entry['image']}): {entry['reason']}")
    for note in result["notes"]:
        click.echo(f"note: {note}")


def _sizes(part: Mapping[str, Any]) -> str:
    return f"{plural(part['images'], 'image')}, {plural(part['instances'], 'chromosome')}"


def _print_metrics(metrics: Mapping[str, Mapping[str, Any]]) -> None:
    """One line a figure with what it says, what most people look for first."""
    from metaphase.metrics import MEANINGS

    for key in sorted(metrics, key=[*MEANINGS, *metrics].index):
        entry = metrics[key]
        value = "undefined" if entry["value"] is None else f"{entry['value']:.4f}"
        interval = "" if entry["low"] is None else f"[{entry['low']:.4f}, {entry['high']:.4f}]"
        click.echo(f"  {key:<20}{value:>10}  {interval:<18}  {MEANINGS.get(key, '')}".rstrip())


def _print_classes(classes: Mapping[str, Mapping[str, Any]]) -> None:
    """One line a class: the figures without their intervals, which metrics.json and report.html hold."""
    if not classes:
        return
    click.echo("each class")
    keys = list(dict.fromkeys(key for entry in classes.values() for key in entry["metrics"]))
    click.echo("  ".join(["class", f"{'n':>6}", *(f"{key:>{max(8, len(key))}}" for key in keys)]))
    for name, entry in classes.items():
        values = [entry["metrics"].get(key, {}).get("value") for key in keys]
        fields = [
            f"{'-' if value is None else format(value, '.4f'):>{max(8, len(key))}}"
            for key, value in zip(keys, values, strict=True)
        ]
        click.echo("  ".join([f"{name:>5}", f"{entry['instances']:>6}", *fields]))


def _write(found: Evaluation, out_dir: Path) -> None:
    import json

    from metaphase.errors import MetaphaseError
    from metaphase.image_io import write_atomically

    try:
        out_dir.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise MetaphaseError(f"{out_dir}: the folder cannot be made ({error.strerror or error})") from error
    files = {
        "metrics.json": json.dumps(found.document, indent=1, allow_nan=False) + "\n",
        "cells.json": json.dumps(found.cells, allow_nan=False) + "\n",
        "report.html": found.page(),
    }
    if found.predictions:
        files["predictions.json"] = json.dumps(found.predictions, allow_nan=False) + "\n"
    for name, text in files.items():
        write_atomically(out_dir / name, text.encode("utf-8", "replace"))
    click.echo(f"{', '.join(files)} are in {out_dir}; report.html shows images of the data set")
