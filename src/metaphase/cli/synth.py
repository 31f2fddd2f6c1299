"""`metaphase synth`: drawn metaphases with exact truth."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import click

from metaphase.words import plural

__all__ = ["synth"]


@click.command()
@click.argument("out_dir", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--count", default=1, show_default=True, type=click.IntRange(1), help="How many metaphases to draw.")
@click.option(
    "--seed", default=0, show_default=True, type=click.IntRange(0), help="The same seed draws the same images."
)
@click.option(
    "--karyotype", "cell", metavar="ISCN", help='Chromosomes of each cell, such as "47,XY,+21"; else 46,XX or 46,XY.'
)
@click.option("--level", type=click.Choice(["400", "550", "850"]), help="Bands a haploid set; else one at random.")
@click.option("--size", metavar="WxH", help="Width and height in pixels, such as 800x700; else at random.")
@click.option("--overlap", default=0.15, show_default=True, help="Share of chromosomes that cross another one.")
@click.option("--touch", default=0.2, show_default=True, help="Share of chromosomes that touch another one.")
@click.option("--bend", default=1.0, show_default=True, help="How bent the chromosomes are; 0 is straight.")
@click.option("--nuclei", type=click.IntRange(0), help="How many nuclei lie beside the metaphase; else at random.")
@click.option(
    "--from",
    "source",
    type=click.Choice(["bands", "cil"]),
    default="bands",
    show_default=True,
    help="Draw from the ISCN bands, or compose real chromosomes of CIL's train split.",
)
@click.option(
    "--root",
    metavar="DIR",
    envvar="METAPHASE_DATA",
    type=click.Path(path_type=Path),
    help="Folder of the data sets for --from cil; left out, the environment variable METAPHASE_DATA names it.",
)
def synth(
    out_dir: Path,
    count: int,
    seed: int,
    cell: str | None,
    level: str | None,
    size: str | None,
    overlap: float,
    touch: float,
    bend: float,
    nuclei: int | None,
    source: str,
    root: Path | None,
) -> None:
    """Draw G-banded metaphases from the ISCN bands, with exact truth.

    DIR, a new or empty folder, receives the images and annotations.json: the outline and name of each chromosome in
    COCO format, crossings included. Nobody's cell is shown: use them to try the program out, to train and to teach.

    With --from cil, real chromosomes that lie alone in their image are put together anew, with exact outlines, and
    cross as in real cells; --seed, --count, --size (square), --overlap and --touch apply. Such images show pieces of
    CIL: name its authors.

    \b
    Examples:
      metaphase synth drawn --count 10
      metaphase synth trisomy --karyotype 47,XX,+21 --seed 7
      metaphase synth composed --from cil --count 10
    """
    from metaphase.datasets.procedural import SpreadStyle
    from metaphase.synth import compose_from_cil, synthesise

    if source == "cil":
        if root is None:
            raise click.UsageError("CIL is not found: name the folder of the data sets with --root or METAPHASE_DATA")
        side = _side(size, cell=cell, level=level, nuclei=nuclei)
        written = compose_from_cil(out_dir, count, seed, root, size=side, crossing=overlap, touching=touch)
        _show(written, count, out_dir)
        return
    style = SpreadStyle(
        size_hw=_size_hw(size),
        karyotype=cell,
        level=None if level is None else int(level),
        overlap=overlap,
        touch=touch,
        bend=bend,
        nuclei=nuclei,
    )
    _show(synthesise(out_dir, count, seed, style), count, out_dir)


def _show(written: Iterable[Path], count: int, out_dir: Path) -> None:
    from tqdm import tqdm

    for _ in tqdm(written, total=count + 1, unit="file", disable=None):
        pass
    click.echo(f"{plural(count, 'image')} and the truth are in {out_dir}")


def _side(size: str | None, **others: object) -> int:
    """Side of a composite; refuses options that only drawing knows."""
    for name, value in others.items():
        if value is not None:
            option = "--karyotype" if name == "cell" else f"--{name}"
            raise click.UsageError(f"{option} applies to drawn metaphases only, not to --from cil")
    height, width = _size_hw(size) or (700, 700)
    if height != width:
        raise click.BadParameter(f"composites are square, such as 700x700, but got {size}", param_hint="--size")
    return height


def _size_hw(size: str | None) -> tuple[int, int] | None:
    if size is None:
        return None
    width, cross, height = size.lower().partition("x")
    if not (cross and width.isdecimal() and height.isdecimal()):
        raise click.BadParameter(
            f"expected WIDTHxHEIGHT in pixels, such as 800x700, but got {size}", param_hint="--size"
        )
    return int(height), int(width)
