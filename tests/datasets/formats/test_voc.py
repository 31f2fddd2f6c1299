"""The VOC reader and writer."""

import numpy as np
import pytest

from metaphase.datasets.formats import voc
from metaphase.datasets.formats.voc import VocAnnotation, read_voc, write_voc
from metaphase.errors import DataError

GOOD = """<annotation><filename>a.jpg</filename><size><width>30</width><height>20</height></size>
<object><name>A1</name><bndbox><xmin>-1</xmin><ymin>2</ymin><xmax>31</xmax><ymax>9.5</ymax></bndbox></object>
</annotation>"""


def store(tmp_path, text, encoding="utf-8"):
    path = tmp_path / "a.xml"
    path.write_bytes(text.encode(encoding))
    return path


def test_reads_what_is_written_and_neither_clips_nor_shifts(tmp_path):
    annotation = read_voc(store(tmp_path, GOOD))
    assert (annotation.filename, annotation.width, annotation.height) == ("a.jpg", 30, 20)
    assert annotation.names == ("A1",)
    assert annotation.boxes_xyxy.tolist() == [[-1, 2, 31, 9.5]]


def test_round_trip(tmp_path):
    annotation = VocAnnotation("ä.png", 30, 20, ("X", "1 & 2"), np.array([[1, 2, 3, 4], [0.25, 0, 30, 1 / 3]]))
    path = tmp_path / "b.xml"
    path.write_bytes(write_voc(annotation))
    back = read_voc(path)
    assert (back.filename, back.width, back.height, back.names) == ("ä.png", 30, 20, ("X", "1 & 2"))
    assert (back.boxes_xyxy == annotation.boxes_xyxy).all()
    assert b"<xmin>1</xmin>" in path.read_bytes()


def test_an_image_without_objects_is_fine(tmp_path):
    annotation = read_voc(store(tmp_path, GOOD[: GOOD.index("<object>")] + "</annotation>"))
    assert annotation.boxes_xyxy.shape == (0, 4)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "utf-32"])
def test_entities_are_refused_whatever_the_encoding(tmp_path, encoding):
    attack = '<!DOCTYPE a [<!ENTITY b "ha"><!ENTITY c "&b;&b;&b;">]>' + GOOD.replace("a.jpg", "&c;")
    with pytest.raises(DataError, match=r"a\.xml"):
        read_voc(store(tmp_path, attack, encoding))


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("</annotation>", "", "cannot be parsed"),
        ("annotation>", "html>", "got <html>"),
        ("<width>30</width>", "", "size/width must be a number, but got None"),
        ("<height>20</height>", "<height>0</height>", "size/height must be a whole number"),
        ("<name>A1</name>", "", "object 1 has no <name>"),
        ("<xmax>31</xmax>", "<xmax>wide</xmax>", "object 1 <xmax> must be a number, but got 'wide'"),
        ("<xmax>31</xmax>", "<xmax>nan</xmax>", "object 1 <xmax>"),
        ("<xmax>31</xmax>", "", "object 1 <xmax>"),
    ],
)
def test_names_the_file_and_the_entry(tmp_path, old, new, said):
    with pytest.raises(DataError, match=said) as caught:
        read_voc(store(tmp_path, GOOD.replace(old, new)))
    assert "a.xml" in str(caught.value)


def test_a_missing_and_a_huge_file(tmp_path, monkeypatch):
    with pytest.raises(DataError, match="cannot be read"):
        read_voc(tmp_path / "none.xml")
    monkeypatch.setattr(voc, "LARGEST_FILE", 10)
    with pytest.raises(DataError, match="more than 10 bytes"):
        read_voc(store(tmp_path, GOOD))


def test_a_side_beyond_the_limit_is_refused(tmp_path):
    path = tmp_path / "a.xml"
    path.write_bytes(write_voc(VocAnnotation("a.png", 8001, 60, (), np.zeros((0, 4)))))
    with pytest.raises(DataError, match=r"1\.\.8000"):
        read_voc(path)
