"""The linter finds what is planted, each with its file, and finds nothing in a clean set."""

import json

import cv2
import numpy as np
import pytest
import tifffile
from published_layouts import (
    cell,
    encoded,
    full_cell,
    labelme_document,
    write,
    write_autokary,
    write_bioimlab,
    write_cil,
    write_crcn,
    write_mfish,
    write_overlap_pairs,
)

from metaphase.curate import check, write_cleaned
from metaphase.curate.findings import KINDS, SEVERITIES
from metaphase.datasets.formats.coco import annotation_entries, categories
from metaphase.errors import ConfigError, DataError, MetaphaseError

SMALL = {"105161": cell(1), "105162": cell(2), "105171": cell(3)}


def report(named, root=None, **options):
    return list(check(str(named), root, **options))[-1]


def found(result, kind):
    return [finding for finding in result["findings"] if finding["kind"] == kind]


def annotation(home, name):
    return home / "24_chromosomes_object" / "annotations" / f"{name}.xml"


def image(home, name):
    return home / "24_chromosomes_object" / "JEPG" / f"{name}.jpg"


def edit(path, old, new):
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def test_a_clean_cell_has_no_findings(tmp_path):
    write_cil(tmp_path, {"105161": full_cell(1), "105171": full_cell(2, "46,XX")})
    result = report("cil", tmp_path)
    assert result["findings"] == []
    assert result["counts"] == dict.fromkeys(SEVERITIES, 0)
    assert (result["images"], result["chromosomes"], result["cases"]) == (2, 92, 2)


def test_yields_a_step_for_each_image(tmp_path):
    write_cil(tmp_path, SMALL)
    steps = list(check("cil", tmp_path, limit=2))
    assert [(step["done"], step["total"]) for step in steps[:-1]] == [(1, 2), (2, 2)]


@pytest.mark.parametrize(
    ("old", "new", "kind"),
    [
        ("<xmax>", "<xmax>9", "box-outside"),
        ("<xmin>", "<xmin>9", "box-empty"),
        ("<name>", "<name>Q", "unknown-class"),
        ("</annotation>", "", "unreadable-label"),
    ],
)
def test_broken_labels_are_found_and_named(tmp_path, old, new, kind):
    home = write_cil(tmp_path, SMALL)
    path = annotation(home, "105162")
    edit(path, old, new)
    result = report("cil", tmp_path)
    (finding,) = found(result, kind)
    assert finding["file"] == str(path)
    assert finding["severity"] == KINDS[kind].severity
    assert finding["action"]
    assert finding["place"] or finding["said"]
    assert finding["image"] == "105162"


def test_missing_files_are_found(tmp_path):
    home = write_cil(tmp_path, SMALL)
    annotation(home, "105161").unlink()
    image(home, "105162").unlink()
    result = report("cil", tmp_path)
    assert [f["file"] for f in found(result, "missing-label")] == [str(image(home, "105161"))]
    assert [f["file"] for f in found(result, "missing-image")] == [str(annotation(home, "105162"))]
    assert result["counts"]["error"] == 2


def test_a_broken_image_and_one_of_another_size(tmp_path):
    home = write_cil(tmp_path, SMALL)
    image(home, "105161").write_bytes(image(home, "105161").read_bytes()[:300])
    image(home, "105162").write_bytes(encoded(np.full((90, 90), 200, np.uint8), ".jpg"))
    result = report("cil", tmp_path)
    assert [f["image"] for f in found(result, "unreadable-image")] == ["105161"]
    assert [f["image"] for f in found(result, "size-mismatch")] == ["105162"]


def test_the_same_pixels_twice_and_across_a_split(tmp_path):
    home = write_cil(tmp_path, SMALL, {"train": ["105161", "105162"], "test": ["105171"]})
    image(home, "105162").write_bytes(image(home, "105161").read_bytes())
    (finding,) = found(report("cil", tmp_path), "duplicate-image")
    assert "105161" in finding["said"]
    image(home, "105171").write_bytes(image(home, "105161").read_bytes())
    (finding,) = found(report("cil", tmp_path), "duplicate-across")
    assert (finding["image"], finding["severity"]) == ("105171", "error")


