"""What a model says next when nodes of a circuit are ablated, on one prompt, at once."""

from __future__ import annotations

from collections import OrderedDict
from time import perf_counter
from typing import TYPE_CHECKING, Any, NamedTuple, cast

import torch
from jaxtyping import Float
from torch import Tensor

from jobs.causal.ground import Ground
from jobs.causal.prompts import Prompts, padded
from jobs.prompt.trial import TOP, Outcome, Trial, spec_of
from store.errors import AskedWrongly
from store.views import quoted

if TYPE_CHECKING:
    from jobs.context import Context
    from jobs.kinds.circuit_ground import Place
    from jobs.model import LanguageModel
    from jobs.specs import Circuit
    from store import Workspace

KEPT = 3
"""Circuits whose dictionaries are kept in memory; that not used for longest goes first."""

FOR_MEANS = 32
"""Prompts of the circuit that means are taken over."""


class _Reading(NamedTuple):
    """What `jobs.kinds.circuit_ground` needs of a job."""

    workspace: Workspace
    device: str
    said: list[str]

    def say(self, message: str) -> None:
        self.said.append(message)


class _Known(NamedTuple):
    """A circuit, ready to be ablated."""

    spec: Circuit
    place: Place
    numbers: dict[str, int]
    """Node id → its number."""


class _Text(NamedTuple):
    """A prompt."""

    tokens: list[int]
    spans: tuple[str, ...] = ()
    """Of every token, where nodes are of spans."""


