"""What a person or another program gets to see: result.json, overlay and karyogram."""

from metaphase.report.contact_sheet import SheetImage, draw_contact_sheet
from metaphase.report.karyogram import draw_karyogram
from metaphase.report.overlay import draw_overlay
from metaphase.report.plots import draw_statistics
from metaphase.report.png import encode_png
from metaphase.report.result import SCHEMA_VERSION, result_document, result_schema

__all__ = [
    "SCHEMA_VERSION",
    "SheetImage",
    "draw_contact_sheet",
    "draw_karyogram",
    "draw_overlay",
    "draw_statistics",
    "encode_png",
    "result_document",
    "result_schema",
]
