"""The workbench at size: a million features, a hundred million activations.

    python -m tests.bench.bench_app [--on DIR]

Makes the workspace of `tests.bench.big` at DIR if it is not there (ten minutes, 3 GB). Times are
from a key to the frame that shows what it asked for, in a headless terminal of 160×48; memory, idle
processor time, bytes and the first frame are those of a real process on a pseudo-terminal.
``nothing`` is a frame in which one line is drawn again: what Textual and this machine, with its
load, cost by themselves.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

from saetui import queries
from saetui.views.features.listing import FeatureList
from saetui.views.features.page import Page
from saetui.workbench import Workbench
from tests.bench import big, circuit_keys, process, redraw
from tests.bench.probe import SIZE, Probe, Watched

RESULTS = Path(__file__).parent / "results" / "app.json"
POINTS = (10_000, 100_000)
BUDGETS = {
    "j": 50, "page down": 50, "to the end or the top": 50, "sort": 50, "reverse": 50,
    "feature page": 100, "search keystroke": 150, "scatter of 10,000": 40,
    **circuit_keys.BUDGETS,
}  # fmt: skip
"""Milliseconds that the 95th percentile shall stay under, by what the figure's name begins with."""

SEARCHED = ("garito", "skiver", "con", "dead", "density<0.0001", "promoted:Boqui")


class Measured(Watched, Workbench):
    """The workbench."""


async def latencies(root: Path, repeats: int) -> dict[str, dict[str, float]]:
    """Milliseconds of every operation."""
    app = Measured(root, view="features")
    async with app.run_test(size=SIZE):
        probe, listed = Probe(app), app.query_one(FeatureList)
        await load(probe, listed)
        await move(probe, listed, repeats)
        await pages(probe, listed, repeats)
        await search(probe, listed)
        await sort(probe, listed)
    return probe.summary()


async def load(probe: Probe, listed: FeatureList) -> None:
    """Lists one dictionary, then all: the first rows, and everything in memory."""
    rows, whole = "first rows", "in memory, to be searched"

    def held() -> bool:
        return listed.count > 0 and listed.index.holds(listed.dictionaries)

    one = await probe.until(lambda: listed.count)
    probe.add(f"list of one dictionary, {rows}", one)
    probe.add(f"list of one dictionary, {whole}", one + await probe.until(held))
    await asyncio.sleep(1)
    listed.show_all()
    every = await probe.until(lambda: listed.count >= big.LAYERS * big.WIDTH)
    probe.add(f"list of a million features, {rows}", every)
    probe.add(f"list of a million features, {whole}", every + await probe.until(held))
    await asyncio.sleep(1)


