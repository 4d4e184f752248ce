"""The tables of README.md that compare libraries and circuit searches, from the results files.

``python -m tests.bench.readme_tables`` puts them between the marks in README.md; a test holds the
README against the files. Of the long results and the quick ones, those of more architectures are
shown; long ones of fewer, whose dictionaries are wider, in a table of their own.
"""

from __future__ import annotations

import math
import re
import statistics
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from tests.bench import (
    circuits_exact,
    circuits_names,
    circuits_tasks,
    circuits_truth,
    readme_short,
)
from tests.bench.bench_manifold import WAYS
from tests.bench.chosen_runs import after_all_tokens, in_our_time, shares
from tests.bench.peers import PEERS
from tests.bench.peers_quality import RESULTS
from tests.bench.peers_step import ALL as STEPPED
from tests.bench.quality_worlds import AUTOENCODERS, saved
from tests.bench.seeking import NEAR
from tests.bench.side_by_side import LIBRARIES, Cells, Standing, cells, compared
from tests.bench.written import number

README = Path(__file__).parents[2] / "README.md"
MEASURES = {
    "fvu": "FVU",
    "mmcs": "MMCS",
    "found": "directions found",
    "ce_recovered": "CE recovered",
    "latents_f1": "latents, F1",
}
Row = dict[str, Any]


def step_table(found: Row) -> str:
    """CPU milliseconds a step, median and quartiles, and how many times ours the others' are."""

    def cell(row: Row, best: bool) -> str:
        median = f"{row['cpu_ms']:,.0f}"
        low, high = (f"{value:,.0f}" for value in row["cpu_ms_quartiles"])
        text = f"{f'**{median}**' if best else median} ({low}–{high})"
        return text if row["library"] == "saetui" else f"{text}, {row['cpu_ratio']:.1f}×"

    return _by_size(found["rows"], cell)


def wall_table(found: Row) -> str:
    """Wall milliseconds a step, the median; gibibytes that the process held at most, and how many
    of them came with the dictionary.
    """

    def cell(row: Row, best: bool) -> str:
        peak, own = number(row["peak_gib"]), number(row["dictionary_gib"])
        return f"{row['wall_ms']:,.0f} ms, {peak} ({own})"

    return _by_size(found["rows"], cell)


def _by_size(rows: list[Row], cell: Callable[[Row, bool], str]) -> str:
    """A line a size, a cell a library; `cell` is told whether its CPU time is the least."""
    lines = _head("architecture; d, features, batch")
    for size in sorted(
        {_size(row) for row in rows}, key=lambda it: (STEPPED.index(it[0]), *it[1:])
    ):
        mine = {row["library"]: row for row in rows if _size(row) == size}
        least = min(row["cpu_ms"] for row in mine.values())
        texts = [
            cell(mine[name], mine[name]["cpu_ms"] == least) if name in mine else ""
            for name in LIBRARIES
        ]
        architecture, d, m, batch = size
        lines.append(f"| {architecture}; {d}, {m:,}, {batch:,} | {' | '.join(texts)} |")
    return "\n".join(lines)


def _size(row: Row) -> tuple[str, int, int, int]:
    return row["architecture"], row["d"], row["m"], row["batch"]


def manifold_table(found: Row) -> str:
    """CPU seconds and peak memory of every way at every size."""
    rows = found["measured"]
    sizes = sorted({row["n"] for row in rows})
    lines = [
        f"| | {' | '.join(f'{n:,} features' for n in sizes)} |",
        "| --- " * (len(sizes) + 1) + "|",
    ]
    for way in WAYS:
        cells = {row["n"]: _cost(row) for row in rows if row["way"] == way}
        if way == "saetui neighbours":  # measured on the way to something else
            some = {row["n"]: row["neighbours"]["cpu"] for row in rows if row.get("neighbours")}
            cells = {n: f"{cpu:,.1f} s" for n, cpu in some.items()} | cells
        if not cells:
            continue
        lines.append(f"| {way} | {' | '.join(cells.get(n, '') for n in sizes)} |")
    return "\n".join(lines)


def _cost(row: Row) -> str:
    if "failed" in row:
        return str(row["failed"])
    recall = row.get("recall")
    missed = "" if recall is None or recall >= 0.9995 else f", recall {number(recall)}"
    return f"{row['cpu']:,.1f} s, {row['peak_gb']:.1f} GB{missed}"


