"""Bytes to a gray array and back to a file: which images are read, and their limits.

PNG, JPEG, BMP and TIFF are recognised by their content, never by their suffix. The size is read from the header and
checked before anything is decoded, so a file that claims a billion pixels costs nothing.
"""

from __future__ import annotations

import contextlib
import io
import os
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
from numpy.typing import NDArray

from metaphase.errors import ImageError, MetaphaseError

if TYPE_CHECKING:
    from PIL.ImageFile import ImageFile
    from tifffile import TiffPage

__all__ = [
    "MAX_SIDE",
    "MIN_SIDE",
    "SUFFIXES",
    "GrayImage",
    "find_images",
    "gray_of_bytes",
    "image_size",
    "kind_of_bytes",
    "read_gray",
    "read_rgb",
    "to_gray",
    "write_atomically",
]

MIN_SIDE = 64
"""Shortest side in pixels that is read."""

MAX_SIDE = 8000
"""Longest side in pixels that is read."""

SUFFIXES = (".bmp", ".jpeg", ".jpg", ".png", ".tif", ".tiff")
"""Suffixes, in lower case, of the files that `find_images` takes from a folder."""

_EXPECTED = "expected a PNG, JPEG, BMP or TIFF image"
_MAGIC = {
    b"\x89PNG\r\n\x1a\n": "PNG",
    b"\xff\xd8\xff": "JPEG",
    b"BM": "BMP",
    b"II*\x00": "TIFF",
    b"MM\x00*": "TIFF",
    b"II+\x00": "TIFF",
    b"MM\x00+": "TIFF",
}
_EXIF_ORIENTATION = 274
_LOW, _HIGH = 0.0005, 0.9995  # quantiles that become black and white where a file has more than 8 bits
_SAMPLE = 4_000_000  # pixels looked at for those quantiles
_FLAT = 8  # a colour channel with fewer gray values than this between its quantiles carries no picture

Pixels = NDArray[Any]
UInt8 = NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class GrayImage:
    """Gray pixels UInt8[H, W], 0 is black, and what the reader has to say about them."""

    gray: UInt8
    warnings: tuple[str, ...] = ()


def read_gray(path: str | os.PathLike[str], min_side: int = MIN_SIDE) -> GrayImage:
    """Read a PNG, JPEG, BMP or TIFF image of 64 (`min_side`) to 8,000 pixels a side as gray, 8 bit.

    Colour becomes gray by ITU-R 601, more than 8 bits by robust quantiles. Of several pages the first is read. Pixels
    stay where the file stores them: an EXIF orientation is not applied, because label files count stored pixels.
    Raises ImageError for whatever cannot be read, in one sentence that names the file.
    """
    path = Path(path)
    # os.path answers False where the methods of Path raise: a name too long, a folder that may not be entered.
    if not os.path.exists(path):
        raise ImageError(f"{path}: there is no such file; {_EXPECTED}")
    if os.path.isdir(path):
        raise ImageError(f"{path}: this is a folder; {_EXPECTED}")
    if not os.path.isfile(path):
        raise ImageError(f"{path}: this is not a regular file; {_EXPECTED}")
    with _one_sentence(path), path.open("rb") as file:
        return _read(path, file, min_side)


def gray_of_bytes(data: bytes, name: str, min_side: int = MIN_SIDE) -> GrayImage:
    """The gray image whose file has these bytes (label files may carry one); `name` stands in the messages.

    Raises ImageError as `read_gray` does.
    """
    with _one_sentence(name), io.BytesIO(data) as file:
        return _read(name, file, min_side)


def image_size(path: str | os.PathLike[str]) -> tuple[int, int]:
    """(height, width) of an image file from its header, in pixels as stored. Raises ImageError as `read_gray` does."""
    with _one_sentence(path), Path(path).open("rb") as file:
        kind = _kind(path, file)
        if kind == "TIFF":
            with _first_page(path, file, 1) as page:
                return int(page.imagelength), int(page.imagewidth)
        width, height = _open_raster(file, kind).size
        _check_size(str(path), width, height, 1)
        return int(height), int(width)


