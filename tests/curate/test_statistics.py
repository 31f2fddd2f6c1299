"""The numbers of a set, its plots, and its contact sheet."""

import numpy as np
import pytest
from published_layouts import (
    cell,
    full_cell,
    write_autokary,
    write_autokary_copy,
    write_bioimlab,
    write_cil,
    write_crcn,
    write_overlap_pairs,
)

from metaphase.curate import catalogue, preview, statistics
from metaphase.errors import DataError
from metaphase.report import SheetImage, draw_contact_sheet, draw_statistics
from metaphase.types import Instances


def numbers(named, root=None, **options):
    return list(statistics(str(named), root, **options))[-1]


def test_counts_classes_and_lengths(tmp_path):
    write_autokary(tmp_path, {"train/A/1": full_cell(1), "test/B/2": full_cell(2, "46,XX")})
    found = numbers("autokary2022", tmp_path)
    assert (found["images"], found["cases"], found["chromosomes"]) == (2, 2, 92)
    assert found["per_image"] == {46: 2}
    assert (found["classes"]["1"], found["classes"]["X"], found["classes"]["Y"]) == (4, 3, 1)
    assert found["image_sizes"] == [[680, 640, 2]]
    assert found["length_correlation"] > 0.9
    assert sum(entry["mean"] * entry["n"] for entry in found["lengths"].values()) > 0
    assert 0 < found["overlapping"] < 1
    assert numbers("autokary2022", tmp_path, split="test")["images"] == 1


def test_drawn_lengths_agree_with_the_ideogram(tmp_path):
    write_autokary(tmp_path, {"train/A/1": full_cell(1)})
    lengths = numbers("autokary2022", tmp_path)["lengths"]
    assert lengths["1"]["mean"] > 2 * lengths["21"]["mean"]
    assert lengths["1"]["ideogram"] == pytest.approx(8.44, abs=0.02)


def test_a_set_without_classes_or_masks(tmp_path):
    write_crcn(tmp_path, {"a": cell(1)})
    found = numbers("crcn-ne", tmp_path)
    assert (found["length_correlation"], found["overlapping"], found["lengths"]) == (None, None, {})
    assert found["classes"]["?"] == 4


def test_what_cannot_be_read_is_counted(tmp_path):
    home = write_cil(tmp_path, {"105161": cell(1), "105171": cell(2)})
    (home / "24_chromosomes_object" / "annotations" / "105161.xml").write_text("<no", encoding="utf-8")
    assert numbers("cil", tmp_path)["unreadable"] == 1


def test_plots_are_drawn_for_every_kind_of_set(tmp_path):
    write_autokary(tmp_path, {"train/A/1": full_cell(1)})
    write_crcn(tmp_path, {"a": cell(1)})
    write_overlap_pairs(tmp_path, count=1)
    write_bioimlab(tmp_path, {"1": cell(1)})
    for name in ("autokary2022", "crcn-ne", "overlap-pairs", "bioimlab"):
        rgb = draw_statistics(numbers(name, tmp_path))
        assert rgb.dtype == np.uint8
        assert rgb.shape == (840, 1280, 3)
        for panel in (rgb[40:440, :640], rgb[40:440, 640:], rgb[440:, :640], rgb[440:, 640:]):
            assert (panel != 255).any(), "no panel is empty"


def test_taller_bars_for_larger_counts(tmp_path):
    base = numbers_of_two_classes({"1": 10, "2": 5})
    rgb = draw_statistics(base)
    columns = (rgb[40:440, 640:] != 255).any(-1).sum(0)
    assert columns.max() > 200


def numbers_of_two_classes(classes):
    return {
        "set": "x",
        "images": 1,
        "chromosomes": 15,
        "cases": 1,
        "per_image": {},
        "classes": classes,
        "image_sizes": [],
        "lengths": {},
        "length_correlation": None,
    }


