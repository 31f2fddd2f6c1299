"""What a person or another program gets to see: result.json, overlay, karyogram, evidence, pages for print."""

from metaphase.report.case_page import case_html, case_sheets
from metaphase.report.evidence import evidence_sheet
from metaphase.report.karyogram import draw_karyogram, karyogram_sheet
from metaphase.report.overlay import draw_overlay
from metaphase.report.pdf import encode_pdf
from metaphase.report.png import encode_png
from metaphase.report.result import SCHEMA_VERSION, result_document, result_schema
from metaphase.report.sheet import Sheet

__all__ = [
    "SCHEMA_VERSION",
    "Sheet",
    "case_html",
    "case_sheets",
    "draw_karyogram",
    "draw_overlay",
    "encode_pdf",
    "encode_png",
    "evidence_sheet",
    "karyogram_sheet",
    "result_document",
    "result_schema",
]
