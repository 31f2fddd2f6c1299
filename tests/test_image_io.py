"""What is read, what is refused, and how a file is written."""

import io
import os
import struct
import zlib
from pathlib import Path

import cv2
import imagecodecs
import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from metaphase import image_io
from metaphase.errors import ImageError, MetaphaseError
from metaphase.image_io import find_images, read_gray, to_gray, write_atomically


@pytest.fixture(scope="module")
def picture() -> np.ndarray:
    rows, columns = np.mgrid[:80, :100]
    return (rows + columns + 20 * ((rows // 8 + columns // 8) % 2)).astype(np.uint8)


def save(path: Path, pixels: np.ndarray, **options: object) -> Path:
    Image.fromarray(pixels).save(path, **options)
    return path


@pytest.mark.parametrize("suffix", ["png", "bmp", "tif"])
def test_lossless_gray_comes_back_exactly(tmp_path, picture, suffix):
    image = read_gray(save(tmp_path / f"a.{suffix}", picture))
    assert image.gray.dtype == np.uint8
    assert image.gray.flags.c_contiguous
    np.testing.assert_array_equal(image.gray, picture)
    assert image.warnings == ()


def test_jpeg_comes_back_nearly(tmp_path, picture):
    gray = read_gray(save(tmp_path / "a.jpg", picture, quality=95)).gray
    assert np.abs(gray.astype(int) - picture).mean() < 2


def test_content_decides_not_the_suffix(tmp_path, picture):
    path = tmp_path / "a.jpg"
    path.write_bytes(save(tmp_path / "a.png", picture).read_bytes())
    np.testing.assert_array_equal(read_gray(path).gray, picture)


@pytest.mark.parametrize("suffix", ["png", "bmp", "tif"])
def test_gray_saved_as_colour_is_the_same_gray(tmp_path, picture, suffix):
    path = save(tmp_path / f"a.{suffix}", np.dstack([picture] * 3))
    np.testing.assert_array_equal(read_gray(path).gray, picture)


def test_colour_becomes_luma(tmp_path, picture):
    rgb = np.dstack([picture, picture // 2, 255 - picture])
    expected = np.asarray(Image.fromarray(rgb).convert("L")).astype(int)
    assert np.abs(read_gray(save(tmp_path / "a.png", rgb)).gray - expected).max() <= 1


def test_a_dye_saved_in_its_colour_keeps_its_contrast(tmp_path, picture):
    blue = np.dstack([np.zeros_like(picture), np.zeros_like(picture), picture])
    np.testing.assert_array_equal(read_gray(save(tmp_path / "a.png", blue)).gray, picture)


def test_palette(tmp_path, picture):
    image = Image.fromarray(picture).convert("P")
    for suffix in ("png", "tif", "bmp"):
        image.save(tmp_path / f"a.{suffix}")
        np.testing.assert_array_equal(read_gray(tmp_path / f"a.{suffix}").gray, picture)


def test_transparent_pixels_take_the_typical_gray(tmp_path):
    rgba = np.full((80, 80, 4), 200, np.uint8)
    rgba[..., 3] = 255
    rgba[:10] = 0
    assert (read_gray(save(tmp_path / "a.png", rgba)).gray == 200).all()


def test_transparent_all_over_counts_as_opaque(tmp_path, picture):
    rgba = np.dstack([picture, picture, picture, np.zeros_like(picture)])
    np.testing.assert_array_equal(read_gray(save(tmp_path / "a.png", rgba)).gray, picture)


@pytest.mark.parametrize("opaque", [True, False])
@pytest.mark.parametrize("dtype", [np.int16, np.int32, np.int64, np.uint16, np.uint32])
def test_eight_bits_with_alpha_in_a_wider_type(picture, dtype, opaque):
    rgba = np.dstack([picture, picture, picture, np.full_like(picture, 255)])
    if not opaque:
        rgba[:10, :, 3], rgba[10:20, :, 3] = 0, 127
    narrow, wide = to_gray(rgba).gray, to_gray(rgba.astype(dtype)).gray
    np.testing.assert_array_equal(wide, narrow)
    np.testing.assert_array_equal(wide[20:], picture[20:])
    assert opaque == np.array_equal(wide, picture)


@pytest.mark.parametrize(
    ("dtype", "full"),
    [
        (np.int8, 127),
        (np.int16, 32767),
        (np.uint16, 65535),
        (np.int32, 65535),
        (np.int32, 2**31 - 1),
        (float, 1),
        (float, 255),
    ],
)
def test_the_largest_alpha_is_opaque(picture, dtype, full):
    alpha = np.full(picture.shape, full, dtype)
    np.testing.assert_array_equal(image_io._fill_transparent(picture, alpha), picture)
    alpha[:10] = 0
    filled = image_io._fill_transparent(picture, alpha)
    np.testing.assert_array_equal(filled[10:], picture[10:])
    assert len(np.unique(filled[:10])) == 1


def test_one_bit(tmp_path):
    bits = np.zeros((70, 70), bool)
    bits[20:40] = True
    Image.fromarray(bits).save(tmp_path / "a.png")
    np.testing.assert_array_equal(read_gray(tmp_path / "a.png").gray, bits * np.uint8(255))


@pytest.mark.parametrize("colour", [False, True])
@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_sixteen_bits_are_stretched_and_rounded(tmp_path, suffix, colour):
    twelve = (np.arange(80 * 100).reshape(80, 100) % 4096).astype(np.uint16)
    pixels = np.dstack([twelve] * 3) if colour else twelve
    path = tmp_path / f"a.{suffix}"
    if suffix == "png":
        path.write_bytes(imagecodecs.png_encode(pixels))
    else:
        tifffile.imwrite(path, pixels, photometric="rgb" if colour else "minisblack")
    gray = read_gray(path).gray
    assert gray.min() == 0
    assert gray.max() == 255
    # Half a level from rounding; 4 of the 8,000 pixels lie beyond each quantile, here at most 4 of 4,096 levels.
    assert np.abs(gray - twelve / 4095 * 255).max() <= 0.5 + 4 * 255 / 4095


def test_hot_pixels_do_not_set_the_stretch(tmp_path):
    pixels = np.tile(np.linspace(1000, 2000, 100), (100, 1)).astype(np.uint16)
    pixels[50, 50] = 65535
    tifffile.imwrite(tmp_path / "a.tif", pixels)
    gray = read_gray(tmp_path / "a.tif").gray
    assert gray[0, 99] - gray[0, 0].astype(int) > 250


@pytest.mark.parametrize("factor", [1, 257])
def test_eight_bits_in_sixteen_stay_as_they_are(tmp_path, picture, factor):
    tifffile.imwrite(tmp_path / "a.tif", picture.astype(np.uint16) * factor)
    np.testing.assert_array_equal(read_gray(tmp_path / "a.tif").gray, picture)


def test_float_tiff(tmp_path, picture):
    real = picture.astype(np.float32) / 255
    real[0, 0] = np.nan
    tifffile.imwrite(tmp_path / "a.tif", real)
    np.testing.assert_array_equal(read_gray(tmp_path / "a.tif").gray[1:], picture[1:])


def test_white_is_zero_tiff(tmp_path, picture):
    tifffile.imwrite(tmp_path / "a.tif", 255 - picture, photometric="miniswhite")
    np.testing.assert_array_equal(read_gray(tmp_path / "a.tif").gray, picture)


@pytest.mark.parametrize("compression", [None, "lzw", "deflate"])
def test_planar_and_compressed_tiff(tmp_path, picture, compression):
    planes = np.stack([picture] * 3)
    tifffile.imwrite(tmp_path / "a.tif", planes, photometric="rgb", planarconfig="separate", compression=compression)
    np.testing.assert_array_equal(read_gray(tmp_path / "a.tif").gray, picture)


def test_first_page_with_a_warning(tmp_path, picture):
    tifffile.imwrite(tmp_path / "a.tif", np.stack([picture, 255 - picture]), photometric="minisblack")
    image = read_gray(tmp_path / "a.tif")
    np.testing.assert_array_equal(image.gray, picture)
    assert len(image.warnings) == 1
    assert "2 pages" in image.warnings[0]


def test_more_channels_with_a_warning(tmp_path, picture):
    pixels = np.dstack([picture, picture // 2, picture // 3, picture // 4, picture // 5])
    tifffile.imwrite(tmp_path / "a.tif", pixels, photometric="minisblack", planarconfig="contig")
    image = read_gray(tmp_path / "a.tif")
    np.testing.assert_array_equal(image.gray, picture)
    assert "5 channels" in image.warnings[0]


def test_exif_orientation_is_said_and_not_applied(tmp_path, picture):
    exif = Image.Exif()
    exif[274] = 6
    image = read_gray(save(tmp_path / "a.jpg", picture, exif=exif))
    assert image.gray.shape == picture.shape
    assert "orientation 6" in image.warnings[0]


def refused(path: Path) -> str:
    with pytest.raises(ImageError) as caught:
        read_gray(path)
    message = str(caught.value)
    assert str(path) in message, "the file is named"
    assert "\n" not in message
    return message


def test_missing_folder_empty_and_text(tmp_path):
    assert "no such file" in refused(tmp_path / "none.png")
    assert "folder" in refused(tmp_path)
    (tmp_path / "empty.png").touch()
    assert "empty" in refused(tmp_path / "empty.png")
    (tmp_path / "text.png").write_text("not an image")
    assert "not an image" in refused(tmp_path / "text.png")
    (tmp_path / "a.gif").write_bytes(b"GIF89a" + bytes(100))
    assert "expected a PNG, JPEG, BMP or TIFF" in refused(tmp_path / "a.gif")


@pytest.mark.parametrize("suffix", ["png", "jpg", "bmp", "tif"])
@pytest.mark.parametrize("share", [0.02, 0.3, 0.7])
def test_truncated(tmp_path, suffix, share):
    noise = np.random.default_rng(0).integers(0, 255, (90, 90)).astype(np.uint8)
    path = save(tmp_path / f"a.{suffix}", noise)
    data = path.read_bytes()
    path.write_bytes(data[: max(9, int(len(data) * share))])
    assert "truncated" in refused(path)


def test_truncated_compressed_tiff(tmp_path):
    noise = np.random.default_rng(0).integers(0, 255, (90, 90)).astype(np.uint8)
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, noise, compression="zlib", rowsperstrip=10)
    path.write_bytes(path.read_bytes()[:4000])
    assert "truncated" in refused(path)


def test_damaged_sixteen_bit_png(tmp_path):
    noise = np.random.default_rng(0).integers(0, 60000, (90, 90)).astype(np.uint16)
    data = bytearray(imagecodecs.png_encode(noise))
    data[2000:2100] = bytes(100)
    (tmp_path / "a.png").write_bytes(data)
    assert "damaged" in refused(tmp_path / "a.png")


@pytest.mark.parametrize("suffix", ["png", "jpg", "bmp", "tif"])
@pytest.mark.parametrize("size", [(1, 1), (63, 200), (200, 63), (8001, 64)])
def test_too_small_or_too_large(tmp_path, suffix, size):
    path = save(tmp_path / f"a.{suffix}", np.zeros(size[::-1], np.uint8))
    assert f"{size[0]}x{size[1]} pixels; expected 64 to 8,000" in refused(path)


def test_the_largest_size_is_read(tmp_path):
    assert read_gray(save(tmp_path / "a.png", np.zeros((64, 8000), np.uint8))).gray.shape == (64, 8000)


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def test_thirty_thousand_squared_is_refused_from_the_header(tmp_path):
    header = struct.pack(">IIBBBBB", 30_000, 30_000, 8, 0, 0, 0, 0)
    png = b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(bytes(10))) + chunk(b"IEND", b"")
    (tmp_path / "a.png").write_bytes(png)
    bmp = io.BytesIO()
    Image.fromarray(np.zeros((64, 64), np.uint8)).save(bmp, "BMP")
    data = bytearray(bmp.getvalue())
    data[18:26] = struct.pack("<ii", 30_000, 30_000)
    (tmp_path / "a.bmp").write_bytes(data)
    for name in ("a.png", "a.bmp"):
        assert "30000x30000 pixels" in refused(tmp_path / name)


def test_unreadable(tmp_path, picture, monkeypatch):
    path = save(tmp_path / "a.png", picture)

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    assert "may not be read" in refused(path)


@settings(max_examples=60, deadline=None)
@given(data=st.binary(max_size=200), magic=st.sampled_from(list(image_io._MAGIC)))
def test_rubbish_behind_a_right_beginning_raises_image_error(tmp_path_factory, data, magic):
    path = tmp_path_factory.getbasetemp() / "rubbish"
    path.write_bytes(magic + data)
    refused(path)


def test_arrays(picture):
    np.testing.assert_array_equal(to_gray(picture).gray, picture)
    np.testing.assert_array_equal(to_gray(np.dstack([picture] * 3)).gray, picture)
    np.testing.assert_array_equal(to_gray(picture[..., None]).gray, picture)
    np.testing.assert_array_equal(to_gray(picture / 255.0).gray, picture)
    assert (to_gray(np.full((70, 70), 3000, np.uint16)).gray == 128).all()


@pytest.mark.parametrize("shape", [(80,), (80, 80, 5), (1, 1), (64, 8001), (2, 80, 80, 3), (0, 0)])
def test_arrays_of_another_shape_are_refused(shape):
    with pytest.raises(ImageError):
        to_gray(np.zeros(shape, np.uint8))


def test_arrays_of_text_are_refused():
    with pytest.raises(ImageError, match="numbers"):
        to_gray(np.full((70, 70), "a"))


def test_find_images(tmp_path):
    for name in ("b.png", "A.TIF", "c.txt", ".hidden.png", "a.jpeg"):
        (tmp_path / name).touch()
    (tmp_path / "inner.png").mkdir()
    assert [p.name for p in find_images(tmp_path)] == ["A.TIF", "a.jpeg", "b.png"]
    assert find_images(tmp_path / "c.txt") == [tmp_path / "c.txt"]


def test_find_images_refuses(tmp_path):
    with pytest.raises(ImageError, match="holds no image"):
        find_images(tmp_path)
    with pytest.raises(ImageError, match="no such file"):
        find_images(tmp_path / "none")


@pytest.mark.parametrize("name", ["n" * 5000, "n" * 300 + ".png", "nul\0.png"])
def test_impossible_names_are_refused_in_one_sentence(tmp_path, name):
    with pytest.raises(ImageError, match="no such file"):
        find_images(tmp_path / name)
    assert "no such file" in refused(tmp_path / name)


def test_a_folder_that_may_not_be_entered(tmp_path, monkeypatch):
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    for function in ("stat", "lstat"):
        monkeypatch.setattr(os, function, refuse)
    with pytest.raises(ImageError, match="no such file"):
        find_images(tmp_path / "a.png")
    assert "no such file" in refused(tmp_path / "a.png")


def test_write_atomically(tmp_path, monkeypatch):
    path = tmp_path / "a.bin"
    write_atomically(path, b"old")
    write_atomically(path, b"new")
    assert path.read_bytes() == b"new"

    def fail(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(MetaphaseError, match="No space left"):
        write_atomically(path, b"newer")
    assert path.read_bytes() == b"new"
    assert [p.name for p in tmp_path.iterdir()] == ["a.bin"]


def test_write_into_a_missing_folder_says_so(tmp_path):
    with pytest.raises(MetaphaseError, match="cannot be written"):
        write_atomically(tmp_path / "none" / "a.bin", b"")


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".bmp", ".tif"])
def test_reads_sizes_and_bytes_without_a_file(tmp_path, suffix):
    gray = np.arange(30 * 40, dtype=np.uint8).reshape(30, 40)
    path = tmp_path / f"one{suffix}"
    path.write_bytes(cv2.imencode(suffix, gray)[1].tobytes())
    assert image_io.image_size(path) == (30, 40)
    assert image_io.gray_of_bytes(path.read_bytes(), "a name", min_side=1).gray.shape == (30, 40)
    with pytest.raises(ImageError, match="expected 64"):
        image_io.read_gray(path)
    with pytest.raises(ImageError, match="a name"):
        image_io.gray_of_bytes(b"no image", "a name")
    with pytest.raises(ImageError, match="no such file"):
        image_io.image_size(tmp_path / "nothing.png")


@pytest.mark.parametrize("suffix", [".png", ".bmp", ".tif"])
def test_colours_stay_and_what_is_transparent_is_white(tmp_path, suffix):
    bgr = np.zeros((3, 4, 3), np.uint8)
    bgr[0], bgr[1] = (0, 0, 255), (255, 0, 0)
    path = tmp_path / f"painted{suffix}"
    path.write_bytes(cv2.imencode(suffix, bgr)[1].tobytes())
    assert np.array_equal(image_io.read_rgb(path, min_side=1), bgr[..., ::-1])
    clear = np.dstack([bgr, np.zeros((3, 4), np.uint8)])
    (tmp_path / "clear.png").write_bytes(cv2.imencode(".png", clear)[1].tobytes())
    assert (image_io.read_rgb(tmp_path / "clear.png", min_side=1) == 255).all()
    (tmp_path / "deep.tif").write_bytes(cv2.imencode(".tif", bgr.astype(np.uint16))[1].tobytes())
    with pytest.raises(ImageError, match="8 bit"):
        image_io.read_rgb(tmp_path / "deep.tif", min_side=1)


def test_sizes_beyond_the_limit_are_refused_from_the_header(tmp_path):
    tifffile.imwrite(tmp_path / "wide.tif", np.zeros((1, 8001), np.uint8))
    Image.new("L", (8001, 1)).save(tmp_path / "wide.png")
    for name in ("wide.tif", "wide.png"):
        for read in (image_io.image_size, lambda path: image_io.read_rgb(path, min_side=1)):
            with pytest.raises(ImageError, match="8001x1 pixels"):
                read(tmp_path / name)


def test_colours_of_a_tiff_are_checked_before_they_are_decoded(tmp_path, monkeypatch):
    path = tmp_path / "a.tif"
    tifffile.imwrite(path, np.zeros((8001, 4, 3), np.uint8), photometric="rgb")
    monkeypatch.setattr(tifffile.TiffPage, "asarray", lambda *_, **__: pytest.fail("the pixels were decoded"))
    with pytest.raises(ImageError, match="4x8001 pixels"):
        image_io.read_rgb(path, min_side=1)


def test_what_went_wrong_with_a_file_is_said_and_not_what_followed(tmp_path, monkeypatch):
    def fail(*_, **__):
        raise OSError(5, "input/output error")

    monkeypatch.setattr(Path, "write_bytes", fail)
    monkeypatch.setattr(Path, "unlink", fail)
    with pytest.raises(MetaphaseError, match="the file cannot be written"):
        image_io.write_atomically(tmp_path / "a", b"")
