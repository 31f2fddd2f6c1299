"""Sets of LabelMe files, published or a laboratory's own: from an index to records."""

from __future__ import annotations

from metaphase.datasets.defects import summaries
from metaphase.datasets.formats.folders import name_alone
from metaphase.datasets.formats.labelme import instances_of, read_labelme
from metaphase.datasets.record import Index, Record
from metaphase.errors import DataError

__all__ = ["record_of"]


def record_of(index: Index, name: str) -> Record:
    """One image's masks (boxes where only rectangles are drawn), its pixels beside the label file or inside it.

    What is no class is set aside. Raises DataError for an unknown name or a file that is no LabelMe file.
    """
    if name not in index.labels:
        raise DataError(f"{index.root}: there is no label file of image {name}")
    path = index.labels[name]
    annotation = read_labelme(path)
    truth, defects = instances_of(annotation)
    image = index.images.get(name, path.with_name(name_alone(annotation.image_path) or f"{path.stem}.png"))
    return Record(name, image, index.cases[name], truth, summaries(defects), annotation.image_data, defects)
