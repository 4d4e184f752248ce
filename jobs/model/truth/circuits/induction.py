"""Induction: a previous-token head, and a head that looks for what followed the token before.

In `SHARP` both look so hard that softmax is saturated: to first order nothing changes whatever
they look at, so that slopes at the model itself tell nothing of the first head (2403.00745).
"""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from functools import partial

from jobs.model.truth.circuits.circuit import BOS, UNK, Circuit, Reads, answers, pair
from jobs.model.truth.parts import Head, Mlp, carries, where_equal, wherever
from jobs.model.truth.room import Room
from jobs.task.task import Example

LETTERS = tuple("abcdefghijklmnopqrstuvwx")
RUN, SHOWN = 7, 3
"""Letters of a run, and how many of its second copy are shown."""


def _parts(room: Room, sharpness: float = 1.0) -> Mapping[str, tuple[int, Head | Mlp]]:
    token, pos = room["token"], room["pos"]
    start = wherever(
        3.5 * sharpness, token[:1]
    )  # where nothing matches, it looks at <bos> and writes nothing
    previous = carries(
        where_equal(5.5, pos[1:], pos[:-1]), reads=token[1:], writes=room["previous"][1:]
    )
    induction = carries(
        where_equal(7.0 * sharpness, token[1:], room["previous"][1:]),
        start,
        reads=token[1:],
        writes=room["answer"][1:],
    )
    return {"previous": (0, previous), "induction": (1, induction)}


def _draw(rng: random.Random) -> Example:
    """In the first copy of the corrupt prompt, the letters before two others change places: what
    the previous-token head writes differs, and what follows the last letter.
    """
    run = rng.sample(LETTERS, RUN)
    at = rng.randrange(SHOWN + 2, RUN)
    swapped = list(run)
    swapped[SHOWN - 1], swapped[at - 1] = run[at - 1], run[SHOWN - 1]
    return pair([*run, *run[:SHOWN]], [*swapped, *run[:SHOWN]], run[SHOWN], run[at])


def _uses(clean: Sequence[str], answer: str, wrong: str) -> tuple[str, ...]:
    """What stands before the letter that is asked for is the last letter."""
    return f"previous={clean[-1]}", *answers(answer, wrong)


TOKENS = (BOS, UNK, *LETTERS)
CIRCUIT = Circuit(
    TOKENS,
    {"previous": len(TOKENS)},
    ("previous", "answer"),
    _parts,
    (("previous", "induction"), ("induction", "logits")),
    _draw,
    (Reads(0, "attn_out", ("previous",), LETTERS), Reads(1, "attn_out", ("answer",), LETTERS)),
    _uses,
)
SHARP = CIRCUIT._replace(parts=partial(_parts, sharpness=6.0))
