"""A network's ONNX file as an ONNX Runtime session on the CPU."""

from __future__ import annotations

from pathlib import Path

import onnxruntime

from metaphase.errors import WeightsError

__all__ = ["open_session"]


def open_session(path: Path, owner: str) -> onnxruntime.InferenceSession:
    """Read an ONNX file; `owner` ("segmenter") stands in the message. Raises WeightsError: missing or damaged."""
    if not path.is_file():
        raise WeightsError(f"{path}: expected the {owner}'s weights, but there is no such file; name their folder")
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # the runtime has no error class of its own in its public names
        raise WeightsError(f"{path}: expected the {owner}'s weights in ONNX format ({error})") from error
