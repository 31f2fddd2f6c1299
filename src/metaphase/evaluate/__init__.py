"""Evaluate a model, its stored results or those of any other tool on a data set."""

from metaphase.evaluate.evaluation import Evaluation
from metaphase.evaluate.run import evaluate

__all__ = ["Evaluation", "evaluate"]
