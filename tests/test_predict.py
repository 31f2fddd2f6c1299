"""The contract of `load_model()(image)`, with the weights that the package carries."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import metaphase
from metaphase.errors import ImageError, WeightsError
from metaphase.predict import Model, load_model
from metaphase.types import Karyotype, Spread

EXAMPLE = Path(__file__).parents[1] / "examples" / "metaphase.png"
WEIGHTS = Path(metaphase.__file__).parent / "weights"

pytestmark = pytest.mark.skipif(
    not (WEIGHTS / "segment.onnx").exists() or not EXAMPLE.exists(), reason="needs the weights and the example"
)


@pytest.fixture(scope="module")
def model():
    return load_model()


@pytest.fixture(scope="module")
def pixels():
    return np.asarray(Image.open(EXAMPLE).convert("L"))


@pytest.fixture(scope="module")
def found(model):
    return model(EXAMPLE)


def check_contract(found, height, width):
    m = len(found["labels"])
    assert list(found) == ["boxes", "labels", "scores", "masks"]
    assert {name: (array.dtype, array.shape) for name, array in found.items()} == {
        "boxes": (np.float32, (m, 4)),
        "labels": (np.int64, (m,)),
        "scores": (np.float32, (m,)),
        "masks": (np.float32, (m, 1, height, width)),
    }
    assert all(np.isfinite(array).all() for array in found.values())
    assert ((found["labels"] >= 1) & (found["labels"] <= 24)).all()
    assert ((found["scores"] >= 0) & (found["scores"] <= 1)).all()
    assert ((found["masks"] >= 0) & (found["masks"] <= 1)).all()
    for box, mask in zip(found["boxes"], found["masks"][:, 0] > 0.5, strict=True):
        rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
        assert box.tolist() == [columns[0], rows[0], columns[-1] + 1, rows[-1] + 1], "boxes are tight and half open"


def test_the_example(found, pixels):
    check_contract(found, *pixels.shape)
    assert 30 <= len(found["labels"]) <= 60
    covered = found["masks"][:, 0].max(0) > 0.5
    assert pixels[covered].mean() < pixels[~covered].mean() - 30, "masks lie on the dark chromosomes"
    assert covered.mean() < 0.5


@pytest.mark.parametrize(
    "gray",
    [
        np.full((64, 64), 128, np.uint8),
        np.zeros((64, 100), np.uint8),
        np.full((90, 64), 255, np.uint8),
        np.random.default_rng(0).integers(0, 256, (64, 64), np.uint8),
        np.linspace(0, 255, 80 * 90).reshape(80, 90).astype(np.uint8),
    ],
    ids=["gray", "black", "white", "noise", "ramp"],
)
def test_what_is_no_metaphase_still_keeps_the_contract(model, gray):
    check_contract(model(gray), *gray.shape)


@pytest.mark.parametrize("value", [0, 128, 255])
def test_nothing_is_found_in_one_gray(model, value):
    found = model(np.full((64, 64), value, np.uint8))
    assert len(found["labels"]) == 0
    assert found["masks"].shape == (0, 1, 64, 64)


def test_an_array_and_its_file_agree(model, found, pixels):
    for image in (pixels, str(EXAMPLE)):
        again = model(image)
        for name, array in found.items():
            np.testing.assert_array_equal(again[name], array)


def same_count(found, other, limit):
    assert abs(len(found["labels"]) - len(other["labels"])) <= limit


def test_bright_on_dark(model, found, pixels):
    inverted = model(255 - pixels)
    check_contract(inverted, *pixels.shape)
    same_count(found, inverted, 2)


def test_16_bits_and_colour(model, found, pixels):
    for image in (pixels.astype(np.uint16) * 257, np.dstack([pixels] * 3), pixels.astype(np.float32) / 255):
        other = model(image)
        np.testing.assert_array_equal(other["masks"], found["masks"])
        np.testing.assert_array_equal(other["labels"], found["labels"])
    twelve_bits = model(pixels.astype(np.uint16) * 16 + 5)
    check_contract(twelve_bits, *pixels.shape)
    same_count(found, twelve_bits, 3)


def test_the_two_steps_are_the_call(model, found):
    spread = model.spread(EXAMPLE)
    assert isinstance(spread, Spread)
    assert spread.name == "metaphase"
    karyotype = model.karyotype(spread)
    assert isinstance(karyotype, Karyotype)
    chromosomes = karyotype.instances.of_status("chromosome")
    np.testing.assert_array_equal(chromosomes.labels, found["labels"])
    np.testing.assert_array_equal(chromosomes.boxes_xyxy, found["boxes"])
    assert len(karyotype.groups) == 23
    placed = sorted(i for group in (*karyotype.groups, karyotype.tray) for i in group)
    assert placed == list(range(len(karyotype.instances)))
    assert len(karyotype.straightened) == len(karyotype.upright) == len(karyotype.instances)


def test_info_names_the_weights(model):
    assert model.info["name"] == "metaphase"
    assert model.info["version"] == metaphase.__version__
    assert len(model.info["sha256"]) == 64
    assert int(model.info["sha256"], 16) > 0


def test_load_model_is_the_packages_own():
    assert metaphase.load_model is load_model
    assert isinstance(metaphase.load_model(WEIGHTS), Model)


def test_missing_weights_and_images_are_named(model, tmp_path):
    with pytest.raises(WeightsError, match=r"segment\.onnx"):
        load_model(tmp_path)
    with pytest.raises(ImageError, match=r"nowhere\.png"):
        model(tmp_path / "nowhere.png")
    with pytest.raises(ImageError, match="64 to 8,000"):
        model(np.zeros((20, 20), np.uint8))
