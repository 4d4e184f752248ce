"""Language models: load any of them, name their hook points, read and edit activations.

Nothing here imports torch before a model is asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jobs.model.load import load_model, load_tokenizer
from jobs.model.tokenizer import Tokenizer

if TYPE_CHECKING:
    from jobs.model.language_model import LanguageModel as LanguageModel

__all__ = ["LanguageModel", "Tokenizer", "load_model", "load_tokenizer"]


def __getattr__(name: str) -> Any:
    if name == "LanguageModel":
        from jobs.model.language_model import LanguageModel

        return LanguageModel
    raise AttributeError(name)
