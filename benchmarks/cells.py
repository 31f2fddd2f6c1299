"""Cells of CIL as the networks see them, kept on disk: the scripts beside this one work on what follows."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from metaphase.datasets import Index, Record, cil
from metaphase.identify import Identified
from metaphase.image_io import write_atomically
from metaphase.predict import Model, load_model
from metaphase.types import Instances, Straightened

CACHE = Path("runs/identified")
FORMAT = 3
"""Raised whenever the program finds or stores other things with the same weights: what is on the disk is then old."""


@dataclass(frozen=True, eq=False)
class Cell:
    """One annotated cell and what the networks made of it, before the cell as a whole was considered."""

    record: Record
    identified: Identified

    @property
    def name(self) -> str:
        """Name of the image."""
        return self.record.name

    @property
    def case(self) -> str:
        """The person or culture."""
        return self.record.case

    @property
    def truth(self) -> Instances:
        """What the annotators drew."""
        return self.record.truth


def arguments(description: str | None, **extra: dict[str, object]) -> argparse.Namespace:
    """The options that all scripts share: --split, --limit, --root, --weights, and those of `extra`."""
    parser = argparse.ArgumentParser(description=description, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--split", default="val", help="split of CIL (val); val,train/6: and every sixth cell of train")
    parser.add_argument("--limit", type=int, help="only so many cells, the first of the split")
    parser.add_argument("--root", type=Path, default=os.environ.get("METAPHASE_DATA"), help="folder of the data sets")
    parser.add_argument("--weights", type=Path, help="a folder of weights; left out, those of the package")
    for name, settings in extra.items():
        parser.add_argument(f"--{name.replace('_', '-')}", **settings)  # type: ignore[arg-type]
    options = parser.parse_args()
    if options.root is None:
        parser.error("name the folder of the data sets with --root or METAPHASE_DATA")
    return options


def load_cells(options: argparse.Namespace, model: Model | None = None) -> Iterator[Cell]:
    """The cells of the split, from the disk where the same weights were here before."""
    model = model or load_model(options.weights)
    index = cil.find(options.root)
    files = []
    for part in options.split.split(","):
        split, _, every = part.partition("/")
        folder = CACHE / f"{model.info['sha256'][:12]}-{FORMAT}" / split
        folder.mkdir(parents=True, exist_ok=True)
        files += [(name, folder / f"{name}.npz") for name in cil.splits(index)[split][:: int(every or 1)]]
    files = files[: options.limit]
    for done, (name, file) in enumerate(files, 1):
        yield _cell(index, name, file, model)
        if sys.stderr.isatty() or done % 50 == 0:
            print(f"\r{done} of {len(files)} cells", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)


def _cell(index: Index, name: str, file: Path, model: Model) -> Cell:
    record = cil.read(index, name)
    if not file.exists():
        store(model.identify(model.spread(record.gray().gray)), file)
    return Cell(record, restore(file))


def store(identified: Identified, file: Path) -> None:
    """Write what the networks found in one cell."""
    import io  # noqa: PLC0415

    instances, crops = identified.instances, identified.instances.crops or ()
    strips = identified.straightened
    buffer = io.BytesIO()
    np.savez_compressed(
        buffer,
        size_hw=(instances.height, instances.width),
        shapes=np.array([crop.shape for crop in crops], np.int64).reshape(-1, 2),
        bits=np.packbits(np.concatenate([np.zeros(0, bool), *(crop.reshape(-1) for crop in crops)])),
        offsets=instances.offsets_xy,
        boxes=instances.annotation_boxes_xyxy,
        labels=instances.labels,
        scores=instances.scores,
        probabilities=instances.probabilities_nc,
        status=np.array(instances.status, dtype="U10"),
        upright=identified.upright,
        up_log_odds=identified.up_log_odds,
        strip_shapes=np.array([s.gray.shape for s in strips], np.int64).reshape(-1, 2),
        strip_gray=np.concatenate([np.zeros(0, np.uint8), *(s.gray.reshape(-1) for s in strips)]),
        strip_bits=np.packbits(np.concatenate([np.zeros(0, bool), *(s.inside.reshape(-1) for s in strips)])),
    )
    write_atomically(file, buffer.getvalue())


def restore(file: Path) -> Identified:
    """Read what `store` wrote."""
    with np.load(file) as stored:
        kept = {key: stored[key] for key in stored.files}
    crops = _pieces(np.unpackbits(kept["bits"]).astype(bool), kept["shapes"])
    gray = _pieces(kept["strip_gray"], kept["strip_shapes"])
    inside = _pieces(np.unpackbits(kept["strip_bits"]).astype(bool), kept["strip_shapes"])
    instances = Instances.from_masks(
        *(int(v) for v in kept["size_hw"]),
        crops,
        kept["offsets"],
        annotation_boxes_xyxy=kept["boxes"],
        labels=kept["labels"],
        scores=kept["scores"],
        probabilities_nc=kept["probabilities"],
        status=[str(s) for s in kept["status"]],
    )
    strips = tuple(Straightened(g, i) for g, i in zip(gray, inside, strict=True))
    return Identified(instances, kept["upright"], strips, kept["up_log_odds"])


def _pieces(flat: np.ndarray, shapes: np.ndarray) -> list[np.ndarray]:
    ends = np.cumsum(shapes.prod(1)) if len(shapes) else []
    return [
        flat[end - rows * columns : end].reshape(rows, columns)
        for end, (rows, columns) in zip(ends, shapes, strict=True)
    ]
