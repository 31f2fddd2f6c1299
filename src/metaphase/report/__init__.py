"""What a person or another program gets to see: result.json, overlay and karyogram."""

from metaphase.report.karyogram import draw_karyogram
from metaphase.report.overlay import draw_overlay
from metaphase.report.png import encode_png
from metaphase.report.result import SCHEMA_VERSION, result_document, result_schema

__all__ = ["SCHEMA_VERSION", "draw_karyogram", "draw_overlay", "encode_png", "result_document", "result_schema"]
