"""`metaphase train`: reproduce the weights from the data."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

__all__ = ["train"]

_Command = Callable[..., Any]
_CLOCK = ("step", "of", "seconds_a_step", "seconds_left")


def _options(command: _Command) -> _Command:
    config = click.option(
        "--config",
        metavar="FILE",
        required=True,
        type=click.Path(dir_okay=False, path_type=Path),
        help="TOML file with the settings of the run; those that it leaves out keep their defaults.",
    )
    resume = click.option("--resume", is_flag=True, help="Go on from the last checkpoint of the same run.")
    root = click.option(
        "--root",
        metavar="DIR",
        envvar="METAPHASE_DATA",
        type=click.Path(path_type=Path),
        help="Folder of the data sets; left out, the environment variable METAPHASE_DATA names it.",
    )
    return config(root(resume(command)))


@contextmanager
def _extra_packages() -> Iterator[None]:
    """A package that only training needs and that is not installed becomes one sentence."""
    try:
        yield
    except ModuleNotFoundError as error:
        package = (error.name or "metaphase").partition(".")[0]
        if package == "metaphase":  # a mistake of ours
            raise
        from metaphase.errors import WeightsError

        raise WeightsError(f'training needs the package {package}: pip install "metaphase[train]"') from error


def show(records: Iterable[Mapping[str, float]] | None) -> None:
    """A line for each record that training yields: step, losses, speed and time left."""
    for record in records or ():
        rest = {name: value for name, value in record.items() if name not in _CLOCK}
        losses = "  ".join(f"{name} {value:.4f}" for name, value in rest.items())
        step, of, seconds, left = (record.get(name, 0.0) for name in _CLOCK)
        click.echo(f"step {step:.0f}/{of:.0f}  {losses}  {seconds:.2f} s a step  {_duration(left)} left")


def _duration(seconds: float) -> str:
    minutes = round(seconds / 60)
    return f"{minutes // 60} h {minutes % 60:02d} min" if minutes >= 60 else f"{minutes} min"


@click.group()
def train() -> None:
    """Train the two networks from the data (needs metaphase[train]).

    "segment" finds the outline of every chromosome, "identify" names it. Train segment first. Training runs on two
    processor cores in a few hours and goes on where it stopped with --resume.

    \b
    Examples:
      metaphase train segment --config configs/segment.toml --root data
      metaphase train identify --config configs/identify.toml --resume
    """


@train.command()
@_options
def segment(config: Path, resume: bool, root: Path | None) -> None:
    """Train the network that outlines the chromosomes."""
    with _extra_packages():
        from metaphase.train import segment as verb

        show(verb.run(config, resume, root=root))


@train.command()
@_options
def identify(config: Path, resume: bool, root: Path | None) -> None:
    """Train the network that names a chromosome and tells which end is up."""
    with _extra_packages():
        from metaphase.train import identify as verb

        show(verb.run(config, resume, root=root))
