"""A stand-in for a language model, which answers as it is told: the tokenizer of tiny's words."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import torch
from torch import Tensor

from jobs.model.folder import as_text_tokenizer
from jobs.model.tiny.made import word_tokenizer


@cache
def tokenizer() -> Any:
    return as_text_tokenizer(word_tokenizer(), "tiny")


class Knows:
    """Gives `answer` of a prompt's words a logit of 1, all else 0."""

    name = "tiny"
    context = 32
    device = torch.device("cpu")

    def __init__(self, answer: Callable[[list[str]], str]) -> None:
        self.answer = answer
        self.tokenizer = tokenizer()
        self.d_vocab = self.tokenizer.d_vocab

    def last_logits(self, tokens: Tensor, at: Tensor) -> Tensor:
        logits = torch.zeros(len(tokens), self.d_vocab)
        for row, (ids, last) in enumerate(zip(tokens.tolist(), at.tolist(), strict=True)):
            words = [self.tokenizer.token(id).strip() for id in ids[: last + 1]]
            logits[row, self.tokenizer.encode(self.answer(words))[0]] = 1
        return logits

    def token_strings(self, ids: list[int]) -> list[str]:
        return [self.tokenizer.token(id) for id in ids]
