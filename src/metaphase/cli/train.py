"""`metaphase train`: reproduce the weights from the data."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
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
    return config(resume(command))


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

    "segment" finds the outline of every chromosome, "identify" names it. Train segment first. The data sets are found
    through the environment variable METAPHASE_DATA. Training runs on two processor cores in a few hours and goes on
    where it stopped with --resume.

    \b
    Examples:
      metaphase train segment --config configs/segment.toml
      metaphase train identify --config configs/identify.toml --resume
    """


@train.command()
@_options
def segment(config: Path, resume: bool) -> None:
    """Train the network that outlines the chromosomes."""
    from metaphase.train import segment as verb

    show(verb.run(config, resume))


@train.command()
@_options
def identify(config: Path, resume: bool) -> None:
    """Train the network that names a chromosome and tells which end is up."""
    from metaphase.train import identify as verb

    show(verb.run(config, resume))
