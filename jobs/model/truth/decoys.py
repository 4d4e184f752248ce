"""Components that look busy and do nothing: what a circuit must leave out.

They are of two kinds, in turn. *Idle talk*: they look where true ones look, read what true ones
read, and write more, but into the subspace that nothing true reads. *Constants*: they write where
true ones read, and always the same; ablated by a mean or another prompt's value they change
nothing, ablated by zero they seem to matter.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from jaxtyping import Float
from torch import Tensor

from jobs.model.truth.parts import Head, Mlp, Term, where_equal, wherever
from jobs.model.truth.room import JUNK, Room

_LOUD = 3.0
"""Length of what idle talk writes for each unit it reads; true components write one."""
_CONSTANT = 0.4
"""Length, about, of what all constants of one subspace write together."""
_EVERY = 3
"""Every third decoy is a constant."""
_HIDDEN = 24


class Decoys:
    """Draws decoys for a room; `read` are the subspaces that true components read."""

    def __init__(self, room: Room, read: Sequence[str], n: int, generator: torch.Generator) -> None:
        """`n` decoys are going to be drawn."""
        self.room, self.read, self.generator = room, read, generator
        self._length = _CONSTANT / max(1.0, n / _EVERY / len(read)) ** 0.5
        self._made = 0

    def head(self, layer: int, d_head: int) -> Head:
        """The next head; it may read what lies in the stream at `layer`."""
        self._made += 1
        terms = self._looks()
        if self._made % _EVERY == 0:
            nothing = torch.zeros(self.room.width, 1)
            return Head(terms, nothing, self._constant()[None], torch.ones(1))
        source = self._source(layer)[:d_head]
        return Head(terms, source.T, self._junk(len(source)))

    def mlp(self, layer: int) -> Mlp:
        """The next MLP."""
        self._made += 1
        d, nothing = self.room.width, torch.zeros(self.room.width)
        if self._made % _EVERY == 0:
            return Mlp(torch.zeros(d, 1), torch.zeros(1), torch.zeros(1, d), self._constant())
        source = self._source(layer)
        picks = self._normal(_HIDDEN, len(source))
        into = (picks @ source).T
        return Mlp(into, torch.zeros(_HIDDEN), self._junk(_HIDDEN) / _HIDDEN**0.5, nothing)

    def _looks(self) -> tuple[Term, ...]:
        """Where it looks: a few positions back, at its like, or at what a random token holds."""
        pos, token = self.room["pos"], self.room["token"]
        kind = self._made % 4
        if kind == 3:
            return (where_equal(6.0, token, token),)
        if kind == 2:
            some = torch.randperm(len(token), generator=self.generator)[: len(token) // 3]
            return (wherever(4.0, token[some]),)
        back = 1 + kind
        return (where_equal(6.0, pos[back:], pos[:-back]),)

    def _source(self, layer: int) -> Float[Tensor, "n d"]:
        names = ["token", *(self.read if layer else ()), *([JUNK] if layer else ())]
        return self.room[names[self._made % len(names)]]

    def _junk(self, n: int) -> Float[Tensor, "n d"]:
        junk = self.room[JUNK]
        mixed = self._normal(n, len(junk))
        return _LOUD * torch.nn.functional.normalize(mixed) @ junk

    def _constant(self) -> Float[Tensor, " d"]:
        into = self.room[self.read[self._made // _EVERY % len(self.read)]]
        return self._length * torch.nn.functional.normalize(self._normal(1, len(into)))[0] @ into

    def _normal(self, *shape: int) -> Tensor:
        return torch.randn(*shape, generator=self.generator)