def kind_of_bytes(data: bytes, name: str) -> str:
    """PNG, JPEG, BMP or TIFF. Raises ImageError for other bytes; `name` stands in the message."""
    return _kind(name, io.BytesIO(data))


def read_rgb(path: str | os.PathLike[str], min_side: int = MIN_SIDE) -> UInt8:
    """UInt8[H, W, 3]: an 8 bit image with its colours, for painted label maps; transparent pixels are white.

    Raises ImageError as `read_gray` does, and for more than 8 bits.
    """
    with _one_sentence(path), Path(path).open("rb") as file:
        kind = _kind(path, file)
        if kind == "TIFF":
            with _first_page(path, file, min_side) as page:
                pixels = np.asarray(page.asarray())
        else:
            image = _open_raster(file, kind)
            _check_size(str(path), *image.size, min_side)
            plain = image.mode in ("L", "RGB", "RGBA") and "transparency" not in image.info
            pixels = np.asarray(image if plain else image.convert("RGBA"))
        if pixels.dtype != np.uint8 or pixels.ndim not in (2, 3) or pixels.shape[2:] not in ((), (3,), (4,)):
            raise ImageError(f"{path}: expected 8 bit gray or colours, but got {pixels.dtype} {pixels.shape}")
        rgb = np.repeat(pixels[..., None], 3, axis=2) if pixels.ndim == 2 else pixels[..., :3]
        return np.where(pixels[..., 3:] < 128, np.uint8(255), rgb) if pixels.shape[2:] == (4,) else rgb


@contextlib.contextmanager
def _one_sentence(name: str | os.PathLike[str]) -> Iterator[None]:
    """Turn whatever the decoders stumble over into an ImageError that names the file."""
    try:
        yield
    except ImageError:
        raise
    except FileNotFoundError as error:
        raise ImageError(f"{name}: there is no such file; {_EXPECTED}") from error
    except PermissionError as error:
        raise ImageError(f"{name}: the file may not be read; change its permissions") from error
    except MemoryError as error:
        raise ImageError(f"{name}: the image does not fit into memory; {_EXPECTED} of at most 8,000x8,000") from error
    except Exception as error:
        # Damaged files raise whatever the decoders stumble over; what they say of a missing end helps nobody.
        reason = (f"{error}".strip() or type(error).__name__).splitlines()[0]
        said = "the file is torn: its end is missing" if "truncat" in reason.lower() else f"it is damaged ({reason})"
        raise ImageError(f"{name}: {said}; {_EXPECTED} that is whole") from error


def to_gray(pixels: Pixels, name: str = "image") -> GrayImage:
    """Gray of an array in memory: [H, W], [H, W, 1], [H, W, 3] RGB or [H, W, 4] RGBA, integer or floating point.

    8 bits stay as they are; floating point in [0, 1] is taken times 255; everything else is stretched between robust
    quantiles. `name` stands in the messages. Raises ImageError for another shape or a side outside 64..8,000 pixels.
    """
    pixels = np.asarray(pixels)
    if pixels.ndim not in (2, 3) or (pixels.ndim == 3 and pixels.shape[2] not in (1, 2, 3, 4)):
        raise ImageError(f"{name}: an image must be an array [H, W], [H, W, 3] or [H, W, 4], but got {pixels.shape}")
    if pixels.dtype.kind not in "buif":
        raise ImageError(f"{name}: an image must hold numbers, but got {pixels.dtype}")
    _check_size(name, pixels.shape[1], pixels.shape[0])
    return _gray(pixels)


