"""Folders, names and failures of a batch, with a model whose answer is known."""

import json
from pathlib import Path

import jsonschema
import numpy as np
import pytest
from PIL import Image

from metaphase import report
from metaphase.batch import FILES, karyotype_images, plan
from metaphase.config import ReportConfig
from metaphase.errors import MetaphaseError


def files_below(folder: Path) -> list[str]:
    return sorted(str(p.relative_to(folder)) for p in folder.rglob("*"))


def test_three_files_for_an_image(tmp_path, fake_model, write_spread):
    image = write_spread(tmp_path / "cell 1.png")
    (outcome,) = karyotype_images(plan([image]), tmp_path / "new" / "out", fake_model)
    assert outcome.error is None
    assert outcome.chromosomes == 46
    assert outcome.warnings == ()
    assert outcome.folder == tmp_path / "new" / "out" / "cell 1"
    assert files_below(tmp_path / "new" / "out") == ["cell 1", *(f"cell 1/{name}" for name in sorted(FILES))]
    document = json.loads((outcome.folder / "result.json").read_text(encoding="utf-8"))
    jsonschema.validate(document, report.result_schema())
    assert document["image"] == {"path": str(image), "width": 260, "height": 260}
    assert len(document["instances"]) == 46
    assert np.asarray(Image.open(outcome.folder / "overlay.png")).shape == (520, 520, 3), "enlarged for the numbers"
    assert Image.open(outcome.folder / "karyogram.png").mode == "RGB"


def test_the_path_is_written_as_given(tmp_path, fake_model, write_spread, monkeypatch):
    write_spread(tmp_path / "a.png")
    monkeypatch.chdir(tmp_path)
    (outcome,) = karyotype_images(plan(["./a.png"]), "out", fake_model)
    assert json.loads((outcome.folder / "result.json").read_text())["image"]["path"] == "./a.png"


def test_two_inputs_with_one_stem(tmp_path, fake_model, write_spread):
    inputs = [write_spread(tmp_path / name) for name in ("x/a.png", "y/a.png", "y/A.bmp")]
    outcomes = list(karyotype_images(plan(inputs), tmp_path / "out", fake_model))
    assert [o.folder.name for o in outcomes] == ["a", "a-2", "A-3"]
    assert outcomes[0].warnings == ()
    assert all("a-2" in warning for warning in outcomes[1].warnings)
    assert len(outcomes[1].warnings) == 1


def test_a_dot_at_the_end_of_a_stem_is_no_second_image(tmp_path, fake_model, write_spread):
    alone = write_spread(tmp_path / "cell..png")
    (outcome,) = karyotype_images(plan([alone]), tmp_path / "out", fake_model)
    assert outcome.folder == tmp_path / "out" / "cell"
    assert outcome.warnings == ()
    both = list(karyotype_images(plan([write_spread(tmp_path / "cell.png"), alone]), tmp_path / "both", fake_model))
    assert [o.folder.name for o in both] == ["cell", "cell-2"]
    assert both[1].warnings == (f"another image is named cell too; the results are in {both[1].folder}",)


def test_names_never_meet(tmp_path, write_spread):
    inputs = [write_spread(tmp_path / name) for name in ("x/a.png", "y/a.png", "a-2.png")]
    names = [job.name for job in plan([*inputs, inputs[0]])]
    assert len(set(names)) == 4


def test_a_folder_gives_all_its_images_in_order(tmp_path, write_spread):
    for name in ("b.png", "a.jpg", "c.tif"):
        write_spread(tmp_path / name)
    (tmp_path / "notes.txt").touch()
    jobs = plan([tmp_path])
    assert [job.name for job in jobs] == ["a", "b", "c"]
    assert jobs[0].given == str(tmp_path / "a.jpg")


def test_bad_inputs_are_told_and_the_rest_goes_on(tmp_path, fake_model, write_spread):
    good = write_spread(tmp_path / "good.png")
    (tmp_path / "bad.png").write_bytes(b"\x89PNG\r\n\x1a\nrubbish")
    (tmp_path / "none").mkdir()
    inputs = [tmp_path / "bad.png", tmp_path / "none", tmp_path / "missing.png", good]
    outcomes = list(karyotype_images(plan(inputs), tmp_path / "out", fake_model))
    assert [o.error is None for o in outcomes] == [False, False, False, True]
    for path, outcome in zip(inputs[:3], outcomes, strict=False):
        assert str(path) in str(outcome.error)
        assert outcome.folder is None
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["good"]


