"""What a measured number needs beside it: weights, date, machine, command."""

from __future__ import annotations

import datetime
import os
import platform
import sys
from pathlib import Path

import cv2
import onnxruntime


def peak_memory_mb() -> float | None:
    """Largest resident size of this process so far in MB; None where the system does not tell."""
    if sys.platform == "win32":
        return None
    import resource  # noqa: PLC0415 - absent on Windows

    largest = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return largest / (1 << 20 if sys.platform == "darwin" else 1 << 10)


def machine() -> str:
    """Processor, number of cores and thread setting, system, versions of what computes."""
    name = platform.processor() or platform.machine()
    listing = Path("/proc/cpuinfo")
    if listing.exists():
        lines = [line for line in listing.read_text(encoding="utf-8").splitlines() if line.startswith("model name")]
        name = lines[0].split(":", 1)[1].strip() if lines else name
    threads = os.environ.get("OMP_NUM_THREADS", "all")
    versions = f"Python {platform.python_version()}, ONNX Runtime {onnxruntime.__version__}, OpenCV {cv2.__version__}"
    return f"{name}, {os.cpu_count()} cores, OMP_NUM_THREADS {threads}, {platform.system()}; {versions}"


def date() -> str:
    """Now, to the minute."""
    return f"{datetime.datetime.now(datetime.UTC):%Y-%m-%d %H:%M} UTC"


def provenance(info: dict[str, str]) -> str:
    """Weights, date and machine: what a number needs beside it."""
    return f"weights `{info['sha256'][:12]}`; {date()}; {machine()}"


def heading(title: str, info: dict[str, str]) -> str:
    """Title, provenance and command, as they stand above a table."""
    command = " ".join(["python", *sys.argv])
    return f"## {title}\n\n{provenance(info)}\n\n    {command}\n"