def find_images(path: str | os.PathLike[str]) -> list[Path]:
    """The file itself, or all images of a folder (not of folders inside it) in the order of their names.

    Raises ImageError where there is nothing at `path` or the folder holds no image.
    """
    path = Path(path)
    if not os.path.isdir(path):
        if not os.path.exists(path):
            raise ImageError(f"{path}: there is no such file or folder; name an image or a folder of images")
        return [path]
    try:
        files = sorted(p for p in path.iterdir() if p.suffix.lower() in SUFFIXES and not p.name.startswith("."))
    except OSError as error:
        raise ImageError(f"{path}: the folder may not be read ({error.strerror})") from error
    files = [p for p in files if not os.path.isdir(p)]
    if not files:
        raise ImageError(f"{path}: the folder holds no image; expected files that end in {', '.join(SUFFIXES)}")
    return files


def write_atomically(path: str | os.PathLike[str], data: bytes) -> None:
    """Write a file whole or not at all: into a temporary file of the same folder, which then takes the name.

    Raises MetaphaseError where that is not possible; what stood at `path` before is then still there.
    """
    path = Path(path)
    part = path.with_name(f".{uuid.uuid4().hex}.part")
    try:
        part.write_bytes(data)
        part.replace(path)
    except OSError as error:
        raise MetaphaseError(f"{path}: the file cannot be written ({error.strerror or error})") from error
    finally:
        with contextlib.suppress(OSError):  # what went wrong above is what is to be said
            part.unlink(missing_ok=True)


def _kind(path: str | os.PathLike[str], file: BinaryIO) -> str:
    """PNG, JPEG, BMP or TIFF, by the first bytes; leaves the file at its start."""
    head = file.read(32)
    file.seek(0)
    if not head:
        raise ImageError(f"{path}: the file is empty; {_EXPECTED}")
    kind = next((name for magic, name in _MAGIC.items() if head.startswith(magic)), None)
    if kind is None:
        raise ImageError(f"{path}: this is not an image that can be read; {_EXPECTED}")
    return kind


def _read(path: str | Path, file: BinaryIO, min_side: int) -> GrayImage:
    kind = _kind(path, file)
    if kind == "TIFF":
        return _read_tiff(path, file, min_side)
    head = file.read(32)
    file.seek(0)
    return _read_raster(path, file, kind, kind == "PNG" and head[24:25] == b"\x10", min_side)


def _check_size(name: str | Path, width: int, height: int, min_side: int = MIN_SIDE) -> None:
    if not (min_side <= width <= MAX_SIDE and min_side <= height <= MAX_SIDE):
        raise ImageError(
            f"{name}: the image has {width}x{height} pixels; expected {min_side} to {MAX_SIDE:,} on each side"
        )


def _open_raster(file: BinaryIO, kind: str) -> ImageFile:
    """The header of a PNG, JPEG or BMP file, nothing decoded."""
    # The plugins are called by name: Image.open would refuse large images with a message of its own.
    from PIL.BmpImagePlugin import BmpImageFile  # noqa: PLC0415 - decoders load only where they are needed
    from PIL.JpegImagePlugin import JpegImageFile  # noqa: PLC0415
    from PIL.PngImagePlugin import PngImageFile  # noqa: PLC0415

    plugins: dict[str, type[ImageFile]] = {"BMP": BmpImageFile, "JPEG": JpegImageFile, "PNG": PngImageFile}
    return plugins[kind](file)


def _read_raster(path: str | Path, file: BinaryIO, kind: str, deep: bool, min_side: int) -> GrayImage:
    image = _open_raster(file, kind)
    _check_size(path, *image.size, min_side)
    warnings = []
    if getattr(image, "n_frames", 1) > 1:
        warnings.append(f"{path}: the image has {getattr(image, 'n_frames', 1)} frames; the first is read")
    orientation = image.getexif().get(_EXIF_ORIENTATION, 1) if kind == "JPEG" else 1
    if orientation not in (0, 1):
        warnings.append(f"{path}: the EXIF orientation {orientation} is not applied; coordinates are stored pixels")
    if deep:
        # Pillow cuts 16 bit colour to its high byte.
        import imagecodecs  # noqa: PLC0415

        image.verify()
        file.seek(0)
        return _gray(np.asarray(imagecodecs.png_decode(file.read())), warnings)
    if image.mode not in ("1", "L", "LA", "RGB", "RGBA") or "transparency" in image.info:
        has_alpha = "transparency" in image.info or image.mode == "PA"
        return _gray(np.asarray(image.convert("RGBA" if has_alpha else "RGB")), warnings)
    return _gray(np.asarray(image), warnings)


