"""A model with bases spliced in, prompts, and a metric: all that a circuit method may ask.

Every node has a gate g. What is written at a site is

    y + Σ_i (g_i − 1)(f_i − f_i^ref)·W_i + (g_ε − 1)(ε − ε^ref)

with f and ε as they are in this very run: what was ablated earlier is seen later. All gates at 1
give the model itself; at 0 a node has its ablated value. The gradient of the metric in the gates at
1 is attribution patching, (f − f^ref)·∇_f m (arXiv:2310.10348).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial

import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from jobs.causal.basis import Basis, Site
from jobs.causal.metric import Metric, metric_of, pairs
from jobs.causal.nodes import Nodes
from jobs.causal.prompts import Prompts
from jobs.causal.reference import Reference, Value, reference
from jobs.model import LanguageModel
from jobs.model.fitting import Fitting
from jobs.model.plain import Edit
from jobs.names import Hook
from store.errors import AskedWrongly, SaetuiError

Watch = Callable[[int, Float[Tensor, "b t m"], Float[Tensor, "b t d"]], None]
"""Told the number of a site, its coordinates f and its error ε before it is ablated."""
Rule = Callable[[LanguageModel], AbstractContextManager[object]]
"""A way to run the model within which its gradient is another (`jobs.causal.relevance`)."""

_CLEAN_BATCH = 32


@dataclass
class Cost:
    """What a search took."""

    forward: int = 0
    """Forward passes, of one prompt each."""
    backward: int = 0
    """Backward passes, of one prompt each."""


class Ground:
    """See the module; `nodes` are numbered 0 to ``nodes.n - 1``, prompts likewise."""

    def __init__(
        self,
        model: LanguageModel,
        sites: Sequence[Site],
        nodes: Nodes,
        prompts: Prompts,
        *,
        metric: str = "logit_diff",
        ablation: str = "resample",
        cost: Cost | None = None,
        say: Callable[[str], None] = print,
    ) -> None:
        """`sites` are in the order of the model; `say` is told when memory was full. Raises
        AskedWrongly for an ablation or metric that the prompts do not allow.
        """
        _refuse_shared(sites)
        self.model, self.sites, self.nodes = model, sites, nodes
        self.prompts = prompts.to(model.device)
        self.ablation, self.metric_name = ablation, metric
        self.cost = cost or Cost()
        self.say = say
        self._parts = Fitting("{} prompts at a time from here on", say)
        self.reference: Reference = reference(ablation, model, sites, self.prompts)
        self.metric: Metric = metric_of(metric, self.prompts, self._clean_logits)
        self._pairs = pairs(self.prompts) if metric == "logit_diff" else None
        self._start, self._residual = self._entry()

    @property
    def all(self) -> Int64[Tensor, " n"]:
        """The rows of every prompt."""
        return torch.arange(self.prompts.n, device=self.model.device)

    def with_nodes(self, nodes: Nodes) -> Ground:
        """The same ground with other nodes over the same sites; costs are counted together."""
        other = object.__new__(Ground)
        other.__dict__ |= self.__dict__ | {"nodes": nodes}
        return other

    def gates_of(
        self, site: int, gates: Float[Tensor, "b_or_1 n"], rows: Int64[Tensor, " b"], length: int
    ) -> Float[Tensor, "b_or_1 t width"]:
        """`Nodes.gates_of` on the first `length` tokens of the prompts at `rows`."""
        return self.nodes.gates_of(site, gates, length, self._spans(rows, length))

    def gather(
        self, site: int, value: Float[Tensor, "b t width"], rows: Int64[Tensor, " b"]
    ) -> Float[Tensor, "b n"]:
        """`Nodes.gather` of a value on the first tokens of the prompts at `rows`."""
        return self.nodes.gather(site, value, self._spans(rows, value.shape[1]))

    def _spans(self, rows: Tensor, length: int) -> Int64[Tensor, "b t"] | None:
        spans = self.prompts.spans
        return spans[rows, :length] if spans is not None and self.nodes.spans else None

    @torch.no_grad()
    def score(
        self,
        gates: Float[Tensor, "b_or_1 n"] | None,
        rows: Int64[Tensor, " b"],
        watch: Watch | None = None,
    ) -> Float[Tensor, " b"]:
        """The metric after the prompts at `rows` (which may repeat), each with its own gates;
        None: with nothing ablated.
        """
        self.cost.forward += len(rows)

        def run(at: slice) -> Tensor:
            return self._score(None if gates is None else _own(gates, at), rows[at], watch)

        return torch.cat(self._parts.of(len(rows), run))

    def gradient(
        self,
        gates: Float[Tensor, "b_or_1 n"],
        rows: Int64[Tensor, " b"],
        rule: Rule | None = None,
    ) -> tuple[Float[Tensor, " b"], Float[Tensor, "b n"]]:
        """The metric and, prompt by prompt, its gradient in the gates; `rule` changes how the
        model is differentiated.
        """
        self.cost.forward += len(rows)
        self.cost.backward += len(rows)

        def run(at: slice) -> tuple[Tensor, Tensor]:
            part = rows[at]
            own = _own(gates, at).detach().expand(len(part), -1).clone().requires_grad_()
            score = self._score(own, part, None)
            return score.detach(), torch.autograd.grad(score.sum(), own)[0]

        with torch.enable_grad(), rule(self.model) if rule else nullcontext():
            scores, found = zip(*self._parts.of(len(rows), run), strict=True)
        return torch.cat(scores), torch.cat(found)

    def differentiable(
        self, gates: Float[Tensor, "b_or_1 n"], rows: Int64[Tensor, " b"]
    ) -> Float[Tensor, " b"]:
        """`score` for methods that learn: part of the caller's graph, one pass each way counted."""
        self.cost.forward += len(rows)
        self.cost.backward += len(rows)
        return self._score(gates, rows, None)

    def edited(
        self,
        edits: Mapping[Hook, Edit],
        rows: Int64[Tensor, " b"],
        corrupt: Bool[Tensor, "b t_or_1"] | None = None,
    ) -> Float[Tensor, " b"]:
        """The metric with the caller's own edits in place of gates; part of the caller's graph. An
        edit sees as many positions as the longest of these prompts has. Where `corrupt` says so,
        the model reads tokens of the corrupt prompt, held against the answers all the same.
        """
        self.cost.forward += len(rows)
        return self._run(edits, rows, corrupt)

    @torch.no_grad()
    def logits(
        self, gates: Float[Tensor, "b_or_1 n"] | None, rows: Int64[Tensor, " b"]
    ) -> Float[Tensor, "b v"]:
        """What the model says after the prompts at `rows`, gated as in `score`."""
        self.cost.forward += len(rows)
        return self._logits(self._edits(gates, rows, None), rows)

    def _score(self, gates: Tensor | None, rows: Tensor, watch: Watch | None) -> Tensor:
        return self._run(self._edits(gates, rows, watch), rows)

    def _run(
        self, edits: Mapping[Hook, Edit], rows: Tensor, corrupt: Tensor | None = None
    ) -> Tensor:
        if self._pairs is None:
            score = self.metric(self._logits(edits, rows, None, corrupt).float(), rows)
        else:  # two logits a prompt, not those of the whole vocabulary
            logits = self._logits(edits, rows, self._pairs[rows], corrupt)
            right, wrong = logits.float().unbind(1)
            score = right - wrong
        if not bool(torch.isfinite(score).all()):
            raise SaetuiError(
                f"Model {self.model.name} gives NaN or infinite logits on some prompts; try "
                "dtype=float32."
            )
        return score

    def _logits(
        self,
        edits: Mapping[Hook, Edit],
        rows: Tensor,
        only: Tensor | None = None,
        corrupt: Tensor | None = None,
    ) -> Tensor:
        prompts = self.prompts.take(rows)
        if corrupt is not None:  # from the tokens on: what comes before the sites is another
            assert prompts.corrupt is not None
            tokens = torch.where(corrupt, prompts.corrupt, prompts.clean)
            return self.model.last_logits(tokens, prompts.length - 1, edits, only)
        with self._beginning(rows, prompts.clean.shape[1]):
            return self.model.last_logits(prompts.clean, prompts.length - 1, edits, only)

    def _edits(self, gates: Tensor | None, rows: Tensor, watch: Watch | None) -> dict[Hook, Edit]:
        if gates is None and watch is None:
            return {}
        length = int(self.prompts.length[rows].max())
        edits: dict[Hook, Edit] = {}
        for number, site in enumerate(self.sites):
            own = None if gates is None else self.gates_of(number, gates, rows, length)
            stands_in = partial(self.reference.at, number, rows, length)
            edits |= gated(number, site, own, stands_in, watch)
        return edits

    def _entry(self) -> tuple[int, Float[Tensor, "n t d"] | None]:
        """The block of the first site, and what it reads on the clean prompts: nothing before it
        ever changes, so passes begin there.
        """
        hooks = [hook for site in self.sites for hook in (site.hook, site.read_at)]
        start = min((hook.layer for hook in hooks), default=0)
        if start == 0 or not self.model.can_begin([*hooks, Hook(start, "resid_pre")]):
            return 0, None
        before = Hook(start, "resid_pre")
        parts = self.prompts.clean.split(_CLEAN_BATCH)
        found = [self.model.activations(tokens, [before])[before].clone() for tokens in parts]
        return start, torch.cat(found)

    def _beginning(self, rows: Tensor, length: int) -> AbstractContextManager[object]:
        if self._residual is None:
            return nullcontext()
        return self.model.beginning_at(self._start, self._residual[rows, :length])

    @torch.no_grad()
    def _clean_logits(self) -> Float[Tensor, "n v"]:
        self.cost.forward += self.prompts.n
        parts = [self.prompts.take(rows) for rows in self.all.split(_CLEAN_BATCH)]
        return torch.cat([self.model.last_logits(p.clean, p.length - 1).float() for p in parts])


