"""Makes a truth model once a machine and keeps it as a Hugging Face folder in the cache."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from jobs.model.cache import cache_root, made_once

TRUTH = "truth.json"
DICTIONARIES = "dictionaries"


def truth_folder(name: str) -> Path:
    """The folder of ``truth:<name>``, compiled now (seconds) if it is not there yet.

    It holds ``config.json``, ``model.safetensors``, the tokenizer, ``truth.json`` (true nodes and
    edges) and, under ``dictionaries``, a SAELens folder for each hook where features are known.
    """
    folder = cache_root() / "models" / f"truth-{name}-{_fingerprint()}"
    return made_once(folder, lambda staging: _make(staging, name))


def _fingerprint() -> str:
    """Twelve hexadecimal digits that change with the code that compiles."""
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def _make(staging: Path, name: str) -> None:
    from jobs.dictionary.saved import hook_metadata, save_folder
    from jobs.model.truth.compiled import compiled, plan
    from jobs.model.truth.truth import TRUTHS

    made, truth = plan(name), TRUTHS[name]
    compiled(made).save_pretrained(staging)
    tokenizer(made.circuit.tokens).save_pretrained(staging)
    features = {}
    for known in truth.dictionaries():
        where = staging / DICTIONARIES / known.hook.label
        metadata = {"model_name": truth.model, **hook_metadata(known.hook)}
        save_folder(where, known.dictionary, 1.0, metadata)
        features[known.hook.label] = {"true": known.true, "names": known.names}
    about = {
        "true_nodes": sorted(truth.true_nodes),
        "true_edges": sorted(truth.true_edges),
        "features": features,
    }
    (staging / TRUTH).write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")


def tokenizer(tokens: tuple[str, ...]) -> Any:
    """A token a word, split at spaces."""
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    bos, unk = tokens[:2]
    words = Tokenizer(models.WordLevel({w: i for i, w in enumerate(tokens)}, unk_token=unk))
    words.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return PreTrainedTokenizerFast(
        tokenizer_object=words, bos_token=bos, eos_token=bos, unk_token=unk, pad_token=bos
    )
