"""What each figure says, in a few words."""

from __future__ import annotations

__all__ = ["MEANINGS"]

MEANINGS = {
    "found": "of the true chromosomes, found",
    "end_to_end": "found and named rightly",
    "class_accuracy": "of those found, named rightly",
    "false_per_cell": "things found in an image that are no chromosome",
    "cells_without_error": "images with every name right and nothing false",
    "exact_count": "images with the right number of chromosomes",
    "count_error": "how far the number is off, mean",
    "accuracy": "named rightly, each chromosome alone",
    "accuracy_in_cell": "named rightly, all of a cell together",
    "IoU_chromosomes": "how well both outlines of a pair fit, 1: exactly",
    "IoU_overlap": "how well the region fits that both share",
    "IoU_1": "fit of one outline of a pair",
    "IoU_2": "fit of the other",
    "two_found": "pairs in which two chromosomes were found",
    "touching_pairs": "pairs that touch and share no region",
    "PQ_all": "found and well outlined: SQ x RQ",
    "SQ_all": "mean IoU of the found ones",
    "RQ_all": "balance of missed and false ones",
    "AJI": "shared pixels of all outlines over all their pixels",
    "mPQ": "PQ of each class, mean",
    "mask_AP": "average precision of outlines, IoU .50 to .95",
    "mask_AP50": "the same, IoU from .50",
    "mask_AP75": "the same, IoU from .75",
    "AP": "average precision of boxes, IoU .50 to .95",
    "AP50": "the same, IoU from .50",
    "AP75": "the same, IoU from .75",
    "sanity": "as many of each as in a normal cell, 1: exactly",
    "sanity_exact": "images with as many of each as in a normal cell",
    "ece": "error of the class probabilities, 0: they mean what they say",
    "score_ece": "the same of the scores",
}
"""By the key of a figure, those first that most people look for."""
