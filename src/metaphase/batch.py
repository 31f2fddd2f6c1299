"""Karyotype many images: one outcome at a time, each result written whole or not at all."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from metaphase import report
from metaphase.config import ReportConfig
from metaphase.errors import ImageError, MetaphaseError
from metaphase.image_io import find_images
from metaphase.karyotype import no_metaphase, with_no_metaphase_told
from metaphase.result_folder import folder_name, free_name, keep_results, remove, write_folder

if TYPE_CHECKING:
    from metaphase.predict import Model

__all__ = [
    "FILES",
    "Job",
    "Outcome",
    "karyotype_images",
    "plan",
]

FILES = ("result.json", "karyogram.png", "overlay.png")
"""What is written for each image."""
_PDF, _EVIDENCE = "karyogram.pdf", "evidence.png"
EXTRAS = (_PDF, _EVIDENCE)
"""What is written where `ReportConfig` asks for it."""


@dataclass(frozen=True)
class Job:
    """One image to do.

    given: the path as the user wrote it, which goes into result.json. name: the folder of its results.
    error: why there is nothing to do, None for an image.
    """

    given: str
    name: str
    error: MetaphaseError | None = None


@dataclass(frozen=True)
class Outcome:
    """What became of one job: a folder with three files, or an error.

    chromosomes: how many were found. iscn: the proposal, None where the program abstains; sure: its probability, or
    that of the most probable one. reasons: what the proposal, or its absence, hangs on. warnings: sentences for the
    user, without the name of the image.
    """

    job: Job
    folder: Path | None = None
    chromosomes: int = 0
    iscn: str | None = None
    sure: float = 0.0
    reasons: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    error: MetaphaseError | None = None


def plan(inputs: Sequence[str | os.PathLike[str]]) -> list[Job]:
    """One job for each image, folders opened; inputs with one stem get `<stem>`, `<stem>-2`, `<stem>-3`, ...

    An input that does not exist or holds no image becomes a job with its error, so that the rest goes on.
    """
    jobs: list[Job] = []
    taken: set[str] = set()
    for entry in inputs:
        given = os.fspath(entry)
        try:
            images = find_images(given)
        except ImageError as error:
            jobs.append(Job(given, "", error))
            continue
        for image in images:
            jobs.append(Job(given if image == Path(given) else str(image), free_name(image.stem, taken)))
    return jobs


def karyotype_images(
    jobs: Sequence[Job],
    out_dir: str | os.PathLike[str],
    model: Model,
    look: ReportConfig | None = None,
    *,
    overwrite: bool = False,
) -> Iterator[Outcome]:
    """Do the jobs in order and yield each outcome once its files are written.

    look: how the karyogram is drawn, and whether `karyogram.pdf` and `evidence.png` are written too.
    The folder `out_dir/<name>` appears only when its three files are complete. Where earlier results are there nothing
    is done at all; with `overwrite` they are replaced, `EXTRAS` of an earlier run are taken away where they are not
    asked for again, and nothing else is touched. A MetaphaseError of one image is its
    outcome, the rest goes on.
    Raises MetaphaseError where results are there already or `out_dir` cannot be made.
    """
    out = Path(out_dir)
    if not overwrite:
        names = FILES + EXTRAS
        keep_results(out / job.name / name for job in jobs if job.error is None for name in names)
    try:
        out.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        raise MetaphaseError(f"{out}: the results need a folder, but a file is in its way; name another") from error
    except OSError as error:
        raise MetaphaseError(f"{out}: the output folder cannot be made ({error.strerror or error})") from error
    for job in jobs:
        if job.error is not None:
            yield Outcome(job, error=job.error)
            continue
        try:
            outcome = _karyotype_image(job, out, model, look or ReportConfig())
        except MetaphaseError as error:
            outcome = Outcome(job, error=error)
        yield outcome


def _karyotype_image(job: Job, out: Path, model: Model, look: ReportConfig) -> Outcome:
    path = Path(job.given)
    spread = model.spread(path)
    karyotype = model.karyotype(spread)
    odd = no_metaphase(karyotype)
    shown = with_no_metaphase_told(karyotype, odd)
    document = report.result_document(spread, shown, job.given, model.info)
    sheet = report.karyogram_sheet(spread, shown, path.stem, look)
    contents = (
        (json.dumps(document, indent=1, allow_nan=False) + "\n").encode("utf-8"),
        report.encode_png(sheet.rgb()),
        report.encode_png(report.draw_overlay(spread, karyotype, look)),
    )
    folder = out / job.name
    files = dict(zip(FILES, contents, strict=True))
    if look.karyogram_pdf:
        files[_PDF] = report.encode_pdf([sheet], path.stem)
    if look.evidence:
        files[_EVIDENCE] = report.encode_png(report.evidence_sheet(spread, karyotype, path.stem, look).rgb())
    write_folder(folder, files)
    remove(folder / name for name in EXTRAS if name not in files)
    warnings = tuple(warning.removeprefix(f"{path}: ") for warning in spread.warnings)
    if odd is not None:
        warnings += (odd,)
    wanted = folder_name(path.stem)
    if job.name != wanted:
        warnings += (f"another image is named {wanted} too; the results are in {folder}",)
    found = len(karyotype.instances.of_status("chromosome"))
    sure = karyotype.posterior[0][1] if karyotype.posterior else 0.0
    return Outcome(job, folder, found, karyotype.iscn, sure, karyotype.reasons, warnings)
