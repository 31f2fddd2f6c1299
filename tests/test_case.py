"""The case verb: every cell, one proposal, one page."""

from __future__ import annotations

import json
import os
import re
from urllib.parse import unquote

import pytest
from click.testing import CliRunner

from metaphase.case import gather
from metaphase.cli.commands import metaphase
from metaphase.errors import DataError, ImageError, MetaphaseError
from metaphase.report.heading import sanity_words


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
    assert f"<td>{sanity_words(case.cells[0][1])}</td>" in page
    assert "b&lt;1&gt;" in page
    assert "<1>" not in page
    assert "a cytogeneticist must confirm" in page
    assert page.count("<img ") == 3
    assert (tmp_path / "out" / "case.pdf").read_bytes().startswith(b"%PDF")
    for name in ("a", "b<1>", "c"):
        assert (tmp_path / "out" / name / "karyogram.png").is_file()
        assert (tmp_path / "out" / name / "result.json").is_file()


def test_what_cannot_be_a_case_is_refused(fake_model, write_spread, tmp_path) -> None:
    with pytest.raises(ImageError):
        list(gather(tmp_path / "nowhere", tmp_path / "out", fake_model))
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "x.png").write_bytes(b"no image")
    with pytest.raises(DataError, match="none of 1"):
        list(gather(tmp_path / "broken", tmp_path / "out", fake_model))
    write_spread(tmp_path / "twins" / "a.png")
    write_spread(tmp_path / "twins" / "a.bmp")
    with pytest.raises(DataError, match="same name"):
        list(gather(tmp_path / "twins", tmp_path / "out", fake_model))


def test_the_command_tells_the_proposal(fake_model, write_spread, tmp_path, monkeypatch) -> None:
    write_spread(tmp_path / "person" / "a.png")
    monkeypatch.setattr("metaphase.predict.load_model", lambda weights: fake_model)
    result = CliRunner().invoke(metaphase, ["case", str(tmp_path / "person"), "--out", str(tmp_path / "out")])
    assert result.exit_code == 0, result.output
    assert "person: cannot tell; 1 cells" in result.output


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
    for address in re.findall("<img src='(.*?)'", page):
        assert (tmp_path / "out" / unquote(address, errors="surrogateescape")).is_file()
    assert "src='50%25%20%231%3F/karyogram.png'" in page
    assert "not ? text" in page


def test_a_full_disk_is_not_blamed_on_the_images(fake_model, write_spread, tmp_path) -> None:
    write_spread(tmp_path / "person" / "a.png")
    (tmp_path / "out").write_bytes(b"a file")
    with pytest.raises(MetaphaseError, match="the results cannot be written"):
        list(gather(tmp_path / "person", tmp_path / "out", fake_model))