@contextlib.contextmanager
def _first_page(path: str | os.PathLike[str], file: BinaryIO, min_side: int) -> Iterator[TiffPage]:
    """The first page of a TIFF, nothing decoded: of a size that is read, one layer, and all there."""
    from tifffile import TiffFile, TiffPage  # noqa: PLC0415 - slow to load

    with TiffFile(file) as tiff:
        page = tiff.pages[0]
        assert isinstance(page, TiffPage), "the first page is read whole"
        _check_size(str(path), page.imagewidth, page.imagelength, min_side)
        if page.imagedepth != 1:
            raise ImageError(f"{path}: the TIFF is a volume of {page.imagedepth} layers; {_EXPECTED}, one layer")
        size = file.seek(0, os.SEEK_END)
        ends = [start + count for start, count in zip(page.dataoffsets, page.databytecounts, strict=False)]
        if not ends or max(ends) > size:
            raise ImageError(f"{path}: the image is truncated ({size} bytes of at least {max(ends, default=0)})")
        yield page


def _read_tiff(path: str | Path, file: BinaryIO, min_side: int) -> GrayImage:
    from tifffile import PHOTOMETRIC  # noqa: PLC0415 - slow to load

    with _first_page(path, file, min_side) as page:
        warnings = []
        if (pages := len(page.parent.pages)) > 1:
            warnings.append(f"{path}: the file has {pages} pages; the first is read")
        pixels = np.asarray(page.asarray())
        if page.samplesperpixel > 1 and page.planarconfig == 2:
            pixels = np.moveaxis(pixels, 0, -1)
        if page.photometric == PHOTOMETRIC.PALETTE and page.colormap is not None:
            colours = np.asarray(page.colormap, np.uint16)
            # Colours of a palette have 16 bits; their high byte is right for writers of 256 v as of 257 v.
            pixels = (colours >> 8 if colours.max() > 255 else colours).astype(np.uint8).T[pixels]
        elif page.photometric == PHOTOMETRIC.MINISWHITE:
            pixels = ~pixels if pixels.dtype.kind in "bu" else -pixels
        elif page.photometric not in (PHOTOMETRIC.MINISBLACK, PHOTOMETRIC.RGB, PHOTOMETRIC.YCBCR):
            kind = getattr(page.photometric, "name", page.photometric)
            raise ImageError(f"{path}: colours stored as {kind} are not read; save the image as gray or RGB")
        return _gray(_channels(path, page, pixels, warnings), warnings)


def _channels(path: str | Path, page: TiffPage, pixels: Pixels, warnings: list[str]) -> Pixels:
    """Drop samples that are neither colour nor alpha."""
    if pixels.ndim == 2:
        return pixels
    colours = pixels.shape[2] - len(page.extrasamples)
    colours = 3 if colours >= 3 else 1
    alpha = len(page.extrasamples) >= 1 and int(page.extrasamples[0]) in (1, 2)
    keep = colours + int(alpha)
    if keep < pixels.shape[2]:
        first = "the first is read" if keep == 1 else f"the first {keep} are read"
        warnings.append(f"{path}: each pixel has {pixels.shape[2]} channels; {first}")
    return pixels[..., :keep]