def quality_table(found: Row) -> str:
    """Everything that is told of the dictionaries, at equal tokens and at equal CPU seconds, with
    95% intervals, and FVU at other sparsities; then where another library is ahead, where intervals
    do not tell who is, and what was not run.
    """
    about, there = found["about"], complete(found)
    shown = [name for name in LIBRARIES if any(name in _trained_by(one) for one in there)]
    lines, standing = _head("architecture", shown), Standing()
    for architecture in there:
        named = architecture.replace("_", " ")
        for name, line in _measured(found, architecture):
            texts = [line.texts.get(library, "") for library in shown]
            lines.append(f"| {named}: {name} | {' | '.join(texts)} |")
            standing.add(f"{named} ({name}", line)
    told = standing.told()
    if "linear_fvu" in about:
        told += f"\n\nThe linear map of least squares has FVU {number(about['linear_fvu'])}."
    missing = [name for name in _of_world(about) if name not in there]
    told += f"\n\nNot run yet: {', '.join(missing)}." if missing else ""
    return "\n".join(lines) + told


def _measured(found: Row, architecture: str) -> Iterator[tuple[str, Cells]]:
    """The lines of an architecture."""
    about, full = found["about"], after_all_tokens(found, architecture)
    timed = in_our_time(found, architecture)
    for key, sign in (("fvu", 1), (about["measure"], -1), ("mmcs", -1)):
        for runs, when in ((full, ""), (timed, ", our CPU time")):
            if any(key in row for name in runs if name != "saetui" for row in runs[name]):
                yield MEASURES[key] + when, cells(runs, key, sign, about["k"])
    yield "CPU seconds", cells(full, "cpu", 1, about["k"])
    for factor in about.get("curve", ()):
        l0 = about["k"] * factor
        yield f"FVU at L0 {l0:g}", _on_curve(found, architecture, l0)


def complete(found: Row) -> list[str]:
    """The architectures that every library which trains them has run with every seed."""
    there = []
    for architecture in _of_world(found["about"]) if found.get("about", {}).get("k") else ():
        full = after_all_tokens(found, architecture)
        wanted, seeds = _trained_by(architecture), found["about"].get("seeds", 1)
        if all(len(full.get(name, ())) >= seeds for name in wanted):
            there.append(architecture)
    return there


def _of_world(about: Row) -> Sequence[str]:
    """Architectures that are trained on such activations."""
    return about.get("architectures", AUTOENCODERS)  # type: ignore[no-any-return]


def _trained_by(architecture: str) -> list[str]:
    return [peer.name for peer in PEERS if architecture in peer.architectures]


def _on_curve(found: Row, architecture: str, l0: float) -> Cells:
    """A cell a library: FVU where each seed's curve over L0 passes `l0`, between the runs beside
    it. None where L0 is not near in the mean over seeds.
    """
    there = {}
    for library in LIBRARIES:
        curves = _curves(found, architecture, library)
        if curves and reach(curves, l0):
            there[library] = [
                math.exp(np.interp(math.log(l0), *zip(*curve, strict=True))) for curve in curves
            ]
    return compared(there, 1)


Curve = list[tuple[float, float]]
"""Points (ln L0, ln FVU), ascending."""


def _curves(found: Row, architecture: str, library: str) -> list[Curve]:
    """A curve a seed, of the chosen runs over all tokens."""
    steps = found["about"]["rows"] // found["about"]["batch"]
    curves: dict[int, Curve] = {}
    for row in found["rows"]:
        mine = (row["architecture"], row["library"]) == (architecture, library)
        if mine and row["chosen"] and row["steps"] == steps:
            point = math.log(max(row["l0"], 1e-9)), math.log(row["fvu"])
            curves.setdefault(row["seed"], []).append(point)
    return [sorted(curve) for curve in curves.values()]


def reach(curves: list[Curve], l0: float) -> bool:
    """Whether `l0` lies between the ends of the curves, the means over seeds, or as near to one as
    counts as equal.
    """
    first, last = (statistics.fmean(curve[end][0] for curve in curves) for end in (0, -1))
    return first <= math.log(l0 * NEAR) and math.log(l0 / NEAR) <= last


def _head(first: str, libraries: Iterable[str] = LIBRARIES) -> list[str]:
    names = [LIBRARIES[library] for library in libraries]
    return [f"| {first} | {' | '.join(names)} |", "| --- " * (len(names) + 1) + "|"]