@pytest.mark.parametrize("name", ["autokary2022", "crcn-ne", "overlap-pairs", "bioimlab"])
def test_a_contact_sheet_shows_the_labels(tmp_path, name):
    write_autokary(tmp_path, {"train/A/1": cell(1), "test/B/2": cell(2)})
    write_crcn(tmp_path, {"a": cell(1), "hard/b": cell(2)})
    write_overlap_pairs(tmp_path, count=1)
    write_bioimlab(tmp_path, {"1": cell(1)})
    sheet = list(preview(name, tmp_path, count=2))[-1]
    assert sheet["images"] == 2
    rgb = sheet["rgb"].astype(int)
    assert (rgb.max(2) - rgb.min(2) > 60).any(), "outlines and boxes have colours"
    again = list(preview(name, tmp_path, count=2))[-1]["rgb"]
    assert np.array_equal(again, sheet["rgb"])


def test_a_sheet_of_labels_without_images_and_of_broken_ones(tmp_path):
    home = write_autokary_copy(tmp_path, {"train/0_1_247_180_0.880": cell(1), "val/1_1_2_180_0.1": cell(2)})
    assert list(preview("autokary2022", tmp_path))[-1]["images"] == 2
    (home / "dataset" / "val" / "annotations" / "1_1_2_180_0.1.json").write_text("{", encoding="utf-8")
    steps = list(preview("autokary2022", tmp_path))
    assert [step["reason"] is None for step in steps[:-1]] == [True, False]
    assert steps[-1]["images"] == 1


def test_a_sheet_is_as_high_as_its_images_and_names_stand_by_their_masks():
    wide = SheetImage(np.full((100, 400), 255, np.uint8), Instances.from_boxes(100, 400, np.zeros((0, 4))), "wide")
    rgb = draw_contact_sheet([wide])
    assert rgb.shape[0] < rgb.shape[1] / 3, "no empty paper below a wide image"
    # A stroke from the lower left to the upper right corner: its name belongs to its end, not to the empty corner.
    mask = np.eye(300, dtype=bool)[::-1] | np.eye(300, k=1, dtype=bool)[::-1]
    truth = Instances.from_masks(400, 400, [mask], [(50, 50)], labels=[1])
    rgb = draw_contact_sheet([SheetImage(np.full((400, 400), 255, np.uint8), truth, "")]).astype(int)
    coloured = rgb.max(2) - rgb.min(2) > 60
    middle = rgb.shape[1] // 2
    assert coloured[: rgb.shape[0] // 6, middle:].any()
    assert not coloured[: rgb.shape[0] // 3, :middle].any()


def test_a_published_set_is_not_taken_for_own_images(tmp_path):
    home = write_autokary(tmp_path, {"train/A/1": cell(1), "test/B/2": cell(2)})
    with pytest.raises(DataError, match=r"holds autokary2022.*--root"):
        numbers(home)
    write_autokary(tmp_path / "masks", {"test/B/2": cell(2)}).rename(tmp_path / "gband_masks")
    with pytest.raises(DataError, match=r"holds gband_masks; give that name"):
        numbers(tmp_path / "gband_masks")
    write_cil(tmp_path / "boxes", {"105161": cell(1)})
    with pytest.raises(DataError, match=r"holds cil; give that name in its place, with --root"):
        numbers(tmp_path / "boxes" / "cil")
    write_overlap_pairs(tmp_path / "pairs", count=1)
    with pytest.raises(DataError, match=r"holds overlap-pairs.*--root"):
        numbers(tmp_path / "pairs")


def test_the_catalogue_says_what_is_there_and_what_is_missing(tmp_path):
    write_cil(tmp_path, {"105161": cell(1)})
    entries = {entry["name"]: entry for entry in catalogue(tmp_path)}
    assert (entries["cil"]["images"], entries["cil"]["missing"]) == (1, "")
    assert entries["cil"]["splits"] == {"train": 1, "all": 1}
    assert entries["mfish"]["found"] is None
    assert "expected" in entries["mfish"]["missing"]
    assert all(entry["licence"] and entry["source"] and entry["about"] for entry in entries.values())
    assert all(entry["found"] is None for entry in catalogue(None))
    assert "coco" not in entries
