"""What a person or another program gets to see: result.json, overlay, karyogram, and the report of an evaluation."""

from metaphase.report.contact_sheet import SheetImage, draw_contact_sheet
from metaphase.report.evaluation import evaluation_page, metrics_schema
from metaphase.report.gallery import GalleryPicture, draw_marked
from metaphase.report.karyogram import draw_karyogram
from metaphase.report.overlay import draw_overlay
from metaphase.report.plots import draw_statistics
from metaphase.report.png import encode_png
from metaphase.report.result import SCHEMA_VERSION, result_document, result_schema

__all__ = [
    "SCHEMA_VERSION",
    "GalleryPicture",
    "SheetImage",
    "draw_contact_sheet",
    "draw_karyogram",
    "draw_marked",
    "draw_overlay",
    "draw_statistics",
    "encode_png",
    "evaluation_page",
    "metrics_schema",
    "result_document",
    "result_schema",
]
