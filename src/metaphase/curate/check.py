"""Check a data set: look at every image, then at the set as a whole."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import cv2

from metaphase.curate import remember
from metaphase.curate.findings import KINDS, SEVERITIES, Finding
from metaphase.curate.inspect import Facts, inspect
from metaphase.curate.places import Place, locate, names_in
from metaphase.curate.whole_set import of_the_set
from metaphase.datasets import ADAPTERS, Index

__all__ = ["check", "look_at"]

WORKERS = 2
"""Processes that read images at the same time."""

_WORTH_A_PROCESS = 64  # images below this are read sooner than a process starts

_worker: Place | None = None


def check(
    named: str,
    root: Path | None = None,
    *,
    limit: int | None = None,
    workers: int = WORKERS,
    remembered: bool = True,
) -> Iterator[dict[str, Any]]:
    """Look for whatever is wrong in a set.

    named: a name in `ADAPTERS` or the folder of a lab's own images. root: the folder of all sets, or the set's own.
    limit: only the first so many images. remembered: take what an earlier check found in files that have not changed.

    Yields {"image", "done", "total"} for each image and at the end {"set", "root", "images", "chromosomes", "cases",
    "counts" (by severity), "kinds" (by kind: severity, title, action, count), "findings" (documents of `Finding`),
    "notes", "seconds"}. Raises ConfigError for an unknown set, DataError where it is not there.
    """
    started = time.perf_counter()
    place = locate(named, root)
    names = names_in(place, None, limit)
    facts: list[Facts] = []
    for done, one in enumerate(look_at(place, names, workers, remembered), 1):
        facts.append(one)
        yield {"image": one.name, "done": done, "total": len(names)}
    findings = [finding for one in facts for finding in one.findings] + of_the_set(place, facts)
    yield {
        "set": place.name,
        "root": str(place.index.root),
        "images": len(names),
        "chromosomes": sum(sum(one.counts) for one in facts),
        "cases": len({place.index.cases[name] for name in names}),
        **_summed(findings),
        "notes": list(place.index.warnings.get("", ())),
        "seconds": round(time.perf_counter() - started, 2),
    }


def look_at(place: Place, names: Sequence[str], workers: int = WORKERS, remembered: bool = True) -> Iterator[Facts]:
    """Facts of each image in the order of `names`; remembered ones come from the cache, new ones are stored there."""
    known = remember.load_facts(place, names) if remembered else {}
    missing = [name for name in names if name not in known]
    fresh = _inspected(place, missing, workers)
    seen: list[Facts] = []
    for name in names:
        seen.append(known[name] if name in known else next(fresh))
        yield seen[-1]
    if missing and remembered:
        remember.store_facts(place, seen)


def _inspected(place: Place, names: Sequence[str], workers: int) -> Iterator[Facts]:
    if workers < 2 or len(names) < _WORTH_A_PROCESS:
        yield from (inspect(place, name) for name in names)
        return
    # OpenCV's threads do not survive a fork: a child that ends them waits for ever. So they end here, before it.
    cv2.setNumThreads(1)
    with ProcessPoolExecutor(workers, initializer=_start, initargs=(place.name, place.index)) as pool:
        yield from pool.map(_inspect, names, chunksize=8)


def _start(name: str, index: Index) -> None:
    global _worker  # noqa: PLW0603 - the index travels once to each process, not once for each image
    cv2.setNumThreads(1)
    _worker = Place(name, ADAPTERS[name], index)


def _inspect(name: str) -> Facts:
    assert _worker is not None, "the process was started with its set"
    return inspect(_worker, name)


def _summed(findings: Sequence[Finding]) -> dict[str, Any]:
    order = list(KINDS)
    ordered = sorted(findings, key=lambda f: (SEVERITIES.index(KINDS[f.kind].severity), order.index(f.kind)))
    kinds: dict[str, dict[str, Any]] = {}
    for finding in ordered:
        kind = KINDS[finding.kind]
        entry = {"severity": kind.severity, "title": kind.title, "action": kind.action, "count": 0}
        kinds.setdefault(finding.kind, entry)["count"] += 1
    counts = {
        severity: sum(entry["count"] for entry in kinds.values() if entry["severity"] == severity)
        for severity in SEVERITIES
    }
    return {"counts": counts, "kinds": kinds, "findings": [finding.as_document() for finding in ordered]}
