"""Split a set by case: no person stands on two sides, and each side sees the same karyotypes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from metaphase.curate.images import new_folder
from metaphase.curate.places import locate, names_in
from metaphase.errors import ConfigError, MetaphaseError
from metaphase.image_io import write_atomically
from metaphase.types import Instances
from metaphase.words import plural

__all__ = ["split", "stratum_of"]


def split(
    named: str, out: Path, root: Path | None = None, *, val: float = 0.1, test: float = 0.1, seed: int = 0
) -> Iterator[dict[str, Any]]:
    """Split a set by case, stratified by karyotype, and write `split_{train,val,test}.txt` into `out`.

    val, test: shares of the images, in [0, 1), together below 1; train gets the rest. The same seed gives the same
    split as long as images and cases are the same. A case with several karyotypes counts for the rarer one.

    Yields {"image", "done", "total"} while reading and at the end {"out", "sides" ({"images", "cases", "karyotypes"} of
    train, val and test), "left_out", "notes"}. Raises ConfigError for impossible shares or fewer cases than sides, else
    as `convert`.
    """
    if not (0 <= val < 1 and 0 <= test < 1 and val + test < 1) or seed < 0:
        raise ConfigError(f"val and test must be shares that sum to less than 1, but got {val} and {test}, seed {seed}")
    place = locate(named, root)
    names = names_in(place, None)
    strata: dict[str, str] = {}
    left_out: list[dict[str, str]] = []
    for done, name in enumerate(names, 1):
        try:
            strata[name] = stratum_of(place.adapter.read(place.index, name).truth)
        except MetaphaseError as error:
            left_out.append({"image": name, "reason": str(error)})
        yield {"image": name, "done": done, "total": len(names)}
    cases: dict[str, list[str]] = {}
    for name in strata:
        cases.setdefault(place.index.cases[name], []).append(name)
    shares = {"train": 1 - val - test, "val": val, "test": test}
    wanted = [side for side, share in shares.items() if share > 0]
    if len(cases) < len(wanted):
        raise ConfigError(
            f"{place.name} has {plural(len(cases), 'case')}: too few to split by case into {', '.join(wanted)}"
        )
    sides = _dealt(cases, strata, {side: shares[side] for side in wanted}, seed)
    new_folder(out)
    for side, members in sides.items():
        text = "".join(f"{name}\n" for case in sorted(members) for name in cases[case])
        write_atomically(out / f"split_{side}.txt", text.encode("utf-8"))
    own = sorted(set(place.splits) - {"all", "test"})
    notes = [f"the set has splits of its own ({', '.join(own)}): numbers on yours and on these cannot be compared"]
    yield {
        "out": str(out),
        "sides": {
            side: {
                "images": sum(len(cases[case]) for case in members),
                "cases": len(members),
                "karyotypes": dict(Counter(strata[name] for case in members for name in cases[case]).most_common()),
            }
            for side, members in sides.items()
        },
        "left_out": left_out,
        "notes": notes if own else [],
    }


def stratum_of(truth: Instances) -> str:
    """What a cell counts as when sides are made alike: 46,XX, 46,XY, gains, losses, other."""
    counts = np.bincount(truth.labels, minlength=25)
    total = int(counts.sum())
    if counts[0]:
        return "46" if total == 46 else "fewer than 46" if total < 46 else "more than 46"
    sex = f"{'X' * int(min(counts[23], 5))}{'Y' * int(min(counts[24], 5))}"
    if (counts[1:23] == 2).all() and sex in ("XX", "XY"):
        return f"46,{sex}"
    if total == 46:
        return "46, other"
    return "gains" if total > 46 else "losses"


def _dealt(
    cases: Mapping[str, list[str]], strata: Mapping[str, str], shares: Mapping[str, float], seed: int
) -> dict[str, list[str]]:
    """Cases of each side: stratum by stratum, each case to the side that is furthest below its share there."""
    common = Counter(strata.values())
    # The rarest karyotype of a case decides: it is the one that must not land on one side only.
    stratum = {
        case: min((strata[name] for name in names), key=lambda s: (common[s], s)) for case, names in cases.items()
    }
    rng = np.random.default_rng(seed)
    order = sorted(cases)
    rng.shuffle(order)
    order.sort(key=lambda case: (common[stratum[case]], stratum[case], -len(cases[case])))
    sides: dict[str, list[str]] = {side: [] for side in shares}
    taken = {(side, s): 0 for side in shares for s in {*stratum.values(), ""}}
    for case in order:

        def lack(side: str, case: str = case) -> tuple[float, float]:
            own = taken[side, stratum[case]] / shares[side]
            return own, taken[side, ""] / shares[side]

        side = min(shares, key=lack)
        sides[side].append(case)
        for key in (stratum[case], ""):
            taken[side, key] += len(cases[case])
    empty = [side for side, members in sides.items() if not members]
    for side in empty:  # few cases: nobody goes without
        largest = max(sides, key=lambda other: len(sides[other]))
        sides[side].append(sides[largest].pop())
    return sides
