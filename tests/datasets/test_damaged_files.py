"""Whatever is in a label file, every adapter reads it or says in one sentence which file is wrong."""

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from published_layouts import (
    cell,
    encoded,
    labelme_document,
    pair,
    write,
    write_autokary,
    write_bioimlab,
    write_cil,
    write_crcn,
    write_mfish,
    write_overlap_pairs,
)

from metaphase.datasets import ADAPTERS, OWN_DATA
from metaphase.datasets.formats.coco import annotation_entries, categories
from metaphase.datasets.formats.voc import VocAnnotation, write_voc
from metaphase.errors import DataError

SPREAD = cell(1)


def one_image(name: str, home: Path) -> tuple[Path, list[Path]]:
    """(root, files with labels of one image) of a small set for each adapter."""
    truth, png = SPREAD.truth, encoded(SPREAD.gray)
    if name == "cil":
        return home, [write_cil(home, {"105161": SPREAD}) / "24_chromosomes_object" / "annotations" / "105161.xml"]
    if name == "cil-single":
        folder = write_cil(home, {"105161": SPREAD}) / "24_chromosomes_object"
        label = folder.with_name("single_chromosomes_object")
        folder.rename(label)
        text = (label / "annotations" / "105161.xml").read_text(encoding="utf-8")
        boxes = [part.split("<", 1)[0] for part in text.split("<name>")[1:]]
        for box in boxes:
            text = text.replace(f"<name>{box}</name>", "<name>chromosomes</name>")
        return home, [write(label / "annotations" / "105161.xml", text)]
    if name == "autokary2022":
        return home, [write_autokary(home, {"test/A/1": SPREAD}) / "test_labelme" / "A" / "1.json"]
    if name in ("gband_masks", "labelme"):
        folder = home / "test_labelme" / "A"
        write(folder / "1.png", png)
        return home, [write(folder / "1.json", json.dumps(labelme_document(SPREAD, "1.png")))]
    if name == "overlap-pairs":
        return home, [write_overlap_pairs(home, count=1, paint=False) / "Overlapping" / "labels" / "1.png"]
    if name == "bioimlab":
        return home, sorted(write_bioimlab(home, {"1": SPREAD}).glob("1/*.bmp"))[:1]
    if name in ("mfish", "mfish-rejoined"):
        folder = write_mfish(home, {"A01__XY/A0101XY": (SPREAD, "46,XY")}) / "A01__XY"
        return home, [folder / "A0101XYK.tif", folder / "Case Info"]
    if name == "crcn-ne":
        folder = write_crcn(home, {"a": SPREAD}, classes=24)
        return home, [folder / "labels" / "a.txt", folder / "data.yaml"]
    write(home / "images" / "a.png", png)
    if name == "yolo":
        lines = "0 0.5 0.5 0.1 0.2\n3 0.1 0.1 0.2 0.1 0.2 0.2\n"
        return home, [write(home / "labels" / "a.txt", lines), write(home / "data.yaml", "names: [1, 2, 3, X]\n")]
    if name == "voc":
        annotation = VocAnnotation("a.png", SPREAD.width, SPREAD.height, ("1", "X"), truth.boxes_xyxy[:2].astype(float))
        return home, [write(home / "Annotations" / "a.xml", write_voc(annotation))]
    entries = annotation_entries(truth, 1, 1)
    entries[1]["segmentation"] = [[1, 1, 30, 1, 30, 30]]
    entries[2]["segmentation"] = {
        "size": [SPREAD.height, SPREAD.width],
        "counts": [5, 10, SPREAD.height * SPREAD.width - 15],
    }
    image = {"id": 1, "file_name": "a.png", "height": SPREAD.height, "width": SPREAD.width}
    document = {"images": [image], "annotations": entries, "categories": categories()}
    return home, [write(home / "annotations.json", json.dumps(document))]


def read_all(name: str, root: Path) -> int:
    """Find and read everything; an error of the project that names a file is an answer. Returns what was read."""
    adapter, read = ADAPTERS[name], 0
    index = _answer(root, lambda: adapter.find(root))
    for image in index.labels if index else ():
        record = _answer(root, lambda image=image: adapter.read(index, image))
        if record is None:
            continue
        read += 1
        boxes = record.truth.boxes_xyxy
        assert np.isfinite(boxes).all()
        assert (boxes >= 0).all()
        assert (boxes[:, 2] <= record.truth.width).all()
        assert (boxes[:, 3] <= record.truth.height).all()
    contradictions = getattr(adapter, "contradictions", None)
    if index and contradictions is not None:
        _answer(root, lambda: contradictions(index, {image: np.full(25, 2) for image in index.labels}))
    return read


