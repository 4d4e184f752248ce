"""Causal effects of ablating single features (Cunningham et al., arXiv:2309.08600).

Feature s with direction d_s is ablated at every position p of a document at which it fires:

    x_p ← x_p + (f′_p − f_s(x_p))·d_s        f′ is zero, the mean of s, or its value elsewhere

and the effect on a target t is the mean over the documents in which s fires of

    mean over p in P of  t_p(clean) − t_p(ablated)

where P are the positions at which s fires and the `reach` that follow each (all that follow, where
there is no reach). Nothing behind the last of them is computed.

A change is a row of a batch; any number of features, and of null directions in their places, share
one. Passes begin at the block that is changed, from the clean residual stream before it. The clean
document runs beside its changes in every batch, so that what nothing reaches differs by nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from jobs.causal.ground import Cost
from jobs.causal.inputs import Inputs, metric_change, run
from jobs.causal.targets import Rows, Targets
from jobs.model import LanguageModel
from jobs.model.plain import Edit
from jobs.names import Hook


class Change(NamedTuple):
    """What is added to one document at the source's hook."""

    document: int
    """Row of the inputs."""
    subject: tuple[int, ...]
    """Whose effect it is, as the caller numbers them."""
    direction: Float[Tensor, " d"]
    amount: Float[Tensor, " t"]
    """Multiples of `direction` that are added, position by position."""
    counted: Bool[Tensor, " t"]
    """The positions P at which effects are measured."""

    @property
    def end(self) -> int:
        """Behind the last of them."""
        return int(self.counted.nonzero()[-1]) + 1


def reached(position: Int64[np.ndarray, " e"], reach: int | None, t: int) -> Bool[Tensor, " t"]:
    """Positions at which a feature that fires at `position` is looked at."""
    counted = torch.zeros(t, dtype=torch.bool)
    for at in position.tolist():
        counted[at : None if reach is None else at + reach + 1] = True
    return counted


class Effects(NamedTuple):
    """Effects of some changes, document by document."""

    changes: Sequence[Change]
    effect: Float[Tensor, "a n"]
    """On every column of the targets."""


