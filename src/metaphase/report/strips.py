"""Chromosomes cut out for the page: on white, upright, all at one scale."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from metaphase.banding import profile_of, resampled
from metaphase.config import ReportConfig
from metaphase.midline import BEYOND, followed, resample, strip, without_threads
from metaphase.types import Karyotype, Spread

__all__ = ["Strip", "cut_strips", "page_unit"]

UInt8 = NDArray[np.uint8]
Bool = NDArray[np.bool_]

_INK = 24
"""Gray of the darkest band on the page: not quite black, so that dark bands keep their texture."""


@dataclass(frozen=True, eq=False)
class Strip:
    """One chromosome as it stands on the page.

    gray: UInt8[rows, columns], 255 outside. index: its position among the instances.
    """

    gray: UInt8
    index: int

    @property
    def height(self) -> int:
        """Rows."""
        return int(self.gray.shape[0])

    @property
    def width(self) -> int:
        """Columns."""
        return int(self.gray.shape[1])


_ROWS = 16
"""Points of an axis for each chromosome width: `identify.straighten.WIDTH`."""

_WIDEST = 64
"""Pixels of a chromosome width on the widest page: A4 at more than 300 dots an inch."""

_SPECK = 0.1
"""Pieces of a mask smaller than this share of its largest piece are not drawn: they belong to a neighbour."""


def page_unit(spread: Spread, config: ReportConfig) -> int:
    """Pixels of a chromosome width on the page: as configured, more where the image itself has more."""
    return max(config.karyogram_chromosome_width, min(round(spread.chromosome_width), _WIDEST))


def cut_strips(spread: Spread, karyotype: Karyotype, config: ReportConfig) -> list[Strip]:
    """Every instance as a strip, in the order of `karyotype.instances`.

    Straightened where the karyotype has them straightened and `config` wants it, else cut out as it lies and turned
    to its main axis. The scale makes a typical chromosome `page_unit` pixels wide, less where the longest would be
    longer than `config.karyogram_longest`, which grows with the unit. Grays are stretched once for the whole
    cell: the background becomes white.
    Raises ValueError where there is neither a straightened image nor a mask.
    """
    count, unit, fine = len(karyotype.instances), page_unit(spread, config), 1
    largest = config.karyogram_longest * unit / config.karyogram_chromosome_width
    if karyotype.straightened and config.karyogram_straightened:
        if all(len(laid.axis) > 1 for laid in karyotype.straightened):
            fine = max(1, int(np.ceil(unit / _ROWS)))
            pieces = [_sampled(spread, karyotype, i, fine) for i in range(count)]
        else:
            pieces = [_straightened(karyotype, i) for i in range(count)]
    else:
        pieces = [_natural(spread, karyotype, i) for i in range(count)]
    if not pieces:
        return []
    named = [i for i in range(count) if karyotype.instances.status[i] == "chromosome"] or list(range(count))
    typical = float(np.median([pieces[i][1].sum() / pieces[i][1].shape[0] for i in named]))
    longest = max(pieces[i][1].shape[0] for i in named)
    scale = min(unit / max(typical, 1.0), largest / longest)
    levels = _levels(spread, np.concatenate([gray[inside] for gray, inside in pieces]))
    return [Strip(_zoom(levels[gray], inside, scale, largest, fine), i) for i, (gray, inside) in enumerate(pieces)]


def _sampled(spread: Spread, karyotype: Karyotype, index: int, fine: int) -> tuple[UInt8, Bool]:
    """Laid out along its axis, sampled from the image itself with `fine` rows for each point of the axis."""
    laid, instances = karyotype.straightened[index], karyotype.instances
    if instances.crops is None:
        raise ValueError("a karyogram needs masks, but these instances have boxes only")
    crop, corner = instances.crops[index], instances.offsets_xy[index].astype(np.float64)
    step = float(np.median(np.hypot(*np.diff(laid.axis[:, :2], axis=0).T))) / fine
    width = _ROWS * fine * step
    bent = followed(crop, laid.axis[:, :2] - corner, width)
    if bent is None:
        at = (np.arange(fine * len(laid.axis)) + 0.5) / fine - 0.5
        axis = [np.interp(at, np.arange(len(laid.axis)), column) for column in laid.axis.T.astype(np.float64)]
        path, normals = np.stack(axis[:2], 1) - corner, np.stack(axis[2:], 1)
    else:
        path, normals = resample(bent, step, extend=BEYOND * width)
    across = (np.arange(2 * _ROWS * fine) - (2 * _ROWS * fine - 1) / 2) * step
    x, y, inside = strip(crop, path, normals, across, width)
    x, y = x + np.float32(corner[0]), y + np.float32(corner[1])
    gray = cv2.remap(spread.gray, x, y, cv2.INTER_CUBIC, borderMode=cv2.BORDER_REPLICATE)
    smooth = _without_spurs(inside, _ROWS * fine)
    return _upright(np.where(smooth, gray, 255).astype(np.uint8), _without_specks(smooth), karyotype, index)


def _without_spurs(inside: Bool, unit: int) -> Bool:
    """Without what is thinner than a fifth of a chromosome width, `unit` pixels."""
    opened = without_threads(inside, max(3, round(unit / 5)) | 1)
    return opened if opened.any() else inside


def _straightened(karyotype: Karyotype, index: int) -> tuple[UInt8, Bool]:
    laid = karyotype.straightened[index]
    return _upright(laid.gray, _without_specks(laid.inside), karyotype, index)


def _upright(gray: UInt8, whole: Bool, karyotype: Karyotype, index: int) -> tuple[UInt8, Bool]:
    """Cut to what is inside, p arm up."""
    rows, columns = np.flatnonzero(whole.any(1)), np.flatnonzero(whole.any(0))
    if not len(rows):
        return np.full((1, 1), 255, np.uint8), np.ones((1, 1), bool)
    window = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    gray, inside = gray[window], whole[window]
    if len(karyotype.upright) and not karyotype.upright[index]:
        gray, inside = np.rot90(gray, 2), np.rot90(inside, 2)
    return gray, inside


def _natural(spread: Spread, karyotype: Karyotype, index: int) -> tuple[UInt8, Bool]:
    """The chromosome as it lies, its main axis turned upright."""
    instances = karyotype.instances
    if instances.crops is None:
        raise ValueError("a karyogram needs masks, but these instances have boxes only")
    crop, (x, y) = _without_specks(instances.crops[index]), instances.offsets_xy[index]
    gray = np.where(crop, spread.gray[y : y + crop.shape[0], x : x + crop.shape[1]], 255).astype(np.uint8)
    (_, _), (across, along), angle = cv2.minAreaRect(cv2.findNonZero(crop.astype(np.uint8)))
    turn = angle if along >= across else angle + 90
    reach = int(np.ceil(np.hypot(*crop.shape))) + 2
    matrix = cv2.getRotationMatrix2D(((crop.shape[1] - 1) / 2, (crop.shape[0] - 1) / 2), turn, 1.0)
    matrix[:, 2] += [(reach - crop.shape[1]) / 2, (reach - crop.shape[0]) / 2]
    turned = cv2.warpAffine(gray, matrix, (reach, reach), flags=cv2.INTER_LINEAR, borderValue=(255,))
    ink = cv2.warpAffine(crop.astype(np.uint8) * 255, matrix, (reach, reach), flags=cv2.INTER_LINEAR)
    inside = ink > min(127, int(ink.max()) - 1)
    rows, columns = np.flatnonzero(inside.any(1)), np.flatnonzero(inside.any(0))
    window = np.s_[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]
    gray, inside = np.asarray(turned[window], np.uint8), inside[window]
    if karyotype.straightened and _against(gray, inside, *_straightened(karyotype, index)):
        gray, inside = np.rot90(gray, 2), np.rot90(inside, 2)
    return gray, inside


def _without_specks(inside: Bool) -> Bool:
    count, pieces, numbers, _ = cv2.connectedComponentsWithStats(inside.astype(np.uint8), connectivity=8)
    if count <= 2:
        return inside
    areas = numbers[:, cv2.CC_STAT_AREA].copy()
    areas[0] = 0
    return np.asarray((areas >= max(1.0, _SPECK * areas.max()))[pieces], bool)


def _against(gray: UInt8, inside: Bool, laid_gray: UInt8, laid_inside: Bool) -> bool:
    """True where a chromosome as it lies is upside down against the same one straightened and upright."""
    lying, laid = profile_of(gray, inside), profile_of(laid_gray, laid_inside)
    if len(lying) < 2 or len(laid) < 2:
        return False
    lying, laid = resampled(lying), resampled(laid)
    laid -= laid.mean()
    return bool(lying[::-1] @ laid > lying @ laid)


def _levels(spread: Spread, values: UInt8) -> UInt8:
    """UInt8[256]: what each gray of the image becomes on the page."""
    # Most of a spread is background, so its median is the background's gray; a sample of the rows is enough.
    step = max(1, spread.gray.size // 250_000)
    white = float(np.median(spread.gray.reshape(-1)[::step]))
    black = float(np.percentile(values, 1))
    if white - black < 20:
        return np.arange(256).astype(np.uint8)
    share = np.clip((np.arange(256) - black) / (white - black), 0, 1)
    return np.rint(_INK + (255 - _INK) * share).astype(np.uint8)


def _zoom(gray: UInt8, inside: Bool, scale: float, largest: float, fine: int) -> UInt8:
    """One strip at the page's scale; only what is absurdly large (a nucleus among the debris) is made to fit."""
    scale = min(scale, largest / max(gray.shape))
    rim = 2
    ink = np.pad(inside, rim).astype(np.float32)
    near = cv2.boxFilter(ink, -1, (3, 3))
    # The grays of the edge are carried over it, so that the page's white does not bleed into the chromosome.
    padded = np.pad(gray, rim).astype(np.float32) * ink
    carried = cv2.boxFilter(padded, -1, (3, 3)) / np.maximum(near, 1e-3)
    filled = np.where(ink > 0, padded, np.minimum(carried, 255))
    size = (max(1, round(filled.shape[1] * scale)), max(1, round(filled.shape[0] * scale)))
    method = cv2.INTER_CUBIC if scale > 1 else cv2.INTER_AREA
    shade = np.clip(cv2.resize(filled, size, interpolation=method), 0, 255)
    # A blurred and steepened mask has a smooth edge at any scale; the steps of its pixels are gone.
    soft = cv2.resize(cv2.GaussianBlur(ink, (0, 0), 0.8 * fine), size, interpolation=method)
    alpha = np.clip((soft - 0.5) * max(1.0, 1.6 * scale * fine) + 0.5, 0, 1)
    return np.rint(255 - (255 - shade) * alpha).astype(np.uint8)