def _own(gates: Tensor, at: slice) -> Tensor:
    """The gates of some rows, where each row has its own."""
    return gates if len(gates) == 1 else gates[at]


def _refuse_shared(sites: Sequence[Site]) -> None:
    """An edit at a hook would hide another one there."""
    taken: dict[Hook, Site] = {}
    for site in sites:
        for hook in {site.hook, site.read_at}:
            if other := taken.get(hook):
                raise AskedWrongly(
                    f"{other.name or 'One basis'} and {site.name or 'another'} are both at "
                    f"{hook.label}; splice one in at a hook."
                )
            taken[hook] = site


def gated(
    number: int,
    site: Site,
    gates: Float[Tensor, "b t width"] | None,
    stands_in: Callable[[], Value],
    watch: Watch | None,
) -> Mapping[Hook, Edit]:
    """Edits of one site: what it writes, and a look at what it reads where that is elsewhere."""

    def write(x: Float[Tensor, "b t d"], y: Float[Tensor, "b t d"]) -> Float[Tensor, "b t d"]:
        f = site.basis.encode(x.float())
        if watch is not None:
            watch(number, f, site.basis.rest(y.float(), f))
        return y if gates is None else written(site, gates, f, y, stands_in())

    return reading(site, write)


def reading(site: Site, write: Callable[[Tensor, Tensor], Tensor]) -> dict[Hook, Edit]:
    """Edits that give `write` what the site reads and what is at its hook."""
    noted: list[Tensor] = []

    def note(x: Tensor) -> Tensor:
        noted[:] = [x]
        return x

    if site.reads is None:
        return {site.hook: lambda y: write(y, y)}
    return {site.reads: note, site.hook: lambda y: write(noted[0], y)}