def _gray(pixels: Pixels, warnings: list[str] | tuple[str, ...] = ()) -> GrayImage:
    """Gray of [H, W] or [H, W, 1..4]: 1 gray, 2 gray and alpha, 3 RGB, 4 RGBA."""
    notes = list(warnings)
    channels = pixels.shape[2] if pixels.ndim == 3 else 1
    alpha = pixels[..., -1] if channels in (2, 4) else None
    if channels == 1:
        gray = _to_8_bit(pixels.reshape(pixels.shape[:2]))
    else:
        # Colours are stretched together, so that their balance stays.
        colour = _to_8_bit(pixels[..., : 3 if channels >= 3 else 1])
        gray = _mix(colour) if channels >= 3 else colour[..., 0]
    if alpha is not None:
        gray = _fill_transparent(gray, alpha)
    return GrayImage(np.ascontiguousarray(gray), tuple(notes))


def _mix(rgb: UInt8) -> UInt8:
    """Luma of UInt8[H, W, 3]; the one channel that holds the picture where a dye was saved in its colour."""
    red, green, blue = rgb[..., 0], rgb[..., 1], rgb[..., 2]
    if np.array_equal(red, green) and np.array_equal(green, blue):
        return red
    sample = rgb[:: 1 + rgb.shape[0] // 1000, :: 1 + rgb.shape[1] // 1000]
    low, high = np.quantile(sample, [0.01, 0.99], axis=(0, 1))
    carries = np.flatnonzero(high - low >= _FLAT)
    if len(carries) == 1 and high[carries[0]] - low[carries[0]] >= 4 * _FLAT:
        return rgb[..., int(carries[0])]
    luma = np.float32(0.299) * red + np.float32(0.587) * green + np.float32(0.114) * blue
    return np.rint(luma).astype(np.uint8)


def _fill_transparent(gray: UInt8, alpha: Pixels) -> UInt8:
    """Lay the image on its own typical gray where it is transparent; one that is transparent all over is opaque."""
    share = np.clip(np.asarray(alpha, np.float32) / np.float32(_full_scale(alpha)), 0, 1)
    if share.min() >= 1 or share.max() <= 0:
        return gray
    typical = np.float32(np.median(gray[share > 0.5])) if (share > 0.5).any() else np.float32(255)
    return np.rint(gray * share + typical * (1 - share)).astype(np.uint8)


def _full_scale(alpha: Pixels) -> float:
    """The value of an opaque pixel, told from the largest one: 8 or 16 bits may come in a wider type."""
    largest = float(alpha.max())
    if alpha.dtype.kind not in "ui":
        return 1.0 if largest <= 1 else 255.0
    widest = float(np.iinfo(alpha.dtype).max)
    return min(next((full for full in (255.0, 65535.0) if largest <= full), widest), widest)


def _to_8_bit(values: Pixels) -> UInt8:
    if values.dtype == np.uint8:
        return values.astype(np.uint8, copy=False)
    if values.dtype == np.bool_:
        return values.astype(np.uint8) * np.uint8(255)
    if values.dtype.kind in "ui":
        lowest, highest = int(values.min()), int(values.max())
        if lowest >= 0 and highest <= 255:  # 8 bits in a wider type
            return values.astype(np.uint8)
        if values.dtype == np.uint16 and not np.any(values % np.uint16(257)):  # 8 bits, each written twice
            return (values // np.uint16(257)).astype(np.uint8)
    real = values.astype(np.float32)
    finite = np.isfinite(real)
    if not finite.all():
        real = np.where(finite, real, np.float32(real[finite].min() if finite.any() else 0))
    if values.dtype.kind == "f" and real.min() >= 0 and 0.5 < real.max() <= 1:
        return np.rint(real * np.float32(255)).astype(np.uint8)
    low, high = (float(q) for q in np.quantile(real.reshape(-1)[:: 1 + real.size // _SAMPLE], [_LOW, _HIGH]))
    if high <= low:
        return np.full(values.shape, 128, np.uint8)
    scaled = (real - np.float32(low)) * np.float32(255 / (high - low))
    return np.rint(np.clip(scaled, 0, 255)).astype(np.uint8)
