"""The traps of CIL's one-class labels."""

from metaphase.datasets import cil_single


def test_misspelt_folder_and_one_class(tmp_path, cil_writer):
    images = {
        "103091": (["chromosomes"] * 2, [[0, 0, 9, 9], [20, 0, 29, 9]]),
        "103092": (["chromosomes"], [[0, 0, 5, 5]]),
    }
    cil_writer(tmp_path, images, "single_chromosomes_object", "anntations", "single")
    index = cil_single.find(tmp_path)
    assert cil_single.splits(index)["val"] == ["103091", "103092"]
    assert cil_single.read(index, "103091").truth.labels.tolist() == [0, 0]
    assert len(cil_single.read(index, "103092").truth) == 1, "one chromosome alone is fine"


def test_real_counts(data_root):
    splits = cil_single.splits(cil_single.find(data_root))
    assert [len(splits[split]) for split in ("train", "val", "test")] == [165, 102, 216]
