"""Gray pixels to a `Spread`: polarity recognised, dark on bright, with the chromosome width as yardstick of scale."""

from metaphase.imaging.normalise import normalise
from metaphase.imaging.polarity import background_position, is_bright_on_dark
from metaphase.imaging.scale import measure_width

__all__ = ["background_position", "is_bright_on_dark", "measure_width", "normalise"]
