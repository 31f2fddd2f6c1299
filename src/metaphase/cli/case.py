"""`metaphase case`: many metaphases of one person."""

from __future__ import annotations

import sys
from pathlib import Path

import click

from metaphase.words import plural

__all__ = ["case"]


@click.command()
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option(
    "--out", "out_dir", metavar="DIR", required=True, type=click.Path(path_type=Path), help="Folder for the results."
)
@click.option("--overwrite", is_flag=True, help="Replace earlier results in DIR.")
@click.option("--ideograms", is_flag=True, help="Draw the ISCN ideogram beside each pair.")
@click.option(
    "--weights",
    metavar="DIR",
    type=click.Path(path_type=Path),
    help="Folder with weights of your own training; left out, the weights of the package are used.",
)
@click.pass_context
def case(
    context: click.Context, folder: Path, out_dir: Path, overwrite: bool, ideograms: bool, weights: Path | None
) -> None:
    """Karyotype all metaphases of one person and propose one karyotype.

    DIR holds one photograph for each metaphase. The program proposes a karyotype for every cell, or says that it cannot
    tell; what enough cells share is a clone (two for a gain, three for a loss). The folder given with --out receives

    \b
      case.html, case.pdf  the proposal, the clones, every cell and its karyogram
      case.json            the same for other programs
      NAME/                karyogram.png, overlay.png and result.json of each cell

    An image that does not look like a metaphase is named and counts as no cell.
    Results that are there already are replaced with --overwrite only.

    \b
    Examples:
      metaphase case slides/person1 --out person1
    """
    from tqdm import tqdm

    from metaphase.case import gather
    from metaphase.config import ReportConfig
    from metaphase.predict import load_model

    failed = 0
    look = ReportConfig(karyogram_ideograms=ideograms)
    with tqdm(unit="cell", disable=None) as bar:
        for step in gather(folder, out_dir, load_model(weights), look, overwrite=overwrite):
            bar.total = step.total
            for warning in step.warnings:
                tqdm.write(f"warning: {warning}", file=sys.stderr)
            if step.error is not None:
                failed += 1
                tqdm.write(f"metaphase: {step.error}", file=sys.stderr)
            if step.case is None:
                bar.update()
                continue
            told = step.case.iscn or "cannot tell"
            cells = plural(len(step.case.cells), "cell")
            tqdm.write(f"{step.name}: {told}; {cells}; see {out_dir / 'case.html'}", file=sys.stdout)
            for reason in step.case.reasons:
                tqdm.write(f"  {reason}", file=sys.stdout)
    if failed:
        context.exit(2)
