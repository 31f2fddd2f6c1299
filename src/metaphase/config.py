"""Every default of the program, once, as frozen dataclasses. A room receives its own section, never the whole tree."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, TypeVar

from metaphase.errors import ConfigError
from metaphase.karyotype_config import EvidenceConfig, KaryotypeConfig

__all__ = [
    "DataConfig",
    "EvaluateConfig",
    "EvidenceConfig",
    "IdentifyConfig",
    "IdentifyTraining",
    "KaryotypeConfig",
    "ReportConfig",
    "SegmentConfig",
    "SegmentTraining",
    "TrainConfig",
    "read_sections",
]


@dataclass(frozen=True)
class ReportConfig:
    """Pictures and files about one cell."""

    karyogram_chromosome_width: int = 30
    """Width of a chromosome on the karyogram page in pixels, 8..64; everything else on the page scales with it.
    Where the image has wider ones they keep their width, up to 64, so that no band is lost."""

    karyogram_longest: int = 640
    """The scale of the page is reduced where its longest chromosome would be longer than this, pixels; on a page with
    wider chromosomes it is as much longer."""

    karyogram_layout: str = "rows"
    """"rows" (1-5, 6-12, 13-18, 19-22 with X and Y) or "denver" (X among the C, Y among the G)."""

    karyogram_straightened: bool = True
    """Chromosomes laid out along their axis; False shows them as they lie, turned upright."""

    karyogram_ideograms: bool = False
    """The ISCN ideogram of each class stands beside its chromosomes."""

    karyogram_pdf: bool = False
    """Write the karyogram as a PDF file too."""

    evidence: bool = False
    """Write the band profile of every chromosome against its ideogram too."""

    overlay_chromosome_width: int = 24
    """Overlays of images with narrower chromosomes (pixels) are enlarged two or three times, up to 3,000 pixels a
    side, for legible numbers."""

    png_compression: int = 1
    """zlib level 0 (fast, large) .. 9 (slow, small)."""

    most_hypotheses: int = 5
    """Karyotypes that result.json lists with their probability, 1..20."""

    score_decimals: int = 5
    """Decimals of scores and probabilities in result.json, 3..8."""

    def __post_init__(self) -> None:
        limits = {
            "karyogram_chromosome_width": (8, 64),
            "karyogram_longest": (64, 4096),
            "overlay_chromosome_width": (1, 64),
            "png_compression": (0, 9),
            "most_hypotheses": (1, 20),
            "score_decimals": (3, 8),
        }
        if self.karyogram_layout not in ("rows", "denver"):
            raise ConfigError(f'report.karyogram_layout must be "rows" or "denver", but is {self.karyogram_layout!r}')
        for name, (low, high) in limits.items():
            value = getattr(self, name)
            if not low <= value <= high:
                raise ConfigError(f"report.{name} must lie in {low}..{high}, but is {value}")


@dataclass(frozen=True)
class EvaluateConfig:
    """Measuring on a data set."""

    resamples: int = 1000
    """Resamplings of the cases behind each 95 % interval, at least 1."""

    seed: int = 0
    """Seed of the resamplings: two runs over the same images draw the same cases."""

    gallery: int = 20
    """Worst cells shown in report.html, at least 0."""

    gallery_side: int = 720
    """Longest side of a picture in report.html in pixels, at least 64."""


@dataclass(frozen=True)
class SegmentConfig:
    """The segmenter's operating point, chosen on val."""

    objectness: float = 0.2
    """Objectness from which a cell of the candidate grid is looked at, in (0, 1)."""

    most_candidates: int = 400
    """Candidates looked at in one image, best first."""

    suppress_iou: float = 0.6
    """Of two masks that share more than this part of their union the better one stays, in (0, 1)."""

    suppress_contained: float = 0.98
    """Of two masks that share more than this part of the smaller one the better one stays, in (0, 1)."""

    alike: float = 0.7
    """Masks that share more than this part of their union are one answer: their boxes and classes are averaged."""

    fluorescent_edge: float = 0.55
    """Fluorescence: a chromosome ends this part of the way from its own brightness to the background, in (0, 1)."""

    fluorescent_edge_clipped: float = 0.75
    """The same where the background was cut off at one gray, and the chromosomes' glow with it, in (0, 1)."""

    regressed_box: float = 0.75
    """Part of the network's own box in the annotation box, in [0, 1]; the rest is the mask's box, padded."""

    largest_grid: int = 4_000_000
    """Pixels that the network looks at, at most; a whole spread has about 300,000. Larger images are shrunk to it."""

    score: float = 0.15
    """Raw score (objectness times mean mask probability) from which a candidate is looked at, in [0, 1)."""

    calibration_slope: float = 15.5
    """P(is a chromosome) = sigmoid(slope * raw score + offset), fitted on val; above 0."""

    calibration_offset: float = -7.6
    """See `calibration_slope`."""


