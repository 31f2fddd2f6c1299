"""The case verb: every cell, one proposal, one page."""

from __future__ import annotations

import json
import os
import re
from dataclasses import replace
from urllib.parse import unquote

import cv2
import numpy as np
import pytest
from click.testing import CliRunner

from metaphase.case import CELL_FILES, gather
from metaphase.cli.commands import metaphase
from metaphase.errors import DataError, ImageError, MetaphaseError
from metaphase.report import case_sheets
from metaphase.report.heading import sanity_words
from metaphase.report.lettering import text_size
from metaphase.report.sheet import Picture, Text
from metaphase.types import Case


def test_all_cells_come_out_on_one_page(fake_model, write_spread, tmp_path) -> None:
    for name in ("a", "b<1>", "c"):
        write_spread(tmp_path / "person" / f"{name}.png")
    (tmp_path / "person" / "d.png").write_bytes(b"no image")
    steps = list(gather(tmp_path / "person", tmp_path / "out", fake_model))
    assert [step.name for step in steps[:-1] if step.error is None] == ["a", "b<1>", "c"]
    assert [step.name for step in steps if step.error is not None] == ["d"]
    case = steps[-1].case
    assert case is not None
    assert (case.name, case.modal_number, case.iscn) == ("person", 46, None)
    document = json.loads((tmp_path / "out" / "case.json").read_text())
    assert document["undecided"] == ["a", "b<1>", "c"]
    page = (tmp_path / "out" / "case.html").read_text(encoding="utf-8")
    assert {"name", "iscn", "chromosomes", "sanity"} == set(document["cells"][0])
    assert "<th>sanity" in page
    assert f"<td>46</td><td>{sanity_words(case.cells[0][1])}</td>" in page
    assert "b&lt;1&gt;" in page
    assert "<1>" not in page
    assert "a cytogeneticist must confirm" in page
    assert page.count("<img ") == 6
    assert "<a href='a/overlay.png'>" in page
    assert (tmp_path / "out" / "case.pdf").read_bytes().startswith(b"%PDF")
    for name in ("a", "b<1>", "c"):
        assert sorted(path.name for path in (tmp_path / "out" / name).iterdir()) == sorted(CELL_FILES)


def test_what_cannot_be_a_case_is_refused(fake_model, write_spread, tmp_path) -> None:
    with pytest.raises(ImageError):
        list(gather(tmp_path / "nowhere", tmp_path / "out", fake_model))
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "x.png").write_bytes(b"no image")
    with pytest.raises(DataError, match="none of 1"):
        list(gather(tmp_path / "broken", tmp_path / "out", fake_model))


def test_an_image_without_a_metaphase_is_told_of_and_no_cell(fake_model, write_spread, tmp_path) -> None:
    write_spread(tmp_path / "person" / "a.png")
    blank = write_spread(tmp_path / "person" / "blank.png", 0)
    nuclei = write_spread(tmp_path / "person" / "nuclei.png", 6)
    (tmp_path / "person" / "torn.png").write_bytes(b"no image")
    steps = list(gather(tmp_path / "person", tmp_path / "out", fake_model))
    case = steps[-1].case
    assert case is not None
    assert [name for name, _ in case.cells] == ["a"]
    assert [len(step.warnings) for step in steps] == [0, 1, 1, 0, 0]
    for step, image, found in ((steps[1], blank, "none was found"), (steps[2], nuclei, "6 chromosomes were found")):
        (warning,) = step.warnings
        assert warning.startswith(f"{image}: this does not look like a metaphase: at least 20 chromosomes")
        assert f"{found}; it is left out of the case: look at" in warning
        assert (tmp_path / "out" / step.name / "overlay.png").is_file()
        result = json.loads((tmp_path / "out" / step.name / "result.json").read_text())
        assert result["karyotype"]["reasons"][0] in warning
    document = json.loads((tmp_path / "out" / "case.json").read_text())
    assert [cell["name"] for cell in document["cells"]] == ["a"]
    assert [cell["name"] for cell in document["left_out"]] == ["blank", "nuclei"]
    (torn,) = document["unreadable"]
    assert torn["name"] == "torn"
    assert str(steps[3].error).endswith(torn["reason"])
    page = (tmp_path / "out" / "case.html").read_text(encoding="utf-8")
    assert "<li>1 image could not be read: torn</li>" in page
    assert page.count("left out: this does not look like a metaphase") == 2
    assert "nuclei/karyogram.png" not in page, "an empty karyogram is nothing to look at"
    assert "<img src='nuclei/overlay.png'" in page


