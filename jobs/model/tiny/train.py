"""Trains ``tiny``: Muon on the matrices inside the blocks, Adam on the rest."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import chain, islice
from typing import Any

import numpy as np
import torch
from torch import Tensor

from jobs.corpus.grammar import BOS, VOCABULARY, texts
from jobs.model.threads import threads
from jobs.model.tiny.recipe import Recipe

WORD_IDS = {word: index for index, word in enumerate(VOCABULARY)}


def train(recipe: Recipe, progress: Callable[[int, float], None] = lambda step, loss: None) -> Any:
    """A trained ``LlamaForCausalLM`` in fp32; the same bytes every time on one machine.

    `progress` hears of every step: its number (from 1) and its loss in nats.
    """
    with threads(recipe.threads), torch.random.fork_rng(devices=[]):
        torch.manual_seed(recipe.seed)
        model = new_model(recipe).train()
        optimisers, rates = _optimisers(model, recipe)
        for step, tokens in enumerate(_batches(recipe), start=1):
            _set_rates(optimisers, rates, _schedule(step, recipe))
            logits = model(tokens[:, :-1], use_cache=False).logits
            loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), tokens[:, 1:].flatten())
            loss.backward()
            torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
            for optimiser in optimisers:
                optimiser.step()
                optimiser.zero_grad()
            progress(step, loss.item())
    return model.eval().requires_grad_(False)


def new_model(recipe: Recipe) -> Any:
    """The model, untrained."""
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(
        vocab_size=len(VOCABULARY),
        hidden_size=recipe.d_model,
        intermediate_size=recipe.d_mlp,
        num_hidden_layers=recipe.n_layers,
        num_attention_heads=recipe.n_heads,
        max_position_embeddings=512,
        tie_word_embeddings=True,
        bos_token_id=WORD_IDS[BOS],
        eos_token_id=WORD_IDS[BOS],
    )
    config._attn_implementation = "sdpa"
    return LlamaForCausalLM(config)


def _batches(recipe: Recipe) -> Iterator[Tensor]:
    """Int64[batch, context + 1], one a step: texts one after another, each after a ``<bos>``."""
    stream = chain.from_iterable(
        [WORD_IDS[BOS], *(WORD_IDS[word] for word in text.words)]
        for text in texts(recipe.text_seed)
    )
    size = recipe.batch * (recipe.context + 1)
    for _ in range(recipe.steps):
        tokens = np.fromiter(islice(stream, size), np.int64, size)
        yield torch.from_numpy(tokens).view(recipe.batch, -1)


def _optimisers(model: Any, recipe: Recipe) -> tuple[list[Any], list[float]]:
    blocks = [p for p in model.model.layers.parameters() if p.ndim == 2]
    inside = {id(p) for p in blocks}
    others = [p for p in model.parameters() if id(p) not in inside]
    rates = [recipe.matrix_rate, recipe.vector_rate]
    muon = torch.optim.Muon(blocks, lr=rates[0], weight_decay=recipe.matrix_decay)
    adam = torch.optim.AdamW(
        others, lr=rates[1], betas=(0.9, 0.95), weight_decay=recipe.vector_decay, fused=True
    )
    return [muon, adam], rates


def _schedule(step: int, recipe: Recipe) -> float:
    """Share of the peak learning rate at a step: up, level, down to zero."""
    falling = recipe.decay * recipe.steps
    return min(1.0, step / recipe.warm_up, (recipe.steps - step + 1) / falling)


def _set_rates(optimisers: list[Any], rates: list[float], share: float) -> None:
    for optimiser, rate in zip(optimisers, rates, strict=True):
        for group in optimiser.param_groups:
            group["lr"] = rate * share
