"""Jobs from the command line, with kinds that only count: submitted, followed, steered."""

from __future__ import annotations

from pathlib import Path

import pytest

from saetui import demo
from store import Workspace
from tests import workspaces

ROOT = Path(__file__).parents[3]


@pytest.fixture
def ws(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    monkeypatch.setenv("SAETUI_EXTRA_KINDS", "tests.toy_kinds")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    return Workspace.create(tmp_path / "ws")


def test_run_prints_the_job_and_returns_at_once(saetui, ws: Workspace) -> None:
    asked = saetui("run", "-w", ws.root, "count", "steps=2")
    assert (asked.status, asked.out) == (0, "count-1\n")
    followed = saetui("jobs", "-w", ws.root, "show", "count-1", "--follow", "--json")
    assert followed.status == 0
    assert followed.json["state"] == "done"
    assert followed.json["spec"]["steps"] == 2


def test_run_wait_tells_how_it_ended(saetui, ws: Workspace) -> None:
    ended = saetui("run", "-w", ws.root, "count", "steps=2", "--wait")
    assert (ended.status, ended.out) == (0, "count-1 done Counted to 2.\n")
    assert "count-1 done 100%" in ended.err


def test_run_wait_fails_with_its_job(saetui, ws: Workspace) -> None:
    ended = saetui("run", "-w", ws.root, "fail", "way=saetui", "--wait")
    assert ended.status == 1
    assert "The moon is not full; wait a week." in ended.out
    assert "Traceback" not in ended.out + ended.err


def test_a_traceback_is_in_the_log_and_nowhere_else(saetui, ws: Workspace) -> None:
    ended = saetui("run", "-w", ws.root, "fail", "way=escape", "--wait")
    log = saetui("jobs", "-w", ws.root, "logs", "fail-1")
    assert "Traceback" in log.out
    for said in (ended, log, saetui("jobs", "-w", ws.root)):
        assert "\x1b" not in said.out + said.err
    last = saetui("jobs", "-w", ws.root, "logs", "fail-1", "--lines", 1)
    assert last.out.splitlines() == log.out.splitlines()[-1:]


def test_a_dry_run_tells_all_and_submits_nothing(saetui, ws: Workspace) -> None:
    shown = saetui("run", "-w", ws.root, "count", "steps=1,2", "--dry-run")
    assert shown.status == 0
    assert shown.out.count("saetui run count") == 2
    assert "  steps = 2" in shown.out
    told = saetui("run", "-w", ws.root, "count", "steps=1,2", "--dry-run", "--json").json
    assert [job["spec"]["steps"] for job in told] == [1, 2]
    assert not list((ws.root / "jobs").iterdir())


def test_a_pipeline_runs_its_stages_in_order(saetui, ws: Workspace) -> None:
    Path("two.toml").write_text(
        '[first]\nkind = "count"\nsteps = 2\n\n'
        '[second]\nkind = "count"\nsteps = 1\nafter = ["first"]\n'
    )
    told = saetui("run", "-w", ws.root, "two.toml", "--wait", "--json").json
    assert [job["state"] for job in told] == ["done", "done"]
    assert told[0]["ended_at"] <= told[1]["started_at"]


def test_keys_cannot_be_added_to_a_file(saetui, ws: Workspace) -> None:
    Path("one.toml").write_text('kind = "count"\n')
    refused = saetui("run", "-w", ws.root, "one.toml", "steps=3")
    assert refused.status == 2
    assert "put it in the file" in refused.err


def test_a_job_is_cancelled_resumed_and_removed(saetui, ws: Workspace) -> None:
    saetui("run", "-w", ws.root, "count", "steps=200", "pause=0.02", "every=1")
    assert saetui("jobs", "-w", ws.root, "rm", "count-1").status == 2  # it lives
    assert saetui("jobs", "-w", ws.root, "--live", "--json").json[0]["job"] == "count-1"
    assert saetui("jobs", "-w", ws.root, "cancel", "count-1").status == 0
    shown = saetui("jobs", "-w", ws.root, "show", "count-1", "--follow", "--json")
    assert (shown.status, shown.json["state"]) == (1, "cancelled")
    assert saetui("jobs", "-w", ws.root, "resume", "count-1").status == 0
    saetui("jobs", "-w", ws.root, "cancel", "count-1")
    saetui("jobs", "-w", ws.root, "show", "count-1", "--follow")
    assert saetui("jobs", "-w", ws.root, "rm", "count-1", "count-9").status == 2  # only the first
    assert saetui("jobs", "-w", ws.root, "--json").json == []


TWO = {"train": {"kind": "count", "steps": 3}, "then": {"kind": "count", "after": ["train"]}}


def test_the_demo_is_done_once(saetui, ws: Workspace, tmp_path: Path, monkeypatch) -> None:
    monkeypatch.setitem(demo.RECIPES, "toy", TWO)
    first = saetui("demo", tmp_path / "new", "--model", "toy", "--headless", "--json")
    assert first.status == 0
    assert [job["state"] for job in first.json["jobs"]] == ["done", "done"]
    assert first.json["wall_seconds"] > 0

    second = saetui("demo", tmp_path / "new", "--model", "toy", "--headless", "--json")
    assert [job["job"] for job in second.json["jobs"]] == ["count-1", "count-2"]
    assert second.json["jobs"][0]["ended_at"] == first.json["jobs"][0]["ended_at"]


def test_the_demo_goes_on_where_it_was_stopped(saetui, ws: Workspace, monkeypatch) -> None:
    slow = {"kind": "count", "steps": 40, "pause": 0.01, "every": 1}
    monkeypatch.setitem(demo.RECIPES, "toy", {"train": slow})
    (job,) = demo.ask_for(ws, "toy").jobs
    saetui("jobs", "-w", ws.root, "cancel", job)
    saetui("jobs", "-w", ws.root, "show", job, "--follow")
    ended = saetui("demo", ws.root, "--model", "toy", "--headless")
    assert ended.status == 0
    assert "Wall time" in ended.out
    assert [state["job"] for state in saetui("jobs", "-w", ws.root, "--json").json] == [job]


def test_the_demo_leaves_alone_what_another_job_has_made(
    saetui, tmp_path: Path, ws: Workspace, monkeypatch
) -> None:
    root = workspaces.make(tmp_path / "garden", jobs=False, documents=8).root
    makes = {"kind": "count", "makes": [workspaces.PROFILED[0]]}
    monkeypatch.setitem(demo.RECIPES, "toy", {"train": makes, "then": {"kind": "count"}})
    ended = saetui("demo", root, "--model", "toy", "--headless", "--json")
    assert ended.status == 0
    assert [job["job"] for job in ended.json["jobs"]] == ["count-1"]
    assert [made["dictionary"] for made in ended.json["dictionaries"]] == makes["makes"]
    assert ended.json["dictionaries"][0]["tokens_per_second"] > 0


def test_a_demo_that_fails_says_why_and_where(saetui, ws: Workspace, monkeypatch) -> None:
    monkeypatch.setitem(demo.RECIPES, "toy", {"train": {"kind": "fail", "way": "saetui"}})
    ended = saetui("demo", ws.root, "--model", "toy", "--headless")
    assert ended.status == 1
    assert "The moon is not full" in ended.err
    assert "log.txt" in ended.err


@pytest.mark.parametrize("model", ["smollm2", "tiny"])
def test_every_recipe_is_a_valid_pipeline(model: str) -> None:
    from jobs.pipeline import plan

    train, profile, cluster, *circuits = plan(demo.recipe(model))
    made = train.spec.outputs()
    assert [name.split("/")[1].split(".")[1] for name in made] == [
        "resid_post",
        "mlp_out",
        "attn_out",
    ]
    assert profile.spec.inputs() == made
    assert profile.after == (0,)
    assert cluster.spec.inputs() == made[:1]
    assert cluster.after == (1,)
    assert [job.spec.inputs() for job in circuits] == [made, made]
    assert [job.spec.model_dump()["method"] for job in circuits] == ["relp", "random"]
