"""What every dictionary is: an encoder, a decoder, and rows of feature directions."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any, ClassVar

import torch
from jaxtyping import Float, Int64
from torch import Tensor, nn

from jobs.dictionary.code import SparseCode
from jobs.dictionary.few import linear_to_few

if TYPE_CHECKING:
    from jobs.dictionary.precision import FastEncoder
    from jobs.dictionary.sparse import Step


class Dictionary(nn.Module, ABC):
    """x̂ = f(x)·W_dec + b_dec with m sparse features f(x), one row of W_dec each.

    Works on activations as the model gives them: any input scaling of training is folded into the
    biases, and feature activations are in the activation's own units.
    """

    architecture: ClassVar[str]
    """Its name in specs, ids and ``cfg.json``."""
    formula: ClassVar[str]
    """Encoder and loss, as the reference page prints them."""
    source: ClassVar[str]
    """Paper the formula is from."""
    settings: ClassVar[tuple[str, ...]] = ()
    """Constructor arguments beyond the sizes, saved in ``cfg.json``."""
    saved_as: ClassVar[str | None] = None
    """Architecture that ``cfg.json`` names where inference is that of another one."""
    saved_names: ClassVar[dict[str, str]] = {"encoder": "W_enc"}
    """Parameters that have another name on disk; `encoder` lies there transposed."""
    saelens_options: ClassVar[dict[str, Any]] = {}
    """What else SAELens wants to find in ``cfg.json``."""
    unit_norm: ClassVar[bool] = False
    """Whether training keeps feature directions at length one."""
    shared: ClassVar[frozenset[str]] = frozenset({"b_dec"})
    """Parameters of all features together; the others have a row a feature."""
    folded: ClassVar[frozenset[str]] = frozenset()
    """Parameters of training alone, which saving folds into the others."""
    scales_with_input: ClassVar[frozenset[str]] = frozenset({"b_enc", "b_dec"})
    """Parameters in the activation's units, which input scaling is folded into."""
    estimated: ClassVar[frozenset[str]] = frozenset()
    """Parameters that `learn` sets itself; the optimiser leaves them alone."""
    pace: ClassVar[dict[str, float]] = {}
    """Parameters that learn at a multiple of the learning rate, being of another size."""

    encoder: nn.Parameter
    """Rows of W_encᵀ, [m, d]: a feature's row is what it listens to."""
    b_enc: nn.Parameter
    W_dec: nn.Parameter
    """Rows are feature directions, [m, d]."""
    b_dec: nn.Parameter

    def __init__(self, d_in: int, d_sae: int, d_out: int | None = None) -> None:
        """`d_out` is the width of what is written where that is not what is read."""
        super().__init__()
        self.d_in, self.d_sae, self.d_out = d_in, d_sae, d_out or d_in
        self.subtract_b_dec = True
        """Whether b_dec is taken off the input before encoding."""
        self.starting = False
        """Whether training has just begun: `active_at_start` features a token fire then, at most,
        whatever thresholds and penalties say."""
        self.ending = False
        """Whether the learning rate falls already."""
        self.encoder = nn.Parameter(torch.zeros(d_sae, d_in))
        self.b_enc = nn.Parameter(torch.zeros(d_sae))
        self.W_dec = nn.Parameter(torch.zeros(d_sae, self.d_out))
        self.b_dec = nn.Parameter(torch.zeros(self.d_out))

    @property
    def W_enc(self) -> Float[Tensor, "d m"]:  # noqa: N802 (the papers' name)
        """The encoder as papers and SAELens write it: columns are features."""
        return self.encoder.T

    @property
    def device(self) -> torch.device:
        """Where the weights lie."""
        return self.W_dec.device

    def centred(self, x: Float[Tensor, "... d"]) -> Float[Tensor, "... d"]:
        """x − b_dec in the weights' precision: what the encoder reads."""
        x = x.to(self.W_dec.dtype)
        return x - self.b_dec if self.subtract_b_dec else x

    def before(self, x: Float[Tensor, "... d"]) -> Float[Tensor, "... m"]:
        """Pre-activations (x − b_dec)·W_enc + b_enc."""
        if self.encoder.requires_grad or not x.requires_grad:
            return nn.functional.linear(self.centred(x), self.encoder, self.b_enc)
        return linear_to_few(self.centred(x), self.encoder, self.b_enc)

    @abstractmethod
    def encode(self, x: Float[Tensor, "... d"]) -> Float[Tensor, "... m"]:
        """Feature activations of `x`, dense; differentiable."""

    def decode(self, f: Float[Tensor, "... m"]) -> Float[Tensor, "... d"]:
        """f·W_dec + b_dec."""
        return f @ self.W_dec + self.b_dec

    def forward(self, x: Float[Tensor, "... d"]) -> Float[Tensor, "... d"]:
        """The reconstruction x̂."""
        return self.decode(self.encode(x))

    @abstractmethod
    def sparse(self, x: Float[Tensor, "batch d"]) -> SparseCode:
        """The features that fire (activation above zero), row by row; equal to `encode`."""

    @abstractmethod
    def learn(self, x: Float[Tensor, "batch d"], encoder: FastEncoder, sparsity: float) -> Step:
        """Loss on `x`, with its gradients left in ``.grad``; `encoder` chooses what fires."""

    def learn_pairs(
        self,
        x: Float[Tensor, "batch d"],
        y: Float[Tensor, "batch d_out"],
        encoder: FastEncoder,
        sparsity: float,
    ) -> Step:
        """`learn` where `y` is to be written for `x`; an autoencoder writes what it reads."""
        return self.learn(x, encoder, sparsity)

    @property
    def chooses_by_batch(self) -> bool:
        """Whether which features fire on a token depends on the tokens beside it now: a batch that
        is learned part by part is chosen for as a whole then, by `choose`.
        """
        return self.starting

    def choose(self, x: Float[Tensor, "batch d"], encoder: FastEncoder) -> SparseCode:
        """The pairs that may fire where a batch `chooses_by_batch`, with values as `encoder` sees
        them; biases and thresholds that follow the choice move.
        """
        raise NotImplementedError(f"{self.architecture} chooses token by token")

    def learn_chosen(
        self,
        x: Float[Tensor, "batch d"],
        y: Float[Tensor, "batch d_out"],
        code: SparseCode,
        refine: bool,
        sparsity: float,
    ) -> Step:
        """`learn_pairs` over the pairs of `code` that `choose` gave for these tokens and perhaps
        others; `refine` says that its values are to be computed anew.
        """
        raise NotImplementedError(f"{self.architecture} chooses token by token")

    def active_at_start(self) -> int:
        """Features a token that fire at the start: 2√d where no k says how many."""
        return min(round(2 * math.sqrt(self.d_in)), self.d_sae)

    @torch.no_grad()
    def settle(self, x: Float[Tensor, "rows d"]) -> None:
        """Sets what says which features fire from first activations; directions are set already.
        Here b_enc = 0.
        """
        self.b_enc.zero_()

    @torch.no_grad()
    def settle_rows(self, rows: Int64[Tensor, " n"]) -> None:
        """The same for some features that start anew in the middle of training."""
        self.b_enc[rows] = 0

    @torch.no_grad()
    def newcomers(
        self, x: Float[Tensor, "batch d"], rows: Int64[Tensor, " n"], code: SparseCode | None
    ) -> Float[Tensor, "batch n"]:
        """Activations of the features `rows`, which start anew; `code` is what the batch's features
        were before, for architectures whose features compete. Here what is heard above zero.
        """
        return self.before_of(x, rows).relu()

    def before_of(
        self, x: Float[Tensor, "batch d"], rows: Int64[Tensor, " n"]
    ) -> Float[Tensor, "batch n"]:
        """Pre-activations of some features."""
        return nn.functional.linear(self.centred(x), self.encoder[rows], self.b_enc[rows])

    @torch.no_grad()
    def reconstruct(self, code: SparseCode) -> Float[Tensor, "batch d"]:
        """x̂ from a sparse code."""
        return code.times(self.W_dec) + self.b_dec

    @torch.no_grad()
    def written(
        self, x: Float[Tensor, "batch d"], code: SparseCode
    ) -> Float[Tensor, "batch d_out"]:
        """What is written for `x`, whose code is at hand: x̂, and whatever passes by the code."""
        return self.reconstruct(code)

    def balanced(self, x: Float[Tensor, "... d_out"]) -> Float[Tensor, "... d_out"]:
        """`x` in units in which lengths and errors are compared: its own, where it is one
        activation.
        """
        return x

    @torch.no_grad()
    def set_aside(
        self, x: Float[Tensor, "rows d"], y: Float[Tensor, "rows d_out"]
    ) -> Float[Tensor, "rows d_out"]:
        """Sets, from first activations, what reads or writes beside the features; gives what of `y`
        is left for these to write.
        """
        return y

    def hears(
        self, x: Float[Tensor, "n d"], directions: Float[Tensor, "n d_out"]
    ) -> Float[Tensor, "n d"]:
        """Unit encoder rows of new features that write `directions` for inputs `x`."""
        return directions

    def pinned(self, rows: Float[Tensor, "n d_out"]) -> Float[Tensor, "n d_out"]:
        """`rows` as directions of the length at which features start, and are kept at where
        `unit_norm` says so.
        """
        return nn.functional.normalize(rows)

    @torch.no_grad()
    def pin(self) -> None:
        """Brings W_dec back to that length."""
        nn.functional.normalize(self.W_dec, out=self.W_dec.data)

    @torch.no_grad()
    def turn_only(self, gradient: Float[Tensor, "m d_out"]) -> None:
        """Takes away, in place, what of ∂L/∂W_dec would only lengthen directions of length one."""
        if self.device.type == "cuda":  # cuBLAS is made for large products, not for m of one number
            along = torch.linalg.vecdot(gradient, self.W_dec)[:, None]
        else:
            along = torch.bmm(gradient[:, None, :], self.W_dec[:, :, None])[:, 0]
        gradient.addcmul_(self.W_dec, along, value=-1)

    @torch.no_grad()
    def unscaled(self, scale: Any, read_scale: Any) -> dict[str, Tensor]:
        """Parameters for activations x as the model has them, where training read s·x: with
        features f/s, only biases and thresholds change, to b/s. s is `scale`; an autoencoder reads
        at the scale it writes at, so `read_scale` is the same.
        """
        return {
            name: p.detach() / scale if name in self.scales_with_input else p.detach()
            for name, p in self.named_parameters()
        }

    @torch.no_grad()
    def read_multiplied(self, gain: Float[Tensor, " d"]) -> None:
        """Makes it read gain⊙x as it read x. Only for what takes no b_dec off its input."""
        assert not self.subtract_b_dec
        self.encoder.div_(gain)

    def options(self) -> dict[str, Any]:
        """Values of `settings`."""
        return {name: getattr(self, name) for name in self.settings}