def test_a_case_on_both_sides_is_an_error_and_in_the_official_split_a_warning(tmp_path):
    home = write_cil(tmp_path, SMALL, {"train": ["105161", "105171"], "test": ["105162"]})
    write(home / "train.txt", "105161\n")
    write(home / "test.txt", "105162\n")
    result = report("cil", tmp_path)
    (finding,) = found(result, "case-across")
    assert finding["said"] == "case 10516 stands in train and in test"
    (finding,) = found(result, "case-across-official")
    assert finding["severity"] == "warning"


def test_a_name_in_a_split_list_that_is_not_there(tmp_path):
    write_cil(tmp_path, SMALL, {"train": [*SMALL, "999999"]})
    assert [f["place"] for f in found(report("cil", tmp_path), "split-unknown")] == ["999999"]


def test_counts_away_from_46(tmp_path):
    write_cil(tmp_path, {"105161": full_cell(3, "47,XX,+21"), "105171": cell(1)})
    result = report("cil", tmp_path)
    assert [f["said"] for f in found(result, "count-near")] == ["47 chromosomes instead of 46"]
    assert [f["said"] for f in found(result, "count")] == ["4 chromosomes instead of 46"]
    assert result["counts"]["error"] == 0


def test_one_class_posing_as_24(tmp_path):
    spread = full_cell(1)
    home = write_crcn(tmp_path, {"a": spread}, classes=24)
    label = home / "labels" / "a.txt"
    lines = label.read_text(encoding="ascii").splitlines()
    label.write_text("".join(f"0 {line.split(maxsplit=1)[1]}\n" for line in lines), encoding="ascii")
    (finding,) = found(report("crcn-ne", tmp_path), "one-class")
    assert "has one class, not 24" in finding["said"]
    write_crcn(tmp_path / "honest", {"a": spread}, classes=1)
    assert found(report("crcn-ne", tmp_path / "honest"), "one-class") == []


def test_wrong_polarity(tmp_path):
    home = write_autokary(tmp_path, {f"train/A{i}/{i}": cell(i) for i in range(1, 4)})
    path = home / "train_labelme" / "A2" / "2.png"
    path.write_bytes(encoded(255 - cell(2).gray))
    (finding,) = found(report("autokary2022", tmp_path), "polarity")
    assert (finding["image"], finding["file"]) == ("2", str(path))
    assert "bright on dark" in finding["said"]


def test_wrong_polarity_against_what_the_publisher_says(tmp_path):
    home = write_bioimlab(tmp_path, {"1": cell(1)})
    path = sorted((home / "1").glob("*.bmp"))[0]
    path.write_bytes(encoded(255 - cv2.imread(str(path), 0), ".bmp"))
    result = report("bioimlab", tmp_path)
    assert [f["image"] for f in found(result, "polarity")] == [path.stem]
    assert found(result, "count") == []  # one chromosome an image is what the set has


def test_labels_that_are_errors(tmp_path):
    home = write_autokary(tmp_path, {"train/A/1": cell(1)})
    path = home / "train_labelme" / "A" / "1.json"
    document = json.loads(path.read_text(encoding="utf-8"))
    document["shapes"][0]["label"], document["shapes"][2]["label"] = "-1", "119"
    write(path, json.dumps(document))
    findings = found(report("autokary2022", tmp_path), "label-impossible")
    assert [(f["place"], f["said"]) for f in findings] == [
        ("shape 1", "label '-1' is no class"),
        ("shape 3", "label '119' is no class"),
    ]
    assert {f["severity"] for f in findings} == {"error"}


def test_lists_that_contradict_the_labels(tmp_path):
    cells = {"105161": full_cell(1), "105171": full_cell(3, "47,XX,+21"), "105181": full_cell(2, "46,XX")}
    home = write_cil(tmp_path, cells)
    listed = "filename,chromosome numbers,description\n105161.jpg,45,\n105171.jpg,46,\n105181.jpg,46,\n"
    write(home / "normal.csv", listed)
    write(home / "number_abnormalities.csv", "filename,n,d\n105181.jpg,47,21\n")
    said = {(f["image"], f["said"]) for f in found(report("cil", tmp_path), "list-contradiction")}
    assert said == {
        ("105161", "normal.csv says 45, the boxes 46"),
        ("105171", "normal.csv says 46, the boxes 47 with 2 X, 0 Y, 3 of 21"),
        ("105181", "number_abnormalities.csv says 47, the boxes 46"),
    }


