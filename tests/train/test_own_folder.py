"""A lab's own folder, in LabelMe and in COCO."""

import json

import numpy as np
import pytest
from published_layouts import cell, encoded, labelme_document, write

pytest.importorskip("torch")

from metaphase import masks  # noqa: E402
from metaphase.chromosomes import NAMES  # noqa: E402
from metaphase.errors import DataError  # noqa: E402
from metaphase.train import sources  # noqa: E402

KARYOTYPE = (1, 9, 17, 23)


def write_coco(home, spreads, kind, categories=tuple(NAMES), name="annotations.json"):
    """One COCO file with masks as RLE or polygons, or boxes only; images in `images/`."""
    annotations = []
    for number, spread in enumerate(spreads):
        truth = spread.truth
        for i in range(len(truth)):
            x0, y0, x1, y1 = truth.boxes_xyxy[i].tolist()
            entry = {"id": len(annotations) + 1, "image_id": number, "bbox": [x0, y0, x1 - x0, y1 - y0]}
            entry["category_id"] = int(truth.labels[i]) if len(categories) > 1 else 1
            if kind == "rle":
                entry["segmentation"] = masks.encode_rle(
                    truth.crops[i], truth.offsets_xy[i], (truth.height, truth.width)
                )
            elif kind == "polygons":
                outlines = masks.trace_polygons(truth.crops[i])
                entry["segmentation"] = [(line + truth.offsets_xy[i]).reshape(-1).tolist() for line in outlines]
            annotations.append(entry)
        write(home / "images" / f"c{number}.png", encoded(spread.gray))
    images = [
        {"id": number, "file_name": f"c{number}.png", "height": spread.height, "width": spread.width}
        for number, spread in enumerate(spreads)
    ]
    named = [{"id": number, "name": name} for number, name in enumerate(categories, 1)]
    document = {"images": images, "annotations": annotations, "categories": named}
    write(home / name, json.dumps(document))


def same_masks(got, expected):
    np.testing.assert_array_equal(got.labels, expected.labels)
    for i in range(len(expected)):
        np.testing.assert_array_equal(got.mask(i), expected.mask(i))


@pytest.mark.parametrize("kind", ["rle", "polygons"])
def test_coco_masks_come_back_as_they_are(tmp_path, kind):
    spreads = [cell(seed, KARYOTYPE) for seed in range(2)]
    write_coco(tmp_path, spreads, kind)
    source = sources.open_source(str(tmp_path), None)
    assert {*source.train, *source.val} == {"c0", "c1"}
    for number, spread in enumerate(spreads):
        record = sources.read(str(tmp_path), tmp_path, f"c{number}")
        same_masks(record.truth, spread.truth)
        np.testing.assert_array_equal(record.gray().gray, spread.gray)


def test_coco_boxes_and_one_class(tmp_path):
    write_coco(tmp_path, [cell(0, KARYOTYPE)], "boxes", categories=("chromosome",))
    record = sources.read(str(tmp_path), tmp_path, "c0")
    assert not record.truth.has_masks
    assert record.truth.labels.tolist() == [0] * 4
    np.testing.assert_allclose(record.truth.boxes_xyxy, cell(0, KARYOTYPE).truth.boxes_xyxy)


def test_labelme_folders_are_cases_and_names_tell_splits(tmp_path):
    for key in ("anna/a1", "anna/a2", "val/b1"):
        spread = cell(len(key), KARYOTYPE)
        name = key.split("/")[1]
        write(tmp_path / f"{key}.json", json.dumps(labelme_document(spread, f"{name}.png")))
        write(tmp_path / f"{key}.png", encoded(spread.gray))
    same_masks(sources.read(str(tmp_path), tmp_path, "b1").truth, cell(len("val/b1"), KARYOTYPE).truth)
    source = sources.open_source(str(tmp_path), None, share=2.0)
    assert (source.train, source.val, source.share) == (("a1", "a2"), ("b1",), 2.0)
    assert source.folder.startswith("own-")


def test_two_folders_of_one_name_have_their_own_material(tmp_path):
    for place in ("x/cells", "y/cells"):
        write_coco(tmp_path / place, [cell(0, KARYOTYPE)], "rle")
    folders = {sources.open_source(str(tmp_path / place), None).folder for place in ("x/cells", "y/cells")}
    assert len(folders) == 2


def test_a_folder_without_labels_is_named(tmp_path):
    write(tmp_path / "a.png", encoded(cell(0).gray))
    write(tmp_path / "notes.json", "{}")
    with pytest.raises(DataError, match="expected labelled images in COCO, LabelMe"):
        sources.open_source(str(tmp_path), None)


@pytest.mark.parametrize(
    "text",
    ['{"images": [], "annotations": []', '{"annotations": 1, "images": [], "categories": []}', '{"annotations": []}'],
)
def test_a_broken_coco_file_is_named(tmp_path, text):
    write(tmp_path / "a.json", text)
    with pytest.raises(DataError, match=r"a\.json: "):
        sources._index(str(tmp_path), tmp_path)


def test_a_broken_annotation_is_named(tmp_path):
    write_coco(tmp_path, [cell(0, KARYOTYPE)], "rle")
    document = json.loads((tmp_path / "annotations.json").read_text())
    document["annotations"][0]["segmentation"] = 7
    write(tmp_path / "annotations.json", json.dumps(document))
    with pytest.raises(DataError, match=r"annotations\.json: "):
        sources.read(str(tmp_path), tmp_path, "c0")
