"""Either: two heads carry the same signal, one a layer after the other, and an MLP asks for one of
them. Neither alone is missed, and where both are there the MLP is flat in each: only searches that
look at them together see them.
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence

import torch

from jobs.model.truth.circuits.circuit import BOS, UNK, Circuit, Reads, answers, ids, pair
from jobs.model.truth.parts import Head, Mlp, carries, wherever
from jobs.model.truth.room import Room
from jobs.task.task import Example

SIGNALS = tuple(f"red{i}" for i in range(8))
FILLERS = tuple(f"grey{i}" for i in range(8))
TOKENS = (BOS, UNK, "?", "yes", "no", *FILLERS, *SIGNALS)
_LOW, _HIGH = 0.2, 0.7
"""Below the one the MLP says no, above the other yes; a head carries about 1."""


def _parts(room: Room) -> Mapping[str, tuple[int, Head | Mlp]]:
    reads, signal = room["token"][ids(TOKENS, SIGNALS)], room["signal"]
    yes, no = room["answer"][ids(TOKENS, ("yes", "no"))]
    writes = signal.expand(len(reads), -1)
    looks = wherever(7.0, reads), wherever(2.0, room["token"][:1])
    steep = 1 / (_HIGH - _LOW)
    into = steep * signal.T.expand(-1, 2)
    gate = Mlp(
        into,
        -steep * torch.tensor([_LOW, _HIGH]),
        torch.stack([yes - no, no - yes]),
        no,
    )
    return {
        "early": (0, carries(*looks, reads=reads, writes=writes)),
        "late": (1, carries(*looks, reads=reads, writes=writes)),
        "gate": (2, gate),
    }


def _draw(rng: random.Random) -> Example:
    """The corrupt prompt lacks the signal."""
    words = [rng.choice(FILLERS) for _ in range(4)]
    at = rng.randrange(4)
    clean = [*words[:at], rng.choice(SIGNALS), *words[at + 1 :]]
    return pair([*clean, "?"], [*words, "?"], "yes", "no")


def _uses(clean: Sequence[str], answer: str, wrong: str) -> tuple[str, ...]:
    return "signal=0", *answers(answer, wrong)


CIRCUIT = Circuit(
    TOKENS,
    {"signal": 1},
    ("signal", "answer"),
    _parts,
    (("early", "gate"), ("late", "gate"), ("gate", "logits")),
    _draw,
    (
        Reads(0, "attn_out", ("signal",)),
        Reads(1, "attn_out", ("signal",)),
        Reads(2, "mlp_out", ("answer",), ("yes", "no")),
    ),
    _uses,
    instead=(("early", "late"),),
)
