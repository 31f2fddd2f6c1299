"""`metaphase train`: reproduce the weights from the data, or go on from them with a lab's own."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click

__all__ = ["train"]

_Command = Callable[..., Any]
_CLOCK = ("step", "of", "seconds_a_step", "seconds_left")


def _options(command: _Command) -> _Command:
    options = (
        click.option(
            "--config",
            metavar="FILE",
            type=click.Path(dir_okay=False, path_type=Path),
            help="TOML file with the settings of the run; those that it leaves out keep their defaults.",
        ),
        click.option(
            "--data",
            metavar="SET[:SHARE]",
            multiple=True,
            help="Set to learn from: its name, or a folder of your own images with COCO or LabelMe labels. Several are "
            "mixed, each with its share (1 where left out). Default: cil.",
        ),
        click.option(
            "--root",
            metavar="DIR",
            envvar="METAPHASE_DATA",
            type=click.Path(path_type=Path),
            help="Folder of the data sets; left out, the environment variable METAPHASE_DATA names it.",
        ),
        click.option(
            "--from-weights",
            metavar="shipped|FILE",
            help="Begin with the weights that the program carries, an ONNX file or a last.pt, not with random ones.",
        ),
        click.option("--out", metavar="DIR", help="Folder of checkpoints, curves and weights. Default: runs/weights."),
        click.option("--device", type=click.Choice(["cpu", "cuda"]), help="Where to compute. Default: cpu."),
        click.option("--resume", is_flag=True, help="Go on from the last checkpoint: the same command, and this."),
        click.option(
            "--set",
            "settings",
            metavar="KEY=VALUE",
            multiple=True,
            help="One setting, such as train.steps=2000; wins over the file.",
        ),
    )
    for option in reversed(options):
        command = option(command)
    return command


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


def _settings(given: Mapping[str, Any]) -> list[str]:
    """The options that stand for settings, as "section.key=value"."""
    import json

    named = {"train.device": given["device"], "train.start": given["from_weights"], "data.out": given["out"]}
    chosen = [f"{key}={value}" for key, value in named.items() if value is not None]
    if given["data"]:
        chosen.append(f"data.sets={json.dumps(list(given['data']), ensure_ascii=False)}")
    return [*given["settings"], *chosen]


def _run(network: str, given: Mapping[str, Any]) -> None:
    with _extra_packages():
        import importlib

        verb = importlib.import_module(f"metaphase.train.{network}")
        _show(verb.run(given["config"], given["resume"], root=given["root"], settings=_settings(given)))


def _show(records: Generator[Mapping[str, float], None, Path | None]) -> None:
    """A bar in a terminal, a line for each record elsewhere; at the end, where the weights are.

    Of several processes the first one speaks.
    """
    speaks = os.environ.get("RANK", "0") == "0"
    bar = _Bar() if speaks and _in_a_terminal() else None
    while True:
        try:
            record = next(records)
        except StopIteration as stop:
            written = stop.value
            break
        if bar:
            bar.show(record)
        elif speaks:
            click.echo(_line(record))
    if bar:
        bar.close()
    if speaks and written is not None:
        click.echo(f"wrote {written}")


def _in_a_terminal() -> bool:
    return sys.stderr.isatty()


def _line(record: Mapping[str, float]) -> str:
    """Step, losses, speed and time left."""
    losses = "  ".join(_figure(name, value) for name, value in record.items() if name not in _CLOCK)
    clock = f"  {record['seconds_a_step']:.2f} s a step" if "seconds_a_step" in record else ""
    left = f"  {_duration(record['seconds_left'])} left" if "seconds_left" in record else ""
    return f"step {record['step']:.0f}/{record['of']:.0f}  {losses}{clock}{left}"


def _figure(name: str, value: float) -> str:
    return f"{name} {value:.2e}" if name == "lr" else f"{name} {value:.4f}"


class _Bar:
    """A progress bar with loss, learning rate and speed; what val says stays on a line of its own."""

    def __init__(self) -> None:
        self._bar: Any = None
        self._kind = ""

    def show(self, record: Mapping[str, float]) -> None:
        from tqdm import tqdm

        told = next((name for name in record if name not in _CLOCK), "")
        kind = "training" if "loss" in record or told.startswith("val_") else told.replace("_", " ")
        if kind != self._kind:
            self.close()
            unit = "step" if kind == "training" else "cell"
            self._bar = tqdm(desc=kind, total=int(record["of"]), initial=int(record["step"]), unit=unit)
            self._kind = kind
        shown = {"loss": f"{record['loss']:.3f}"} if "loss" in record else {}
        shown |= {"lr": f"{record['lr']:.1e}"} if "lr" in record else {}
        shown |= {"images/s": f"{record['images_a_second']:.1f}"} if "images_a_second" in record else {}
        self._bar.set_postfix(shown, refresh=False)
        self._bar.update(int(record["step"]) - self._bar.n)
        judged = "  ".join(_figure(name, value) for name, value in record.items() if name.startswith("val_"))
        if judged:
            tqdm.write(f"step {record['step']:.0f}  {judged}", file=sys.stderr)

    def close(self) -> None:
        if self._bar is not None:
            self._bar.close()


def _duration(seconds: float) -> str:
    minutes = round(seconds / 60)
    return f"{minutes // 60} h {minutes % 60:02d} min" if minutes >= 60 else f"{minutes} min"


@click.group()
def train() -> None:
    """Train the two networks from the data (needs metaphase[train]).

    "segment" finds the outline of every chromosome, "identify" names it. Train segment first. From nothing it takes
    some hours on two processor cores; to go on with your own labelled images, some minutes.

    \b
    Examples:
      metaphase train segment --config configs/segment.toml --root data
      metaphase train segment --config configs/finetune-segment.toml --data my_cells --out own
      metaphase train identify --config configs/finetune-identify.toml --data my_cells --out own
      metaphase train identify --data cil:3 --data autokary2022:1 --from-weights shipped
      torchrun --nproc-per-node 4 -m metaphase train segment --data cil --device cuda
    """


@train.command()
@_options
def segment(**given: Any) -> None:  # noqa: ANN401 - the options above
    """Train the network that outlines the chromosomes.

    Needs a set with masks, or with boxes: then the chromosomes that lie alone in theirs are learnt first.
    """
    _run("segment", given)


@train.command()
@_options
def identify(**given: Any) -> None:  # noqa: ANN401 - the options above
    """Train the network that names a chromosome and tells which end is up.

    Needs a set with classes.
    """
    _run("identify", given)
