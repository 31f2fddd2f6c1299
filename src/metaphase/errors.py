"""The project's errors.

MetaphaseError          what a person can mend; a door turns it into one sentence and exit code 2
├── ImageError          a file that is not an image this program can read
├── DataError           a data set, label file or prediction file that is not as it should be
│   └── UnknownClassError   a label names a class that the set does not have
├── ConfigError         an unknown or impossible setting
├── IscnError           a karyotype string that is against the rules
└── WeightsError        missing or damaged weights, or a missing optional package
"""

from __future__ import annotations

__all__ = [
    "ConfigError",
    "DataError",
    "ImageError",
    "IscnError",
    "MetaphaseError",
    "UnknownClassError",
    "WeightsError",
]


class MetaphaseError(Exception):
    """Base of every error that the project raises on purpose. The message is one clear sentence."""


class ImageError(MetaphaseError):
    """A file is not an image that can be read: names the file, what was expected, what to do."""


class DataError(MetaphaseError):
    """A data set or label file is not as expected: names the file and the entry."""


class UnknownClassError(DataError):
    """A label names a class that the set does not have: names the file and the class."""


class ConfigError(MetaphaseError):
    """A setting is unknown or impossible: names the key and the nearest known one."""


class IscnError(MetaphaseError):
    """A karyotype string is against the rules of ISCN, or beyond its numerical part: names the part and the rule."""


class WeightsError(MetaphaseError):
    """Weights are missing or damaged, or an optional package that is needed is not installed."""
