"""Two hops: a town's country, the country's coin. Both tables are MLPs; a head stands between."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence

import torch

from jobs.model.truth.circuits.circuit import BOS, UNK, Circuit, Reads, answers, ids, pair
from jobs.model.truth.parts import Head, Mlp, carries, table, wherever
from jobs.model.truth.room import Room
from jobs.task.task import Example

TOWNS = tuple(f"town{i}" for i in range(12))
COINS = tuple(f"coin{i}" for i in range(6))
FILLERS = ("so", "then", "now", "well", "yes")
TOKENS = (BOS, UNK, "pays", *FILLERS, *TOWNS, *COINS)
COUNTRY = (3, 0, 5, 1, 4, 2, 2, 4, 0, 3, 5, 1)
"""Of each town."""
COIN = (4, 2, 0, 5, 3, 1)
"""Of each country."""
_COUNTRIES = 6


def _parts(room: Room) -> Mapping[str, tuple[int, Head | Mlp]]:
    token, country, carried = room["token"], room["country"], room["carried"]
    towns, coins = token[ids(TOKENS, TOWNS)], room["answer"][ids(TOKENS, COINS)]
    first = table(towns, country[torch.tensor(COUNTRY)])
    carrier = carries(
        wherever(6.0, country), wherever(2.0, token[:1]), reads=country, writes=carried
    )
    second = table(carried, coins[torch.tensor(COIN)], threshold=0.3)
    return {"country": (0, first), "carrier": (1, carrier), "coin": (1, second)}


def _draw(rng: random.Random) -> Example:
    """The corrupt prompt names a town in a country with another coin."""
    town = rng.randrange(len(TOWNS))
    other = rng.choice([i for i in range(len(TOWNS)) if COUNTRY[i] != COUNTRY[town]])
    fillers = [rng.choice(FILLERS) for _ in range(3)]
    at = rng.randrange(3)
    clean, corrupt = ([*fillers[:at], TOWNS[one], *fillers[at:], "pays"] for one in (town, other))
    return pair(clean, corrupt, COINS[COIN[COUNTRY[town]]], COINS[COIN[COUNTRY[other]]])


def _uses(clean: Sequence[str], answer: str, wrong: str) -> tuple[str, ...]:
    """The country whose coin it is, and that of the other coin, which must not be there."""
    countries = [COIN.index(COINS.index(coin)) for coin in (answer, wrong)]
    hops = (f"{hop}={country}" for hop in ("country", "carried") for country in countries)
    return *hops, *answers(answer, wrong)


CIRCUIT = Circuit(
    TOKENS,
    {"country": _COUNTRIES, "carried": _COUNTRIES},
    ("country", "carried", "answer"),
    _parts,
    (("country", "carrier"), ("carrier", "coin"), ("coin", "logits")),
    _draw,
    (
        Reads(0, "mlp_out", ("country",)),
        Reads(1, "attn_out", ("carried",)),
        Reads(1, "mlp_out", ("answer",), COINS),
    ),
    _uses,
)