def test_a_copy_of_an_image_is_no_second_cell(fake_model, write_spread, tmp_path) -> None:
    first = write_spread(tmp_path / "person" / "a.png")
    write_spread(tmp_path / "person" / "b.png")
    gray = cv2.imread(str(first), cv2.IMREAD_GRAYSCALE)
    cv2.imwrite(str(tmp_path / "person" / "c.jpg"), cv2.resize(gray, None, fx=1.5, fy=1.5))
    moved = np.full_like(gray, 250)
    moved[20:, 12:] = gray[:-20, :-12]
    cv2.imwrite(str(tmp_path / "person" / "d.png"), moved)
    cv2.imwrite(str(tmp_path / "person" / "e.png"), np.rot90(gray)[:, ::-1])
    steps = list(gather(tmp_path / "person", tmp_path / "out", fake_model))
    case = steps[-1].case
    assert case is not None
    assert [name for name, _ in case.cells] == ["a", "b"]
    assert [name for name, _ in case.left_out] == ["c", "d", "e"]
    assert case.left_out[0] == (("c", "this shows the metaphase of a again, which counts once"))
    assert "left out of the case" in steps[2].warnings[0]
    result = json.loads((tmp_path / "out" / "c" / "result.json").read_text())
    assert result["karyotype"]["reasons"][0] == case.left_out[0][1]


def test_a_folder_without_any_metaphase_is_refused(fake_model, write_spread, tmp_path) -> None:
    write_spread(tmp_path / "person" / "blank.png", 0)
    with pytest.raises(DataError, match="none of 1 image could be read and shows a metaphase"):
        list(gather(tmp_path / "person", tmp_path / "out", fake_model))


def test_two_images_of_one_name_are_two_cells_and_it_is_said(fake_model, write_spread, tmp_path) -> None:
    for name in ("a.png", "a.bmp", "b.png"):
        write_spread(tmp_path / "twins" / name)
    steps = list(gather(tmp_path / "twins", tmp_path / "out", fake_model))
    assert [step.name for step in steps] == ["a", "a-2", "b", "twins"]
    assert [len(step.warnings) for step in steps] == [0, 1, 0, 0]
    assert "a.png: another image is named a too" in steps[1].warnings[0]
    assert (tmp_path / "out" / "a-2" / "overlay.png").is_file()
    assert "a-2/overlay.png" in (tmp_path / "out" / "case.html").read_text(encoding="utf-8")


def test_a_cell_named_like_a_file_of_the_case_stands_beside_it(fake_model, write_spread, tmp_path) -> None:
    write_spread(tmp_path / "person" / "case.json.png")
    steps = list(gather(tmp_path / "person", tmp_path / "out", fake_model))
    assert steps[0].name == "case.json-2"
    assert "case.json is the name of a file of the case" in steps[0].warnings[0]
    assert (tmp_path / "out" / "case.json").is_file()


def test_nothing_of_an_earlier_run_stays_beside_a_newer_one(fake_model, write_spread, tmp_path) -> None:
    for name in ("a.png", "b.png"):
        write_spread(tmp_path / "person" / name)
    out = tmp_path / "out"
    list(gather(tmp_path / "person", out, fake_model))
    (tmp_path / "person" / "b.png").write_bytes(b"broken")
    list(gather(tmp_path / "person", out, fake_model, overwrite=True))
    assert not (out / "b" / "result.json").exists()
    assert [cell["name"] for cell in json.loads((out / "case.json").read_text())["cells"]] == ["a"]
    (tmp_path / "person" / "a.png").write_bytes(b"broken")
    with pytest.raises(DataError):
        list(gather(tmp_path / "person", out, fake_model, overwrite=True))
    assert not (out / "case.json").exists()


def test_earlier_results_are_replaced_only_where_asked_to(fake_model, write_spread, tmp_path, monkeypatch) -> None:
    write_spread(tmp_path / "person" / "a.png")
    monkeypatch.setattr("metaphase.predict.load_model", lambda weights: fake_model)
    command = ["case", str(tmp_path / "person"), "--out", str(tmp_path / "out")]
    assert CliRunner().invoke(metaphase, command).exit_code == 0
    (tmp_path / "out" / "a" / "notes.txt").write_text("keep")
    refused = CliRunner().invoke(metaphase, command).exception
    assert isinstance(refused, MetaphaseError)
    assert "case.json is there already (and 5 more)" in str(refused)
    assert "--overwrite" in str(refused)
    assert CliRunner().invoke(metaphase, [*command, "--overwrite"]).exit_code == 0
    assert (tmp_path / "out" / "a" / "notes.txt").read_text() == "keep"


