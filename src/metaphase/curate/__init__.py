"""Look after data sets: list, check, convert, split, count and show them. Rooms called in order, one file a verb."""

from metaphase.curate.catalogue import catalogue
from metaphase.curate.check import check
from metaphase.curate.convert import FORMATS, convert
from metaphase.curate.fix import write_cleaned
from metaphase.curate.places import Place, locate
from metaphase.curate.preview import preview
from metaphase.curate.split import split
from metaphase.curate.statistics import statistics

__all__ = [
    "FORMATS",
    "Place",
    "catalogue",
    "check",
    "convert",
    "locate",
    "preview",
    "split",
    "statistics",
    "write_cleaned",
]
