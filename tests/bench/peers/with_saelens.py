"""SAELens's trainer, as ``SAETrainer.fit`` runs it, without its logging."""

from __future__ import annotations

from typing import Any

from sae_lens.config import LoggingConfig, SAETrainerConfig
from sae_lens.saes.batchtopk_sae import BatchTopKTrainingSAE, BatchTopKTrainingSAEConfig
from sae_lens.saes.gated_sae import GatedTrainingSAE, GatedTrainingSAEConfig
from sae_lens.saes.jumprelu_sae import JumpReLUTrainingSAE, JumpReLUTrainingSAEConfig
from sae_lens.saes.matryoshka_batchtopk_sae import (
    MatryoshkaBatchTopKTrainingSAE,
    MatryoshkaBatchTopKTrainingSAEConfig,
)
from sae_lens.saes.standard_sae import StandardTrainingSAE, StandardTrainingSAEConfig
from sae_lens.saes.topk_sae import TopKTrainingSAE, TopKTrainingSAEConfig
from sae_lens.training.sae_trainer import SAETrainer
from torch import Tensor
from worker import Asked, serve


def _sae(asked: Asked) -> Any:
    size: dict[str, Any] = {"d_in": asked.d, "d_sae": asked.m}
    given = asked.strength is not None
    l0 = {"l0_coefficient": asked.strength} if given else {}
    l1 = {"l1_coefficient": asked.strength} if given else {}
    match asked.architecture:
        case "topk":
            return TopKTrainingSAE(TopKTrainingSAEConfig(**size, k=asked.k))
        case "batchtopk":
            return BatchTopKTrainingSAE(BatchTopKTrainingSAEConfig(**size, k=asked.k))
        case "matryoshka":
            widths = [asked.m // 8, asked.m // 4, asked.m // 2, asked.m]
            return MatryoshkaBatchTopKTrainingSAE(
                MatryoshkaBatchTopKTrainingSAEConfig(**size, k=asked.k, matryoshka_widths=widths)
            )
        case "jumprelu":
            return JumpReLUTrainingSAE(JumpReLUTrainingSAEConfig(**size, **l0))
        case "gated":
            return GatedTrainingSAE(GatedTrainingSAEConfig(**size, **l1))
        case "standard":
            return StandardTrainingSAE(StandardTrainingSAEConfig(**size, **l1))
    raise ValueError(asked.architecture)


class SaeLens:
    """One of SAELens's trainers; its data come scaled as its activation scaler scales them."""

    def __init__(self, asked: Asked, x: Tensor, y: Tensor) -> None:
        self.sae = _sae(asked)
        rate = asked.rate or 3e-4
        cfg = SAETrainerConfig(
            total_training_samples=asked.steps * asked.batch,
            train_batch_size_samples=asked.batch,
            lr=rate,
            lr_end=rate / 10,  # as its runner's configuration has it
            lr_warm_up_steps=asked.steps // 20,
            lr_decay_steps=asked.steps // 5,
            logger=LoggingConfig(log_to_wandb=False),
        )
        self.trainer: Any = SAETrainer(cfg, self.sae, iter(()))

    def step(self, x: Tensor, y: Tensor) -> None:
        self.trainer.step(x)
        self.trainer.n_training_steps += 1

    def reconstruct(self, x: Tensor) -> tuple[Tensor, Tensor]:
        # batchtopk by the batch, as it trains: its threshold, a running mean to which a step adds
        # a hundredth, has not arrived after some hundred steps.
        f = self.sae.encode(x)
        return self.sae.decode(f), f

    def decoder(self) -> Tensor:
        return self.sae.W_dec


if __name__ == "__main__":
    serve(SaeLens)
