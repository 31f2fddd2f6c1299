"""Words that follow a number."""

import pytest

from metaphase.words import plural


@pytest.mark.parametrize(
    ("count", "words", "said"),
    [
        (0, ("image",), "0 images"), (1, ("image",), "1 image"), (2, ("image",), "2 images"),
        (1, ("entry", "entries"), "1 entry"), (3, ("entry", "entries"), "3 entries"),
    ],
)  # fmt: skip
def test_one_is_not_many(count, words, said):
    assert plural(count, *words) == said
