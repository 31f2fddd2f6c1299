"""report.html: complete, escaped, without a link to anything outside."""

from html.parser import HTMLParser

import pytest
from jsonschema import Draft202012Validator

from metaphase.report import GalleryPicture, evaluation_page, metrics_schema

FIGURE = {"value": 0.91, "low": 0.9, "high": 0.92, "n": 3, "instances": 138, "left_out": 0}
UNDEFINED = FIGURE | {"value": None, "low": None, "high": None}
SUMMARY = {"images": 3, "instances": 138, "cases": 2, "metrics": {"found": FIGURE, "AP50": UNDEFINED}}


@pytest.fixture
def document():
    confusion = [[0] * 25 for _ in range(25)]
    return {
        "set": "cil",
        "split": "te<st>",
        "citation": "Somebody & al.",
        "licence": "CC",
        "model": {"name": "metaphase", "version": "1", "sha256": "ab" * 32},
        "overlap": "mask",
        **SUMMARY,
        "groups": {"overlapping": {"of": "chromosomes", "what": "share pixels", **SUMMARY}},
        "by_class": {"1": SUMMARY, "X": SUMMARY},
        "second_annotation": {"set": "cil", **SUMMARY},
        "tables": {
            "precision_recall": {"AP50": [1.0] * 101},
            "confusion": confusion,
            "coverage_accuracy": [[0.5, 1.0], [1.0, 0.9]],
            "calibration_bins": [[0.9, 0.8, 40]],
            "score_bins": [[0.7, 0.8, 44]],
            "count_histogram": [[-30, 1], [0, 2]],
        },
        "left_out": [{"metrics": ["sanity"], "reason": "no classes"}],
        "notes": ["a note"],
        "not_scored": [{"image": "b", "reason": "<broken>"}],
        "invalid": [{"entry": 7, "image": "c", "reason": "nan"}],
        "resamples": 1000,
    }


class Reader(HTMLParser):
    """Collects tags, text and where anything is fetched from; every tag must be closed in order."""

    def __init__(self):
        super().__init__()
        self.open, self.seen, self.fetched, self.text = [], [], [], []

    def handle_starttag(self, tag, attributes):
        self.seen.append(tag)
        self.fetched += [value for name, value in attributes if name in ("src", "href")]
        if tag not in ("meta", "img", "br"):
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.seen.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


def read(page):
    reader = Reader()
    reader.feed(page)
    assert reader.open == []
    return reader


def test_everything_is_there(document):
    page = read(evaluation_page(document, [GalleryPicture("cell1", "3 errors", b"truth", b"guess")]))
    text = " ".join(page.text)
    for part in (
        "Figures",
        "Plots",
        "Hard parts, apart",
        "Each class",
        "Ceiling",
        "Left out",
        "Images that were not scored",
        "Entries set aside",
        "The 1 worst cells",
    ):
        assert part in text, part
    for words in ("te<st>", "<broken>", "entry 7, c: nan", "a note", "0.9100", "≤ −10", "Somebody & al."):
        assert words in text, words
    assert page.seen.count("svg") == 6
    assert all(place.startswith("data:") for place in page.fetched)
    assert len(page.fetched) == 2


def test_what_is_missing_leaves_no_empty_heading(document):
    document |= {"groups": {}, "by_class": {}, "second_annotation": None, "left_out": [], "not_scored": []}
    document |= {"invalid": [], "tables": {"precision_recall": {}}}
    page = read(evaluation_page(document))
    assert page.seen.count("h2") == 1
    assert page.seen.count("svg") == 0


def test_the_schema_is_one():
    Draft202012Validator.check_schema(metrics_schema())
    assert metrics_schema()["properties"]["metrics"]