class Trials:
    """A model with the circuits that were asked for."""

    def __init__(self, workspace: Workspace, model: LanguageModel, device: str = "cpu") -> None:
        self.workspace, self.model, self.device = workspace, model, device
        self._kept: OrderedDict[tuple[str, int], _Known] = OrderedDict()

    @torch.no_grad()
    def outcome(self, trial: Trial) -> Outcome:
        """Ablates; raises AskedWrongly for prompts that cannot be read, and nodes that are not
        there.
        """
        begun, said = perf_counter(), list[str]()
        clean = self._tokens(trial.clean)
        known = self._known(trial.circuit, len(clean), said)
        ablation, corrupt = self._stands_in(known.spec, trial, clean, said)
        prompts = self._prompts(trial.circuit, known, ablation, clean, corrupt)
        ground = Ground(self.model, known.place.sites, known.place.nodes, prompts, metric="kl",
                        ablation=ablation, say=said.append)  # fmt: skip
        gates, many = self._gates(known, trial)
        row = torch.zeros(1, dtype=torch.long, device=self.model.device)
        logits = [ground.logits(g, row)[0].float().cpu() for g in (None, gates)]
        before, after = (each.softmax(-1) for each in logits)
        tokens = _likeliest(before, after)
        kl = torch.nn.functional.kl_div(after.log(), before, reduction="sum").item()
        return Outcome(
            [self.model.tokenizer.token(token) for token in tokens],
            before[tokens].tolist(),
            after[tokens].tolist(),
            self._difference(trial, logits),
            max(0.0, kl),
            many,
            ablation,
            perf_counter() - begun,
            said,
        )

    def _tokens(self, text: str) -> list[int]:
        tokenizer = self.model.tokenizer
        ids = tokenizer.encode(text)
        if not ids:
            raise AskedWrongly("There is no text to read; type some.")
        if tokenizer.bos is not None and ids[0] != tokenizer.bos:
            ids = [tokenizer.bos, *ids]
        if len(ids) > self.model.context:
            raise AskedWrongly(
                f"The prompt has {len(ids):,} tokens; {self.model.name} reads "
                f"{self.model.context:,} at once."
            )
        return ids

    def _known(self, circuit: str, length: int, said: list[str]) -> _Known:
        from jobs.kinds import circuit_ground

        spec = spec_of(self.workspace, circuit)
        positions = length if spec.each_position else 1
        key = (circuit, positions)
        if key not in self._kept:
            context = cast("Context", _Reading(self.workspace, self.device, said))
            spans = self._spans(circuit) if spec.by_span else ()
            place = circuit_ground.place(spec, context, self.model, positions, spans)
            numbers = {place.nodes.name(node): node for node in range(place.nodes.n)}
            self._kept[key] = _Known(spec, place, numbers)
            while len(self._kept) > KEPT:
                self._kept.popitem(last=False)
        self._kept.move_to_end(key)
        return self._kept[key]

    def _stands_in(
        self, spec: Circuit, trial: Trial, clean: list[int], said: list[str]
    ) -> tuple[str, list[int] | None]:
        """The ablation, and the tokens of the counterpart where it takes values from there."""
        if spec.ablation != "resample":
            return spec.ablation, None
        corrupt = None if trial.corrupt is None else self._tokens(trial.corrupt)
        if corrupt is None or len(corrupt) != len(clean):
            said.append(
                "This prompt has no counterpart of the same length to take values from: ablated is "
                "by the mean over the circuit's prompts."
            )
            return "mean", None
        return "resample", corrupt

    def _prompts(
        self, circuit: str, known: _Known, ablation: str, clean: list[int], corrupt: Any
    ) -> Prompts:
        """The prompt, and for means some of the circuit's own after it."""
        texts, spec = [_Text(clean)], known.spec
        every = self._own_prompts(circuit) if spec.by_span or ablation == "mean" else []
        if spec.by_span:
            texts = [text for text in every if text.tokens == clean][:1]
            if not texts:
                raise AskedWrongly(
                    f"Nodes of {circuit} are of spans, and where these lie is known for its own "
                    "prompts alone; choose one of those."
                )
        if ablation == "mean":
            alike = [t for t in every if len(t.tokens) == len(clean) or not spec.each_position]
            texts += alike[:FOR_MEANS]
        length = torch.tensor([len(text.tokens) for text in texts])
        spans = None
        if spec.by_span:
            number = {name: at for at, name in enumerate(known.place.nodes.spans)}
            spans = padded([[number[name] for name in text.spans] for text in texts])
        against = None if corrupt is None else torch.tensor([corrupt])
        nothing = torch.zeros(len(texts), dtype=torch.long)
        tokens = padded([text.tokens for text in texts])
        return Prompts(tokens, against, length, nothing, None, spans)

    def _own_prompts(self, circuit: str) -> list[_Text]:
        """Those that the circuit was searched and scored on; by span, those whose text gives the
        same tokens again.
        """
        rows = self.workspace.sql(
            "SELECT clean, spans FROM circuit_prompts "
            f"WHERE circuit = {quoted(circuit)} ORDER BY prompt"
        ).fetchall()
        found = [_Text(self._tokens(clean), tuple(spans or ())) for clean, spans in rows]
        return [text for text in found if not text.spans or len(text.spans) == len(text.tokens)]

    def _spans(self, circuit: str) -> tuple[str, ...]:
        """What the spans of a circuit are called."""
        rows = self.workspace.sql(f"SELECT spans FROM circuits WHERE circuit = {quoted(circuit)}")
        (row,) = rows.fetchall()
        return tuple(row[0])

    def _gates(self, known: _Known, trial: Trial) -> tuple[Float[Tensor, "1 n"], int]:
        """0 for what is ablated, and how many nodes that is."""
        positions = known.spec.each_position
        if missing := [node for node in trial.nodes if node not in known.numbers]:
            raise AskedWrongly(
                f"{missing[0]} is not among the nodes of {trial.circuit} on this prompt"
                + (", which may be too short for its position." if positions else ".")
            )
        some = torch.tensor([known.numbers[node] for node in trial.nodes], dtype=torch.long)
        gates = torch.full((1, known.place.nodes.n), 0.0 if trial.others else 1.0)
        gates[0, some] = 1.0 if trial.others else 0.0
        return gates.to(self.model.device), int((gates == 0).sum())

    def _difference(self, trial: Trial, logits: list[Tensor]) -> tuple[float, float] | None:
        ids = [self._one(text) for text in (trial.answer, trial.wrong)]
        if None in ids or ids[0] == ids[1]:
            return None
        before, after = (float(each[ids[0]] - each[ids[1]]) for each in logits)
        return before, after

    def _one(self, text: str | None) -> int | None:
        found = self.model.tokenizer.encode(text) if text else []
        return found[0] if len(found) == 1 else None


def _likeliest(before: Float[Tensor, " v"], after: Float[Tensor, " v"]) -> list[int]:
    """The likeliest tokens before, then those after that are not among them."""
    k = min(TOP, len(before))
    first = before.topk(k).indices.tolist()
    return first + [token for token in after.topk(k).indices.tolist() if token not in first]
