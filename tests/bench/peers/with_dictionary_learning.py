"""dictionary_learning's trainers, step by step as its ``trainSAE`` runs them."""

from __future__ import annotations

from typing import Any

from dictionary_learning.trainers.batch_top_k import BatchTopKTrainer
from dictionary_learning.trainers.gdm import GatedSAETrainer
from dictionary_learning.trainers.jumprelu import JumpReluTrainer
from dictionary_learning.trainers.matryoshka_batch_top_k import MatryoshkaBatchTopKTrainer
from dictionary_learning.trainers.standard import StandardTrainer
from dictionary_learning.trainers.top_k import TopKTrainer
from torch import Tensor
from worker import Asked, serve

KINDS: dict[str, Any] = {
    "topk": TopKTrainer,
    "batchtopk": BatchTopKTrainer,
    "matryoshka": MatryoshkaBatchTopKTrainer,
    "jumprelu": JumpReluTrainer,
    "gated": GatedSAETrainer,
    "standard": StandardTrainer,
}


class DictionaryLearning:
    """One trainer; its data are scaled to mean ‖x‖² = 1, as its ``normalize_activations`` does."""

    def __init__(self, asked: Asked, x: Tensor, y: Tensor) -> None:
        options: dict[str, Any] = {
            "steps": asked.steps,
            "activation_dim": asked.d,
            "dict_size": asked.m,
            "layer": 0,
            "lm_name": "none",
            "device": "cpu",
            "seed": asked.seed,
            "warmup_steps": max(1, asked.steps // 20),
            "decay_start": asked.steps * 4 // 5,
        }
        if asked.rate is not None:
            options["lr"] = asked.rate
        if asked.architecture in ("topk", "batchtopk", "matryoshka"):
            options |= {"k": asked.k, "threshold_start_step": asked.steps // 4}
        if asked.architecture == "matryoshka":
            options["group_fractions"] = [1 / 8, 1 / 8, 1 / 4, 1 / 2]
        if asked.architecture in ("jumprelu", "gated", "standard"):
            options["sparsity_warmup_steps"] = max(1, asked.steps // 20)
        if asked.architecture == "jumprelu":
            options["target_l0"] = asked.strength or float(asked.k)
        elif asked.strength is not None:
            options["l1_penalty"] = asked.strength
        self.trainer = KINDS[asked.architecture](**options)
        self.scale = asked.d**-0.5
        self.steps = 0

    def step(self, x: Tensor, y: Tensor) -> None:
        self.trainer.update(self.steps, x * self.scale)
        self.steps += 1

    def reconstruct(self, x: Tensor) -> tuple[Tensor, Tensor]:
        ae: Any = self.trainer.ae
        if isinstance(self.trainer, BatchTopKTrainer | MatryoshkaBatchTopKTrainer):
            # By the batch, as it trains: its threshold, a running mean to which a step adds a
            # thousandth, lags behind after some hundred steps.
            f = ae.encode(x * self.scale, use_threshold=False)
            return ae.decode(f) / self.scale, f
        x_hat, f = ae(x * self.scale, output_features=True)
        return x_hat / self.scale, f

    def decoder(self) -> Tensor:
        ae = self.trainer.ae
        return ae.W_dec if hasattr(ae, "W_dec") else ae.decoder.weight.T


if __name__ == "__main__":
    serve(DictionaryLearning)
