"""What every library's dictionaries are worth after the same tokens and the same CPU seconds.

``python -m tests.bench.peers_quality [--quick] [--data synthetic smollm2 mlp tiny]
[--architectures …] [--libraries …]``. Each library trains on the same activations in the same
order, in its own environment. With the first seed, each library's learning rate is sought on the
grid `RATES`, from `FIRST` on as long as the next one is better (without ``--quick`` an architecture
with a k also tries the library's own default), and for architectures whose sparsity is a penalty
its weight, until as many features fire as in the others; the choice is by FVU on held-out
activations. That setting then runs with every seed, for as many tokens. For as many steps as fit
into the CPU seconds that saetui took, schedule included, rate and weight are sought anew, from the
former on, and run with every seed. Of both kinds of run everything that the data can tell is told.
Where the data have a curve, the setting runs with every seed at other sparsities too.

Results go to ``tests/bench/results/quality_<data>[_quick].json``, run by run: what is there is
not run again (``--fresh`` starts anew; ``--again saetui`` forgets the runs of one library, and all
that were given its time; ``--told-anew`` trains the chosen runs of which FVU alone is known once
more, each for as many steps as it has, and tells the rest: nothing is timed, so that other work on
the machine does not matter). ``python -m tests.bench.readme_tables`` writes the tables of README.md
from them.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import statistics
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from tests.bench.peers import PEERS, Peer, Worker, default_environments, machine
from tests.bench.quality_worlds import AUTOENCODERS, TRANSCODERS, World, saved, worlds
from tests.bench.seeking import NEAR, climb, merit, next_strength, off, steps_in_time

RESULTS = Path(__file__).parent / "results"
RATES = (2e-4, 5e-4, 1e-3, 2e-3, 5e-3, 1e-2, 2e-2, 5e-2)
FIRST = 5e-3
"""Where the search for a rate begins."""
TRIES = 6
"""Runs in which the weight of a penalty is sought, at a learning rate."""
STRENGTHS = {
    "saetui": {"standard": 0.1, "gated": 0.5, "jumprelu": 0.02},
    "saelens": {"standard": 5.0, "gated": 5.0, "jumprelu": 1.0},
    "dictionary_learning": {"standard": 0.05, "gated": 0.05},
}
"""Where the search for a penalty's weight begins, in each library's own units.
dictionary_learning's jumprelu is told the L0 itself."""
KEY = ("architecture", "library", "rate", "strength", "seed", "steps", "k")
TIMES = ("cpu", "wall", "load")


