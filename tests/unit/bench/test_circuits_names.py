"""Prompts with few names, each pair another, and what the README shows of them."""

from __future__ import annotations

import random

from tests.bench.circuits_names import pair, table


def test_a_third_one_gives_in_the_corrupt_prompt() -> None:
    names = ["Anna", "John", "Mary"]
    made = pair(names, "park", "ball", random.Random(0))
    receiver, giver = made["answer"].strip(), made["wrong"].strip()
    (third,) = {*names} - {receiver, giver}
    assert made["clean"].endswith(f"went to the park, {giver} gave a ball to")
    assert made["corrupt"] == made["clean"].replace(f", {giver} gave", f", {third} gave")
    assert f"{receiver} and {giver}" in made["clean"] or f"{giver} and {receiver}" in made["clean"]


def test_seeds_stand_in_one_cell_and_what_never_gets_there_says_so() -> None:
    def row(names: int, seed: int, crossing: float | None, cmd_log: float) -> dict[str, object]:
        about = {"names": names, "seed": seed, "nodes": "features", "method": "relp"}
        return about | {"crossing": crossing, "cmd_log": cmd_log}

    found = [row(6, 0, None, 0.5), row(3, 1, 1234.4, 0.2), row(3, 0, 99.6, 0.4)]
    assert table(found).splitlines() == [
        "| | 3 names | 6 names |",
        "| --- | --- | --- |",
        "| features, `relp` | 100, 1,234; .30 | never; .50 |",
    ]
