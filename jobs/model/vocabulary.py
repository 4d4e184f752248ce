"""Whether two models read the same tokens, as far as is known before either is loaded.

Torch-free: jobs are checked with it when they are asked for.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from jobs.model.shape import is_hub
from store.errors import AskedWrongly


def check_same_tokens(
    first: str, other: str, own: Mapping[str, int], theirs: Mapping[str, int]
) -> None:
    """Raises AskedWrongly where a token id of the model `first` means something else to `other`."""
    if any(theirs.get(token) != id for token, id in own.items()):
        raise AskedWrongly(
            f"{first} and {other} have different tokenizers, so they cannot read the "
            "same tokens; a crosscoder needs two models that share one."
        )


def vocabulary(name: str) -> dict[str, int] | None:
    """Every token of the model called `name` with its id; None where only its tokenizer, loaded,
    knows them.
    """
    if name == "tiny":
        from jobs.corpus.grammar import VOCABULARY

        return {word: id for id, word in enumerate(VOCABULARY)}
    folder = Path(name).expanduser()
    if is_hub(name) or not folder.is_dir():
        return None
    try:
        return _tokens(json.loads((folder / "tokenizer.json").read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError, KeyError):
        return None


def _tokens(told: Mapping[str, object]) -> dict[str, int]:
    """Of a parsed ``tokenizer.json``: unigram models list (token, score), all others map to ids."""
    model, added = told["model"], told.get("added_tokens") or []
    if not (isinstance(model, dict) and isinstance(added, list)):
        raise TypeError("no tokenizer.json")
    listed = model["vocab"]
    if isinstance(listed, list):
        listed = {token: id for id, (token, _) in enumerate(listed)}
    return {**listed, **{token["content"]: token["id"] for token in added}}
