"""Which precision the encoder's large product runs in while training.

In the sparse steps, where few pairs fire, the product only chooses features: the values of the
chosen ones are computed anew in float32. In the dense steps of standard and jumprelu, where more
than `sparse.SPARSE_BELOW` of all pairs do, nothing is computed anew: values, reconstruction and
gradients come of products in bfloat16, added up in float32.

Either way a pre-activation z = c·w + b errs by about u√(2Σc²w² + b² + z²)/√3, never by more than
3u(Σ|cw| + |b|), u = 2⁻⁸ being what rounding to bfloat16 may take: only pairs that near their
threshold are chosen otherwise than in float32 (tests/unit/dictionary/test_precision.py). So
bfloat16 serves wherever the hardware multiplies it natively. The choice depends on the hardware
alone, never on a timing, and is kept in checkpoints: a resumed run takes the same path.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from jaxtyping import Float
from torch import Tensor

from jobs.dictionary.batchtop import BatchTop, batch_top_k, joined

if TYPE_CHECKING:
    from jobs.dictionary.base import Dictionary


def encoder_precision(device: str) -> str:
    """``bfloat16`` where this device multiplies it natively, else ``float32``."""
    if torch.device(device).type == "cuda":
        return "bfloat16" if torch.cuda.is_bf16_supported(including_emulation=False) else "float32"
    native = torch.cpu._is_avx512_bf16_supported() or torch.cpu._is_amx_tile_supported()
    return "bfloat16" if native else "float32"


class FastEncoder:
    """Pre-activations of a dictionary in training, in the chosen precision."""

    def __init__(self, dictionary: Dictionary, precision: str) -> None:
        self.dictionary = dictionary
        own = dictionary.encoder.dtype
        self.dtype = torch.bfloat16 if precision == "bfloat16" else own
        self.low = dictionary.encoder.dtype != self.dtype
        """Whether a sparse step computes values anew, in the weights' own precision."""
        self._weights = dictionary.encoder.detach().to(self.dtype) if self.low else None
        self.rows: int | None = None
        """Tokens at once at most, where the device's memory has no room for a whole batch."""
        # One place for the wide result: fresh memory of that size costs as much as filling it.
        self._result = dictionary.encoder.new_empty(0, dictionary.d_sae, dtype=self.dtype)

    def largest(self, centred: Float[Tensor, "batch d"], total: int) -> BatchTop:
        """The `total` largest pre-activations of the batch that are above zero."""
        parts = [
            batch_top_k(self(part), total) for part in centred.split(self.rows or len(centred))
        ]
        return parts[0] if len(parts) == 1 else joined(parts, total)

    def limit(self, rows: int | None) -> None:
        """Works on at most `rows` tokens at once from here on."""
        self.rows, self._result = rows, self._result.new_empty(0, self.dictionary.d_sae)

    def __call__(self, centred: Float[Tensor, "batch d"]) -> Float[Tensor, "batch m"]:
        """centred·W_enc + b_enc, with the weights as they are now. The result is overwritten by
        the next call.
        """
        weights = self.dictionary.encoder if self._weights is None else self._weights
        if self._weights is not None:
            self._weights.copy_(self.dictionary.encoder)
        if len(centred) > len(self._result):
            self._result = self._result.new_empty(len(centred), self.dictionary.d_sae)
        result, bias = self._result[: len(centred)], self.dictionary.b_enc.to(self.dtype)
        return torch.addmm(bias, centred.to(self.dtype), weights.T, out=result)
