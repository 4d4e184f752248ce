"""A GPT-2 as the sum of what its components write: any component can be held back from any other.

Written from the architecture alone, apart from all that it is to prove.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import torch
from torch import Tensor


class Run(NamedTuple):
    """One pass over some prompts."""

    out: dict[str, Tensor]
    """What each component writes, [n, t, d]: ``L0.H3``, ``L0.mlp``."""
    streams: list[Tensor]
    """The residual stream before each layer."""
    logits: Tensor


class Components:
    def __init__(self, model: Any) -> None:
        self.body, self.head, self.config = model.transformer, model.lm_head, model.config

    def run(
        self,
        tokens: Tensor,
        stand_in: Mapping[str, Tensor] | None = None,
        hidden: tuple[str, str, Tensor] | None = None,
        known: Run | None = None,
        since: int = 0,
    ) -> Run:
        """`stand_in`: what some components write instead, for all to see. `hidden`: a source, a
        receiver (a component or ``logits``), and what the source seems to have written, for the
        receiver alone. With `known`, layers before `since` are as they were there.
        """
        out: dict[str, Tensor] = dict(known.out) if known else {}
        streams = list(known.streams[: since + 1]) if known else []
        if not streams:
            streams = [self.body.wte(tokens) + self.body.wpe(torch.arange(tokens.shape[1]))]

        def read(receiver: str, stream: Tensor) -> Tensor:
            if hidden is None or hidden[1] != receiver:
                return stream
            return stream - out[hidden[0]] + hidden[2]

        for layer in range(since, self.config.n_layer):
            block, stream = self.body.h[layer], streams[layer]
            heads = self._heads(block, stream)
            for number, written in enumerate(heads):
                name = f"L{layer}.H{number}"
                if hidden is not None and hidden[1] == name:
                    written = self._heads(block, read(name, stream))[number]
                out[name] = (stand_in or {}).get(name, written).expand_as(written)
                stream = stream + out[name]
            name, stream = f"L{layer}.mlp", stream + block.attn.c_proj.bias
            written = block.mlp(block.ln_2(read(name, stream)))
            out[name] = (stand_in or {}).get(name, written).expand_as(written)
            streams.append(stream + out[name])
        return Run(out, streams, self.head(self.body.ln_f(read("logits", streams[-1]))))

    def _heads(self, block: Any, stream: Tensor) -> Tensor:
        """What every head of a block writes, [h, n, t, d]: none reads what another one wrote."""
        n_head, (n, t, d) = self.config.n_head, stream.shape
        qkv = block.attn.c_attn(block.ln_1(stream)).view(n, t, 3, n_head, -1)
        q, k, v = qkv.permute(2, 3, 0, 1, 4)
        scores = q @ k.transpose(-1, -2) / q.shape[-1] ** 0.5
        scores = scores.masked_fill(torch.ones(t, t).triu(1).bool(), float("-inf"))
        return scores.softmax(-1) @ v @ block.attn.c_proj.weight.view(n_head, 1, -1, d)


def layer_of(node: str) -> int:
    """The layer of ``L3.H2``."""
    return int(node.split(".")[0][1:])


def same_layer_heads(source: str, target: str) -> bool:
    """Whether both are heads of one layer: those stand beside each other, unseen."""
    return ".H" in source and ".H" in target and layer_of(source) == layer_of(target)
