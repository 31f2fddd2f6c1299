"""The nouns that travel through the house: `Spread`, `Instances`, `Straightened`, `Karyotype`, `Case`.

Coordinates are original pixels everywhere, half open: a box is [x0, y0, x1, y1) with x1 = last column + 1.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

from metaphase import masks as geometry

__all__ = ["STATUSES", "Case", "Instances", "Karyotype", "Spread", "Straightened"]

STATUSES = ("chromosome", "unknown", "debris")

_SAME_PIXELS = 0.6
"""Part of debris on placed chromosomes from which it is another reading of them."""

Float32 = NDArray[np.float32]
Int64 = NDArray[np.int64]
Bool = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Instances:
    """M chromosomes of one image of `height` x `width` pixels.

    crops: M boolean arrays, the tight mask of each instance; `None` where a set has boxes only.
    offsets_xy: Int64[M, 2], column and row of each crop's top left pixel.
    annotation_boxes_xyxy: Float32[M, 4], boxes in the style of a human annotator (padded), or the tight ones.
    labels: Int64[M], 1..24 (23 is X, 24 is Y), 0 where the class is not known.
    scores: Float32[M] in [0, 1], P(is a chromosome and has this class).
    probabilities_nc: Float32[M, 24], rows sum to 1.
    status: one of `STATUSES` for each instance.
    Masks may overlap. Build with `from_masks` or `from_boxes`, which check what they are given.
    """

    height: int
    width: int
    crops: tuple[Bool, ...] | None
    offsets_xy: Int64
    annotation_boxes_xyxy: Float32
    labels: Int64
    scores: Float32
    probabilities_nc: Float32
    status: tuple[str, ...]

    def __post_init__(self) -> None:
        m = len(self.labels)
        shapes = {
            "offsets_xy": (self.offsets_xy.shape, (m, 2)),
            "annotation_boxes_xyxy": (self.annotation_boxes_xyxy.shape, (m, 4)),
            "scores": (self.scores.shape, (m,)),
            "probabilities_nc": (self.probabilities_nc.shape, (m, 24)),
        }
        for name, (got, expected) in shapes.items():
            if got != expected:
                raise ValueError(f"{name} must have shape {expected}, but got {got}")
        if len(self.status) != m or (self.crops is not None and len(self.crops) != m):
            raise ValueError(f"status and crops must have {m} entries, one for each label")
        if m and (self.labels.min() < 0 or self.labels.max() > 24):
            raise ValueError("labels must lie in 0..24 (0: not known)")
        unknown = sorted(set(self.status) - set(STATUSES))
        if unknown:
            raise ValueError(f"status must be one of {STATUSES}, but got {unknown}")

    def __len__(self) -> int:
        return len(self.labels)

    @classmethod
    def from_masks(
        cls,
        height: int,
        width: int,
        crops: Sequence[NDArray[np.generic]],
        offsets_xy: Sequence[tuple[int, int]] | NDArray[np.generic],
        **columns: object,
    ) -> Instances:
        """Instances from mask crops, each trimmed to its tight box.

        crops: M two-dimensional arrays, non-zero inside; each needs at least one pixel inside the image.
        offsets_xy: (column, row) of each crop's top left pixel; what lies outside the image is cut off.
        columns: `labels`, `scores`, `probabilities_nc`, `annotation_boxes_xyxy`, `status`; left out, they are
        0, 1, uniform, the tight boxes, "chromosome".
        Raises ValueError for an empty mask or columns of another length.
        """
        tight = [
            geometry.tighten(np.asarray(crop).astype(bool), (int(xy[0]), int(xy[1])), (height, width))
            for crop, xy in zip(crops, offsets_xy, strict=True)
        ]
        offsets = np.array([xy for _, xy in tight], np.int64).reshape(-1, 2)
        sizes = np.array([crop.shape[::-1] for crop, _ in tight], np.int64).reshape(-1, 2)
        boxes = np.concatenate([offsets, offsets + sizes], 1).astype(np.float32)
        return cls._fill(height, width, tuple(crop for crop, _ in tight), offsets, boxes, columns)

    @classmethod
    def from_boxes(cls, height: int, width: int, boxes_xyxy: NDArray[np.generic], **columns: object) -> Instances:
        """Instances of a set that has boxes only: `boxes_xyxy` [M, 4] in pixels, half open."""
        boxes = np.asarray(boxes_xyxy, np.float32).reshape(-1, 4)
        return cls._fill(height, width, None, boxes[:, :2].astype(np.int64), boxes, columns)

    @classmethod
    def _fill(
        cls,
        height: int,
        width: int,
        crops: tuple[Bool, ...] | None,
        offsets: Int64,
        boxes: Float32,
        columns: dict[str, object],
    ) -> Instances:
        m = len(boxes)
        known = {"labels", "scores", "probabilities_nc", "annotation_boxes_xyxy", "status"}
        if set(columns) - known:
            raise TypeError(f"unknown columns {sorted(set(columns) - known)}; known are {sorted(known)}")

        def column(name: str, dtype: type, default: NDArray[np.generic]) -> NDArray[np.generic]:
            given = columns.get(name)
            return default.astype(dtype) if given is None else np.asarray(given, dtype).reshape(default.shape)

        status = columns.get("status")
        return cls(
            height=height,
            width=width,
            crops=crops,
            offsets_xy=offsets,
            annotation_boxes_xyxy=column("annotation_boxes_xyxy", np.float32, boxes),  # type: ignore[arg-type]
            labels=column("labels", np.int64, np.zeros(m)),  # type: ignore[arg-type]
            scores=column("scores", np.float32, np.ones(m)),  # type: ignore[arg-type]
            probabilities_nc=column("probabilities_nc", np.float32, np.full((m, 24), 1 / 24)),  # type: ignore[arg-type]
            status=("chromosome",) * m if status is None else tuple(status),  # type: ignore[arg-type]
        )

    @property
    def has_masks(self) -> bool:
        """False for sets that have boxes only."""
        return self.crops is not None

    @property
    def boxes_xyxy(self) -> Float32:
        """Float32[M, 4]: tight boxes of the masks, or the annotated boxes of a set without masks."""
        if self.crops is None:
            return self.annotation_boxes_xyxy
        sizes = np.array([crop.shape[::-1] for crop in self.crops], np.int64).reshape(-1, 2)
        return np.concatenate([self.offsets_xy, self.offsets_xy + sizes], 1).astype(np.float32)

    @property
    def areas(self) -> Int64:
        """Int64[M]: pixels of each mask. Raises ValueError for a set without masks."""
        return np.array([int(crop.sum()) for crop in self._masks()], np.int64)

    def _masks(self) -> tuple[Bool, ...]:
        if self.crops is None:
            raise ValueError("these instances have boxes only, no masks")
        return self.crops

    def mask(self, index: int) -> Bool:
        """Bool[height, width]: the full mask of one instance."""
        full = np.zeros((self.height, self.width), bool)
        crop, (x, y) = self._masks()[index], self.offsets_xy[index]
        full[y : y + crop.shape[0], x : x + crop.shape[1]] = crop
        return full

    def union(self) -> Bool:
        """Bool[height, width]: the pixels of any instance."""
        covered = np.zeros((self.height, self.width), bool)
        for crop, (x, y) in zip(self._masks(), self.offsets_xy, strict=True):
            covered[y : y + crop.shape[0], x : x + crop.shape[1]] |= crop
        return covered

    def select(self, indices: Sequence[int] | NDArray[np.generic]) -> Instances:
        """The instances at `indices` (or where a boolean array is true), in that order."""
        index = np.asarray(indices)
        index = np.flatnonzero(index) if index.dtype == bool else index.astype(np.int64).reshape(-1)
        return replace(
            self,
            crops=None if self.crops is None else tuple(self.crops[i] for i in index),
            offsets_xy=self.offsets_xy[index],
            annotation_boxes_xyxy=self.annotation_boxes_xyxy[index],
            labels=self.labels[index],
            scores=self.scores[index],
            probabilities_nc=self.probabilities_nc[index],
            status=tuple(self.status[i] for i in index),
        )

    def joined_with(self, more: Instances) -> Instances:
        """These instances, then those of `more`, which belong to the same image. Raises ValueError for another size
        and where only one of the two has masks.
        """
        if (self.height, self.width) != (more.height, more.width) or self.has_masks != more.has_masks:
            raise ValueError("instances of one image are joined, all with masks or none")
        return replace(
            self,
            crops=None if self.crops is None else (*self.crops, *(more.crops or ())),
            offsets_xy=np.concatenate([self.offsets_xy, more.offsets_xy]),
            annotation_boxes_xyxy=np.concatenate([self.annotation_boxes_xyxy, more.annotation_boxes_xyxy]),
            labels=np.concatenate([self.labels, more.labels]),
            scores=np.concatenate([self.scores, more.scores]),
            probabilities_nc=np.concatenate([self.probabilities_nc, more.probabilities_nc]),
            status=(*self.status, *more.status),
        )

    def of_status(self, status: str = "chromosome") -> Instances:
        """Only the instances with this status."""
        return self.select(np.array([s == status for s in self.status], bool))

    def as_tensors(self) -> dict[str, NDArray[np.generic]]:
        """The contract: `boxes` Float32[M, 4], `labels` Int64[M], `scores` Float32[M], `masks` Float32[M, 1, H, W]."""
        full = np.zeros((len(self), 1, self.height, self.width), np.float32)
        for i, (crop, (x, y)) in enumerate(zip(self._masks(), self.offsets_xy, strict=True)):
            full[i, 0, y : y + crop.shape[0], x : x + crop.shape[1]] = crop
        return {"boxes": self.boxes_xyxy, "labels": self.labels, "scores": self.scores, "masks": full}


@dataclass(frozen=True, eq=False)
class Spread:
    """One metaphase image, normalised: chromosomes dark on a bright background.

    gray: UInt8[height, width], 0 is black. `inverted` says that the file was bright on dark.
    chromosome_width: typical width of a chromosome in pixels of `gray`, 0.0 where nothing was found.
    name: file name without suffix; case: the person or culture the cell comes from.
    truth: annotated instances, `None` where nobody annotated.
    """

    gray: NDArray[np.uint8]
    chromosome_width: float
    name: str = ""
    case: str = ""
    inverted: bool = False
    truth: Instances | None = None
    warnings: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.gray.ndim != 2 or self.gray.dtype != np.uint8:
            raise ValueError(f"gray must be a 2D uint8 array, but got {self.gray.dtype} {self.gray.shape}")

    @property
    def height(self) -> int:
        """Rows of the image."""
        return int(self.gray.shape[0])

    @property
    def width(self) -> int:
        """Columns of the image."""
        return int(self.gray.shape[1])


@dataclass(frozen=True, eq=False)
class Straightened:
    """One chromosome laid out along its axis, p arm towards row 0 if `upright` is known to the identifier.

    gray: UInt8[length, breadth], background 255; inside: Bool of the same shape.
    axis: Float32[n, 4], where it lies in the image: points (x, y) along the axis at equal steps, and the unit normal at
    each, so that a picture can be sampled from the image itself; empty where it is not known. It may follow a bend
    that is left in `gray`.
    shortened: how much a chromosome too long for the strip was shortened along its axis to fit, 1 or above.
    """

    gray: NDArray[np.uint8]
    inside: Bool
    axis: Float32 = field(default_factory=lambda: np.zeros((0, 4), np.float32))
    shortened: float = 1.0


@dataclass(frozen=True, eq=False)
class Karyotype:
    """Named chromosomes of one cell in 23 groups.

    instances: with labels, probabilities and status set.
    groups: 23 tuples of instance indices, "1".."22" and the sex group. tray: indices of unknown and debris.
    upright: Bool[M], True where the straightened image has the p arm at the top, False where it must be turned.
    straightened: one for each instance (may be empty when nothing was identified).
    sanity: the scores "score", "count", "pairs", "sex", each in [0, 1].
    iscn: the proposed karyotype, None where the program abstains. posterior: (string, probability) of the hypotheses,
    the most probable first; what is missing to 1 is "something else". reasons: sentences for a person.
    labels_before: Int64[M], what the identifier alone would say (empty where it was not kept).
    """

    instances: Instances
    groups: tuple[tuple[int, ...], ...]
    tray: tuple[int, ...]
    sanity: dict[str, float]
    upright: Bool = field(default_factory=lambda: np.zeros(0, bool))
    straightened: tuple[Straightened, ...] = ()
    iscn: str | None = None
    posterior: tuple[tuple[str, float], ...] = ()
    reasons: tuple[str, ...] = ()
    labels_before: Int64 = field(default_factory=lambda: np.zeros(0, np.int64))

    @property
    def abstained(self) -> bool:
        """True where the program proposes no karyotype."""
        return self.iscn is None

    @functools.cached_property
    def other_readings(self) -> frozenset[int]:
        """Indices of debris most of which lies on chromosomes that have a place: another way to see the same pixels."""
        instances = self.instances
        if instances.crops is None:
            return frozenset()
        everywhere = [instances.of_status("chromosome").union()], np.zeros((1, 2), np.int64)
        shared = geometry.mask_intersections(instances.crops, instances.offsets_xy, *everywhere)[:, 0]
        mostly = shared > _SAME_PIXELS * instances.areas
        return frozenset(i for i, status in enumerate(instances.status) if status == "debris" and mostly[i])


@dataclass(frozen=True, eq=False)
class Case:
    """Many metaphases of one person.

    cells: name and karyotype of each. iscn: the proposed string with the number of cells of each clone, None where the
    program abstains. clones: (string, cells) that satisfy the clone rule, in the order of the string. modal_number: the
    most frequent number of chromosomes, None without cells. disagreeing: names of cells with a proposal that belongs
    to no clone. undecided: names of cells without a proposal. left_out: name of each image that does not look like a
    metaphase or is a copy of an earlier one, and why; unreadable: the same of each image that could not be read. They
    are no cells. reasons: sentences for a person.
    """

    name: str
    cells: tuple[tuple[str, Karyotype], ...]
    iscn: str | None
    clones: tuple[tuple[str, int], ...]
    modal_number: int | None
    disagreeing: tuple[str, ...] = ()
    undecided: tuple[str, ...] = ()
    left_out: tuple[tuple[str, str], ...] = ()
    unreadable: tuple[tuple[str, str], ...] = ()
    reasons: tuple[str, ...] = ()