@dataclass(frozen=True)
class IdentifyConfig:
    """The identifier's operating point, chosen on val."""

    temperature: float = 0.8
    """Logits are divided by this, above 0: calibration."""

    segmenter_weight: float = 0.3
    """Weight of the segmenter's log probabilities of the class beside the identifier's own, at least 0."""

    bands_weight: float = 4.0
    """Nats that a correlation better by 1 with the ideogram adds to the network's log-odds of the p arm being up."""

    both_ways: bool = True
    """Look at every chromosome both ways up and average: better, at twice the cost."""


@dataclass(frozen=True)
class TrainConfig:
    """The training loop, the same for both networks."""

    steps: int = 10_000
    """Optimiser steps, at least 1."""

    lr: float = 1.5e-3
    """Peak learning rate of AdamW, above 0."""

    weight_decay: float = 0.02
    """Weight decay of kernels and matrices, at least 0."""

    warmup: int = 100
    """Steps of linear warm-up."""

    clip: float = 5.0
    """Largest norm of the gradient."""

    ema: float = 0.998
    """Decay of the moving average of the weights, in [0, 1)."""

    bf16: bool = True
    """Compute in bfloat16 where it is safe."""

    device: str = "cpu"
    """"cpu" or "cuda"."""

    threads: int = 0
    """CPU threads; 0 leaves the choice to PyTorch."""

    seed: int = 0
    """Seed of everything random."""

    report_every: int = 50
    """Steps between two progress records."""

    save_every: int = 500
    """Steps between two checkpoints."""

    start: str = ""
    """Weights that the run begins with: "shipped", an ONNX file, or a checkpoint (`last.pt`); empty: random ones."""

    workers: int = 1
    """Processes that make training crops, at least 0; for each GPU where there are several."""

    judge_every: int = 1000
    """Steps between two looks at val with the averaged weights, and one at the end; 0: never."""

    judge_cells: int = 24
    """Val cells that the segmenter is judged on, and as many frozen composites of their chromosomes; 0: all."""

    patience: int = 0
    """Looks at val without a better score after which training stops; 0: it runs to its end."""


@dataclass(frozen=True)
class IdentifyTraining:
    """What the identifier learns from."""

    batch: int = 64
    """Chromosomes a step; each is shown twice, once turned."""

    drawn_share: float = 0.1
    """Share of procedural chromosomes, whose orientation is known, in [0, 1)."""

    drawn_count: int = 4000
    """Procedural chromosomes to draw from."""

    smoothing: float = 0.05
    """Label smoothing, in [0, 1): some labels are wrong."""

    crossing: float = 0.2
    """Share of chromosomes with a bar of another one across, in [0, 1]."""

    lost_end: float = 0.12
    """Share of chromosomes with one end cut off, in [0, 1]."""

    bands_margin: float = 0.15
    """Correlation by which the bands must fit the ideogram better one way up than the other to say which is up."""

    orientation_weight: float = 0.3
    """Weight of the orientation loss, at least 0."""

    decide: float = 0.3
    """Weight of the entropy of an unknown orientation within it, at least 0."""


@dataclass(frozen=True)
class SegmentTraining:
    """What the segmenter learns from."""

    batch: int = 4
    """Image crops a step."""

    crop: int = 416
    """Rows and columns of a crop, a multiple of 32, at 12 pixels to a chromosome width."""

    real_share: float = 0.4
    """Share of crops of real spreads, in [0, 1]; the rest are composites."""

    drawn_share: float = 0.1
    """Share of procedural chromosomes among those of a composite, in [0, 1]."""

    first_steps: int = 2500
    """Steps before the clustered chromosomes of real spreads get masks from the model itself; 0: never."""

    refreshed_cells: int = 1200
    """Real spreads that get such masks."""

    turned_share: float = 0.35
    """Share of real crops that are turned or mirrored, in [0, 1]; annotated boxes do not count in them: their padding
    has sides."""

    piling: float = 0.3
    """How often a chromosome of a composite may cross one that is crossed already, in [0, 1]."""

    linked: float = 0.3
    """Times the share of touching ones, the chromosomes of a composite that lie in one line, end to end, in [0, 1]."""

    as_in_cells: float = 0.75
    """Share of composites whose overlaps are of the kind that real cells have, in [0, 1]; in the rest they lie anyhow
    and pile up."""

    dense_share: float = 0.5
    """Share of real crops that are taken where chromosomes lie densest, in [0, 1]."""

    learnt_cells: int = 1
    """Grid cells of each chromosome whose masks are learnt in a step, of five that may answer for it; masks are two
    thirds of the cost of a step."""


