"""The page of a run's curves."""

import re

from metaphase.train.curves import write_page


def test_every_figure_has_a_curve_and_val_stands_apart(tmp_path):
    rows = "".join(f"{step},9,0.5,3,{1 / step},nan\n" for step in range(1, 10))
    (tmp_path / "curve.csv").write_text("step,of,seconds_a_step,seconds_left,loss,<odd>\n" + rows)
    (tmp_path / "val.csv").write_text("step,val_score\n4,0.5\n8,0.75\n")
    write_page(tmp_path)
    page = (tmp_path / "curve.html").read_text(encoding="utf-8")
    assert re.findall(r"<figcaption>(.*?)</figcaption>", page) == ["val_score: 0.75", "loss: 0.1111"]
    assert page.count('class="val"') == 1
    assert page.count("<circle") == 2
    (points,) = re.findall(r'aria-label="loss by step">.*?<path d="M(.*?)"', page)
    spots = [tuple(map(float, spot.split(","))) for spot in points.split("L")]
    assert len(spots) == 9
    assert spots == sorted(spots), "to the right and, as the loss falls, down"
    assert "http" not in page, "opens without a network"


def test_a_curve_of_one_value_and_of_many_points(tmp_path):
    (tmp_path / "curve.csv").write_text("step,loss\n" + "".join(f"{step},2\n" for step in range(1, 5001)))
    write_page(tmp_path)
    page = (tmp_path / "curve.html").read_text(encoding="utf-8")
    assert "loss: 2" in page
    assert len(page) < 20_000


def test_without_a_record_there_is_no_page(tmp_path):
    write_page(tmp_path)
    (tmp_path / "curve.csv").write_text("step,loss\n")
    write_page(tmp_path)
    assert not (tmp_path / "curve.html").exists()


def test_rows_longer_than_the_header_and_words_are_passed_over(tmp_path):
    (tmp_path / "curve.csv").write_text("step,loss\n1,2,3,4\n2,high\n3\n4,1\n")
    write_page(tmp_path)
    assert "loss: 1" in (tmp_path / "curve.html").read_text(encoding="utf-8")
