"""One string for many cells of a person: clones by the clone rule, and the cells that disagree."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

from metaphase.chromosomes import X, Y
from metaphase.config import KaryotypeConfig
from metaphase.iscn import Clone, Formula, parse
from metaphase.karyotype.hypotheses import NORMAL
from metaphase.types import Case, Karyotype
from metaphase.words import plural

__all__ = ["consensus"]

_DEFAULTS = KaryotypeConfig()


def consensus(
    name: str,
    cells: Sequence[tuple[str, Karyotype]],
    left_out: Sequence[tuple[str, str]] = (),
    unreadable: Sequence[tuple[str, str]] = (),
    config: KaryotypeConfig = _DEFAULTS,
) -> Case:
    """Gather the proposals of single cells.

    left_out: name of each image that shows no metaphase, or that of an earlier one, and why; unreadable: the same of
    each image that could not be read. They count nowhere.

    A proposal found in enough cells (two for a gain, three for a loss, one for a normal karyotype) is a clone; the
    others are cells that disagree. Abnormal clones come first, the largest first, then the normal one. 46,XX and
    46,XY do not occur together but in chimeras: the rarer one counts as cells that disagree, and where it has a share
    of `config.chimera_from` or more, the program abstains, as it does where abnormal cells are so many of the other
    sex. So it does where no cell has a proposal, and where so many cells hint at the same other karyotype that they
    would be a clone: what one cell leaves open, many may answer.
    """
    called = {cell: karyotype.iscn for cell, karyotype in cells if karyotype.iscn is not None}
    undecided = tuple(cell for cell, karyotype in cells if karyotype.iscn is None)
    counts = Counter(called.values())
    reasons: list[str] = []
    single = {iscn: parse(iscn).clones[0] for iscn in counts}
    clones = {iscn for iscn, clone in single.items() if counts[iscn] >= clone.needed}
    normal = sorted((iscn for iscn in clones if single[iscn].normal), key=lambda iscn: -counts[iscn])
    chimera = len(normal) == 2 and counts[normal[1]] >= config.chimera_from * sum(counts[iscn] for iscn in normal)
    if len(normal) == 2:
        more, fewer = (counts[iscn] for iscn in normal)
        look = f"{'looks' if fewer == 1 else 'look'} like {normal[1]}, {more} like {normal[0]}"
        asked = ": are they of one person?" if chimera else ""
        reasons.append(f"{fewer} of {plural(len(called), 'cell')} {look}{asked}")
        clones.discard(normal[1])
    else:
        told, chimera = _two_sexes(called, single, config)
        reasons += told
    order = sorted(clones, key=lambda iscn: (single[iscn].normal, -counts[iscn], iscn))
    disagreeing = tuple(cell for cell, iscn in called.items() if iscn not in clones)
    if disagreeing:
        listed = ", ".join(f"{called[cell]} in {cell}" for cell in disagreeing)
        reasons.append(f"seen in too few cells to be a clone, or against the others: {listed}")
    if undecided:
        reasons.append(f"no proposal for {len(undecided)} of {plural(len(cells), 'cell')}")
    if left_out:
        images = plural(len(left_out), "image")
        reasons.append(f"{images} left out: " + "; ".join(f"{image} ({why})" for image, why in left_out))
    if unreadable:
        images = plural(len(unreadable), "image")
        reasons.append(f"{images} could not be read: {', '.join(image for image, _ in unreadable)}")
    suspects = _suspects(cells, clones, config)
    reasons[:0] = [
        f"{iscn} is possible in {plural(len(names), 'cell')}: {', '.join(names)}" for iscn, names in suspects
    ]
    found = tuple(replace(single[iscn], cells=counts[iscn]) for iscn in order)
    numbers = Counter(karyotype.instances.status.count("chromosome") for _, karyotype in cells)
    return Case(
        name=name,
        cells=tuple(cells),
        iscn=None if chimera or suspects or not found else str(_formula(found)),
        clones=tuple((iscn, counts[iscn]) for iscn in order),
        modal_number=min(numbers, key=lambda number: (-numbers[number], abs(number - 46))) if numbers else None,
        disagreeing=disagreeing,
        undecided=undecided,
        left_out=tuple(left_out),
        unreadable=tuple(unreadable),
        reasons=tuple(reasons) if cells else ("there is no cell", *reasons),
    )


def _two_sexes(
    called: Mapping[str, str], single: Mapping[str, Clone], config: KaryotypeConfig
) -> tuple[list[str], bool]:
    """What to say where some cells have a Y and others two X and none, and whether they are too many to be slips."""
    has_y = {cell: iscn for cell, iscn in called.items() if single[iscn].counts[Y - 1]}
    has_none = {cell: iscn for cell, iscn in called.items() if cell not in has_y and single[iscn].counts[X - 1] >= 2}
    fewer, more = sorted((has_y, has_none), key=len)
    if not fewer:
        return [], False
    chimera = len(fewer) >= config.chimera_from * (len(fewer) + len(more))
    listed = ", ".join(f"{iscn} in {cell}" for cell, iscn in fewer.items())
    beside = f"{plural(len(more), 'cell')} {'with two X and no Y' if fewer is has_y else 'with a Y'}"
    return [f"{listed}, beside {beside}{': are they of one person?' if chimera else ''}"], chimera


def _suspects(
    cells: Sequence[tuple[str, Karyotype]], clones: set[str], config: KaryotypeConfig
) -> list[tuple[str, list[str]]]:
    """Karyotypes that are no clone, but possible in enough cells to be one, and the names of these cells."""
    hints: dict[str, list[str]] = {}
    for name, karyotype in cells:
        for iscn, probability in karyotype.posterior:
            if iscn not in clones and probability >= config.suspicion_from:
                hints.setdefault(iscn, []).append(name)
    enough = {iscn: max(parse(iscn).clones[0].needed, config.chimera_from * len(cells)) for iscn in hints}
    return sorted(
        ((iscn, names) for iscn, names in hints.items() if len(names) >= enough[iscn] and iscn not in NORMAL),
        key=lambda entry: -len(entry[1]),
    )


def _formula(clones: tuple[Clone, ...]) -> Formula:
    return Formula(clones, "mos" if len(clones) > 1 else "")
