"""What searches of the bench came to, as the tables that `circuits_tasks` and README.md show.

Everything here is made from rows of ``tests/bench/results/circuits_tasks.json``.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable, Mapping, Sequence
from typing import Any

Row = dict[str, Any]


def compact(found: list[Row], every: Sequence[str], rows: Mapping[str, Sequence[str]]) -> str:
    """`means`, a column for each task of `every`, a row for each method of each level of `rows`:
    log CMD with its interval, then where .8 is crossed, seed by seed.
    """
    at = {(row["level"], row["method"], row["task"]): row for row in found}
    tasks = [task for task in every if any(row["task"] == task for row in found)]
    return _by_search(
        f"| | {' | '.join(tasks)} |",
        rows,
        lambda level, method: [_cell(at.get((level, method, task))) for task in tasks],
    )


def short(found: list[Row], every: Sequence[str], levels: Sequence[str]) -> str:
    """`means` in brief, a column for each task of `every`, two rows for each of `levels`:
    `cascade`, and the best of the other searches with all of its seeds; log CMD, the less in bold,
    and the median over seeds of the nodes at which .8 is crossed.
    """
    lines = [f"| | {' | '.join(every)} |", "| --- " * (len(every) + 1) + "|"]
    for level in levels:
        cells = [_two([r for r in found if (r["level"], r["task"]) == (level, t)]) for t in every]
        for name, at in (("`cascade`", 0), ("the best of the others", 1)):
            lines.append(f"| {level}, {name} | {' | '.join(cell[at] for cell in cells)} |")
    return "\n".join(lines)


def _two(rows: list[Row]) -> tuple[str, str]:
    """A cell for `cascade`, one for the best of the others."""
    mine = next((row for row in rows if row["method"] == "cascade"), None)
    others = [row for row in rows if row is not mine]
    if mine:  # seeds split the prompts, and some splits are easier
        others = [row for row in others if set(mine["seeds"]) <= set(row["seeds"])]
    rest = min(others, key=lambda row: row["cmd_log"], default=None)
    least = min((row["cmd_log"] for row in (mine, rest) if row), default=0.0)

    def cell(row: Row | None) -> str:
        if row is None:
            return ""
        cmd = plain(row["cmd_log"], ".3f")
        nodes = statistics.median(math.inf if n is None else n for n in row["crossing"])
        return (
            (f"**{cmd}**" if row["cmd_log"] == least else cmd)
            + (f"; {nodes:,.0f}" if math.isfinite(nodes) else "; never")
            + ("" if row is mine else f" (`{row['method']}`)")
        )

    return cell(mine), cell(rest)


def _by_search(
    head: str, rows: Mapping[str, Sequence[str]], cells: Callable[[str, str], list[str]]
) -> str:
    """Below `head` a line for each method of each level of `rows` of which `cells` has something
    to say.
    """
    told = [(level, method, cells(level, method)) for level in rows for method in rows[level]]
    lines = [head, "| --- " * (head.count("|") - 1) + "|"]
    lines += [f"| {level}, `{m}` | {' | '.join(said)} |" for level, m, said in told if any(said)]
    return "\n".join(lines)


def _cell(row: Row | None) -> str:
    if row is None:
        return ""
    cmd, low, high = (plain(row[key], ".3f") for key in ("cmd_log", "low", "high"))
    sizes = ", ".join("never" if n is None else f"{n:,.0f}" for n in row["crossing"])
    return f"{cmd} ({low}–{high}); {sizes}"


def costs(found: list[Row], every: Sequence[str], rows: Mapping[str, Sequence[str]]) -> str:
    """CMD and CPR over the share of all nodes, means over seeds, a column for each task of `every`,
    the least CMD of a level in bold among searches with the most seeds; passes of one prompt on the
    first task; seconds, the least of the seeds, on the first and the last. A row for each method of
    each level of `rows`.
    """
    groups = grouped(found)
    first, last = every[0], every[-1]
    least = {
        (task, level): _least_cmd(groups, task, level, methods)
        for level, methods in rows.items()
        for task in every
    }

    def cells(level: str, method: str) -> list[str]:
        mine = {task: groups.get((task, level, method), []) for task in every}
        shares = [_shares(mine[task], least[task, level]) for task in every]
        return [*shares, _passes(mine[first]), _fastest(mine[first]), _fastest(mine[last])]

    head = [*every, "passes forward, backward", f"seconds, {first}", f"seconds, {last}"]
    return _by_search(f"| | {' | '.join(head)} |", rows, cells)


def _least_cmd(
    groups: Mapping[tuple[str, str, str], list[Row]], task: str, level: str, methods: Sequence[str]
) -> float:
    """Of the searches with the most seeds: these split the prompts, and some splits are easier."""
    found = [groups.get((task, level, method), []) for method in methods]
    most = max(map(len, found), default=0)
    return min((_of(mine, "cmd") for mine in found if mine and len(mine) == most), default=0.0)


def _shares(mine: list[Row], least: float) -> str:
    if not mine:
        return ""
    cmd = plain(_of(mine, "cmd"), ".4f")
    told = f"**{cmd}**" if _of(mine, "cmd") == least else cmd
    return f"{told}, {plain(_of(mine, 'cpr'), '.3f')}"


def _passes(mine: list[Row]) -> str:
    means = [f"{_of(mine, f'{way}_passes'):,.0f}" for way in ("forward", "backward") if mine]
    return ", ".join(means)


def _fastest(mine: list[Row]) -> str:
    """The least, since a busy machine only adds."""
    return f"{min(row['seconds'] for row in mine):,.0f}" if mine else ""


def _of(mine: list[Row], key: str) -> float:
    return statistics.fmean(row[key] for row in mine)


def differences(found: list[Row], every: Sequence[str], rows: Mapping[str, Sequence[str]]) -> str:
    """`paired`, a column for each task of `every`, a row for each method of each level of `rows`:
    below zero `cascade` is better; then how many seeds, where that is more than one.
    """
    at = {(row["level"], row["than"], row["task"]): row for row in found}
    return _by_search(
        f"| `cascade` less | {' | '.join(every)} |",
        rows,
        lambda level, than: [_apart_cell(at.get((level, than, task))) for task in every],
    )


def _apart_cell(row: Row | None) -> str:
    if row is None:
        return ""
    apart, low, high = (plain(row[key], "+.3f") for key in ("difference", "low", "high"))
    seeds = f"; {len(row['seeds'])}" if len(row["seeds"]) > 1 else ""
    return f"{apart} ({low} to {high}){seeds}"


def table(found: list[Row]) -> str:
    """Means over seeds, the best CMD of each task first."""
    groups = grouped(found)
    lines = [
        "| task | level | method | seeds | log CMD (least to most) | nodes for .8 "
        "| passes forward, backward | seconds |",
        "| --- | --- | --- | --- | --- | --- | --- | --- |",
    ]
    key = lambda group: (group[0], statistics.mean(r["cmd_log"] for r in groups[group]))  # noqa: E731
    lines += [_line(group, groups[group]) for group in sorted(groups, key=key)]
    return "\n".join(lines)


def _line(group: tuple[str, str, str], mine: list[Row]) -> str:
    cmd = [row["cmd_log"] for row in mine]
    sizes = [row["nodes_for_80"] for row in mine]
    reach = ", ".join("never" if size is None else f"{size:,}" for size in sizes)
    passes = [
        statistics.mean(row[f"{way}_passes"] for row in mine) for way in ("forward", "backward")
    ]
    seconds = statistics.mean(row["seconds"] for row in mine)
    return (
        f"| {' | '.join(group)} | {len(mine)} | {statistics.mean(cmd):.3f} "
        f"({min(cmd):.3f} to {max(cmd):.3f}) | {reach} | "
        f"{passes[0]:,.0f}, {passes[1]:,.0f} | {seconds:.0f} |"
    )


def grouped(found: list[Row]) -> dict[tuple[str, str, str], list[Row]]:
    """Searches that differ in their seed alone, by task, level and method."""
    groups: dict[tuple[str, str, str], list[Row]] = {}
    for row in found:
        groups.setdefault((row["task"], row["level"], row["method"]), []).append(row)
    return groups


def plain(value: float, form: str) -> str:
    """A figure without the zero before its point."""
    return f"{value:{form}}".replace("0.", ".", 1)
