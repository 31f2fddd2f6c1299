"""From the image of a G-banded metaphase to a karyogram.

`metaphase.load_model()(image)` returns a dictionary of numpy arrays: `boxes` Float32[M, 4] as (x0, y0, x1, y1) in
pixels, `labels` Int64[M] in 1..24 (23 is X, 24 is Y), `scores` Float32[M] in [0, 1] and `masks` Float32[M, 1, H, W].
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from metaphase.predict import load_model as load_model

__all__ = ["__version__", "load_model"]

__version__ = "0.1.0"


def __getattr__(name: str) -> object:
    # Loaded on first use (PEP 562), so that `import metaphase` and `metaphase --help` stay instant.
    if name == "load_model":
        from metaphase.predict import load_model  # noqa: PLC0415

        return load_model
    raise AttributeError(f"module 'metaphase' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