@dataclass(frozen=True)
class DataConfig:
    """Where training material comes from and where results go."""

    folder: str = "runs/cells"
    """Folder of the cached training material, made on first use (about 0.5 MB a cell)."""

    out: str = "runs/weights"
    """Folder of checkpoints, curves and weights."""

    cells: int = 0
    """Spreads of the train split to use of each set, drawn by `train.seed`; 0: all."""

    sets: tuple[str, ...] = ("cil",)
    """Sets to learn from, by name or folder, each with its share after a colon: "cil:3", "autokary2022:1"; left out,
    the share is 1."""

    fold: int = 0
    """Of a set that comes in folds: the one that is val while the others are learnt from."""


Section = TypeVar("Section")


def read_sections(path: Path | None, settings: Sequence[str] = (), **sections: type[Section]) -> dict[str, Section]:
    """The sections of a TOML file, each as its dataclass; what the file leaves out keeps its default.

    path: None where there is no file. settings: "section.key=value" each, which win over the file.
    Raises ConfigError for a file that is not TOML, an unknown section or key (naming the nearest known one), or a
    value of another type.
    """
    tree: dict[str, Any] = {}
    if path is not None:
        try:
            tree = tomllib.loads(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise ConfigError(f"{path}: expected a TOML file of settings ({error})") from error
        _known(path, tree, sections, "section")
        for name, kind in sections.items():
            _section(path, name, tree.get(name, {}), kind)  # so that what is wrong is told of the file
    for setting in settings:
        where = f"--set {setting}"
        key, equals, text = setting.partition("=")
        section, dot, entry = key.strip().partition(".")
        if not (equals and dot):
            raise ConfigError(f"{where}: expected SECTION.KEY=VALUE, such as train.lr=0.001")
        _known(where, {section: None}, sections, "section")
        value = _value(text.strip(), sections[section], entry)
        _section(where, section, {entry: value}, sections[section])
        tree.setdefault(section, {})[entry] = value
    return {name: _section(path or "settings", name, tree.get(name, {}), kind) for name, kind in sections.items()}


def _value(text: str, kind: type[Section], key: str) -> object:
    """What `text` means: TOML where it is TOML, else words; commas part the entries of a list."""
    default = next((entry.default for entry in fields(kind) if entry.name == key), None)  # type: ignore[arg-type]
    if isinstance(default, str):
        return text.strip("\"'")
    if isinstance(default, tuple) and not text.startswith("["):
        return [part.strip() for part in text.split(",")]
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        return text


def _section(path: Path | str, name: str, values: object, kind: type[Section]) -> Section:
    if not isinstance(values, dict):
        raise ConfigError(f"{path}: [{name}] must be a table of settings, but is {values!r}")
    defaults = {entry.name: entry.default for entry in fields(kind)}  # type: ignore[arg-type]
    _known(path, values, defaults, f"key in [{name}]")
    for key, value in values.items():
        expected = type(defaults[key])
        if expected is tuple:
            if not isinstance(value, list) or not all(isinstance(part, str) for part in value):
                raise ConfigError(f"{path}: {name}.{key} must be a list of texts, but is {value!r}")
            continue
        fits = isinstance(value, expected) and isinstance(value, bool) == (expected is bool)
        if not fits and not (expected is float and type(value) is int):
            raise ConfigError(f"{path}: {name}.{key} must be of type {expected.__name__}, but is {value!r}")
    return kind(**{key: type(defaults[key])(value) for key, value in values.items()})


def _known(path: Path | str, given: dict[str, Any], known: dict[str, Any], what: str) -> None:
    for key in given:
        if key not in known:
            nearest = difflib.get_close_matches(key, known, 1, 0.0)[0]
            raise ConfigError(f"{path}: unknown {what} {key!r}; did you mean {nearest!r}?")
