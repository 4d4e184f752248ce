"""XOR: two heads carry a switch each to the end; an MLP's gates open where they differ or agree."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence

import torch

from jobs.model.truth.circuits.circuit import BOS, UNK, Circuit, Reads, answers, ids, pair
from jobs.model.truth.parts import Head, Mlp, carries, wherever
from jobs.model.truth.room import Room
from jobs.task.task import Example

_EACH = 4
SWITCHES = (
    (tuple(f"up{i}" for i in range(_EACH)), tuple(f"down{i}" for i in range(_EACH))),
    (tuple(f"left{i}" for i in range(_EACH)), tuple(f"right{i}" for i in range(_EACH))),
)
"""Of two switches, the tokens that say 0 and those that say 1."""
FILLERS = ("and", "while", "as", "so")
TOKENS = (
    BOS,
    UNK,
    "?",
    "same",
    "other",
    *FILLERS,
    *(t for s in SWITCHES for side in s for t in side),
)
_OPEN = 1.3
"""What two inputs together must exceed for a gate to open: each alone is one at most."""


def _parts(room: Room) -> Mapping[str, tuple[int, Head | Mlp]]:
    token, state = room["token"], room["state"]
    found: dict[str, tuple[int, Head | Mlp]] = {}
    for number, (name, sides) in enumerate(zip(("first", "second"), SWITCHES, strict=True)):
        reads = token[[*ids(TOKENS, sides[0]), *ids(TOKENS, sides[1])]]
        said = state[[2 * number] * _EACH + [2 * number + 1] * _EACH]
        found[name] = (0, carries(wherever(6.0, reads), reads=reads, writes=said))
    gates = [(a, 2 + b) for a in range(2) for b in range(2)]
    into = torch.stack([state[a] + state[b] for a, b in gates])
    says = room["answer"][ids(TOKENS, ("same", "other"))]
    out = torch.stack([says[int(a != b - 2)] for a, b in gates])
    steep = 1 / (2 - _OPEN)
    bias = torch.full((len(gates),), -_OPEN * steep)
    found["xor"] = (1, Mlp(steep * into.T, bias, out, torch.zeros(room.width)))
    return found


def _draw(rng: random.Random) -> Example:
    """The corrupt prompt turns one switch."""
    states = [rng.randrange(2), rng.randrange(2)]
    words = [rng.choice(SWITCHES[i][states[i]]) for i in range(2)]
    turned = rng.randrange(2)
    others = list(words)
    others[turned] = rng.choice(SWITCHES[turned][1 - states[turned]])
    swap, filler = rng.randrange(2), [rng.choice(FILLERS) for _ in range(2)]
    clean, corrupt = (
        [filler[0], pick[swap], filler[1], pick[1 - swap], "?"] for pick in (words, others)
    )
    answers = ("other", "same") if states[0] != states[1] else ("same", "other")
    return pair(clean, corrupt, *answers)


def _uses(clean: Sequence[str], answer: str, wrong: str) -> tuple[str, ...]:
    """Both switches, whatever they say and do not say."""
    return *(f"state={i}" for i in range(4)), *answers(answer, wrong)


CIRCUIT = Circuit(
    TOKENS,
    {"state": 4},
    ("state", "answer"),
    _parts,
    (("first", "xor"), ("second", "xor"), ("xor", "logits")),
    _draw,
    (Reads(0, "attn_out", ("state",)), Reads(1, "mlp_out", ("answer",), ("same", "other"))),
    _uses,
)
