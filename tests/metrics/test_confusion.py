"""The confusion of classes, missed and false chromosomes included."""

from metaphase.metrics import compare, confusion


def test_every_instance_has_its_cell(boxes):
    truth = boxes([(0, 0, 10, 10), (0, 20, 10, 30), (20, 0, 30, 10)], labels=[1, 24, 3])
    predicted = boxes([(0, 0, 10, 10), (0, 20, 10, 30), (30, 30, 40, 40)], labels=[1, 22, 7])
    table = confusion([compare(truth, predicted, "box")])
    assert table.sum() == 4
    assert table[0, 0] == 1
    assert table[23, 21] == 1
    assert table[2, 24] == 1, "class 3 was missed"
    assert table[24, 6] == 1, "a false 7"