def tables(results: Path = RESULTS) -> dict[str, str]:
    """By the name of their mark in README.md; only those whose results are there."""
    made = {}
    if found := saved(results / "manifold.json"):
        made["manifold"] = _with_source(manifold_table(found), "`make bench-manifold`")
    if found := saved(results / "peers_step.json"):
        about = found["about"]
        made["peers-step"] = _with_source(
            step_table(found) + _apart(about) + _selection(about) + _wall(found),
            f"{about['machine']}, load {_loads(found['rows'])}; `{about['command']}`",
        )
    made |= _circuits(results)
    if short := readme_short.dictionaries(results):
        made["peers-short"] = short
    for name in ("synthetic", "smollm2", "mlp", "tiny"):
        both = [saved(results / f"quality_{name}{tail}.json") for tail in ("", "_quick")]
        most = max(both, key=lambda one: len(complete(one)))
        if complete(most):
            made[f"peers-{name}"] = _quality(most)
        if complete(both[0]) and both[0] is not most:
            made[f"peers-{name}-wide"] = _quality(both[0])
    return made


def _circuits(results: Path) -> dict[str, str]:
    made = {}
    if found := saved(results / circuits_tasks.RESULTS.name):
        parts = ("circuits-short", "circuits", "circuits-less", "circuits-costs")
        made |= dict(zip(parts, circuits_tasks.shown(found), strict=True))
    if found := saved(results / circuits_truth.RESULTS.name):
        made["circuits-truth"] = circuits_truth.table(found["rows"], circuits_truth.SHOWN)
    if found := saved(results / circuits_names.RESULTS.name):
        made["circuits-names"] = circuits_names.table(found["circuits"])
    if found := saved(results / circuits_exact.RESULTS.name):
        made["circuits-exact"] = circuits_exact.table(found["rows"])
    return made


def _quality(found: Row) -> str:
    about = found["about"]
    load = statistics.fmean(row["load"] for row in found["rows"])
    source = (
        f"{about['data']}; {about['rows']:,} rows, {about['m']:,} features, "
        f"L0 = {about['k']}, {about['seeds']} seeds; {about['machine']}, load {load:.0f}; "
        f"`{about['command']}`"
    )
    if took := shares(found, complete(found)):
        source += (
            f"; the others' runs in our CPU time took {number(took[0])} to {number(took[-1])} of "
            f"it, in the median {number(statistics.median(took))}"
        )
    return _with_source(quality_table(found), source)


def _apart(about: Row) -> str:
    """Which columns were not measured in alternation with the others, and where."""
    return "".join(
        f"\n\n{LIBRARIES[library]}'s column was measured anew apart from the others' "
        f"({how['machine']}; `{how['command']} --again {library}`)."
        for library, how in about.get("apart", {}).items()
    )


def _wall(found: Row) -> str:
    before = found["about"].get("memory", {}).get("before_gib", {})
    held = ", ".join(f"{LIBRARIES[name]} {number(gib)}" for name, gib in before.items())
    return (
        f"\n\nWall milliseconds of the same steps, {found['about']['threads']} threads; peak "
        "memory of the training process, GiB, and in brackets what of it came with the dictionary"
        f"{f' (there before it: {held})' if held else ''}:\n\n{wall_table(found)}"
    )


def _loads(rows: list[Row]) -> str:
    """How busy the machine was, from row to row."""
    low, high = (round(choose(row["load"] for row in rows)) for choose in (min, max))
    return f"{low} to {high}"


def _selection(about: Row) -> str:
    """What choosing features in bfloat16 costs, where it was measured."""
    told: Row = about.get("selection") or {}
    if not told:
        return ""
    return (
        f"\n\nThe bfloat16 encoder chooses other features than float32 in "
        f"{100 * told['other_pairs']:.2g}% of all pairs; none is more than "
        f"{100 * told['furthest_below']:.2g}% below the smallest that float32 chose, and the "
        f"squared error changes by {100 * told['excess_error']:+.2g}%."
    )


def _with_source(table: str, source: str) -> str:
    return f"{source[0].upper()}{source[1:]}:\n\n{table}"


def filled(text: str, made: dict[str, str]) -> str:
    """`text` with each table between its marks."""
    for name, table in made.items():
        pattern = rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)"
        text = re.sub(pattern, lambda m, t=table: f"{m[1]}{t}\n{m[2]}", text, flags=re.DOTALL)
    return text


if __name__ == "__main__":
    README.write_text(filled(README.read_text("utf-8"), tables()), "utf-8")