def test_case_info_that_contradicts_the_map(tmp_path):
    write_mfish(tmp_path, {"A01__XY/A0101XY": (cell(1, (1, 7, 18, 23), overlap=0.0), "46,XY")})
    (finding,) = found(report("mfish", tmp_path), "list-contradiction")
    assert finding["said"] == "Case Info says 46,XY, the map shows 4"


def test_overlap_lost(tmp_path):
    for number in range(1, 4):
        squares = np.zeros((200, 200), np.uint8)
        document = {"imagePath": f"{number}.png", "imageHeight": 200, "imageWidth": 200, "shapes": []}
        for k in range(16):  # a chessboard: every square touches its neighbours, none overlaps
            y, x = divmod(k, 4)
            points = [[40 * x, 40 * y], [40 * x + 39, 40 * y], [40 * x + 39, 40 * y + 39], [40 * x, 40 * y + 39]]
            document["shapes"].append({"label": str(k + 1), "points": points, "shape_type": "polygon"})
        squares[::7] = number
        write(tmp_path / "own" / f"{number}.png", encoded(squares))
        write(tmp_path / "own" / f"{number}.json", json.dumps(document))
    (finding,) = found(report(tmp_path / "own"), "overlap-lost")
    assert "none shares a pixel" in finding["said"]


def test_a_mask_outside_its_box_and_two_on_one_chromosome(tmp_path):
    spread = cell(1)
    truth = spread.truth
    (tmp_path / "own").mkdir()
    write(tmp_path / "own" / "a.png", encoded(spread.gray))
    entries = annotation_entries(truth, 1, 1)
    entries[0]["bbox"] = [0, 0, 5, 5]
    entries.append({**entries[1], "id": 99})
    image_entry = {"id": 1, "file_name": "a.png", "height": truth.height, "width": truth.width}
    document = {"images": [image_entry], "annotations": entries, "categories": categories()}
    write(tmp_path / "own" / "annotations.json", json.dumps(document))
    result = report(tmp_path / "own")
    assert [f["place"] for f in found(result, "mask-outside-box")] == ["annotation 1 of a.png"]
    assert len(found(result, "twice")) == 1


def test_a_labs_own_pairs_are_measured_against_pairs(tmp_path):
    for number in range(1, 4):
        spread = cell(number, (1, 7), overlap=0.0)
        write(tmp_path / "own" / f"{number}.png", encoded(spread.gray))
        write(tmp_path / "own" / f"{number}.json", json.dumps(labelme_document(spread, f"{number}.png")))
    assert report(tmp_path / "own")["findings"] == []


def test_pairs_are_not_blamed_for_having_two_chromosomes(tmp_path):
    write_overlap_pairs(tmp_path)
    assert report("overlap-pairs", tmp_path)["findings"] == []


def test_an_empty_image_is_a_note(tmp_path):
    write(tmp_path / "own" / "a.png", encoded(cell(1).gray))
    document = labelme_document(cell(1), "a.png") | {"shapes": []}
    write(tmp_path / "own" / "a.json", json.dumps(document))
    assert [f["severity"] for f in found(report(tmp_path / "own"), "empty")] == ["note"]


def test_facts_are_remembered_until_a_file_changes(tmp_path, monkeypatch):
    home = write_cil(tmp_path, SMALL)
    first = report("cil", tmp_path)
    read = []
    inspect = check.__globals__["inspect"]

    def counting(place, name):
        read.append(name)
        return inspect(place, name)

    monkeypatch.setitem(check.__globals__, "inspect", counting)
    again = report("cil", tmp_path)
    assert read == []
    assert again["findings"] == first["findings"]
    edit(annotation(home, "105162"), "<xmin>", "<xmin>9")
    changed = report("cil", tmp_path)
    assert read == ["105162"]
    assert len(found(changed, "box-empty")) == 1
    report("cil", tmp_path, remembered=False)
    assert len(read) == 4


def test_a_look_at_a_few_images_forgets_nothing_of_the_others(tmp_path, monkeypatch):
    home = write_cil(tmp_path, SMALL)
    report("cil", tmp_path)
    edit(annotation(home, "105161"), "<xmin>", "<xmin>9")
    report("cil", tmp_path, limit=1)
    read = []
    inspect = check.__globals__["inspect"]
    monkeypatch.setitem(check.__globals__, "inspect", lambda place, name: read.append(name) or inspect(place, name))
    report("cil", tmp_path)
    assert read == []


