"""Images without a metaphase, and why they are none."""

from __future__ import annotations

import numpy as np
import pytest

from metaphase.karyotype import no_metaphase
from metaphase.types import Instances, Karyotype


def found(count: int, score: float = 0.9, status: str = "chromosome") -> Karyotype:
    instances = Instances.from_masks(
        8, 8, [[[1]]] * count, [(0, 0)] * count, scores=np.full(count, score), status=(status,) * count
    )
    return Karyotype(instances, ((),) * 23, (), {})


def test_a_poor_cell_is_a_metaphase_still() -> None:
    assert no_metaphase(found(20)) is None
    assert no_metaphase(found(46, score=0.3001)) is None


@pytest.mark.parametrize(
    ("karyotype", "why"),
    [
        (found(0), "at least 20 chromosomes were expected, but none was found"),
        (found(1), "but 1 chromosome was found"),
        (found(19), "but 19 chromosomes were found"),
        (found(46, status="debris"), "but none was found"),
        (found(46, score=0.1), "even the surest"),
    ],
)
def test_why_it_is_none(karyotype: Karyotype, why: str) -> None:
    assert str(no_metaphase(karyotype)).startswith("this does not look like a metaphase: ")
    assert why in str(no_metaphase(karyotype))
