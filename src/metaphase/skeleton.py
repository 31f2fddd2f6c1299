"""The skeleton of a small mask, and the ways along it."""

from __future__ import annotations

from collections import Counter, defaultdict

import numpy as np
from numpy.typing import NDArray

__all__ = ["ways"]

Bool = NDArray[np.bool_]
Points = NDArray[np.float64]
Pixel = tuple[int, int]

_MOST_EDGES = 14
"""Skeletons with more edges are no chromosome."""

_MOST_WAYS = 200
"""Ways that are looked at; a loop with a tail has four."""


def ways(mask: Bool, shortest_branch: float) -> list[Points]:
    """Ways along the skeleton that pass no edge of it twice, points (column, row) one pixel apart.

    They begin and end at its ends and forks, in a ring anywhere, each given once and not the other way round; where
    there are very many, not all, those from ends first. A way may come back to where it has been: an arm that bends
    round and touches the other one makes a loop. Branches to an end that are shorter than `shortest_branch` pixels are
    cut off first. Nothing for a skeleton that branches too often.
    """
    edges = _edges(_thinned(mask))
    for _ in range(_MOST_EDGES):
        count = Counter(end for edge in edges for end in (edge[0], edge[-1]))
        spurs = [e for e in edges if len(e) < shortest_branch and sorted((count[e[0]], count[e[-1]]))[0] == 1]
        if not spurs or len(edges) < 3:
            break
        edges.remove(min(spurs, key=len))
    if not 0 < len(edges) <= _MOST_EDGES:
        return []
    return [np.array(way, np.float64)[:, ::-1] for way in _walks(edges)]


def _thinned(mask: Bool) -> Bool:
    """A skeleton one pixel wide (Zhang and Suen 1984)."""
    m = np.pad(mask, 1).astype(np.uint8)
    around = ((1, 0), (1, -1), (0, -1), (-1, -1), (-1, 0), (-1, 1), (0, 1), (1, 1))
    changed = True
    while changed:
        changed = False
        for first in (True, False):
            p = [np.roll(m, shift, (0, 1)) for shift in around]
            north, east, south, west = p[0], p[2], p[4], p[6]
            number = sum(p)
            starts = sum((p[i] == 0) & (p[(i + 1) % 8] == 1) for i in range(8))
            if first:
                side = ((north & east & south) == 0) & ((east & south & west) == 0)
            else:
                side = ((north & east & west) == 0) & ((north & south & west) == 0)
            gone = (m == 1) & (number >= 2) & (number <= 6) & (starts == 1) & side
            changed |= bool(gone.any())
            m[gone] = 0
    return np.asarray(m[1:-1, 1:-1], bool)


def _edges(skeleton: Bool) -> list[list[Pixel]]:
    """Runs of pixels between ends and forks; a ring without any is one run that ends where it begins."""
    pixels = {(int(y), int(x)) for y, x in np.argwhere(skeleton)}
    next_to = {pixel: _neighbours(pixel, pixels) for pixel in pixels}
    nodes = {pixel for pixel, others in next_to.items() if len(others) != 2} or set(sorted(pixels)[:1])
    edges, seen = [], set()
    for node in sorted(nodes):
        for step in next_to[node]:
            if (node, step) in seen:
                continue
            run = [node, step]
            while run[-1] not in nodes:
                run.append(next(pixel for pixel in next_to[run[-1]] if pixel != run[-2]))
            seen |= {(run[0], run[1]), (run[-1], run[-2])}
            edges.append(run)
    return edges


def _neighbours(pixel: Pixel, pixels: set[Pixel]) -> list[Pixel]:
    """Side by side, and across a corner where no side leads there too."""
    y, x = pixel
    sides = [other for other in ((y - 1, x), (y, x - 1), (y, x + 1), (y + 1, x)) if other in pixels]
    corners = ((y + dy, x + dx) for dy in (-1, 1) for dx in (-1, 1))
    free = [c for c in corners if c in pixels and (c[0], x) not in pixels and (y, c[1]) not in pixels]
    return sides + free


def _walks(edges: list[list[Pixel]]) -> list[list[Pixel]]:
    at: dict[Pixel, list[tuple[int, bool, list[Pixel]]]] = defaultdict(list)
    for i, edge in enumerate(edges):
        at[edge[0]].append((i, True, edge))
        at[edge[-1]].append((i, False, edge[::-1]))
    # By edges and their directions: round a loop with a tail there are two ways along the same edges.
    found: dict[tuple[tuple[int, bool], ...], list[Pixel]] = {}

    def go(node: Pixel, passed: tuple[tuple[int, bool], ...], way: list[Pixel]) -> None:
        used = {i for i, _ in passed}
        for i, onward, edge in at[node]:
            if i not in used and len(found) < _MOST_WAYS:
                longer, steps = way + edge[1 if way else 0 :], (*passed, (i, onward))
                if tuple((j, not along) for j, along in reversed(steps)) not in found:  # the same way back
                    found[steps] = longer
                go(edge[-1], steps, longer)

    for node in sorted(at, key=lambda node: (len(at[node]) > 1, node)):
        go(node, (), [])
    return list(found.values())
