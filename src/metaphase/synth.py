"""Write made-up metaphases with exact truth, drawn or composed of real chromosomes: PNG images and one COCO file."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from metaphase import masks as geometry
from metaphase.config import ReportConfig
from metaphase.datasets import Index, cil
from metaphase.datasets.composites import CutOut, compose, cut_out, resized
from metaphase.datasets.formats.coco import CocoWriter
from metaphase.datasets.isolated import annotated_foreground, isolated
from metaphase.datasets.procedural import DrawnSpread, SpreadStyle, draw_spread
from metaphase.errors import ConfigError, DataError, MetaphaseError
from metaphase.image_io import write_atomically
from metaphase.report import encode_png
from metaphase.types import Instances

__all__ = ["ANNOTATIONS", "compose_from_cil", "compose_numbered", "draw_numbered", "synthesise"]

ANNOTATIONS = "annotations.json"
"""Name of the COCO file beside the images."""

_SMALL = ReportConfig(png_compression=9)

_WIDTH = 15.0  # pixels of a chromosome's width in a composite: that of CIL's images
_CHROMOSOMES = 46  # cut-outs that a composite is made of
_SOURCES = 6  # images that one composite may take its chromosomes from
_PILING = 0.4  # how often a chromosome may cross one that is crossed already, where they lie as in cells
_CLEAR = (205, 245)  # gray of the clear background


@dataclass(frozen=True, eq=False)
class _Made:
    """One image and its truth; more: further keys of each annotation; source: further keys of the image."""

    name: str
    gray: NDArray[np.uint8]
    truth: Instances
    more: Sequence[Mapping[str, object]] = ()
    source: Mapping[str, object] = field(default_factory=dict)


def draw_numbered(seed: int, index: int, style: SpreadStyle | None = None) -> DrawnSpread:
    """Spread number `index` (from 0) of `seed`: always the same, however many are drawn."""
    return draw_spread(np.random.default_rng([seed, index]), style, name=f"metaphase_{index + 1:04d}")


def compose_numbered(
    index: Index,
    names: Sequence[str],
    seed: int,
    number: int,
    *,
    size: int = 700,
    crossing: float = 0.15,
    touching: float = 0.2,
    as_in_cells: bool = False,
) -> tuple[NDArray[np.uint8], Instances, tuple[str, ...]]:
    """Composite number `number` (from 0) of `seed`: chromosomes cut out of CIL where they lie alone, put together anew.

    index, names: of `cil`, the images to take chromosomes from. size: rows and columns. crossing, touching: share of
    chromosomes laid across and against another. as_in_cells: they cross as in real cells (see `compose`), with fewer
    piles; else they lie anyhow. Returns gray UInt8[size, size], the truth with masks and labels 1..24,
    and the images that chromosomes came from. Always the same for the same images, seed and number.
    Raises DataError where no image of `names` has a chromosome that lies alone.
    """
    rng = np.random.default_rng([seed, number])
    cutouts: list[CutOut] = []
    sources: list[str] = []
    for k in rng.permutation(len(names))[:_SOURCES]:
        if len(cutouts) >= _CHROMOSOMES:
            break
        found = _cut_outs(index, names[k])
        cutouts += found
        sources += [names[k]] * bool(found)
    if not cutouts:
        raise DataError(f"{index.root}: no chromosome lies alone in {', '.join(names[:_SOURCES])}; name another split")
    chosen = [cutouts[k] for k in rng.permutation(len(cutouts))[:_CHROMOSOMES]]
    how = {"piling": _PILING, "as_in_cells": True} if as_in_cells else {}
    made = compose(chosen, rng, size, crossing=crossing, touching=touching, **how)
    gray = np.clip(np.rint(made.transmittance * rng.uniform(*_CLEAR)), 0, 255).astype(np.uint8)
    crops, offsets = [crop for crop, _, _ in made.masks], [(x, y) for _, x, y in made.masks]
    return gray, Instances.from_masks(size, size, crops, offsets, labels=made.labels), tuple(sources)


def synthesise(out_dir: str | Path, count: int, seed: int, style: SpreadStyle | None = None) -> Iterator[Path]:
    """Draw `count` metaphases into `out_dir`; yields the path of each image once it is written, the COCO file last.

    Images are `metaphase_0001.png`, ...; `annotations.json` holds their truth in COCO format: compressed RLE masks that
    overlap where chromosomes cross, category ids 1..24 named "1".."22", "X", "Y", and for each chromosome
    `p_arm_direction_xy`, the unit vector from its q tip to its p tip. The same seed and style write the same bytes.
    Every file is written whole or not at all, the annotations last: a folder that has them is complete. Where drawing
    fails or the caller stops early, what was written is removed again.
    Raises ConfigError for impossible numbers or chromosomes that do not fit, DataError for a folder that is not empty.
    """

    def make(number: int) -> _Made:
        drawn = draw_numbered(seed, number, style)
        truth = drawn.spread.truth
        assert truth is not None, "a drawn spread carries its truth"
        more = [{"p_arm_direction_xy": [round(float(v), 4) for v in xy]} for xy in drawn.p_arm_direction_xy]
        return _Made(drawn.spread.name, drawn.spread.gray, truth, more)

    info = {"description": "G-banded metaphases drawn from the ISCN bands", "seed": seed, "count": count}
    yield from _write(Path(out_dir), count, seed, make, info)


def compose_from_cil(
    out_dir: str | Path,
    count: int,
    seed: int,
    root: Path,
    *,
    split: str = "train",
    size: int = 700,
    crossing: float = 0.15,
    touching: float = 0.2,
) -> Iterator[Path]:
    """Compose `count` metaphases of real chromosomes into `out_dir`, as `synthesise` writes them.

    root: the folder of all data sets, or CIL's own. split: where chromosomes come from; only `train` keeps `val` and
    `test` unseen. The same data, seed and options write the same bytes. The file names the set, its terms and, for each
    image, the images that chromosomes came from.
    Raises ConfigError for impossible numbers or an unknown split, DataError where CIL is not at `root`.
    """
    if not 200 <= size <= 8000 or min(crossing, touching) < 0 or crossing + touching > 1:
        raise ConfigError(
            f"size must lie in 200..8000, and the shares of crossing and touching chromosomes sum to at most 1, "
            f"but got {size}, {crossing} and {touching}"
        )
    index = cil.find(Path(root))
    splits = cil.splits(index)
    if split not in splits:
        raise ConfigError(f"cil has no split {split!r}; it has {', '.join(splits)}")

    def make(number: int) -> _Made:
        gray, truth, sources = compose_numbered(
            index, splits[split], seed, number, size=size, crossing=crossing, touching=touching, as_in_cells=True
        )
        return _Made(f"composite_{number + 1:04d}", gray, truth, source={"sources": list(sources)})

    info = {
        "description": f"metaphases composed of chromosomes of cil {split}",
        "seed": seed,
        "count": count,
        "citation": cil.CITATION,
        "licence": cil.LICENCE,
    }
    yield from _write(Path(out_dir), count, seed, make, info)


def _cut_outs(index: Index, name: str) -> list[CutOut]:
    """Chromosomes of one image that lie alone, at the width that composites have; none where it cannot be read."""
    try:
        record = cil.read(index, name)
        gray = record.gray().gray
    except MetaphaseError:
        return []
    foreground, _ = annotated_foreground(gray, record.truth)
    width = geometry.chromosome_width(foreground)
    if width <= 0:
        return []
    alone, _ = isolated(foreground, record.truth, width)
    assert alone.crops is not None
    clear, _ = geometry.photometry(gray, foreground)
    found = (
        resized(cut_out(gray, crop, int(x), int(y), int(label), clear=clear), _WIDTH / width)
        for crop, (x, y), label in zip(alone.crops, alone.offsets_xy, alone.labels, strict=True)
        if label
    )
    return [cutout for cutout in found if cutout is not None]


def _check(out_dir: Path, count: int, seed: int) -> None:
    if count < 1 or seed < 0:
        raise ConfigError(f"count must be at least 1 and seed at least 0, but got count {count}, seed {seed}")
    if out_dir.exists() and not out_dir.is_dir():
        raise DataError(f"{out_dir} is a file; expected a folder to write to: name another one")
    if out_dir.is_dir() and any(out_dir.iterdir()):
        raise DataError(f"{out_dir} is not empty; drawn metaphases go into a new folder: name another one")


def _write(
    out_dir: Path, count: int, seed: int, make: Callable[[int], _Made], info: Mapping[str, object]
) -> Iterator[Path]:
    _check(out_dir, count, seed)
    is_new = not out_dir.exists()
    annotations = io.BytesIO()
    writer = CocoWriter(annotations, info)
    written: list[Path] = []
    complete = False
    try:
        out_dir.mkdir(parents=True, exist_ok=True)
        for number in range(count):
            made = make(number)
            path = out_dir / f"{made.name}.png"
            written.append(path)
            write_atomically(path, encode_png(made.gray, _SMALL))
            writer.add(path.name, made.truth, made.source, made.more)
            yield path
        writer.close()
        path = out_dir / ANNOTATIONS
        write_atomically(path, annotations.getvalue())
        complete = True
        yield path
    finally:
        if not complete:
            for path in written:
                path.unlink(missing_ok=True)
            if is_new and out_dir.is_dir() and not any(out_dir.iterdir()):
                out_dir.rmdir()
