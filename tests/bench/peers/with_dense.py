"""The baseline of ``tests.bench.step_on_device``: the same dictionaries from the same start, by
dense products and autograd, put through ``torch.compile``, with mixed precision and fused Adam.
``SAETUI_EAGER=1`` leaves the compiler out.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import torch
from dense_losses import loss_of
from torch import Tensor
from torch.nn import functional as F
from with_saetui import begun
from worker import Asked, serve

from jobs.dictionary.optimiser import BETAS
from jobs.dictionary.precision import encoder_precision


class Dense:
    """A dictionary that autograd trains."""

    def __init__(self, asked: Asked, x: Tensor, y: Tensor) -> None:
        self.dictionary, recipe = begun(asked, x, y)
        own = self.dictionary
        self.p = {name: p.detach().clone() for name, p in own.named_parameters()}
        learned = [p.requires_grad_() for name, p in self.p.items() if name not in own.estimated]
        self.adam = torch.optim.Adam(learned, lr=recipe.learning_rate, betas=BETAS, fused=True)
        loss = loss_of(own.architecture, own.options(), recipe.sparsity)
        self.loss, self.turn, self.pin = (compiled(run) for run in (loss, turn_only, pin))
        self.device = asked.device.partition(":")[0]
        self.low = encoder_precision(asked.device) == "bfloat16"

    def step(self, x: Tensor, y: Tensor) -> None:
        with torch.autocast(self.device, torch.bfloat16, enabled=self.low):
            loss = self.loss(self.p, x, y)
        loss.backward()
        D = self.p["W_dec"]
        if self.dictionary.unit_norm:
            self.turn(D.grad, D.detach())
        self.adam.step()
        self.adam.zero_grad()
        if self.dictionary.unit_norm:
            self.pin(D.detach())

    def reconstruct(self, x: Tensor) -> tuple[Tensor, Tensor]:
        self._hand_over()
        return self.dictionary(x), self.dictionary.encode(x)

    def decoder(self) -> Tensor:
        return self.p["W_dec"].detach()

    def _hand_over(self) -> None:
        for name, p in self.p.items():
            self.dictionary.get_parameter(name).data.copy_(p.detach())


def turn_only(gradient: Tensor, D: Tensor) -> None:
    """Takes away, in place, what would only lengthen directions."""
    gradient.sub_((gradient * D).sum(1, keepdim=True) * D)


def pin(D: Tensor) -> None:
    """Brings directions back to length one, in place."""
    D.copy_(F.normalize(D))


def compiled(run: Callable[..., Any]) -> Callable[..., Any]:
    """`run` put through torch.compile, unless that is asked not to be."""
    if os.environ.get("SAETUI_EAGER") == "1":
        return run
    made: Callable[..., Any] = torch.compile(run, dynamic=False)
    return made


if __name__ == "__main__":
    serve(Dense)
