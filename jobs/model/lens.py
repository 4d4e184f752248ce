"""The final norm as the logit lens sees it: linear but for a division by a length."""

from __future__ import annotations

from typing import Any, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor


class FinalNorm(NamedTuple):
    """What a final norm does to a direction."""

    gain: Float[Tensor, " d"]
    """Factor of each coordinate."""
    removes_mean: bool
    """LayerNorm takes the mean away, RMSNorm does not."""

    @classmethod
    def of(cls, norm: Any, d_model: int, device: torch.device) -> FinalNorm:
        """Measures a norm module by what it does to vectors of mean 0 and variance 1, so that
        every family's convention (a bias, a weight stored less one) comes out right. `norm` may
        be None: then directions pass unchanged.
        """
        if norm is None:
            return cls(torch.ones(d_model, device=device), False)
        dtype = next((p.dtype for p in norm.parameters()), torch.float32)
        x = torch.ones(d_model)
        x[1::2] = -1.0
        if d_model % 2:
            x[-1] = 0.0
            x *= (d_model / (d_model - 1)) ** 0.5
        # Two vectors cover an odd width too: no coordinate is 0 in both.
        a, b = x.to(device, dtype), x.roll(1).to(device, dtype)
        with torch.inference_mode():
            outs = [(norm(v) - norm(-v)).float() / 2 for v in (a, b)]
            shift = norm(a + 3.0).float()
            gain = torch.where(a != 0, outs[0] / a.float(), outs[1] / b.float())
            removes = (shift - norm(a).float()).norm() < 0.05 * outs[0].norm()
        return cls(gain, bool(removes))

    def linear(self, directions: Float[Tensor, "n d"]) -> Float[Tensor, "n d"]:
        """`directions` as the unembedding reads them, without the division by a length."""
        if self.removes_mean:
            directions = directions - directions.mean(-1, keepdim=True)
        return directions * self.gain
