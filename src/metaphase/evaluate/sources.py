"""Where predictions come from: a model, the folder of its stored results, or a COCO result file of any tool."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from metaphase import imaging
from metaphase.datasets import Record
from metaphase.datasets.formats.coco_results import CocoResults
from metaphase.datasets.formats.result_json import read_result
from metaphase.errors import DataError
from metaphase.types import Instances
from metaphase.words import plural

if TYPE_CHECKING:
    from metaphase.predict import Model

__all__ = ["CocoFile", "ModelSource", "ResultFolder", "Source"]


class Source(Protocol):
    """Predictions of one image after the other.

    info: what metrics.json says of where they come from. has_masks, has_classes, has_probabilities: what they hold.
    strict: an error is not the image's but the input's, and ends the evaluation.
    """

    info: Mapping[str, str]
    has_masks: bool
    has_classes: bool
    has_probabilities: bool
    strict: bool

    def __call__(self, record: Record) -> Instances:
        """Instances of one image. Raises MetaphaseError where there are none to be had."""

    def notes(self, split: Collection[str]) -> list[str]:
        """What must be said of predictions for the images of a split."""

    def invalid(self) -> list[dict[str, Any]]:
        """Entries that were set aside, with the reason."""


class ModelSource:
    """A model that looks at the image."""

    has_masks = has_classes = has_probabilities = True
    strict = False

    def __init__(self, model: Model) -> None:
        self._model = model
        self.info: Mapping[str, str] = dict(model.info)

    def __call__(self, record: Record) -> Instances:
        """What the model finds in the image. Raises ImageError or DataError where there is none to look at."""
        pixels = record.gray()
        spread = imaging.normalise(pixels.gray, record.name, record.case, pixels.warnings)
        return self._model.karyotype(spread).instances

    def notes(self, split: Collection[str]) -> list[str]:  # noqa: ARG002
        """Nothing: a model looks at every image."""
        return []

    def invalid(self) -> list[dict[str, Any]]:
        """Nothing."""
        return []


class ResultFolder:
    """Stored results of `metaphase karyotype`: NAME/result.json or NAME.json."""

    has_masks = has_classes = has_probabilities = True
    strict = False

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.info: Mapping[str, str] = {"predictions": str(folder)}

    def __call__(self, record: Record) -> Instances:
        """The stored result of the image. Raises DataError where there is none."""
        stored = (self._folder / record.name / "result.json", self._folder / f"{record.name}.json")
        path = next((path for path in stored if path.is_file()), None)
        if path is None:
            expected = f"expected {stored[0]} or {stored[1].name}"
            raise DataError(f"{self._folder}: no result of image {record.name}; {expected}")
        return read_result(path)

    def notes(self, split: Collection[str]) -> list[str]:  # noqa: ARG002
        """Nothing: a missing result is listed with its image."""
        return []

    def invalid(self) -> list[dict[str, Any]]:
        """Nothing."""
        return []


class CocoFile:
    """A COCO result file of any tool."""

    strict = True

    def __init__(self, results: CocoResults) -> None:
        self._results = results
        self.info: Mapping[str, str] = {"predictions": str(results.path)}
        self.has_masks = results.has_masks
        self.has_classes = not results.one_class
        self.has_probabilities = results.has_probabilities

    def __call__(self, record: Record) -> Instances:
        """The entries about the image. Raises DataError for one that is not as it should be."""
        return self._results.instances(record.name, record.truth.height, record.truth.width)

    def notes(self, split: Collection[str]) -> list[str]:
        """Images without an entry, entries of other images, entries left out, and how the category was read."""
        found = self._results
        notes: list[str] = []
        if found.one_class:
            notes.append("the predictions have one class: their category is read as chromosome, whatever its number")
        silent = sum(name not in found.entries for name in split)
        if silent:
            notes.append(
                f"{plural(silent, 'image has', 'images have')} no entry in {found.path.name}: scored as nothing found"
            )
        elsewhere = {name: len(entries) for name, entries in found.entries.items() if name not in frozenset(split)}
        if elsewhere:
            several = f"{plural(sum(elsewhere.values()), 'entry', 'entries')} of {plural(len(elsewhere), 'image')}"
            notes.append(f"{several} are of the set but not among the images scored here, and are not used")
        if found.faint:
            notes.append(f"{plural(found.faint, 'entry', 'entries')} below the least score left out")
        if found.invalid:
            entries = plural(len(found.invalid), "invalid entry", "invalid entries")
            notes.append(f"{entries} left out; metrics.json lists what is left out under invalid")
        return notes

    def invalid(self) -> list[dict[str, Any]]:
        """The entries that were set aside."""
        return self._results.invalid
