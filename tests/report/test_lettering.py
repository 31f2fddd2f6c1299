"""Words that fit and that the font can draw."""

from __future__ import annotations

import pytest

from metaphase.report.lettering import font, legible, shorten, text_size, wrap


@pytest.mark.parametrize(
    ("text", "expected"), [("Müller.png", "Muller.png"), ("染色体 7", "??? 7"), ("a\tb\n", "ab"), ("46 · 0", "46 · 0")]
)
def test_legible(text: str, expected: str) -> None:
    assert legible(text) == expected


def test_shorten_keeps_both_ends_and_the_width() -> None:
    assert shorten("cell.png", 20, 500) == "cell.png"
    short = shorten("a" * 200 + "b" * 200, 20, 200)
    assert short.startswith("a")
    assert short.endswith("b")
    assert text_size(short, 20)[0] <= 200


def test_sizes_grow_with_the_font() -> None:
    assert text_size("46", 40)[0] > 1.8 * text_size("46", 20)[0]
    assert text_size("", 20) == (0, 0)
    assert font(2) is font(2)


def test_wrap_keeps_every_word_and_the_width() -> None:
    text = "may be chromosomes: " + ", ".join(f"{i} (12?)" for i in range(40))
    lines = wrap(text, 18, 300)
    assert " ".join(lines) == text
    assert all(text_size(line, 18)[0] <= 300 for line in lines)
    assert not any(line.startswith("(") for line in lines), "a guess stays with its number"
    assert "".join(wrap("x" * 300, 18, 100)) == "x" * 300
    assert max(text_size(line, 18)[0] for line in wrap("x" * 300, 18, 100)) <= 100
    assert wrap(" ", 18, 100) == []
