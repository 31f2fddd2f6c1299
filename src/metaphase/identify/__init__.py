"""From masks to class probabilities, orientation and straightened chromosomes."""

from metaphase.identify.identifier import Identified, Identifier, upright
from metaphase.identify.straighten import straighten

__all__ = ["Identified", "Identifier", "straighten", "upright"]
