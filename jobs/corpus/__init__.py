"""Text from anywhere, tokenised and packed into documents.

Nothing here imports torch before tokens are asked for.
"""

from __future__ import annotations

from jobs.corpus.corpus import Corpus, open_corpus
from jobs.corpus.prepare import corpus_id, prepare

__all__ = ["Corpus", "corpus_id", "open_corpus", "prepare"]
