"""What was read but shows no metaphase: a blank, nuclei only, a picture of something else."""

from __future__ import annotations

from dataclasses import replace

from metaphase.types import Karyotype
from metaphase.words import plural

__all__ = ["no_metaphase", "with_no_metaphase_told"]

_FEWEST = 20  # chromosomes in the poorest thing that is called a metaphase; a haploid human cell has 23
_SUREST = 0.3  # score that the surest tenth of what was found must reach to be called chromosomes


def no_metaphase(karyotype: Karyotype) -> str | None:
    """Why an image does not look like a metaphase, a sentence for a person; None where it does.

    It does not where fewer than 20 chromosomes were found or where even the surest tenth of them is doubtful.
    """
    scores = sorted(float(score) for score in karyotype.instances.of_status("chromosome").scores)
    if len(scores) < _FEWEST:
        found = plural(len(scores), "chromosome was found", "chromosomes were found") if scores else "none was found"
        return f"this does not look like a metaphase: at least {_FEWEST} chromosomes were expected, but {found}"
    if scores[len(scores) * 9 // 10] < _SUREST:
        return "this does not look like a metaphase: even the surest of what was found hardly look like chromosomes"
    return None


def with_no_metaphase_told(karyotype: Karyotype, odd: str | None) -> Karyotype:
    """The same, with `odd` of `no_metaphase`, if any, as first reason: for files that go on alone."""
    return karyotype if odd is None else replace(karyotype, reasons=(odd, *karyotype.reasons))