def test_a_damaged_cache_counts_as_none(tmp_path):
    write_cil(tmp_path, SMALL)
    first = report("cil", tmp_path)
    (stored,) = (tmp_path / "cache" / "checks").iterdir()
    stored.write_bytes(b'{"facts": 3\n\xff')
    assert report("cil", tmp_path)["findings"] == first["findings"]


def test_two_processes_find_the_same(tmp_path, monkeypatch):
    monkeypatch.setitem(check.__globals__, "_WORTH_A_PROCESS", 2)
    home = write_cil(tmp_path, SMALL)
    edit(annotation(home, "105162"), "<xmin>", "<xmin>9")
    alone = report("cil", tmp_path, workers=1, remembered=False)
    together = report("cil", tmp_path, workers=2, remembered=False)
    assert alone["findings"] == together["findings"]
    assert found(alone, "box-empty")


def test_fix_writes_a_cleaned_copy_and_leaves_the_source_alone(tmp_path):
    cells = {"105161": full_cell(1), "105162": full_cell(2), "105171": full_cell(3), "105181": full_cell(4)}
    home = write_cil(tmp_path / "data", cells, {"train": ["105161", "105171", "105181"], "test": ["105162"]})
    edit(annotation(home, "105161"), "<xmin>", "<xmin>9")
    image(home, "105171").write_bytes(b"no image")
    image(home, "105181").write_bytes(encoded(255 - full_cell(4).gray, ".png"))
    before = {path: path.read_bytes() for path in sorted(home.rglob("*")) if path.is_file()}
    bad = report("cil", tmp_path / "data")
    assert bad["counts"]["error"] == 3  # the empty box, the broken image, the case on both sides
    cleaned = list(write_cleaned("cil", tmp_path / "clean", bad, tmp_path / "data"))[-1]
    assert (cleaned["images"], cleaned["chromosomes"], cleaned["moved"]) == (3, 45 + 46 + 46, 1)
    assert [left["image"] for left in cleaned["left_out"]] == ["105171"]
    good = report(tmp_path / "clean")
    assert (good["set"], good["counts"]["error"], good["counts"]["warning"]) == ("coco", 0, 0)
    assert {path: path.read_bytes() for path in sorted(home.rglob("*")) if path.is_file()} == before
    with pytest.raises(MetaphaseError, match="not empty"):
        list(write_cleaned("cil", tmp_path / "clean", bad, tmp_path / "data"))


def test_fix_takes_the_name_from_one_class_that_poses_as_24(tmp_path):
    home = write_crcn(tmp_path, {"a": full_cell(1)}, classes=24)
    label = home / "labels" / "a.txt"
    lines = label.read_text(encoding="ascii").splitlines()
    label.write_text("".join(f"0 {line.split(maxsplit=1)[1]}\n" for line in lines), encoding="ascii")
    bad = report("crcn-ne", tmp_path)
    list(write_cleaned("crcn-ne", tmp_path / "clean", bad, tmp_path))
    document = json.loads((tmp_path / "clean" / "annotations.json").read_text(encoding="utf-8"))
    assert {entry["category_id"] for entry in document["annotations"]} == {25}
    assert document["categories"][-1] == {"id": 25, "name": "chromosome"}
    assert report(tmp_path / "clean")["counts"]["error"] == 0


def test_unknown_sets_and_folders(tmp_path):
    with pytest.raises(ConfigError, match="neither a data set"):
        report("cill", tmp_path)
    with pytest.raises(ConfigError, match="METAPHASE_DATA"):
        report("cil")
    with pytest.raises(DataError, match="COCO, LabelMe, YOLO or Pascal VOC"):
        report(tmp_path)


def test_a_16_bit_tiff_and_its_labels(tmp_path):
    spread = cell(1)
    (tmp_path / "own").mkdir()
    tifffile.imwrite(tmp_path / "own" / "a.tif", spread.gray.astype(np.uint16) * 257)
    write(tmp_path / "own" / "a.json", json.dumps(labelme_document(spread, "a.tif")))
    assert report(tmp_path / "own")["counts"]["error"] == 0
