"""`metaphase data`: list, check, count, show, convert and split data sets."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from metaphase.words import plural

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

__all__ = ["data"]

_Command = Callable[..., Any]
_SHOWN = 3
_MARKS = {"error": "ERROR  ", "warning": "warning", "note": "note   "}


def _root(command: _Command) -> _Command:
    return click.option(
        "--root",
        metavar="DIR",
        envvar="METAPHASE_DATA",
        type=click.Path(path_type=Path),
        help="Folder of the data sets; left out, the environment variable METAPHASE_DATA names it.",
    )(command)


def _json(command: _Command) -> _Command:
    return click.option("--json", "as_json", is_flag=True, help="Print JSON for machines instead of words.")(command)


def _set(command: _Command) -> _Command:
    return click.argument("set_name", metavar="SET")(command)


def _limit(command: _Command) -> _Command:
    return click.option("--limit", type=click.IntRange(1), help="Only the first so many images, for a quick look.")(
        command
    )


def _out(command: _Command) -> _Command:
    return click.option(
        "--out", metavar="DIR", required=True, type=click.Path(path_type=Path), help="A new folder to write to."
    )(command)


@click.group()
def data() -> None:
    """Look after data sets: what is there, what is wrong with it, and copies in other formats.

    SET is a name from `metaphase data list`, or the folder of your own labelled images (COCO, LabelMe, YOLO or Pascal
    VOC; the format is recognised). Nothing is ever written into a folder of data.

    \b
    Examples:
      metaphase data list
      metaphase data check cil
      metaphase data check my_images --fix my_images_cleaned
      metaphase data convert my_images --to coco my_images_coco
    """


@data.command("list")
@_root
@_json
def list_sets(root: Path | None, as_json: bool) -> None:
    """Data sets that the program reads: their terms, where to get each, and where it was found."""
    from metaphase.curate import catalogue

    entries = catalogue(root)
    if as_json:
        _print_json(entries)
        return
    for entry in entries:
        found = f"{plural(entry['labels'], 'labelled image')} in {entry['found']}" if entry["found"] else "not found"
        click.echo(f"{entry['name']}: {found}")
        click.echo(f"  {entry['about']}")
        click.echo(f"  terms:  {entry['licence']}")
        click.echo(f"  source: {entry['source']}")
        if entry["found"]:
            click.echo(f"  splits: {', '.join(f'{split} {size}' for split, size in entry['splits'].items())}")
        for note in entry.get("notes", ()):
            click.echo(f"  note:   {note}")


@data.command()
@_set
@_root
@_json
@_limit
@click.option(
    "--fix", metavar="DIR", type=click.Path(path_type=Path), help="Write a cleaned copy (COCO) to a new folder."
)
@click.option("--all", "everything", is_flag=True, help="Print every finding, not three of each kind.")
@click.option("--workers", type=click.IntRange(1), default=2, show_default=True, help="Images read at the same time.")
@click.option("--fresh", is_flag=True, help="Look at every image again, also at those that have not changed.")
def check(
    set_name: str,
    root: Path | None,
    as_json: bool,
    limit: int | None,
    fix: Path | None,
    everything: bool,
    workers: int,
    fresh: bool,
) -> None:
    """Find what is wrong in a data set before it costs an experiment.

    Looks for images without labels, files that cannot be read, boxes outside the image, impossible labels, the same
    image twice, a person on both sides of a split, counts away from 46 and more. Says what the program does about each.
    The exit code is 1 where there are errors.
    """
    from metaphase import curate

    report = _through(
        curate.check(set_name, root, limit=limit, workers=workers, remembered=not fresh), "image", quiet=as_json
    )
    if fix is not None:
        cleaned = _through(curate.write_cleaned(set_name, fix, report, root), "image", quiet=as_json)
        report = {**report, "cleaned": cleaned}
    if as_json:
        _print_json(report)
    else:
        _print_report(report, everything)
    if report["counts"]["error"]:
        sys.exit(1)


@data.command()
@_set
@_root
@_json
@_limit
@click.option("--split", help="Only this part of the set, such as train.")
@click.option("--out", metavar="FILE", type=click.Path(path_type=Path), help="Draw the numbers as a PNG picture too.")
def stats(
    set_name: str, root: Path | None, as_json: bool, limit: int | None, split: str | None, out: Path | None
) -> None:
    """Numbers of a data set: chromosomes a cell, class counts, sizes, lengths against the ISCN ideogram."""
    from metaphase.curate import statistics

    numbers = _through(statistics(set_name, root, split=split, limit=limit), "image", quiet=as_json)
    if out is not None:
        from metaphase.report import draw_statistics

        _write_png(out, draw_statistics(numbers))
    if as_json:
        _print_json(numbers)
    else:
        _print_numbers(numbers)
        if out is not None:
            click.echo(f"the plots are in {out}")


@data.command()
@_set
@_root
@_json
@click.option("--split", help="Only this part of the set, such as train.")
@click.option("--count", type=click.IntRange(1, 60), default=6, show_default=True, help="How many images.")
@click.option(
    "--seed", type=click.IntRange(0), default=0, show_default=True, help="Which images: another seed, others."
)
@click.option(
    "--out", metavar="FILE", default="preview.png", show_default=True, type=click.Path(path_type=Path), help="PNG file."
)
def preview(
    set_name: str, root: Path | None, as_json: bool, split: str | None, count: int, seed: int, out: Path
) -> None:
    """A contact sheet: some images with their boxes or outlines and the name of each chromosome."""
    from metaphase.curate import preview as verb

    shown = _through(verb(set_name, root, split=split, count=count, seed=seed), "image", quiet=as_json)
    _write_png(out, shown["rgb"])
    if as_json:
        _print_json({"set": shown["set"], "images": shown["images"], "out": str(out)})
    else:
        click.echo(f"{plural(shown['images'], 'image')} of {shown['set']}: see {out}")


@data.command()
@_set
@click.argument("out", metavar="OUT", type=click.Path(path_type=Path))
@click.option("--to", required=True, type=click.Choice(["coco", "yolo", "labelme", "voc"]), help="Format of the copy.")
@_root
@_json
@_limit
@click.option("--split", help="Only this part of the set, such as train.")
def convert(
    set_name: str, out: Path, to: str, root: Path | None, as_json: bool, limit: int | None, split: str | None
) -> None:
    """Write a copy of a data set in another format to the new folder OUT, images included.

    What the format cannot hold is said before anything is written: COCO holds everything, YOLO and LabelMe no
    holes in a mask, VOC no masks.
    """
    from metaphase.curate import convert as verb

    result = _through(verb(set_name, to, out, root, split=split, limit=limit), "image", quiet=as_json)
    if as_json:
        _print_json(result)
        return
    click.echo(f"{_sizes(result)} written to {result['out']}")
    for what, number in result["lost"].items():
        if number:
            click.echo(f"lost, because {to} cannot hold it: {number} {what}")
    if result["without_image"]:
        without = plural(result["without_image"], "label file has", "label files have")
        click.echo(f"{without} no image: put the images there before you train")


@data.command()
@_set
@_out
@_root
@_json
@click.option("--val", type=click.FloatRange(0, 1, max_open=True), default=0.1, show_default=True, help="Share of val.")
@click.option(
    "--test", type=click.FloatRange(0, 1, max_open=True), default=0.1, show_default=True, help="Share of test."
)
@click.option("--seed", type=click.IntRange(0), default=0, show_default=True, help="The same seed, the same split.")
def split(set_name: str, out: Path, root: Path | None, as_json: bool, val: float, test: float, seed: int) -> None:
    """Split a data set by case, never by image, with the same karyotypes on each side.

    Writes split_train.txt, split_val.txt and split_test.txt, one image name a line. Copied into a folder of your own
    images, they are its splits from then on.
    """
    from metaphase.curate import split as verb

    result = _through(verb(set_name, out, root, val=val, test=test, seed=seed), "image", quiet=as_json)
    if as_json:
        _print_json(result)
        return
    for side, entry in result["sides"].items():
        karyotypes = ", ".join(f"{name} {number}" for name, number in entry["karyotypes"].items())
        click.echo(f"{side}: {plural(entry['images'], 'image')} of {plural(entry['cases'], 'case')}; {karyotypes}")
    for left in result["left_out"]:
        click.echo(f"left out: {left['reason']}", err=True)
    for note in result["notes"]:
        click.echo(f"note: {note}")
    click.echo(f"the lists are in {result['out']}")


def _through(steps: Iterable[Mapping[str, Any]], unit: str, quiet: bool) -> dict[str, Any]:
    """Run a verb to its end behind a progress bar; what it says on the way goes to the error stream."""
    from tqdm import tqdm

    result: dict[str, Any] = {}
    with tqdm(unit=unit, disable=True if quiet else None) as bar:
        for step in steps:
            if "said" in step:
                click.echo(step["said"], err=True)
            elif "done" in step and "total" in step:
                bar.total = step["total"]
                bar.update()
                if step.get("reason"):
                    bar.write(f"left out: {step['reason']}", file=sys.stderr)
            else:
                result = dict(step)
    return result


def _print_report(report: Mapping[str, Any], everything: bool) -> None:
    for kind, entry in report["kinds"].items():
        click.echo(f"{_MARKS[entry['severity']]}  {entry['title']} ({entry['count']}): {entry['action']}")
        findings = [finding for finding in report["findings"] if finding["kind"] == kind]
        for finding in findings if everything else findings[:_SHOWN]:
            place = f", {finding['place']}" if finding["place"] else ""
            click.echo(f"         {finding['file']}{place}: {finding['said']}")
        if not everything and len(findings) > _SHOWN:
            click.echo(f"         and {len(findings) - _SHOWN} more (--all shows them)")
    for note in report["notes"]:
        click.echo(f"note     {note}")
    counts = report["counts"]
    click.echo(
        f"{report['set']}: {_sizes(report)}, {plural(report['cases'], 'case')}; "
        + ", ".join(plural(counts[severity], severity) for severity in ("error", "warning", "note"))
        + f" in {report['seconds']:.1f} s"
    )
    if "cleaned" in report:
        cleaned = report["cleaned"]
        click.echo(
            f"cleaned copy: {_sizes(cleaned)} in {cleaned['out']}; "
            f"{plural(len(cleaned['left_out']), 'image')} left out, "
            f"{plural(cleaned['moved'], 'case')} moved to one side of the split"
        )


def _sizes(part: Mapping[str, Any]) -> str:
    return f"{plural(part['images'], 'image')}, {plural(part['chromosomes'], 'chromosome')}"


def _print_numbers(numbers: Mapping[str, Any]) -> None:
    click.echo(f"{numbers['set']} {numbers['split']}: {_sizes(numbers)}, {plural(numbers['cases'], 'case')}")
    per_image = ", ".join(f"{count}: {images}" for count, images in numbers["per_image"].items())
    click.echo(f"images by number of chromosomes: {per_image}")
    named = {name: n for name, n in numbers["classes"].items() if name != "?" and n}
    unnamed = {"not named": numbers["classes"]["?"]} if numbers["classes"].get("?") else {}
    by_class = ", ".join(f"{name}: {n}" for name, n in {**named, **unnamed}.items())
    click.echo(f"chromosomes by class: {by_class if named else 'none is named'}")
    sizes = numbers["image_sizes"]
    if sizes:
        wide, high = [size[0] for size in sizes], [size[1] for size in sizes]
        if len(sizes) == 1:
            click.echo(f"image sizes: all {wide[0]} x {high[0]} pixels")
        else:
            click.echo(f"image sizes: {len(sizes)} different, {min(wide)}-{max(wide)} x {min(high)}-{max(high)} pixels")
    length = numbers["chromosome_size"]
    if length:
        click.echo(
            f"length of a chromosome: median {length['median']:.0f} pixels, "
            f"5 to 95 %: {length['low']:.0f} to {length['high']:.0f}"
        )
    if numbers["length_correlation"] is not None:
        click.echo(f"lengths of the classes against the ISCN ideogram: correlation {numbers['length_correlation']:.3f}")
    if numbers["overlapping"] is not None:
        click.echo(f"chromosomes that overlap another: {100 * numbers['overlapping']:.1f} %")
    if numbers["unreadable"]:
        click.echo(f"images that could not be read: {numbers['unreadable']}; metaphase data check names them")
    for note in numbers["notes"]:
        click.echo(f"note: {note}")


def _print_json(document: object) -> None:
    import json

    click.echo(json.dumps(document, indent=1, ensure_ascii=False))


def _write_png(path: Path, rgb: NDArray[np.uint8]) -> None:
    from metaphase.errors import MetaphaseError
    from metaphase.image_io import write_atomically
    from metaphase.report import encode_png

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise MetaphaseError(f"{path.parent}: the folder cannot be made ({error.strerror or error})") from error
    write_atomically(path, encode_png(rgb))