def written(
    site: Site,
    gates: Float[Tensor, "b t width"],
    f: Float[Tensor, "b t m"],
    y: Float[Tensor, "b t d"],
    instead: Value,
) -> Float[Tensor, "b t d"]:
    """What is at a site's hook under its gates, y being there without; massive activations stay."""
    usual, wide = site.usual(y), y.float()
    change = _change(site.basis, gates, f, wide, instead)
    if usual is not None:
        change = change * usual[..., None]
    return (wide + change).to(y.dtype)


def _change(
    basis: Basis, gates: Float[Tensor, "b t width"], f: Tensor, y: Tensor, instead: Value
) -> Float[Tensor, "b t d"]:
    """Σ_i (g_i − 1)(f_i − f_i^ref)·W_i + (g_ε − 1)(ε − ε^ref). With ε = y − f·W − b the two are

        Σ_i (g_i − g_ε)(f_i − f_i^ref)·W_i + (g_ε − 1)(y − y^ref)

    and where the basis is sparse, coordinates that are zero everywhere take no part.
    """
    if not basis.leaves_error:
        return basis.write((gates - 1) * (f - instead.f))
    m, own, apart, on = basis.width, gates, f - instead.f, None
    if basis.sparse:
        fires = (f.detach() != 0) | (instead.f != 0)
        on = fires.flatten(0, -2).any(0).nonzero()[:, 0]
        own, apart = gates[..., on], apart[..., on]
    error = gates[..., m:]
    change = basis.write((own[..., : apart.shape[-1]] - error) * apart, on)
    return change + (error - 1) * (y - instead.y)
