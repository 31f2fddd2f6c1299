"""Many metaphases of one person: a proposal for each cell, one for all, one page."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from metaphase import karyotype, report
from metaphase.config import ReportConfig
from metaphase.errors import DataError, MetaphaseError
from metaphase.image_io import find_images, write_atomically
from metaphase.result_folder import write_folder
from metaphase.types import Case, Karyotype

if TYPE_CHECKING:
    from metaphase.predict import Model

__all__ = ["CellDone", "gather"]


@dataclass(frozen=True)
class CellDone:
    """What became of one image: done and total count images; error is None where it was read; case is set at the
    end.
    """

    name: str
    done: int
    total: int
    error: MetaphaseError | None = None
    case: Case | None = None


def gather(
    folder: str | os.PathLike[str],
    out_dir: str | os.PathLike[str],
    model: Model,
    config: ReportConfig | None = None,
) -> Iterator[CellDone]:
    """Karyotype every image of a folder as a cell of one person; yields each cell, and at the end the case.

    `out_dir` receives `NAME/result.json` and `NAME/karyogram.png` for each cell, and then `case.json`, `case.html` and
    `case.pdf`. An image that cannot be read is yielded with its error and left out.
    Raises ImageError where the folder holds no image, DataError where none could be read or two have one name,
    MetaphaseError where nothing can be written.
    """
    source, out = Path(folder), Path(out_dir)
    images = find_images(source)
    names = [image.stem for image in images]
    if len({name.casefold() for name in names}) < len(names):
        raise DataError(f"{source}: two images have the same name but for their suffix; rename one")
    name = source.resolve().name
    cells: list[tuple[str, Karyotype]] = []
    sheets: list[report.Sheet] = []
    for done, image in enumerate(images, 1):
        error = None
        try:
            spread = model.spread(image)
            found = model.karyotype(spread)
        except MetaphaseError as raised:
            error = raised
        else:
            sheet = report.karyogram_sheet(spread, found, f"{name}  ·  {image.stem}", config)
            document = report.result_document(spread, found, image, model.info)
            # Where one cell cannot be written, the next cannot either: no image is to blame.
            files = {"result.json": _json(document), "karyogram.png": report.encode_png(sheet.rgb())}
            write_folder(out / image.stem, files)
            cells.append((image.stem, found))
            sheets.append(sheet)
        yield CellDone(image.stem, done, len(images), error)
    if not cells:
        raise DataError(f"{source}: none of {len(images)} images could be read")
    case = karyotype.consensus(name, cells)
    pictures = {cell: f"{cell}/karyogram.png" for cell, _ in cells}
    write_atomically(out / "case.json", _json(_document(case, model.info)))
    # Names of files may hold what is no UTF-8; what the page cannot show is a question mark.
    write_atomically(out / "case.html", report.case_html(case, pictures).encode("utf-8", "replace"))
    write_atomically(out / "case.pdf", report.encode_pdf([*report.case_sheets(case), *sheets], name))
    yield CellDone(name, len(images), len(images), case=case)


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
        "reasons": list(case.reasons),
        "model": model_info,
    }


def _json(document: dict[str, Any]) -> bytes:
    return (json.dumps(document, indent=1, allow_nan=False) + "\n").encode("utf-8")