def test_a_name_too_long_does_not_end_the_batch(tmp_path, fake_model, write_spread):
    inputs = [tmp_path / ("n" * 300 + ".png"), write_spread(tmp_path / "good.png")]
    outcomes = list(karyotype_images(plan(inputs), tmp_path / "out", fake_model))
    assert [o.error is None for o in outcomes] == [False, True]
    assert "no such file" in str(outcomes[0].error)


@pytest.mark.parametrize("count", [0, 5])
def test_what_is_no_metaphase_is_written_with_a_warning(tmp_path, fake_model, write_spread, count):
    (outcome,) = karyotype_images(plan([write_spread(tmp_path / "a.png", count)]), tmp_path / "out", fake_model)
    assert outcome.error is None
    assert len(outcome.warnings) == 1
    assert "does not look like a metaphase" in outcome.warnings[0]
    assert sorted(p.name for p in outcome.folder.iterdir()) == sorted(FILES)
    document = json.loads((outcome.folder / "result.json").read_text())
    jsonschema.validate(document, report.result_schema())
    assert len(document["instances"]) == count
    assert document["karyotype"]["reasons"][0] == outcome.warnings[0], "who gets the files alone must know it too"
    assert outcome.warnings[0] not in outcome.reasons


def test_the_warnings_of_the_reader_arrive(tmp_path, fake_model, write_spread):
    first = Image.open(write_spread(tmp_path / "a.png"))
    first.save(tmp_path / "two.tif", save_all=True, append_images=[first])
    (outcome,) = karyotype_images(plan([tmp_path / "two.tif"]), tmp_path / "out", fake_model)
    assert outcome.warnings == ("the file has 2 pages; the first is read",)


def test_a_second_run_replaces_the_files_and_nothing_else_where_asked_to(tmp_path, fake_model, write_spread):
    image, out = write_spread(tmp_path / "a.png"), tmp_path / "out"
    list(karyotype_images(plan([image]), out, fake_model))
    (out / "a" / "my notes.txt").write_text("keep")
    write_spread(image, 30)
    with pytest.raises(MetaphaseError, match=r"result.json is there already \(and 2 more\).*--overwrite"):
        list(karyotype_images(plan([write_spread(tmp_path / "b.png"), image]), out, fake_model))
    assert len(json.loads((out / "a" / "result.json").read_text())["instances"]) == 46
    assert not (out / "b").exists(), "nothing is done where something would be replaced"
    list(karyotype_images(plan([image]), out, fake_model, overwrite=True))
    assert len(json.loads((out / "a" / "result.json").read_text())["instances"]) == 30
    assert (out / "a" / "my notes.txt").read_text() == "keep"
    assert len(files_below(out)) == 5


def test_a_printed_page_of_an_earlier_run_does_not_stay_beside_new_results(tmp_path, fake_model, write_spread):
    image, out = write_spread(tmp_path / "a.png"), tmp_path / "out"
    list(karyotype_images(plan([image]), out, fake_model, ReportConfig(karyogram_pdf=True, evidence=True)))
    (out / "a" / "result.json").unlink()
    (out / "a" / "karyogram.png").unlink()
    (out / "a" / "overlay.png").unlink()
    with pytest.raises(MetaphaseError, match=r"karyogram.pdf is there already \(and 1 more\)"):
        list(karyotype_images(plan([image]), out, fake_model))
    list(karyotype_images(plan([image]), out, fake_model, overwrite=True))
    assert sorted(path.name for path in (out / "a").iterdir()) == sorted(FILES)


def test_a_failed_write_leaves_nothing(tmp_path, fake_model, write_spread, monkeypatch):
    written = []
    write_bytes = Path.write_bytes

    def full(path: Path, data: bytes) -> int:
        if len(written) == 2:
            raise OSError(28, "No space left on device")
        written.append(path)
        return write_bytes(path, data)

    image = write_spread(tmp_path / "a.png")
    monkeypatch.setattr(Path, "write_bytes", full)
    (outcome,) = karyotype_images(plan([image]), tmp_path / "out", fake_model)
    assert "No space left" in str(outcome.error)
    assert files_below(tmp_path / "out") == []


def test_results_come_one_at_a_time(tmp_path, fake_model, write_spread):
    inputs = [write_spread(tmp_path / f"{name}.png") for name in "ab"]
    outcomes = karyotype_images(plan(inputs), tmp_path / "out", fake_model)
    next(outcomes)
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["a"]


def test_out_is_a_file(tmp_path, fake_model, write_spread):
    image = write_spread(tmp_path / "a.png")
    with pytest.raises(MetaphaseError, match="a file is in its way"):
        list(karyotype_images(plan([image]), image, fake_model))
