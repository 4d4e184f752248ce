"""Splicing a crosscoder: each source replaced alone by what the code of all of them writes there.

The code is of the clean activations at every source, which a pass of its own reads: a later source
would otherwise see what was written at an earlier one. With all sources replaced at once the last
of them would hide the others.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, NamedTuple

import torch
from torch import Tensor

from jobs.dictionary.profile.subject import Subject, usual
from jobs.names import Hook

if TYPE_CHECKING:
    from jobs.dictionary.profile.splice import Edits, Predictor

Edit = Callable[[Tensor], Tensor]


class Names(NamedTuple):
    """Names of the runs of one source."""

    clean: str
    spliced: str
    zeroed: str
    meaned: str


def names(subject: Subject, number: int) -> Names:
    """Names of the runs of one source."""
    clean = "clean, the other model" if subject.parts[number].hook.other else "clean"
    return Names(
        clean,
        f"{subject.id} at source {number}",
        f"{subject.id} without source {number}",
        f"{subject.id} with the mean of source {number}",
    )


def untouched(subject: Subject, number: int) -> dict[Hook, Edit]:
    """An edit of one source that changes nothing: it says whose clean run is meant."""
    return {subject.parts[number].hook: lambda x: x}


def runs(model: Predictor, subject: Subject) -> dict[str, Edits | None]:
    """Name → edits of every run that `subject` needs."""
    found: dict[str, Edits | None] = {}
    code = Written(model, subject)
    for number, part in enumerate(subject.parts):
        of = names(subject, number)
        found[of.clean] = untouched(subject, number) if part.hook.other else None
        found[of.spliced] = code.spliced(number)
        found[of.zeroed] = code.zeroed(number)
    return found


class Written:
    """What a crosscoder writes for a batch of tokens, made once for the runs over them."""

    def __init__(self, model: Predictor, subject: Subject) -> None:
        self.model, self.subject = model, subject
        self._tokens: Tensor | None = None
        self._usual = self._made = torch.empty(0)

    def spliced(self, number: int) -> Callable[[Tensor], Mapping[Hook, Edit]]:
        """Edits that write one source wherever no source is massive."""
        return self._edits(number, lambda: self._made[:, number])

    def zeroed(self, number: int) -> Callable[[Tensor], Mapping[Hook, Edit]]:
        """Edits that write zero in place of the same activations."""
        return self._edits(number, lambda: torch.zeros_like(self._made[:, number]))

    def meaned(self, number: int) -> Callable[[Tensor], Mapping[Hook, Edit]]:
        """Edits that write the source's mean in their place."""
        centre = self.subject.parts[number].site.centre
        return self._edits(number, lambda: centre.expand_as(self._made[:, number]))

    def _edits(
        self, number: int, rows: Callable[[], Tensor]
    ) -> Callable[[Tensor], Mapping[Hook, Edit]]:
        def make(tokens: Tensor) -> Mapping[Hook, Edit]:
            self._read(tokens)
            return {self.subject.parts[number].hook: edit}

        def edit(x: Tensor) -> Tensor:
            out = x.reshape(-1, x.shape[-1]).clone()
            out[self._usual] = rows()[self._usual].to(x.dtype)
            return out.view(x.shape)

        return make

    def _read(self, tokens: Tensor) -> None:
        if self._tokens is not None and torch.equal(tokens, self._tokens):
            return
        hooks = list(self.subject.read_at)
        found = self.model.activations(tokens, hooks)
        read = [found[hook].flatten(0, 1).float() for hook in hooks]
        first = torch.arange(len(read[0]), device=read[0].device) % tokens.shape[1] == 0
        x, dictionary = torch.cat(read, 1), self.subject.dictionary
        made = [dictionary.written(part, dictionary.sparse(part)) for part in x.split(4096)]
        self._made = torch.cat(made).unflatten(1, (len(hooks), -1))
        self._usual, self._tokens = usual(self.subject.parts, read, first), tokens