async def move(probe: Probe, listed: FeatureList, repeats: int) -> None:
    """Goes through the list."""

    def here() -> bool:
        return listed.current is not None

    for _ in range(repeats):
        probe.add("nothing", await probe.frame(lambda: listed._refresh_row(listed.cursor)))
        await asyncio.sleep(0.02)
    for step in range(repeats):
        probe.add("j", await probe.key("j" if step % 8 else "k"))
        await asyncio.sleep(0.03)
    for _ in range(repeats):
        probe.add("page down", await probe.key("pagedown", here))
        await asyncio.sleep(0.05)
    for step in range(repeats // 2):
        to = await probe.key("g" if step % 2 else "G", here)
        probe.add("to the end or the top", to)
        await asyncio.sleep(0.1)


async def pages(probe: Probe, listed: FeatureList, repeats: int) -> None:
    """Opens pages: of the next feature, which was read ahead, and of any, which was not."""
    page, random = probe.app.query_one(Page), Random(0)

    def paged() -> bool:
        return listed.current is not None and page.shown == listed.key(listed.current)

    listed.cursor = 100
    for _ in range(repeats):
        await asyncio.sleep(0.3)
        probe.add("feature page, the next", await probe.key("j", paged))
    for _ in range(repeats):
        await asyncio.sleep(0.3)
        to = random.randrange(listed.count // 2)
        jumped = await probe.frame(lambda place=to: setattr(listed, "cursor", place), paged)
        probe.add("feature page, any", jumped)
    listed.cursor = 0


async def search(probe: Probe, listed: FeatureList) -> None:
    """Types searches, one key after another, and takes them back."""
    for text in SEARCHED:
        probe.press("slash")
        await probe.until(lambda: probe.app.query("Prompt Input"))
        await asyncio.sleep(0.3)
        kind = "promoted" if ":" in text else "text" if text.isalpha() else "column"
        for typed in range(len(text)):
            taken = await probe.key(text[typed], anew(listed))
            probe.add(f"search keystroke, {kind}", taken)
            await asyncio.sleep(0.15)
        assert listed.search == text, (listed.search, text)
        probe.add("esc from search", await probe.key("escape", anew(listed)))
        await asyncio.sleep(0.2)


async def sort(probe: Probe, listed: FeatureList) -> None:
    """Goes through the sorts twice, turning each around."""
    for _ in range(2 * len(queries.SORTS)):
        probe.add("sort", await probe.key("s", anew(listed)))
        await asyncio.sleep(0.4)
        probe.add("reverse", await probe.key("S", anew(listed)))
        await asyncio.sleep(0.4)


def anew(listed: FeatureList) -> Callable[[], bool]:
    """Whether other rows are listed than now."""
    before = listed._edition
    return lambda: listed._edition != before


def main() -> None:
    """Measures, prints tables and keeps them."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--on", type=Path, help="the workspace; made here if it is not there")
    parser.add_argument("--repeats", type=int, default=60)
    parser.add_argument("--peer", help="Python of an environment that has harlequin")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bench-app-") as home:
        os.environ["XDG_STATE_HOME"] = home  # no session of before is taken up
        root = asked.on or Path(home) / "big"
        if not (root / "workspace.toml").exists():
            big.make(root)
        report: dict[str, Any] = {
            "features": big.LAYERS * big.WIDTH,
            "activations": big.LAYERS * big.ACTIVATIONS,
            "milliseconds": asyncio.run(latencies(root, asked.repeats)),
        }
        report["milliseconds"] |= asyncio.run(circuit_keys.latencies(root, asked.repeats))
        for points in POINTS:
            report["milliseconds"] |= asyncio.run(redraw.scatter(points, asked.repeats))
        report["process"] = process.measure(root)
        if asked.peer:
            peer = Path(__file__).parent / "peer_harlequin.py"
            said = subprocess.run(
                [asked.peer, str(peer), str(root), str(asked.repeats)],
                capture_output=True, text=True, check=True,
            )  # fmt: skip
            report["harlequin"] = json.loads(said.stdout.splitlines()[-1])
    show(report)
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(report, indent=1) + "\n")


def limit(name: str) -> int | str:
    """The budget of a figure; empty where it has none."""
    return next((most for begins, most in BUDGETS.items() if name.startswith(begins)), "")


def show(report: dict[str, Any]) -> None:
    """Prints the report, each figure beside its budget, where it has one."""
    print(f"{report['features']:,} features, {report['activations']:,} activations; ms")
    for title in ("milliseconds", "harlequin"):
        if title in report:
            name = "saetui" if title == "milliseconds" else title
            print(f"\n{name:52}{'median':>9}{'p95':>9}{'budget':>9}")
            for name, found in report[title].items():
                budget = limit(name) if title == "milliseconds" else ""
                if isinstance(found, dict):
                    print(f"{name:52}{found['median']:9.1f}{found['p95']:9.1f}{budget:>9}")
                else:
                    print(f"{name:52}{found:9.1f}")
    print()
    for name, value in report["process"].items():
        print(f"{name:52}{value:9.2f}{'':9}{process.BUDGETS.get(name, ''):>9}")


if __name__ == "__main__":
    sys.exit(main())
