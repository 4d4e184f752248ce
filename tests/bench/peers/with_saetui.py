"""Our own learner, with the settings that ``train_sae`` gives where none are asked for."""

from __future__ import annotations

import torch
from torch import Tensor
from worker import Asked, serve

from jobs.dictionary import ARCHITECTURES, Dictionary
from jobs.dictionary.initial import from_data
from jobs.dictionary.learner import Learner, Recipe
from jobs.dictionary.precision import encoder_precision
from jobs.kinds.train_sae import plan
from jobs.specs.train_sae import KEYS, TrainSae


def begun(asked: Asked, x: Tensor, y: Tensor) -> tuple[Dictionary, Recipe]:
    """A dictionary that starts from the data, on their device, and how it is to be trained."""
    settings: dict[str, object] = {"learning_rate": asked.rate} if asked.rate else {}
    if asked.strength is not None:
        settings["sparsity"] = asked.strength
    transcoder = asked.architecture.endswith("transcoder")
    architecture = "transcoder" if transcoder else asked.architecture
    if asked.architecture == "skip_transcoder":
        settings["skip"] = True
    if "k" in KEYS[architecture]:
        settings["k"] = asked.k
    if architecture == "matryoshka":
        settings["prefixes"] = [1 / 8, 1 / 4, 1 / 2, 1]  # as the others have them
    spec = TrainSae(
        hooks=["L0.mlp_out" if transcoder else "L0.resid_post"],
        architecture=[architecture],
        d_sae=[asked.m],
        tokens=asked.steps * asked.batch,
        batch=asked.batch,
        seed=[asked.seed],
        **settings,
    )
    made = plan(spec, spec.configurations()[0], asked.d)
    kind = ARCHITECTURES[made.architecture]
    dictionary = kind(d_in=asked.d, d_sae=asked.m, **made.options).requires_grad_(False)
    dictionary.to(asked.device)
    generator = torch.Generator().manual_seed(asked.seed)
    from_data(dictionary, x, generator, y if transcoder else None)
    return dictionary, made.recipe


class Saetui:
    """A dictionary of ours."""

    def __init__(self, asked: Asked, x: Tensor, y: Tensor) -> None:
        self.dictionary, recipe = begun(asked, x, y)
        self.learner = Learner(self.dictionary, recipe, encoder_precision(asked.device))
        self.steps, self.of = 0, asked.steps

    def step(self, x: Tensor, y: Tensor) -> None:
        self.learner.step(x, self.steps / self.of, measure=False, y=y)
        self.steps += 1

    def reconstruct(self, x: Tensor) -> tuple[Tensor, Tensor]:
        return self.dictionary(x), self.dictionary.encode(x)

    def decoder(self) -> Tensor:
        return self.dictionary.W_dec


if __name__ == "__main__":
    serve(Saetui)
