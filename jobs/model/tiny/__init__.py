"""``tiny``: a small transformer trained here, on first use, on the synthetic grammar."""

from __future__ import annotations

from jobs.model.tiny.accuracy import Accuracy, accuracies
from jobs.model.tiny.made import tiny_folder
from jobs.model.tiny.recipe import RECIPE, Recipe

__all__ = ["RECIPE", "Accuracy", "Recipe", "accuracies", "tiny_folder"]