def test_reasons_stand_whole_in_the_printed_table(fake_model, write_spread, tmp_path) -> None:
    reasons = ("may be chromosomes: " + ", ".join(f"{i} (12?)" for i in range(60)), "look at 3")
    found = replace(fake_model.karyotype(fake_model.spread(write_spread(tmp_path / "a.png"))), reasons=reasons)
    cells = tuple((f"cell {i}", found) for i in range(30))
    sheets = case_sheets(Case("person", cells, None, (), 46, reasons=reasons))
    assert len(sheets) > 1
    assert all(sheet.height < 1.5 * sheet.width for sheet in sheets)
    words = [mark.words for sheet in sheets for mark in sheet.marks if isinstance(mark, Text)]
    assert words.count("look at 3") == 31
    assert " ".join(words).count("59 (12?)") == 31
    for sheet in sheets:
        for mark in sheet.marks:
            if isinstance(mark, Text) and mark.anchor == "ls":
                assert mark.x + text_size(mark.words, mark.size)[0] <= sheet.width - 40, mark.words


@pytest.mark.parametrize(("count", "columns"), [(1, 1), (3, 2), (5, 2)])
def test_overlays_fill_the_printed_summary_of_a_small_case(
    fake_model, write_spread, tmp_path, count: int, columns: int
) -> None:
    found = fake_model.karyotype(fake_model.spread(write_spread(tmp_path / "a.png")))
    case = Case("person", tuple((f"cell {i}", found) for i in range(count)), None, (), 46)
    (sheet,) = case_sheets(case, [np.full((900 + 50 * i, 1000, 3), 90, np.uint8) for i in range(count)])
    (bare,) = case_sheets(case)
    pictures = [mark for mark in sheet.marks if isinstance(mark, Picture)]
    assert len(pictures) == count
    assert len({mark.x for mark in pictures}) == columns
    assert bare.height < sheet.height <= 1.46 * sheet.width, "an A4 page"
    assert sheet.height > 1.1 * sheet.width
    for mark in pictures:
        assert mark.x >= 59
        assert mark.x + mark.width <= sheet.width - 59
        assert bare.height - 100 <= mark.y <= sheet.height - mark.height
        assert mark.height / mark.width == pytest.approx(mark.pixels.shape[0] / mark.pixels.shape[1], rel=0.01)


def test_overlays_that_would_be_too_small_to_read_are_left_away(fake_model, write_spread, tmp_path) -> None:
    found = fake_model.karyotype(fake_model.spread(write_spread(tmp_path / "a.png")))
    found = replace(found, reasons=("much to say",) * 16)
    case = Case("person", tuple((f"cell {i}", found) for i in range(3)), None, (), 46)
    (sheet,) = case_sheets(case, [np.full((900, 900, 3), 90, np.uint8)] * 3)
    assert not any(isinstance(mark, Picture) for mark in sheet.marks)


def test_the_command_tells_the_proposal(fake_model, write_spread, tmp_path, monkeypatch) -> None:
    write_spread(tmp_path / "person" / "a.png")
    monkeypatch.setattr("metaphase.predict.load_model", lambda weights: fake_model)
    result = CliRunner().invoke(metaphase, ["case", str(tmp_path / "person"), "--out", str(tmp_path / "out")])
    assert result.exit_code == 0, result.output
    assert "person: cannot tell; 1 cell;" in result.output


def test_any_name_of_a_file_is_shown_and_linked(fake_model, write_spread, tmp_path) -> None:
    names = ["50% #1?", os.fsdecode(b"not \xff text")]
    for name in names:
        try:
            write_spread(tmp_path / "person" / f"{name}.png")
        except (OSError, UnicodeError):
            pytest.skip("this file system has no such names")
    case = list(gather(tmp_path / "person", tmp_path / "out", fake_model))[-1].case
    assert case is not None
    page = (tmp_path / "out" / "case.html").read_text(encoding="utf-8")
    addresses = re.findall("(?:src|href)='([^#].*?)'", page)
    assert len(addresses) == 2 * 7
    for address in addresses:
        assert (tmp_path / "out" / unquote(address, errors="surrogateescape")).is_file()
    assert "src='50%25%20%231%3F/karyogram.png'" in page
    assert "not ? text" in page


def test_a_full_disk_is_not_blamed_on_the_images(fake_model, write_spread, tmp_path) -> None:
    write_spread(tmp_path / "person" / "a.png")
    (tmp_path / "out").write_bytes(b"a file")
    with pytest.raises(MetaphaseError, match="the results cannot be written"):
        list(gather(tmp_path / "person", tmp_path / "out", fake_model))
