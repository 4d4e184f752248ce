"""sparsify's sparse coder and optimiser, step by step as its ``Trainer.fit`` runs them."""

from __future__ import annotations

import torch
from schedulefree import ScheduleFreeWrapper
from sparsify import SparseCoder, SparseCoderConfig
from sparsify.sign_sgd import SignSGD
from torch import Tensor
from worker import Asked, serve


class Sparsify:
    """A TopK sparse coder or transcoder; its optimiser is the library's default, schedule-free
    sign descent.
    """

    def __init__(self, asked: Asked, x: Tensor, y: Tensor) -> None:
        transcode = asked.architecture.endswith("transcoder")
        skip = asked.architecture == "skip_transcoder"
        config = SparseCoderConfig(
            num_latents=asked.m, k=asked.k, transcode=transcode, skip_connection=skip
        )
        self.coder = SparseCoder(asked.d, config, device=asked.device)
        rate = asked.rate or 5e-3 / (asked.m / 2**14) ** 0.5
        groups = [{"params": self.coder.parameters(), "lr": rate}]
        self.optimiser = ScheduleFreeWrapper(SignSGD(groups), momentum=0.95)
        self.optimiser.train()
        self.coder.b_dec.data = y[: asked.batch].mean(0)
        if transcode:
            self.coder.encoder.bias.data = -x[: asked.batch].mean(0) @ self.coder.encoder.weight.T

    def step(self, x: Tensor, y: Tensor) -> None:
        if not self.coder.cfg.transcode:
            self.coder.set_decoder_norm_to_unit_norm()
        self.coder(x, y).fvu.backward()
        if not self.coder.cfg.transcode:
            self.coder.remove_gradient_parallel_to_decoder_directions()
        self.optimiser.step()
        self.optimiser.zero_grad()

    def reconstruct(self, x: Tensor) -> tuple[Tensor, Tensor]:
        self.optimiser.eval()  # a schedule-free optimiser's answer is the average of its path
        out = self.coder(x)
        self.optimiser.train()
        f = x.new_zeros(len(x), self.coder.num_latents)
        f.scatter_(1, out.latent_indices, out.latent_acts.detach())
        return out.sae_out.detach(), f

    def decoder(self) -> Tensor:
        self.optimiser.eval()
        directions = self.coder.W_dec.detach().clone()
        self.optimiser.train()
        return directions


if __name__ == "__main__":
    torch.set_float32_matmul_precision("high")
    serve(Sparsify)
