"""The synthetic language of ``tiny``: text whose hidden variables are known for every token."""

from __future__ import annotations

from jobs.corpus.grammar.language import Probe, Text, texts, write_text
from jobs.corpus.grammar.lexicon import BOS, UNK, VOCABULARY

__all__ = ["BOS", "UNK", "VOCABULARY", "Probe", "Text", "texts", "write_text"]
