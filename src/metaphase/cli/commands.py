"""The command `metaphase`: its groups, and the only place that turns the project's errors into an exit code."""

from __future__ import annotations

import sys
from collections.abc import Sequence

import click

from metaphase import __version__
from metaphase.cli.case import case
from metaphase.cli.compare import compare
from metaphase.cli.data import data
from metaphase.cli.evaluate import evaluate
from metaphase.cli.karyotype import karyotype
from metaphase.cli.synth import synth
from metaphase.cli.train import train
from metaphase.errors import MetaphaseError

__all__ = ["main", "metaphase"]


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, message="metaphase %(version)s")
def metaphase() -> None:
    """From the image of a G-banded metaphase to a karyogram.

    Every chromosome is cut out, named 1 to 22, X or Y, and laid out in pairs. The program proposes; a cytogeneticist
    decides.

    \b
    Examples:
      metaphase karyotype cell.png --out results
      metaphase karyotype slide1/ slide2/ --out results
      metaphase case person1/ --out results
      metaphase synth drawn --count 10
    """


for _command in (karyotype, case, evaluate, compare, data, synth, train):
    metaphase.add_command(_command)


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line and exit: 0 done, 2 where an input or a setting was not as expected.

    arguments: without the program's name; `sys.argv` where left out.
    """
    _say_what_cannot_be_encoded()
    try:
        metaphase(args=None if arguments is None else list(arguments), prog_name="metaphase")
    except MetaphaseError as error:
        click.echo(f"metaphase: {error}", err=True)
        sys.exit(2)


def _say_what_cannot_be_encoded() -> None:
    """File names that the terminal's encoding lacks are written with escapes: one such name must not end a batch."""
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)  # a stream that somebody put in place may have none
        if reconfigure is not None:
            reconfigure(errors="backslashreplace")
