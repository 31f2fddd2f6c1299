"""`metaphase karyotype`: images in, karyograms out."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from metaphase.words import plural

if TYPE_CHECKING:
    from metaphase.batch import Outcome

__all__ = ["karyotype"]


@click.command()
@click.argument("images", metavar="IMAGE...", nargs=-1, required=True, type=click.Path())
@click.option(
    "--out",
    "out_dir",
    metavar="DIR",
    required=True,
    type=click.Path(path_type=Path),
    help="Folder for the results; made if it does not exist. Each image gets a folder of its own in it.",
)
@click.option(
    "--weights",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="Folder with weights of your own training; left out, the weights of the package are used.",
)
@click.option("--overwrite", is_flag=True, help="Replace earlier results in DIR.")
@click.option("--pdf", is_flag=True, help="Write karyogram.pdf too, for print.")
@click.option("--evidence", is_flag=True, help="Write evidence.png too: band profiles against the ideograms.")
@click.option("--ideograms", is_flag=True, help="Draw the ISCN ideogram beside each pair.")
@click.option("--natural", is_flag=True, help="Show chromosomes as they lie, upright but not straightened.")
@click.option(
    "--layout",
    type=click.Choice(["rows", "denver"]),
    default="rows",
    show_default=True,
    help="X and Y at the end, or in the Denver groups C and G.",
)
@click.pass_context
def karyotype(
    context: click.Context,
    images: tuple[str, ...],
    out_dir: Path,
    weights: Path | None,
    overwrite: bool,
    pdf: bool,
    evidence: bool,
    ideograms: bool,
    natural: bool,
    layout: str,
) -> None:
    """Find, name and lay out the chromosomes of metaphase images.

    IMAGE is a photograph of one metaphase (PNG, JPEG, BMP or TIFF, 64 to 8,000 pixels a side), dark chromosomes on a
    bright background or bright ones on a dark background, or a folder of such photographs. For each image, the
    folder DIR/NAME receives

    \b
      karyogram.png  the chromosomes upright and in pairs, 1 to 22, X and Y
      overlay.png    the image with each chromosome outlined, named and numbered
      result.json    outlines, names and probabilities for other programs

    An image that cannot be read is named at once, the others are done all the same, and the exit code is then 2.
    Results that are there already are replaced with --overwrite only.

    \b
    Examples:
      metaphase karyotype cell.png --out results
      metaphase karyotype *.tif --out results
      metaphase karyotype slide1/ slide2/ --out results
    """
    from tqdm import tqdm

    from metaphase import batch

    jobs = batch.plan(images)
    outcomes: Iterator[Outcome]
    if all(job.error for job in jobs):  # nothing to load the weights for
        outcomes = (batch.Outcome(job, error=job.error) for job in jobs)
    else:
        from metaphase.config import ReportConfig
        from metaphase.predict import load_model

        look = ReportConfig(
            karyogram_pdf=pdf,
            evidence=evidence,
            karyogram_ideograms=ideograms,
            karyogram_straightened=not natural,
            karyogram_layout=layout,
        )
        outcomes = batch.karyotype_images(jobs, out_dir, load_model(weights), look, overwrite=overwrite)
    failed = 0
    for outcome in tqdm(outcomes, total=len(jobs), unit="image", disable=None if len(jobs) > 1 else True):
        failed += outcome.error is not None
        _tell(outcome)
    if len(jobs) > 1:
        click.echo(f"{len(jobs) - failed} of {plural(len(jobs), 'image')} done")
    if failed:
        context.exit(2)


def _tell(outcome: Outcome) -> None:
    """Results go to standard output, warnings and errors to standard error, the progress bar stays below them."""
    from tqdm import tqdm

    if outcome.error is not None:
        tqdm.write(f"metaphase: {outcome.error}", file=sys.stderr)
        return
    given = outcome.job.given
    for warning in outcome.warnings:
        tqdm.write(f"{given}: warning: {warning}", file=sys.stderr)
    pictures = (
        " and ".join(str(outcome.folder / name) for name in ("karyogram.png", "overlay.png")) if outcome.folder else ""
    )
    told = f"{outcome.iscn} ({outcome.sure:.0%} sure)" if outcome.iscn else "cannot tell the karyotype"
    found = plural(outcome.chromosomes, "chromosome")
    tqdm.write(f"{given}: {found}, {told}; the pictures are {pictures}", file=sys.stdout)
    for reason in outcome.reasons:
        tqdm.write(f"  {reason}", file=sys.stdout)