@dataclass
class Ablator:
    """A model in which changes are made at one hook, and all that lies behind is looked at."""

    model: LanguageModel
    inputs: Inputs
    hook: Hook
    targets: Targets
    cost: Cost
    onward: bool = True
    """Whether passes begin at the changed block; otherwise all of the model is run."""
    say: Callable[[str], object] = print

    def __post_init__(self) -> None:
        self.start, self.at = self._entry()
        read = [*self.targets.hooks, self.at]
        self.onward = self.onward and self.start > 0 and self.model.can_begin(read)
        self._residual: dict[int, Tensor] = {}

    def _entry(self) -> tuple[int, Hook]:
        """The block to begin at and the hook to write at: what a block leaves in the stream is
        what the next one reads.
        """
        following = self.hook.layer + 1
        if self.hook.site == "resid_post" and following < self.model.n_layers:
            return following, Hook(following, "resid_pre")
        return self.hook.layer, self.hook

    def measure(
        self, changes: Sequence[Change], batch: int, tick: Callable[[float], None]
    ) -> Iterator[Effects]:
        """Effects of `changes`, about `batch` rows of a pass at a time, in the order of their
        documents. Out of memory halves the batch.
        """
        if self.onward:
            self._remember(sorted({change.document for change in changes}), batch)
        ordered = sorted(changes, key=lambda change: (change.document, change.subject))
        done = 0
        while done < len(ordered):
            tick(done / len(ordered))
            part = _fitting(ordered[done:], batch)
            try:
                yield Effects(part, self._measure(part))
            except torch.OutOfMemoryError:
                if batch <= 2:
                    raise
                batch = max(2, batch // 2)
                torch.cuda.empty_cache()
                self.say(f"out of GPU memory: {batch} documents in a pass from here on")
                continue
            done += len(part)
        self._residual.clear()

    def _remember(self, documents: list[int], batch: int) -> None:
        """The clean residual stream before the changed block."""
        before = Hook(self.start, "resid_pre")
        for low in range(0, len(documents), batch):
            part = torch.tensor(documents[low : low + batch])
            length = int(self.inputs.length[part].max())
            found = self.model.activations(self.inputs.tokens[part, :length], [before])[before]
            self.cost.forward += len(part)
            for row, document in enumerate(part.tolist()):
                self._residual[document] = found[row].clone()

    @torch.no_grad()
    def _measure(self, changes: Sequence[Change]) -> Float[Tensor, "a n"]:
        documents = list(dict.fromkeys(change.document for change in changes))
        row_of = {document: row for row, document in enumerate(documents)}
        rows = torch.tensor(documents + [change.document for change in changes])
        clean = torch.tensor([row_of[int(document)] for document in rows])
        length = self._length(changes, rows)
        added = torch.stack([change.amount[:length] for change in changes])
        delta = added[..., None] * torch.stack([change.direction for change in changes])[:, None]
        batch = self._rows(changes, rows, clean, length, len(documents))
        seen: dict[Hook, Tensor] = {}
        edits = self._edits(delta, len(documents), seen)
        self.cost.forward += len(rows)
        with self._beginning(rows, length):
            scores = run(self.model, self.inputs, rows, length, edits)
        found = self.targets.change(batch, seen)
        if self.targets.families[-1].kind == "metric":
            own, read = batch.ablated, self.inputs.counts(length)[rows].to(self.model.device)
            counted = (batch.later & read)[own]
            change = metric_change(self.inputs, scores[batch.clean[own]], scores[own], counted)
            found[:, -1] = change
        return found

    def _length(self, changes: Sequence[Change], rows: Int64[Tensor, " b"]) -> int:
        """Tokens that must be read: prompts to their ends, where they are measured; documents to
        one behind the last position that counts, which is to be predicted.
        """
        longest = int(self.inputs.length[rows].max())
        if self.inputs.metric is not None:
            return longest
        return min(longest, max(change.end for change in changes) + 1)

    def _rows(
        self,
        changes: Sequence[Change],
        rows: Int64[Tensor, " b"],
        clean: Int64[Tensor, " b"],
        length: int,
        n_clean: int,
    ) -> Rows:
        later = torch.zeros(len(rows), length, dtype=torch.bool)
        later[n_clean:] = torch.stack([change.counted[:length] for change in changes])
        later &= torch.arange(length) < self.inputs.length[rows, None].cpu()
        later[:n_clean] = later.new_zeros(n_clean, length).index_put(
            (clean[n_clean:],), later[n_clean:], accumulate=True
        )
        device = self.model.device
        ablated = torch.arange(n_clean, len(rows))
        return Rows(clean.to(device), ablated.to(device), later.to(device))

    def _edits(
        self, delta: Float[Tensor, "a t d"], n_clean: int, seen: dict[Hook, Tensor]
    ) -> dict[Hook, Edit]:
        def keep(hook: Hook) -> Edit:
            def keep(x: Tensor) -> Tensor:
                seen[hook] = x
                return x

            return keep

        edits = {hook: keep(hook) for hook in self.targets.hooks}
        then = edits.get(self.at)

        def write(x: Float[Tensor, "b t d"]) -> Float[Tensor, "b t d"]:
            changed = x.float()
            changed = torch.cat([changed[:n_clean], changed[n_clean:] + delta.to(x.device)])
            changed = changed.to(x.dtype)
            return then(changed) if then else changed

        return {self.at: write, **{hook: edit for hook, edit in edits.items() if hook != self.at}}

    def _beginning(self, rows: Int64[Tensor, " b"], length: int):  # type: ignore[no-untyped-def]
        if not self.onward:
            return nullcontext()
        known = [self._residual[document] for document in rows.tolist()]
        residual = known[0].new_zeros((len(rows), length, known[0].shape[-1]))
        for row, one in enumerate(known):
            residual[row, : min(length, len(one))] = one[:length]
        return self.model.beginning_at(self.start, residual)


def _fitting(changes: Sequence[Change], batch: int) -> Sequence[Change]:
    """As many of `changes` as fill a batch together with their clean documents."""
    documents: set[int] = set()
    for n, change in enumerate(changes):
        documents.add(change.document)
        if n and n + 1 + len(documents) > batch:
            return changes[:n]
    return changes
