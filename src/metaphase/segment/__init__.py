"""From a spread to chromosome masks."""

from metaphase.segment.parting import parted
from metaphase.segment.segmenter import Segmenter

__all__ = ["Segmenter", "parted"]