def _answer(root: Path, ask):
    """What `ask` gives; None where it raises an error of the project, which must name the file."""
    try:
        return ask()
    except DataError as error:
        said = str(error)
    assert str(root) in said
    return None


@st.composite
def damage(draw):
    """A function from the bytes of a good file to those of a damaged one."""
    kind = draw(st.sampled_from(["cut", "bytes", "word", "noise", "twice", "empty", "value"]))
    a, b = draw(st.floats(0, 1)), draw(st.floats(0, 1))
    noise = draw(st.binary(min_size=1, max_size=40))
    words = [b"", b"null", b"-1", b"1e999", b"NaN", b"true", b"[]", b"{}", b'"x"', b"99999999999999999999", b"\xff"]
    word = draw(st.sampled_from(words))

    def apply(data: bytes) -> bytes:
        at, to = sorted((int(a * len(data)), int(b * len(data))))
        if kind == "cut":
            return data[:at]
        if kind == "bytes":
            return data[:at] + noise + data[at + len(noise) :]
        if kind == "word":
            return data[:at] + word + data[to:]
        if kind == "noise":
            return noise
        if kind == "twice":
            return data[:to] + data[at:]
        if kind == "value":  # one number of the text becomes something else
            digits = [i for i, sign in enumerate(data[:20000]) if 48 <= sign < 58]
            i = digits[int(a * (len(digits) - 1))] if digits else 0
            return data[:i] + word + data[i + 1 :]
        return b""

    return apply


@pytest.mark.parametrize("name", ADAPTERS)
def test_the_undamaged_file_is_read(name, tmp_path):
    root, _ = one_image(name, tmp_path)
    assert read_all(name, root) >= 1


@pytest.mark.parametrize("name", ADAPTERS)
def test_damaged_files_are_a_data_error_or_read(name, tmp_path):
    root, files = one_image(name, tmp_path)
    good = {path: path.read_bytes() for path in files}

    @settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(st.integers(0, len(files) - 1), damage())
    def damaged(which, apply):
        path = files[which]
        path.write_bytes(apply(good[path]))
        try:
            read_all(name, root)
        finally:
            path.write_bytes(good[path])

    damaged()


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=8,
)
KEYS = {
    "labelme": [
        "shapes",
        "imageHeight",
        "imageWidth",
        "imagePath",
        "imageData",
        "points",
        "label",
        "group_id",
        "shape_type",
    ],
    "coco": [
        "images",
        "annotations",
        "categories",
        "bbox",
        "segmentation",
        "category_id",
        "image_id",
        "id",
        "file_name",
    ]
    + ["height", "width", "counts", "size", "iscrowd", "name", "case"],
}


@pytest.mark.parametrize("name", ["labelme", "autokary2022", "gband_masks", "coco"])
def test_any_json_value_in_any_key(name, tmp_path):
    root, (path,) = one_image(name, tmp_path)
    good = json.loads(path.read_text(encoding="utf-8"))

    @settings(max_examples=40, deadline=None)
    @given(st.sampled_from(KEYS["coco" if name == "coco" else "labelme"]), json_values)
    def odd(key, value):
        path.write_text(json.dumps(_replaced(good, key, value)), encoding="utf-8")
        read_all(name, root)

    odd()


def _replaced(document, key, value):
    """The document with the first value under this key replaced, wherever it stands."""
    done = []

    def walk(node):
        if isinstance(node, dict):
            return {k: value if k == key and not done and not done.append(1) else walk(v) for k, v in node.items()}
        return [walk(entry) for entry in node] if isinstance(node, list) else node

    return walk(document)


def test_a_label_map_of_noise(tmp_path):
    root, (path,) = one_image("overlap-pairs", tmp_path)
    for seed in range(5):
        path.write_bytes(encoded(np.random.default_rng(seed).integers(0, 256, (60, 60, 3), np.uint8)))
        assert read_all("overlap-pairs", root) >= 1
    assert pair(1)[0].shape == (128, 128)
    assert set(OWN_DATA) < set(ADAPTERS)
