"""The tables of circuit searches, line by line."""

from __future__ import annotations

from typing import Any

from tests.bench.circuits_tables import compact, costs, differences, short

TASKS = ("agreement", "ioi")
LEVELS = {"features": ("cascade", "relp"), "neurons": ("relp",)}


def mean(task: str, method: str, crossing: list[float | None]) -> dict[str, Any]:
    return {"task": task, "level": "features", "method": method, "crossing": crossing} | {
        "seeds": list(range(len(crossing))),
        "cmd_log": 0.25,
        "low": 0.2,
        "high": 1.0,
    }


def test_scores_with_where_a_circuit_is_faithful_seed_by_seed() -> None:
    found = [mean("agreement", "cascade", [12.4, 1104.0, None]), mean("ioi", "relp", [2.0])]
    assert compact(found, TASKS, LEVELS).splitlines() == [
        "| | agreement | ioi |",
        "| --- | --- | --- |",
        "| features, `cascade` | .250 (.200–1.000); 12, 1,104, never |  |",
        "| features, `relp` |  | .250 (.200–1.000); 2 |",
    ]


def test_in_short_cascade_stands_over_the_best_of_the_others() -> None:
    found = [mean("agreement", "cascade", [12.0, 11.0, 13.0]), mean("ioi", "cascade", [None])]
    found += [mean("agreement", "relp", [9.0, 8.0, 14.0]) | {"cmd_log": 0.2}]
    found += [mean("agreement", "mask", [2.0]) | {"cmd_log": 0.1}]  # with one seed, no contest
    assert short(found, TASKS, ["features"]).splitlines()[2:] == [
        "| features, `cascade` | .250; 12 | **.250**; never |",
        "| features, the best of the others | **.200**; 9 (`relp`) |  |",
    ]


def search(seed: int, seconds: float, task: str = "agreement") -> dict[str, Any]:
    named = {"task": task, "level": "features", "method": "relp", "seed": seed}
    return (
        named
        | {"cpr": 0.5 + seed / 10, "cmd": 0.01, "seconds": seconds}
        | {
            "forward_passes": 90 + 10 * seed,
            "backward_passes": 90,
        }
    )


def test_costs_are_of_the_least_busy_seed_and_the_mean_pass() -> None:
    found = [search(0, 20.0), search(1, 7.2), search(0, 31.0, "ioi")]
    assert costs(found, TASKS, LEVELS).splitlines()[-1] == (
        "| features, `relp` | **.0100**, .550 | **.0100**, .500 | 95, 90 | 7 | 31 |"
    )


def test_differences_tell_of_how_many_seeds_they_are() -> None:
    found = {"level": "neurons", "than": "relp", "difference": -0.5, "low": -0.6, "high": 0.1}
    rows = [found | {"task": "agreement", "seeds": [0, 2]}, found | {"task": "ioi", "seeds": [1]}]
    assert differences(rows, TASKS, LEVELS).splitlines() == [
        "| `cascade` less | agreement | ioi |",
        "| --- | --- | --- |",
        "| neurons, `relp` | -.500 (-.600 to +.100); 2 | -.500 (-.600 to +.100) |",
    ]
