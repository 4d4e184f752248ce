"""How the bench of libraries finds equal sparsity and equal CPU time, and what it says of several
seeds.
"""

from __future__ import annotations

import argparse
import json
import math
from pathlib import Path
from typing import Any, ClassVar

import pytest

from tests.bench.peers import Peer, Worker
from tests.bench.peers_quality import Contest, interval
from tests.bench.quality_worlds import World
from tests.bench.seeking import NEAR, next_strength, off, steps_in_time


def test_the_search_finds_a_penalty_whose_l0_falls_as_a_power() -> None:
    tried = [{"strength": 1.0, "l0": 400.0}]
    while off(tried[-1]["l0"], 32) > 1.15:
        strength = next_strength(tried, 32)
        tried.append({"strength": strength, "l0": 400.0 * strength**-0.6})
    assert len(tried) <= 4


def test_the_search_closes_in_between_runs_on_either_side() -> None:
    """The last two were both under: what lies on the other side still counts."""
    tried = [
        {"strength": weight, "l0": l0} for weight, l0 in ((1.0, 50.0), (8.0, 20.0), (4.0, 25.0))
    ]
    assert 1 < next_strength(tried, 32) < 4


def test_one_wild_run_does_not_throw_the_search_far() -> None:
    assert next_strength([{"strength": 1.0, "l0": 0.0}], 32) == pytest.approx(1 / 8)
    assert next_strength([{"strength": 1.0, "l0": 4000.0}], 32) == pytest.approx(8.0)


def test_the_interval_is_students() -> None:
    mean, half = interval([1.0, 2.0, 3.0])
    assert (mean, half) == (2.0, pytest.approx(4.303 / 3**0.5, rel=1e-3))
    assert interval([5.0]) == (5.0, None)


class Steps(World):
    """A world whose dictionaries are worth the steps that they were trained for."""

    says, measure, architectures = "nothing", "found", ("topk",)

    def prepare(self, folder: Path) -> None:
        self.train = self.held_out = folder / "none.npy"

    def keep(self, worker: Worker, at: Path) -> None:
        worker.ask("decoder", to=str(at))

    def more(self, at: Path) -> dict[str, float]:
        return {"found": float(at.read_text()) / 100}


class Trains(Worker):
    """Trains nothing, at one CPU second a step, or at four. Where there is a penalty, the fewer
    features fire the more it weighs and the longer the training. Where `best` rates differ with
    the steps, FVU tells how far off the rate is.
    """

    best: ClassVar[dict[int, float]] = {}

    orders: ClassVar[list[dict[str, Any]]] = []

    def __init__(self, peer: Peer) -> None:
        self.cost = 4.0 if peer.package else 1.0

    def ask(self, do: str, **order: Any) -> dict[str, Any]:
        match do:
            case "make":
                self.orders.append(order)
                self.steps, strength = order["steps"], order["strength"]
                best = self.best.get(self.steps, order["rate"])
                self.fvu = (1 + abs(math.log(best / order["rate"]))) / self.steps
                self.l0 = 8.0 if strength is None else 160 / (strength * self.steps)
                return {"cpu": 0.0, "wall": 0.0}
            case "train":
                return dict.fromkeys(("cpu", "wall"), self.cost * order["until"])
            case "score":
                return {"fvu": self.fvu, "l0": self.l0, "dead": 0.0}
            case "decoder":
                Path(order["to"]).write_text(str(self.steps))
        return {}


@pytest.fixture
def asked(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> argparse.Namespace:
    monkeypatch.setattr(Contest, "_worker", lambda self, peer: Trains(peer))
    flags = dict.fromkeys(("fresh", "told_anew", "again", "no_curve"), False)
    libraries = ["saetui", "sparsify"]
    about = {"quick": True, "threads": 1, "seeds": 2, "libraries": libraries}
    return argparse.Namespace(folder=tmp_path, architectures=["topk"], **flags, **about)


def world(rows: int = 200) -> World:
    return Steps(d=4, m=16, k=8, batch=10, rows=rows)


def test_runs_in_our_time_are_told_as_much_of_as_those_over_all_tokens(
    asked: argparse.Namespace, tmp_path: Path
) -> None:
    with Contest(world(), tmp_path / "quality.json", asked) as contest:
        contest.between("topk")
    rows = [row for row in contest.rows if row["chosen"] and row["library"] == "sparsify"]
    found = sorted((row["seed"], row["steps"], row["found"]) for row in rows)
    assert found == [(0, 5, 0.05), (0, 20, 0.2), (1, 5, 0.05), (1, 20, 0.2)]


def test_runs_in_our_time_have_the_asked_l0_by_a_weight_of_their_own(
    asked: argparse.Namespace, tmp_path: Path
) -> None:
    asked.libraries = ["saetui", "saelens"]
    with Contest(world(), tmp_path / "quality.json", asked) as contest:
        contest.between("standard")
    rows = [row for row in contest.rows if row["chosen"] and row["library"] == "saelens"]
    assert sorted(row["steps"] for row in rows) == [5, 5, 20, 20]
    assert all(off(row["l0"], 8) <= NEAR and "found" in row for row in rows)
    full, short = ({row["strength"] for row in rows if row["steps"] == it} for it in (20, 5))
    assert len(full) == len(short) == 1
    assert min(short) > 2 * max(full)


def test_runs_in_our_time_have_the_rate_that_is_best_in_so_few_steps(
    asked: argparse.Namespace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Trains, "best", {20: 2e-3, 5: 2e-2})
    with Contest(world(), tmp_path / "quality.json", asked) as contest:
        contest.between("topk")
    rows = [row for row in contest.rows if row["chosen"] and row["library"] == "sparsify"]
    found = sorted((row["steps"], row["seed"], row["rate"]) for row in rows)
    assert found == [(5, 0, 2e-2), (5, 1, 2e-2), (20, 0, 2e-3), (20, 1, 2e-3)]


def test_what_is_told_anew_is_trained_for_as_many_steps_and_keeps_its_times(
    asked: argparse.Namespace, tmp_path: Path
) -> None:
    to = tmp_path / "quality.json"
    with Contest(world(), to, asked) as contest:
        contest.between("topk")
    before = json.loads(to.read_text())
    short = [row for row in before["rows"] if row["chosen"] and row["steps"] < 20]
    for row in short:
        row["cpu"] = 77.0  # on another day; today's times would give another count of steps
        del row["found"]
    to.write_text(json.dumps(before))
    asked.folder, asked.told_anew = tmp_path / "elsewhere", True
    asked.folder.mkdir()
    Trains.orders.clear()
    with Contest(world(), to, asked) as contest:
        contest.tell_anew()
    assert [order["steps"] for order in Trains.orders] == [row["steps"] for row in short]
    after = json.loads(to.read_text())
    for row in short:
        row["found"] = 0.05
    assert after["about"] == before["about"]
    assert after["rows"] == before["rows"]


def test_nothing_is_told_anew_of_other_sizes(asked: argparse.Namespace, tmp_path: Path) -> None:
    to = tmp_path / "quality.json"
    with Contest(world(), to, asked) as contest:
        contest.between("topk")
    asked.told_anew, text = True, to.read_text()
    with pytest.raises(SystemExit, match=r"quality\.json has no runs of these sizes"):
        Contest(world(rows=300), to, asked)
    assert to.read_text() == text


def test_steps_that_fit_are_no_more_than_all_and_no_fewer_than_two() -> None:
    assert steps_in_time(64, ours=1.0, full=2.0) == 32
    assert steps_in_time(64, ours=3.0, full=2.0) == 64
    assert steps_in_time(64, ours=0.001, full=2.0) == 2
