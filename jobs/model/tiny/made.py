"""Makes ``tiny`` once a machine and keeps it as a Hugging Face folder in the cache."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from jobs.corpus.grammar import BOS, UNK, VOCABULARY
from jobs.model.cache import cache_root, made_once
from jobs.model.tiny.recipe import RECIPE, Recipe

ACCURACIES = "accuracies.json"


def tiny_folder(say: Callable[[str], object] = print, recipe: Recipe = RECIPE) -> Path:
    """The folder of ``tiny``, trained now if it is not there yet (a minute or two).

    It holds ``config.json``, ``model.safetensors``, the tokenizer and ``accuracies.json``.
    """
    folder = cache_root() / "models" / f"tiny-{recipe.fingerprint()}"
    return made_once(
        folder,
        lambda staging: _make(staging, recipe, say),
        waiting=lambda: say("Waiting for another process that is training tiny."),
    )


def _make(staging: Path, recipe: Recipe, say: Callable[[str], object]) -> None:
    from jobs.model.tiny.accuracy import accuracies
    from jobs.model.tiny.train import train

    began = time.monotonic()
    said = began

    def progress(step: int, loss: float) -> None:
        nonlocal said
        if time.monotonic() - said >= 10:
            said = time.monotonic()
            say(f"Training tiny: step {step} of {recipe.steps}, loss {loss:.2f}.")

    say("Training tiny on its synthetic grammar: once, a minute or two on two cores.")
    model = train(recipe, progress)
    seconds = time.monotonic() - began
    found = accuracies(model)
    model.save_pretrained(staging)
    word_tokenizer().save_pretrained(staging)
    about = {
        "recipe": asdict(recipe),
        "seconds": round(seconds, 1),
        "accuracies": {a.kind: a._asdict() for a in found},
    }
    (staging / ACCURACIES).write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")
    say(f"Trained tiny in {seconds:.0f} s. Right answers (chance): {told(about)}.")


def told(about: dict[str, Any]) -> str:
    """Accuracies in one line, each beside chance."""
    return ", ".join(
        f"{kind} {a['right']:.2f} ({a['chance']:.2f})" for kind, a in about["accuracies"].items()
    )


def word_tokenizer() -> Any:
    """The tokenizer of the grammar: a token a word, split at spaces."""
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    words = Tokenizer(models.WordLevel({w: i for i, w in enumerate(VOCABULARY)}, unk_token=UNK))
    words.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return PreTrainedTokenizerFast(
        tokenizer_object=words, bos_token=BOS, eos_token=BOS, unk_token=UNK, pad_token=BOS
    )
