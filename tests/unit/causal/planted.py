"""A model whose causes are known: some features of its first layer switch on one of its second.

Every token switches on some of M orthogonal directions. The second layer reads the first one
position earlier through a matrix: the direction of each of the first `linked` features becomes that
of one target, and everything is mixed a little besides, so that whatever is changed changes all.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from jobs.causal.basis import Features, Site
from jobs.causal.effects import Ablator, Change, reached
from jobs.causal.firing import listen
from jobs.causal.found import Group
from jobs.causal.ground import Cost
from jobs.causal.inputs import Inputs
from jobs.causal.nulls import chances, directions, matched
from jobs.causal.targets import Targets
from jobs.dictionary import ARCHITECTURES
from jobs.names import Hook

D, M, VOCABULARY = 160, 128, 60
EARLY, LATE = Hook(0, "resid_post"), Hook(1, "resid_post")


class Planted:
    """The model; stands in for `jobs.model.LanguageModel`."""

    n_layers, n_heads, device = 2, 1, torch.device("cpu")

    def __init__(self, linked: int, seed: int) -> None:
        random = torch.Generator().manual_seed(seed)
        draw = lambda *shape: torch.randn(*shape, generator=random)  # noqa: E731
        self.early, self.late = (torch.linalg.qr(draw(D, D))[0][:M] for _ in range(2))
        on = torch.rand(VOCABULARY, M, generator=random) < 0.04
        self.strength = on * (1 + torch.rand(VOCABULARY, M, generator=random))
        self.read = 0.3 * draw(D, D) / D**0.5
        self.read += self.early[:linked].T @ self.late[:linked]
        # The rest of the targets are switched on by tokens, past the first layer.
        self.own = self.strength.roll(7, 0) * (torch.arange(M) >= linked)

    def can_begin(self, hooks: list[Hook]) -> bool:
        return False

    def activations(self, tokens: Tensor, hooks: list[Hook]) -> dict[Hook, Tensor]:
        return {EARLY: self.strength[tokens] @ self.early}

    def loss(self, tokens: Tensor, edits: Mapping[Hook, Any]) -> Tensor:
        # What a block leaves in the stream is written where the next one reads it.
        x = edits[Hook(1, "resid_pre")](self.activations(tokens, [])[EARLY])
        read = torch.nn.functional.pad(x @ self.read, (0, 0, 1, 0))[:, :-1]
        y = edits[LATE](read + self.own[tokens] @ self.late)
        return y[:, :-1].square().mean(-1)

    def site(self, hook: Hook) -> Site:
        rows = self.early if hook == EARLY else self.late
        made = ARCHITECTURES["topk"](D, M, 16)
        made.W_dec.data, made.encoder.data = rows.clone(), rows.clone()
        made.b_enc.data[:] = -0.02
        return Site(hook, Features(made.requires_grad_(False)), name=hook.label)


class Outcome:
    """What a run over the first `n_sources` features found."""

    def __init__(
        self,
        linked: int,
        n_sources: int,
        seed: int,
        *,
        nulls: int = 4,
        fdr: float = 0.05,
        reach: int | None = None,
        times: int = 1,
    ):
        """`times`: how often each document comes."""
        model: Any = Planted(linked, seed)
        random = torch.Generator().manual_seed(seed + 1000)
        tokens = torch.randint(0, VOCABULARY, (24, 10), generator=random)
        tokens = tokens.repeat_interleave(times, 0)
        inputs, site = Inputs(tokens, torch.full((24 * times,), 10)), model.site(EARLY)
        (fires,) = listen(model, [site], [np.arange(n_sources)], inputs, 24, Cost())
        targets = Targets([model.site(LATE)], [], 1)
        group = Group(targets, range(n_sources), nulls)
        rows, changes = site.basis.dictionary.W_dec, []
        for s in range(n_sources):
            own = fires.of(s)
            others = matched(s, fires.times, fires.writes(np.ones(M)), nulls, seed)
            ways = torch.cat([rows[[s]], directions(nulls, D, 99 * seed + s), rows[others]])
            documents = np.unique(fires.document[own])[: 6 * times].tolist()
            group.expect(s, inputs.content(torch.tensor(documents, dtype=torch.long)), len(others))
            for number, document in enumerate(documents):
                at = np.flatnonzero(fires.document[own] == document) + own.start
                amount = torch.zeros(10)
                amount[fires.position[at]] = -torch.from_numpy(fires.activation[at]).float()
                counted = reached(fires.position[at], reach, 10)
                changes += [
                    Change(document, (s, number, way), ways[way], amount, counted)
                    for way in range(len(ways))
                ]
        for part in Ablator(model, inputs, EARLY, targets, Cost()).measure(changes, 400, _quiet):
            group.add(part)
        self.found = group.found(top=20, seed=seed)
        chance = chances(self.found["counts"][0, 0], list(self.found["counts"][1:, 0]))
        feature = self.found["column"] < M
        counts = chance.q[self.found["bin"].astype(int)] <= fdr
        edges = zip(
            *(self.found[key][feature & counts].astype(int) for key in ("feature", "column")),
            strict=True,
        )
        self.significant = {(int(s), int(t)) for s, t in edges}
        """Pairs of source and target feature."""


def _quiet(share: float) -> None:
    return None
