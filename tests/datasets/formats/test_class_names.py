"""Spellings of the 24 classes."""

import pytest

from metaphase.datasets.formats.class_names import label_of_class


@pytest.mark.parametrize(
    ("name", "label"),
    [
        ("1", 1),
        (" 22 ", 22),
        ("x", 23),
        ("24", 24),
        ("A1", 1),
        ("C12", 12),
        ("chr7", 7),
        ("Chromosome X", 23),
        ("chr_21", 21),
        ("Chromosomes", 0),
        ("-1", None),
        ("119", None),
        ("0", None),
        ("25", None),
        ("٣", None),
        ("²", None),
        ("H1", None),
        ("9" * 5000, None),
        ("", None),
        ("nucleus", None),
    ],
)
def test_a_name_is_a_class_or_none(name, label):
    assert label_of_class(name) == label
