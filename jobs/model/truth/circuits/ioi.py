"""Indirect object: a duplicate-token head, S-inhibition, a name mover (after 2211.00593)."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence

from jobs.model.truth.circuits.circuit import BOS, UNK, Circuit, Reads, answers, ids, pair
from jobs.model.truth.parts import Head, Mlp, carries, where_equal, wherever
from jobs.model.truth.room import Room
from jobs.task.task import Example

NAMES = (
    "Ann", "Bob", "Cid", "Dan", "Eve", "Fay", "Gus", "Hal", "Ida", "Jon", "Kay", "Leo", "Meg",
    "Ned", "Oda", "Pia", "Ray", "Sue", "Tim",
)  # fmt: skip
TOKENS = (BOS, UNK, "and", "met", "gave", *NAMES)
_IDS = ids(TOKENS, NAMES)


def _parts(room: Room) -> Mapping[str, tuple[int, Head | Mlp]]:
    """Positions are told apart so that a token does not count as its own duplicate."""
    token, pos = room["token"], room["pos"]
    names, start = token[_IDS], token[:1]
    repeated, inhibited, answer = (room[n][_IDS] for n in ("repeated", "inhibited", "answer"))
    duplicate = carries(
        where_equal(7.0, names, names),
        where_equal(-14.0, pos[:8], pos[:8]),
        wherever(3.0, start),
        reads=names,
        writes=repeated,
    )
    inhibition = carries(
        wherever(6.5, repeated), wherever(2.5, start), reads=repeated, writes=inhibited
    )
    mover = carries(
        wherever(5.0, names), where_equal(-7.0, inhibited, names), reads=names, writes=answer
    )
    return {"duplicate": (0, duplicate), "inhibition": (1, inhibition), "mover": (2, mover)}


def _draw(rng: random.Random) -> Example:
    """In the corrupt prompt a third name stands in for the repeated one."""
    receiver, giver, third = rng.sample(NAMES, 3)
    first, second = rng.choice(((receiver, giver), (giver, receiver)))
    start = [first, "and", second, "met"]
    return pair([*start, giver, "gave"], [*start, third, "gave"], receiver, giver)


def _uses(clean: Sequence[str], answer: str, wrong: str) -> tuple[str, ...]:
    return f"repeated={wrong}", f"inhibited={wrong}", *answers(answer, wrong)


CIRCUIT = Circuit(
    TOKENS,
    {"repeated": len(TOKENS), "inhibited": len(TOKENS)},
    ("repeated", "inhibited", "answer"),
    _parts,
    (("duplicate", "inhibition"), ("inhibition", "mover"), ("mover", "logits")),
    _draw,
    (
        Reads(0, "attn_out", ("repeated",), NAMES),
        Reads(1, "attn_out", ("inhibited",), NAMES),
        Reads(2, "attn_out", ("answer",), NAMES),
    ),
    _uses,
)
