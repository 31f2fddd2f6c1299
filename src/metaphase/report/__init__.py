"""What a person or another program gets to see: result.json, overlay, karyogram, evidence, pages, reports."""

from metaphase.report.case_page import MOST_PICTURED, case_html, case_sheets
from metaphase.report.contact_sheet import SheetImage, draw_contact_sheet
from metaphase.report.evaluation import evaluation_page, metrics_schema
from metaphase.report.evidence import evidence_sheet
from metaphase.report.gallery import GalleryPicture, draw_marked
from metaphase.report.karyogram import draw_karyogram, karyogram_sheet
from metaphase.report.overlay import draw_overlay
from metaphase.report.pdf import encode_pdf
from metaphase.report.plots import draw_statistics
from metaphase.report.png import encode_png
from metaphase.report.result import SCHEMA_VERSION, result_document, result_schema
from metaphase.report.sheet import Sheet

__all__ = [
    "MOST_PICTURED",
    "SCHEMA_VERSION",
    "GalleryPicture",
    "Sheet",
    "SheetImage",
    "case_html",
    "case_sheets",
    "draw_contact_sheet",
    "draw_karyogram",
    "draw_marked",
    "draw_overlay",
    "draw_statistics",
    "encode_pdf",
    "encode_png",
    "evaluation_page",
    "evidence_sheet",
    "karyogram_sheet",
    "metrics_schema",
    "result_document",
    "result_schema",
]