class Contest:
    """All runs on one set of activations."""

    def __init__(self, world: World, to: Path, asked: argparse.Namespace) -> None:
        self.world, self.to, self.asked = world, to, asked
        world.prepare(asked.folder)
        self.steps = world.rows // world.batch
        about = {"data": world.says, "measure": world.measure, **world.facts()}
        found = {} if asked.fresh else saved(to)
        same = {key: found.get("about", {}).get(key) for key in about} == about
        if asked.told_anew and not same:
            raise SystemExit(f"{to.name} has no runs of these sizes to tell anew")
        self.rows: list[dict[str, Any]] = found["rows"] if found and same else []
        if asked.again:
            self.rows = [row for row in self.rows if not self._depends(row, asked.again)]
        flags = (" --quick" if asked.quick else "") + (" --no-curve" if asked.no_curve else "")
        self.curve = () if asked.no_curve else world.curve
        self.about = about | {
            "command": f"python -m tests.bench.peers_quality{flags}",
            "machine": machine(),
            "threads": asked.threads,
            "seeds": asked.seeds,
            "curve": self.curve,
            "architectures": world.architectures,
            **world.beside(),
        }
        if asked.told_anew:
            self.about = found["about"]
        self._stack, self._workers = ExitStack(), dict[str, Worker]()

    def __enter__(self) -> Contest:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def _depends(self, row: dict[str, Any], library: str) -> bool:
        """Whether a run is of `library`, or was given as long as saetui took, which that is."""
        return row["library"] == library or (library == "saetui" and row["steps"] < self.steps)

    def between(self, architecture: str) -> None:
        """Every library at one architecture."""
        for peer in PEERS:
            if architecture not in peer.architectures or peer.name not in self.asked.libraries:
                continue
            best = self.chosen(peer, architecture)
            for row in self.rows:
                if (row["library"], row["architecture"]) == (peer.name, architecture):
                    row["chosen"] = False
            rate, strength = best["rate"], self._for_all_seeds(peer, best)
            seeds = range(self.asked.seeds)
            rows = [self.run(peer, architecture, rate, strength, seed) for seed in seeds]
            rows += self._in_our_time(peer, rows) if peer.package else []
            for row in rows:
                self.told(row)["chosen"] = True
            for factor in self.curve:
                k = round(self.world.k * factor)
                other = strength / factor if strength else strength
                near = self._near(peer, architecture, rate, other, k)
                other = self._for_all_seeds(peer, near)
                for seed in range(self.asked.seeds):
                    self.run(peer, architecture, rate, other, seed, k=k)["chosen"] = True
        self._save()

    def tell_anew(self) -> None:
        """Tells the rest of the chosen runs at the asked sparsity of which FVU alone is known."""
        for row in self.rows:
            wanted = row["architecture"] in self.asked.architectures and row["chosen"]
            if wanted and row["k"] == self.world.k and row["library"] in self.asked.libraries:
                self.told(row)

    def chosen(self, peer: Peer, architecture: str) -> dict[str, Any]:
        """The first seed's run at the setting that did best."""
        strength = STRENGTHS.get(peer.name, {}).get(architecture)
        every = self._climbed(peer, architecture, FIRST, strength)
        if peer.package and not self.asked.quick and architecture not in STRENGTHS["saetui"]:
            every.append(self.run(peer, architecture, None, None, 0))
        return min(every, key=lambda row: merit(row, self.world.k))

    def _climbed(
        self,
        peer: Peer,
        architecture: str,
        rate: float,
        strength: float | None,
        steps: int | None = None,
    ) -> list[dict[str, Any]]:
        """The first seed's best run at each learning rate from `rate` on, as long as they grow
        better. The weight of a penalty is sought from the one that was found at the rate before.
        """
        found: list[dict[str, Any]] = []
        last = strength

        def look(at: int) -> tuple[bool, float]:
            nonlocal last
            found.append(self._near(peer, architecture, RATES[at], last, self.world.k, steps))
            last = found[-1]["strength"]
            return merit(found[-1], self.world.k)

        climb(look, RATES.index(rate), len(RATES))
        return found

    def _near(
        self,
        peer: Peer,
        architecture: str,
        rate: float | None,
        strength: float | None,
        k: int,
        steps: int | None = None,
    ) -> dict[str, Any]:
        """The first seed's best run for an L0 of `k`, the weight of a penalty being sought from
        `strength` on.
        """
        tried: list[dict[str, Any]] = []
        while len(tried) < TRIES:
            tried.append(self.run(peer, architecture, rate, strength, 0, steps, k))
            if strength is None or off(tried[-1]["l0"], k) <= NEAR:
                break
            strength = next_strength(tried, k)
        return min(tried, key=lambda row: merit(row, k))

    def _for_all_seeds(self, peer: Peer, best: dict[str, Any]) -> float | None:
        """The weight of the penalty that was chosen with the first seed; where L0 is not near with
        all of them together, one with which it is.
        """
        tried: list[dict[str, Any]] = []
        strength: float | None = best["strength"]
        k: int = best["k"]
        while strength is not None and off(best["l0"], k) <= NEAR:
            setting = (best["architecture"], best["rate"], strength)
            rows = [self.run(peer, *setting, seed, k=k) for seed in range(self.asked.seeds)]
            l0 = statistics.fmean(row["l0"] for row in rows)
            tried.append({"strength": strength, "l0": l0})
            if off(l0, k) <= NEAR or len(tried) == TRIES:
                break
            strength = next_strength(tried, k)
        return strength

    def _in_our_time(self, peer: Peer, full: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """For each seed's run a run of as many steps as fit into what saetui took with that seed,
        at the learning rate that does best in so few; the weight of a penalty is sought anew where
        no L0 comes near with that of the first seed.
        """
        steps = [self._steps_in_our_time(row) for row in full]
        first, tried = full[0], list[dict[str, Any]]()
        if steps[0] < self.steps:
            kind, rate, strength = first["architecture"], first["rate"], first["strength"]
            every = self._climbed(peer, kind, rate or FIRST, strength, steps[0])
            if rate is None:
                every.append(self.run(peer, kind, None, None, 0, steps[0]))
            first = min(every, key=lambda row: merit(row, self.world.k))
        strength = first["strength"]
        while True:
            setting = (first["architecture"], first["rate"], strength)
            rows = [
                row if fit == self.steps else self.run(peer, *setting, row["seed"], fit)
                for row, fit in zip(full, steps, strict=True)
            ]
            l0 = statistics.fmean(row["l0"] for row in rows)
            tried.append({"strength": strength, "l0": l0, "rows": rows})
            if strength is None or off(l0, self.world.k) <= NEAR or len(tried) == TRIES:
                nearest = min(tried, key=lambda one: off(one["l0"], self.world.k))
                return nearest["rows"]  # type: ignore[no-any-return]
            strength = next_strength(tried, self.world.k)

    def _steps_in_our_time(self, full: dict[str, Any]) -> int:
        setting = {key: full[key] for key in KEY if key != "steps"}
        # Times differ from run to run: what was found in an earlier call stays.
        for row in self.rows:
            if setting.items() <= row.items() and row["steps"] < self.steps:
                return row["steps"]  # type: ignore[no-any-return]
        ours = next(
            row
            for row in self.rows
            if row["library"] == "saetui"
            and row.get("chosen")
            and row["k"] == self.world.k
            and (row["architecture"], row["seed"]) == (full["architecture"], full["seed"])
        )
        return steps_in_time(self.steps, ours["cpu"], full["cpu"])

    def run(
        self,
        peer: Peer,
        architecture: str,
        rate: float | None,
        strength: float | None,
        seed: int,
        steps: int | None = None,
        k: int | None = None,
    ) -> dict[str, Any]:
        """One training run: a row of the results, from the file where it is there."""
        steps, k = steps or self.steps, k or self.world.k
        row: dict[str, Any] = {"architecture": architecture, "library": peer.name, "rate": rate}
        row |= {"strength": strength, "seed": seed, "steps": steps, "k": k}
        if found := [one for one in self.rows if same_run(one, row)]:
            return found[0]
        self.rows.append(row | self._trained(row) | {"chosen": False})
        self._save()
        print(line(self.rows[-1]), flush=True)
        return self.rows[-1]

    def _trained(self, row: dict[str, Any]) -> dict[str, Any]:
        """What the run that `row` says took, and what its dictionary is worth on held-out
        activations. What more can be told of it is kept at the asked sparsity.
        """
        world = self.world
        worker = self._worker(next(peer for peer in PEERS if peer.name == row["library"]))
        about = {key: row[key] for key in KEY if key != "library"}
        size = {"d": world.d, "m": world.m, "batch": world.batch}
        data = {"data": str(world.train), "threads": self.asked.threads}
        target = {"target": str(world.target)} if world.target else {}
        made = worker.ask("make", **about, **size, **data, **target)
        spent = worker.ask("train", until=row["steps"])
        found = {key: made[key] + spent[key] for key in ("cpu", "wall")}
        target = {"target": str(world.held_out_target)} if world.held_out_target else {}
        found |= worker.ask("score", data=str(world.held_out), **target)
        if row["k"] == world.k:
            world.keep(worker, self._kept(row))
        return found | {"load": os.getloadavg()[0]}

    def told(self, row: dict[str, Any]) -> dict[str, Any]:
        """A chosen run with what is known of it beyond FVU: that may take longer than training."""
        if self.world.measure in row or not math.isfinite(row["fvu"]):
            return row
        if not self._kept(row).exists():  # it was trained in an earlier call, elsewhere
            # Its times stay: by them it was decided how many steps it and others take.
            row |= self._trained(row) | {key: row[key] for key in TIMES}
            print(line(row), flush=True)
        row |= self.world.more(self._kept(row))
        self._save()
        print(
            f"{'':<11}{row['library']:<21}{self.world.measure} {row[self.world.measure]:.3f}",
            flush=True,
        )
        return row

    def _kept(self, row: dict[str, Any]) -> Path:
        """What was kept of a run's dictionary."""
        folder = self.asked.folder / "kept"
        folder.mkdir(exist_ok=True)
        name = "-".join(str(row[key]) for key in KEY)
        return folder / f"{self.to.stem}-{name}.npy"  # type: ignore[no-any-return]

    def _save(self) -> None:
        found = {"about": self.about, "rows": self.rows}
        part = self.to.with_suffix(".part")
        part.write_text(json.dumps(found, indent=1) + "\n")
        part.replace(self.to)  # a cut leaves the runs until then

    def _worker(self, peer: Peer) -> Worker:
        if peer.name not in self._workers:
            starting = peer.start(self.asked.environments, self.asked.threads)
            self._workers[peer.name] = self._stack.enter_context(starting)
        return self._workers[peer.name]


def same_run(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Whether two rows are of one setting."""
    return all(one[key] == other[key] for key in KEY)


def line(row: dict[str, Any]) -> str:
    """A run, told in a line."""
    rate = "own" if row["rate"] is None else f"{row['rate']:g}"
    strength = "" if row["strength"] is None else f" λ {row['strength']:g}"
    return (
        f"{row['architecture']:<15} {row['library']:<20} rate {rate:<5}{strength:<9} "
        f"seed {row['seed']} {row['steps']:>4} steps  FVU {row['fvu']:.4f}  L0 {row['l0']:6.1f}  "
        f"dead {row['dead']:.2f}  {row['cpu']:6.1f} s CPU"
    )


T95 = {1: 12.706, 2: 4.303, 3: 3.182, 4: 2.776, 5: 2.571, 6: 2.447, 7: 2.365, 8: 2.306, 9: 2.262}
"""Student's t, two-sided 95%, by degrees of freedom."""


def interval(values: list[float]) -> tuple[float, float | None]:
    """Mean and half of its 95% interval, by Student's t; None for a single value."""
    n = len(values)
    if n < 2:
        return values[0], None
    return statistics.fmean(values), T95[min(n - 1, 9)] * statistics.stdev(values) / math.sqrt(n)


def main() -> None:
    """Runs what is missing."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="small worlds (about an hour)")
    parser.add_argument("--data", nargs="+", default=["synthetic", "smollm2", "mlp", "tiny"])
    every = (*AUTOENCODERS, *TRANSCODERS)
    parser.add_argument("--architectures", nargs="+", choices=every, default=every)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--no-curve", action="store_true", help="one sparsity alone")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--fresh", action="store_true", help="forget what is there")
    names = [peer.name for peer in PEERS]
    parser.add_argument("--libraries", nargs="+", choices=names, default=names)
    parser.add_argument("--again", choices=names, help="run it anew")
    parser.add_argument(
        "--told-anew", action="store_true", help="only what is not known yet of runs that are there"
    )
    parser.add_argument("--folder", type=Path, help="keep the activations here, and reuse them")
    parser.add_argument("--environments", type=Path, default=default_environments())
    parser.add_argument("--results", type=Path, default=RESULTS)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        asked.folder = asked.folder or Path(folder)
        for name in asked.data:
            to = asked.results / f"quality_{name}{'_quick' if asked.quick else ''}.json"
            with Contest(worlds(asked.quick)[name], to, asked) as contest:
                if asked.told_anew:
                    contest.tell_anew()
                    continue
                for architecture in contest.world.architectures:
                    if architecture in asked.architectures:
                        contest.between(architecture)


if __name__ == "__main__":
    main()
