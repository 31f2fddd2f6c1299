"""Many metaphases of one person: a proposal for each cell, one for all, one page."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import cv2
import numpy as np
from numpy.typing import NDArray

from metaphase import karyotype, report
from metaphase.config import ReportConfig
from metaphase.errors import DataError, MetaphaseError
from metaphase.image_io import find_images, write_atomically
from metaphase.result_folder import folder_name, free_name, keep_results, remove, write_folder
from metaphase.types import Case, Karyotype
from metaphase.words import plural

if TYPE_CHECKING:
    from metaphase.predict import Model

__all__ = ["CELL_FILES", "FILES", "CellDone", "gather"]

FILES = ("case.json", "case.html", "case.pdf")
"""What is written for the case."""

CELL_FILES = ("result.json", "karyogram.png", "overlay.png")
"""What is written for each cell, in a folder of its own."""

_GLANCE, _SHIFT = 48, 6
"""Rows and columns of a coarse look at where chromosomes lie, and by how many two looks may be shifted."""

_SAME = 0.65
"""Correlation of two coarse looks, turned by quarters and mirrored, from which both show one metaphase. Of 1,002 pairs
of CIL images of one case three are one metaphase twice, with .74, .79 and .84; all others have .42 at most."""


@dataclass(frozen=True)
class CellDone:
    """What became of one image: done and total count images; error is None where it was read; case is set at the
    end. name: of the cell and of its folder. warnings: sentences for the user.
    """

    name: str
    done: int
    total: int
    error: MetaphaseError | None = None
    case: Case | None = None
    warnings: tuple[str, ...] = ()


def gather(
    folder: str | os.PathLike[str],
    out_dir: str | os.PathLike[str],
    model: Model,
    config: ReportConfig | None = None,
    *,
    overwrite: bool = False,
) -> Iterator[CellDone]:
    """Karyotype every image of a folder as a cell of one person; yields each cell, and at the end the case.

    `out_dir` receives `CELL_FILES` in a folder for each cell, and then `FILES`. A cell is named as its image; where two
    images have one name but for their suffix, the second is `<name>-2`, with a warning. An image that cannot be read is
    yielded with its error and counts nowhere, which the case says. Nor does, with a warning, one that does not look
    like a metaphase, or shows an earlier one again; its `CELL_FILES` are written all the same, to see why.
    Raises ImageError where the folder holds no image, DataError where none shows a metaphase, MetaphaseError where
    earlier results are there (not with `overwrite`: then they are replaced) or nothing can be written.
    """
    source, out = Path(folder), Path(out_dir)
    images = find_images(source)
    taken = set(FILES)  # a cell `case.json` would stand where the summary goes
    names = [free_name(image.stem, taken) for image in images]
    if not overwrite:
        keep_results([out / file for file in FILES] + [out / cell / file for cell in names for file in CELL_FILES])
    # A case that ends early must not leave the summary of an earlier run beside newer cells.
    remove(out / file for file in FILES)
    name = source.resolve().name
    cells: list[tuple[str, Karyotype]] = []
    left_out: list[tuple[str, str]] = []
    unreadable: list[tuple[str, str]] = []
    sheets: list[report.Sheet] = []
    overlays: list[NDArray[np.uint8]] = []
    glances: dict[str, NDArray[np.float32]] = {}
    for done, (image, cell) in enumerate(zip(images, names, strict=True), 1):
        error, warnings = None, _twin_warning(image, cell)
        try:
            spread = model.spread(image)
            found = model.karyotype(spread)
        except MetaphaseError as raised:
            error = raised
            unreadable.append((cell, str(raised).removeprefix(f"{image}: ")))
            remove(out / cell / file for file in CELL_FILES)
        else:
            odd = karyotype.no_metaphase(found) or _seen_before(found, cell, glances)
            shown = karyotype.with_no_metaphase_told(found, odd)
            sheet = report.karyogram_sheet(spread, shown, f"{name}  ·  {cell}", config)
            overlay = report.draw_overlay(spread, found, config)
            contents = (
                _json(report.result_document(spread, shown, image, model.info)),
                report.encode_png(sheet.rgb()),
                report.encode_png(overlay),
            )
            # Where one cell cannot be written, the next cannot either: no image is to blame.
            write_folder(out / cell, dict(zip(CELL_FILES, contents, strict=True)))
            warnings += spread.warnings
            if odd is None:
                cells.append((cell, found))
                sheets.append(sheet)
                if len(overlays) <= report.MOST_PICTURED:
                    overlays.append(overlay)
            else:
                left_out.append((cell, odd))
                look = f"look at {out / cell / 'overlay.png'}, and replace the image or take it away"
                warnings += (f"{image}: {odd}; it is left out of the case: {look}",)
        yield CellDone(cell, done, len(images), error, warnings=warnings)
    if not cells:
        raise DataError(f"{source}: none of {plural(len(images), 'image')} could be read and shows a metaphase")
    case = karyotype.consensus(name, cells, left_out, unreadable)
    _write_case(case, out, model, overlays if len(cells) <= report.MOST_PICTURED else [], sheets)
    yield CellDone(name, len(images), len(images), case=case)


def _write_case(
    case: Case, out: Path, model: Model, pictured: list[NDArray[np.uint8]], sheets: list[report.Sheet]
) -> None:
    write_atomically(out / "case.json", _json(_document(case, model.info)))
    # Names of files may hold what is no UTF-8; what the page cannot show is a question mark.
    write_atomically(out / "case.html", report.case_html(case).encode("utf-8", "replace"))
    write_atomically(out / "case.pdf", report.encode_pdf([*report.case_sheets(case, pictured), *sheets], case.name))


def _twin_warning(image: Path, cell: str) -> tuple[str, ...]:
    wanted = folder_name(image.stem)
    if cell == wanted:
        return ()
    if wanted.casefold() in FILES and cell == f"{wanted}-2":
        return (f"{image}: {wanted} is the name of a file of the case, so this cell is called {cell}",)
    return (f"{image}: another image is named {wanted} too, so this cell is called {cell}",)


def _seen_before(found: Karyotype, cell: str, glances: dict[str, NDArray[np.float32]]) -> str | None:
    """That an image shows the metaphase of an earlier one; else None, and it is remembered for those that follow."""
    placed = found.instances.of_status("chromosome").union().astype(np.float32)
    covered = cv2.resize(placed, (_GLANCE, _GLANCE), interpolation=cv2.INTER_AREA)
    glance = np.asarray(covered, np.float32)
    middle = glance[_SHIFT:-_SHIFT, _SHIFT:-_SHIFT]
    ways = [np.ascontiguousarray(np.rot90(view, turns)) for view in (middle, middle[:, ::-1]) for turns in range(4)]
    for other, seen in glances.items():
        if max(cv2.matchTemplate(seen, way, cv2.TM_CCOEFF_NORMED).max() for way in ways) > _SAME:
            return f"this shows the metaphase of {other} again, which counts once"
    glances[cell] = glance
    return None


def _document(case: Case, model_info: dict[str, str]) -> dict[str, Any]:
    return {
        "case": case.name,
        "iscn": case.iscn,
        "modal_number": case.modal_number,
        "clones": [{"iscn": iscn, "cells": cells} for iscn, cells in case.clones],
        "cells": [
            {
                "name": name,
                "iscn": found.iscn,
                "chromosomes": found.instances.status.count("chromosome"),
                "sanity": round(found.sanity["score"], 4),
            }
            for name, found in case.cells
        ],
        "disagreeing": list(case.disagreeing),
        "undecided": list(case.undecided),
        "left_out": [{"name": name, "reason": why} for name, why in case.left_out],
        "unreadable": [{"name": name, "reason": why} for name, why in case.unreadable],
        "reasons": list(case.reasons),
        "model": model_info,
    }


def _json(document: dict[str, Any]) -> bytes:
    return (json.dumps(document, indent=1, allow_nan=False) + "\n").encode("utf-8")
