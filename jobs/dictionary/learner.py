"""One dictionary in training: its weights, optimiser, and which features are dead."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, TypeVar

import torch
from jaxtyping import Bool, Float
from torch import Tensor

from jobs.dictionary.accumulate import accumulated
from jobs.dictionary.auxiliary import auxiliary_step
from jobs.dictionary.base import Dictionary
from jobs.dictionary.initial import reseed
from jobs.dictionary.optimiser import Adam, learning_rate
from jobs.dictionary.precision import FastEncoder
from jobs.dictionary.sparse import Step
from store.errors import SaetuiError

Done = TypeVar("Done")

TOO_LITTLE = (
    "The GPU's memory is full: beside the weights of a dictionary of {m:,} features not even one "
    "token of a step fits, so a smaller batch does not help. Train fewer dictionaries in one job, "
    "with a smaller d_sae or buffer, or with device=cpu."
)


@dataclass(frozen=True)
class Recipe:
    """How a dictionary is trained; the fields are those of the ``train_sae`` spec."""

    learning_rate: float
    sparsity: float = 0.0
    """λ, weight of the sparsity penalty."""
    warm_up: float = 0.05
    """Share of training over which learning rate and λ rise."""
    decay: float = 0.2
    start: float = 0.3
    """Share of training during which no more features fire than at its first step."""
    dead_after: int = 1_000_000
    """Tokens without firing after which a feature counts as dead."""
    aux_k: int = 0
    """Dead features a token that reconstruct the error; 0 turns AuxK off."""
    aux_weight: float = 1 / 32
    reseed: bool = True
    micro_batch: int | None = None
    """Tokens of a step worked on at once; None: all."""
    seed: int = 0


class Measured(NamedTuple):
    """One step, for the training curve."""

    loss: float
    fvu: float
    """Σ‖x − x̂‖² / Σ‖x − x̄‖² on the batch."""
    l0: float
    """Features that fire on a token, mean over the batch."""
    dead_fraction: float
    learning_rate: float


class Learner:
    """Trains one dictionary, batch by batch. Inputs come scaled: mean ‖x‖² = d."""

    def __init__(
        self,
        dictionary: Dictionary,
        recipe: Recipe,
        precision: str,
        say: Callable[[str], None] = lambda message: None,
    ) -> None:
        self.dictionary, self.recipe, self.say = dictionary, recipe, say
        every = dict(dictionary.named_parameters())
        learned = {name: p for name, p in every.items() if name not in dictionary.estimated}
        self.adam = Adam(learned, dictionary.pace)
        self.encoder = FastEncoder(dictionary, precision)
        self.encoder.limit(recipe.micro_batch)
        self.since = torch.zeros(dictionary.d_sae, dtype=torch.int64, device=dictionary.device)
        """Tokens since each feature last fired."""
        self.reseeded = 0
        """Features re-seeded so far, repeats counted."""

    def step(
        self,
        x: Float[Tensor, "batch d"],
        share: float,
        measure: bool,
        y: Float[Tensor, "batch d_out"] | None = None,
    ) -> Measured | None:
        """One optimiser step on `x`, at `share` (0 to 1) of training; `y` is what is to be written
        where that is not `x`.

        Raises FloatingPointError where the loss is not finite; the weights are then as before.
        """
        recipe, before = self.recipe, self.dead()
        ramp = min(1.0, share / recipe.warm_up) if recipe.warm_up else 1.0
        y = x if y is None else y
        self.dictionary.starting = share < recipe.start
        self.dictionary.ending = share > 1 - recipe.decay
        step = self._fitted(len(x), lambda: self._learn(x, y, recipe.sparsity * ramp))
        if not bool(torch.isfinite(step.loss)):
            raise FloatingPointError("the loss is not finite")
        self.since += len(x)
        self.since[step.active > 0] = 0
        if recipe.aux_k and bool(before.any()):
            dead = before.nonzero()[:, 0]
            self._fitted(len(x), lambda: self._revive(x, step.error, dead))
        rate = learning_rate(recipe.learning_rate, share, recipe.warm_up, recipe.decay)
        self._update(rate)
        self._reseed(x, step, share)
        return self._measured(y, step, rate) if measure else None

    def _learn(self, x: Tensor, y: Tensor, sparsity: float) -> Step:
        """Loss and gradients; part by part where the batch does not fit."""
        if (self.encoder.rows or len(x)) >= len(x):
            return self.dictionary.learn_pairs(x, y, self.encoder, sparsity)
        return accumulated(self.dictionary, x, y, self.encoder, sparsity)

    def _revive(self, x: Tensor, error: Tensor, dead: Tensor) -> Tensor:
        k, weight = self.recipe.aux_k, self.recipe.aux_weight
        return auxiliary_step(self.dictionary, x, error, dead, k, weight, self.encoder.rows)

    def _fitted(self, tokens: int, run: Callable[[], Done]) -> Done:
        """`run`, again with half as many tokens at once whenever the device's memory is full.

        The result is the same but for the order in which sums are added up. Raises SaetuiError
        where one token is too much.
        """
        while True:
            # Biases and thresholds may have moved before the memory was full.
            small = {n: p.clone() for n, p in self.dictionary.named_parameters() if p.ndim == 1}
            try:
                return run()
            except torch.OutOfMemoryError:
                at_once = min(self.encoder.rows or tokens, tokens)
                if at_once == 1:
                    raise SaetuiError(TOO_LITTLE.format(m=self.dictionary.d_sae)) from None
            with torch.no_grad():
                for name, held in small.items():
                    self.dictionary.get_parameter(name).copy_(held)
            self.encoder.limit((at_once + 1) // 2)
            torch.cuda.empty_cache()
            self.say(
                f"out of GPU memory: {self.encoder.rows:,} tokens of a step at a time from here on"
            )

    def dead(self) -> Bool[Tensor, " m"]:
        """Features that have not fired for `dead_after` tokens."""
        return self.since >= self.recipe.dead_after

    def tensors(self) -> dict[str, Tensor]:
        """Everything that training changes, by name: what a checkpoint holds."""
        held = {f"weights.{name}": p.detach() for name, p in self.dictionary.named_parameters()}
        held |= {f"first.{name}": tensor for name, tensor in self.adam.first.items()}
        held |= {f"second.{name}": tensor for name, tensor in self.adam.second.items()}
        counts = torch.tensor([self.adam.steps, self.reseeded, self.encoder.rows or 0])
        return held | {"since": self.since, "counts": counts}

    def restore(self, held: dict[str, Tensor]) -> None:
        """Takes up what `tensors` gave."""
        for name, tensor in self.tensors().items():
            if name != "counts":
                tensor.copy_(held[name])
        self.adam.steps, self.reseeded, *rows = (int(count) for count in held["counts"])
        self.encoder.limit(rows[0] or None if rows else None)

    @torch.no_grad()
    def _update(self, rate: float) -> None:
        D = self.dictionary.W_dec
        if not self.dictionary.unit_norm:
            self.adam.step(rate)
            return
        # Only the part of the gradient that turns a direction counts; its length is pinned.
        assert D.grad is not None
        self.dictionary.turn_only(D.grad)
        self.adam.step(rate)
        self.dictionary.pin()

    def _reseed(self, x: Tensor, step: Step, share: float) -> None:
        """At intervals, until the rate falls: features that AuxK did not revive start anew."""
        recipe, batch = self.recipe, len(step.error)
        interval = max(1, recipe.dead_after // batch)
        if not recipe.reseed or self.adam.steps % interval or share > 1 - recipe.decay:
            return
        dead = (self.since >= 2 * recipe.dead_after).nonzero()[: batch // 2, 0]
        if not len(dead):
            return
        generator = torch.Generator().manual_seed(recipe.seed * 1_000_003 + self.adam.steps)
        reseed(self.dictionary, dead, x, step.error, generator, step.code)
        for name in self.adam.parameters.keys() - self.dictionary.shared:
            self.adam.forget(name, dead)
        self.since[dead] = 0
        self.reseeded += len(dead)

    def _measured(self, y: Tensor, step: Step, rate: float) -> Measured:
        spread = (y - y.mean(0)).square().sum().clamp_min(1e-12)
        return Measured(
            loss=float(step.loss),
            fvu=float(step.error.square().sum() / spread),
            l0=float(step.active.sum()) / len(y),
            dead_fraction=float(self.dead().float().mean()),
            learning_rate=rate,
        )
