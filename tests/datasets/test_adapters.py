"""Every adapter has the same shape."""

import inspect

import pytest

from metaphase.datasets import ADAPTERS, OWN_DATA, Index, Record
from metaphase.errors import DataError


@pytest.mark.parametrize("name", ADAPTERS)
def test_has_the_shape_of_an_adapter(name):
    adapter = ADAPTERS[name]
    assert adapter.CITATION
    assert adapter.LICENCE
    assert list(inspect.signature(adapter.find).parameters) == ["root"]
    assert list(inspect.signature(adapter.splits).parameters) == ["index"]
    assert list(inspect.signature(adapter.read).parameters) == ["index", "name"]
    assert adapter.__all__ == sorted(adapter.__all__, key=lambda entry: (not entry.isupper(), entry))


@pytest.mark.parametrize("name", ADAPTERS)
def test_says_what_it_expected_where_nothing_is(name, tmp_path):
    with pytest.raises(DataError, match="expected"):
        ADAPTERS[name].find(tmp_path)


@pytest.mark.parametrize("name", [name for name in ADAPTERS if name not in OWN_DATA])
def test_reads_the_real_set(name, data_root):
    adapter = ADAPTERS[name]
    try:
        index = adapter.find(data_root)
    except DataError as error:
        pytest.skip(f"this set is not there: {error}")
    assert isinstance(index, Index)
    splits = adapter.splits(index)
    assert "all" in splits or "test" in splits
    sides = {split: {index.cases[n] for n in splits[split]} for split in ("train", "val", "test") if split in splits}
    for split, cases in sides.items():
        assert not any(cases & other for key, other in sides.items() if key != split), "a case stands on two sides"
    for image in splits.get("test", splits.get("all"))[:5]:
        record = adapter.read(index, image)
        assert isinstance(record, Record)
        assert record.has_image == record.path.is_file()
        if record.has_image:
            assert record.gray().gray.shape == (record.truth.height, record.truth.width)
        assert record.case == index.cases[image]
        boxes = record.truth.boxes_xyxy
        assert len(boxes) > 0
        assert (boxes[:, :2] >= 0).all()
        assert (boxes[:, 2] <= record.truth.width).all()
        assert (boxes[:, 3] <= record.truth.height).all()
