"""Fused Adam over a dictionary's parameters, with all of its state open to be saved."""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

BETAS = (0.8, 0.95)
"""Shorter memory than Adam's usual (.9, .999): most features fire rarely, and what they were before
they were re-seeded shall soon be forgotten. Figures in README, "Beside other libraries".
"""
EPSILON = 1e-8


class Adam:
    """Adam (arXiv:1412.6980), one fused kernel for all parameters, no weight decay."""

    def __init__(
        self, parameters: dict[str, nn.Parameter], pace: Mapping[str, float] | None = None
    ) -> None:
        """`pace` gives the parameters that learn at a multiple of the rate."""
        self.parameters, self.pace = parameters, dict(pace or {})
        self.first = {name: torch.zeros_like(p) for name, p in parameters.items()}
        """Running mean of the gradients."""
        self.second = {name: torch.zeros_like(p) for name, p in parameters.items()}
        """Running mean of their squares."""
        self.steps = 0

    @torch.no_grad()
    def step(self, learning_rate: float) -> None:
        """Moves every parameter along its ``.grad``."""
        self.steps += 1
        groups: dict[float, list[str]] = {}
        for name in self.parameters:
            groups.setdefault(self.pace.get(name, 1.0), []).append(name)
        for pace, names in groups.items():
            self._step(names, learning_rate * pace)

    def _step(self, names: list[str], learning_rate: float) -> None:
        counts = [  # filled where they are: a copy to a GPU would wait for it
            torch.full((), float(self.steps), device=self.parameters[name].device) for name in names
        ]
        torch._fused_adam_(
            [self.parameters[name] for name in names],
            [self._gradient(name) for name in names],
            [self.first[name] for name in names],
            [self.second[name] for name in names],
            [],
            counts,
            lr=learning_rate,
            beta1=BETAS[0],
            beta2=BETAS[1],
            weight_decay=0.0,
            eps=EPSILON,
            amsgrad=False,
            maximize=False,
        )

    def _gradient(self, name: str) -> Tensor:
        gradient = self.parameters[name].grad
        assert gradient is not None, name
        return gradient

    def forget(self, name: str, rows: Tensor) -> None:
        """Clears the moments of some rows, whose parameters were set anew."""
        self.first[name][rows] = 0
        self.second[name][rows] = 0


def learning_rate(peak: float, share: float, warm_up: float, decay: float) -> float:
    """The rate at `share` (0 to 1) of training: linear up over the first `warm_up` of it, flat,
    linear down to zero over the last `decay` of it.
    """
    rising = share / warm_up if share < warm_up else 1.0
    falling = (1 - share) / decay if share > 1 - decay else 1.0
    return peak * max(0.0, min(rising, falling))
