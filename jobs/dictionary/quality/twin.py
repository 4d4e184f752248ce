"""The random dictionary as a dictionary: measured by the code that measures the trained one."""

from __future__ import annotations

from typing import NoReturn

import torch
from jaxtyping import Float
from torch import Tensor, nn

from jobs.dictionary.base import Dictionary
from jobs.dictionary.code import SparseCode
from jobs.dictionary.profile.neighbors import nearest
from jobs.dictionary.profile.null import random_code, random_directions
from jobs.dictionary.profile.subject import Subject


class RandomTwin(Dictionary):
    """`jobs.dictionary.profile.null`: random directions, k of them a token, best scale a token.

    The scale s lies in the activations, s·f, so that x̂ = c + (s·f)R as for any dictionary. That of
    a crosscoder works on balanced sources, x·b, and writes in units of the models, R/b.
    """

    architecture = "random"
    formula = "f = s·topk(max(0, R(x − c))), x̂ = c + fR, s = ⟨x − c, fR⟩ / ‖fR‖²"
    source = "saetui"

    def __init__(
        self,
        directions: Float[Tensor, "m d"],
        centre: Float[Tensor, " d"],
        k: int,
        balance: Float[Tensor, " d"] | None = None,
    ) -> None:
        """`balance` is b; None is 1."""
        m, d = directions.shape
        with torch.device("meta"):
            super().__init__(d, m)
        self.k, self.directions, self.balance = k, directions, balance
        for name, rows in (("encoder", self.balanced(directions)), ("W_dec", self._plain())):
            self.register_parameter(name, nn.Parameter(rows, requires_grad=False))
        self.register_parameter("b_enc", nn.Parameter(directions.new_zeros(m), requires_grad=False))
        self.register_parameter("b_dec", nn.Parameter(centre.clone(), requires_grad=False))

    def balanced(self, x: Float[Tensor, "... d"]) -> Float[Tensor, "... d"]:
        """x·b."""
        return x if self.balance is None else x * self.balance

    def _plain(self) -> Float[Tensor, "m d"]:
        return self.directions if self.balance is None else self.directions / self.balance

    def encode(self, x: Float[Tensor, "... d"]) -> Float[Tensor, "... m"]:
        """Feature activations, dense."""
        return self.sparse(x.flatten(0, -2)).dense(self.d_sae).view(*x.shape[:-1], self.d_sae)

    @torch.no_grad()
    def sparse(self, x: Float[Tensor, "batch d"]) -> SparseCode:
        """The k directions that point most along x − c, scaled together."""
        y = self.balanced(self.centred(x))
        code = random_code(y, self.directions, self.k)
        rebuilt = code.times(self.directions)
        scale = (y * rebuilt).sum(1) / rebuilt.square().sum(1).clamp(min=1e-30)
        return code._replace(values=code.values * scale[code.rows()])

    def learn(self, x: Tensor, encoder: object, sparsity: float) -> NoReturn:
        """Never: it is what learning must beat."""
        raise NotImplementedError("a random dictionary does not learn")


def twin(subject: Subject) -> Subject:
    """The random dictionary of `subject`, ready to be measured like it. That of a transcoder reads
    what is to be written: it is shown the answer, and only has to say it in random directions.
    """
    centre = subject.site.centre
    balance = subject.dictionary.balanced(torch.ones_like(centre)) if subject.parts else None
    made = RandomTwin(subject.null, centre, subject.null_k, balance)
    return subject._replace(
        id=f"{subject.id} (random)",
        dictionary=made,
        neighbors=nearest(subject.null, subject.neighbors.other.shape[1]),
        source=None,
        heard=None,
    )


def listener(subject: Subject, twin: Subject, seed: int) -> Subject:
    """The random dictionary that reads what `subject` reads: its `twin`, but for a transcoder."""
    if subject.source is None or subject.heard is None:
        return twin
    rows = random_directions(subject.dictionary.encoder.detach(), seed)
    made = RandomTwin(rows, subject.heard.centre, subject.null_k)
    return twin._replace(dictionary=made, hook=subject.source, site=subject.heard)
