"""The jobs view: the table, curves, log, and what can be done with a job."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from jobs import queue
from saetui.views.jobs.curves import Curves
from tests import workspaces


async def at(driver, job: str) -> None:
    """Puts the cursor on a job."""
    rows = driver.rows("#jobs-table")
    names = [rows.row(n)[0] for n in range(rows.count)]
    await driver.press("g", *["j"] * names.index(job))
    assert rows.current[0] == job


async def test_the_table_tells_state_progress_and_time_to_go(workbench):
    async with workbench("jobs") as driver:
        text = driver.text("#jobs-table")
        assert "● running" in text and "43%" in text
        assert "2m 58s" in text and "3m 22s" in text
        assert "○ queued" in text and "– cancelled" in text


async def test_a_running_job_shows_its_curves_and_its_log(workbench):
    async with workbench("jobs") as driver:
        await at(driver, "train_sae-3")
        text = driver.text("#jobs-curves")
        for word in ("loss", "FVU", "L0", "dead", "saetui run train_sae", "step 51"):
            assert word in text
        assert any(0x2800 < ord(character) <= 0x28FF for character in text)
        assert "4 layers, d_model 128" in driver.text("#jobs-log")


async def test_several_dictionaries_have_a_legend_with_signs(workbench):
    async with workbench("jobs") as driver:
        await at(driver, "train_sae-1")
        text = driver.text("#jobs-curves")
        for sign, dictionary in zip("abc", workspaces.PROFILED, strict=True):
            assert f"{sign} {dictionary}" in text


async def test_space_marks_jobs_whose_curves_are_drawn_together(workbench):
    async with workbench("jobs") as driver:
        await at(driver, "train_sae-3")
        assert "space mark" in driver.text("HintBar")
        await driver.press("space", "G")
        curves = driver.text("#jobs-curves")
        assert f"a train_sae-1  {workspaces.PROFILED[0]}" in curves
        assert f"d train_sae-3  {workspaces.UNPROFILED}" in curves
        first_plot = [line[7:40] for line in curves.splitlines() if "│" in line]
        assert {"a", "b", "c", "d"} <= set("".join(first_plot))  # told apart without colour
        assert "2 jobs together" in driver.screen() and "1 marked" in driver.screen()
        await at(driver, "train_sae-3")
        await driver.press("space", "G")
        assert "train_sae-3" not in driver.text("#jobs-curves")


async def test_arrows_give_one_curve_all_the_room(workbench):
    async with workbench("jobs") as driver:
        await at(driver, "train_sae-3")
        await driver.press("enter")
        assert "FVU" in driver.text("#jobs-curves")
        await driver.press("right")
        text = driver.text("#jobs-curves")
        assert "loss" in text and "FVU" not in text
        await driver.press("right")
        text = driver.text("#jobs-curves")
        assert "FVU" in text and "loss" not in text
        await driver.press("left", "left")
        text = driver.text("#jobs-curves")
        assert "FVU" in text and "loss" in text


async def test_a_job_without_curves_says_so(workbench):
    async with workbench("jobs") as driver:
        await at(driver, "profile-1")
        assert "drew no curves" in driver.text("#jobs-curves")
        await at(driver, "profile-2")
        assert "No curves yet" in driver.text("#jobs-curves")


async def test_time_to_go_is_unknown_where_a_job_says_nothing(workbench, root):
    (root / "jobs/train_sae-3/events.jsonl").write_text("")
    async with workbench("jobs") as driver:
        assert "unknown" in driver.text("#jobs-table")


async def test_the_lineage_leads_to_what_a_job_read_and_made(workbench):
    async with workbench("jobs") as driver:
        await at(driver, "profile-1")
        kin = driver.rows("#jobs-kin")
        lines = [tuple(kin.row(n)[:3]) for n in range(kin.count)]
        assert lines[0] == ("read", "dictionary", workspaces.PROFILED[0])
        assert ("", "  made by", "train_sae-1") in lines
        assert any(kind == "features" for _, kind, _ in lines)
        await driver.press("shift+tab")
        assert driver.focused == "jobs-kin"
        await driver.press("y")
        assert driver.app.clipboard == workspaces.PROFILED[0]
        await driver.press("enter")
        assert driver.view.NAME == "features"
        assert driver.rows("#features-list").dictionary == workspaces.PROFILED[0]
        await driver.press("[", "j", "enter")
        assert driver.rows("#jobs-table").current[0] == "train_sae-1"
        await driver.until(lambda: driver.view.query_one("#jobs-kin").lineage.job == "train_sae-1")
        assert "read by" in driver.text("#jobs-kin")


async def test_what_a_job_will_make_is_named_but_leads_nowhere_yet(workbench):
    async with workbench("jobs") as driver:
        await at(driver, "train_sae-2")
        assert "(not yet)" in driver.text("#jobs-kin")
        await driver.press("shift+tab", "G", "enter")
        assert driver.view.NAME == "jobs"


async def test_rows_of_a_table_open_as_a_query(workbench):
    async with workbench("jobs") as driver:
        await at(driver, "profile-1")
        await driver.press("shift+tab")
        kin = driver.rows("#jobs-kin")
        kinds = [kin.row(n)[1] for n in range(kin.count)]
        await driver.press(*["j"] * kinds.index("neighbors"), "enter")
        assert driver.view.NAME == "sql"
        assert driver.rows("#sql-results").count > 100


async def test_e_opens_the_form_with_what_the_job_was_asked(workbench):
    async with workbench("jobs") as driver:
        await at(driver, "train_sae-1")
        await driver.press("e")
        await driver.until(lambda: driver.app.screen.query("#form Input"))
        await driver.settle()
        typed = driver.app.screen.typed
        assert typed == {
            "hooks": "L1.resid_post,L2.resid_post,L2.attn_out",
            "d_sae": "256",
            "k": "8",
        }


async def test_a_clone_says_what_differs_from_the_workspace_s_own_defaults(root):
    """A key left empty takes the workspace's default, which is not what the job was asked."""
    from saetui.submit import values_of
    from store import Workspace

    workspace = Workspace(root)
    workspace.set_defaults(model="smollm2", d_sae=256)
    spec = {"kind": "train_sae", "model": "tiny", "hooks": ["L1.resid_post"], "d_sae": [256]}
    assert values_of(lambda: Workspace(root), spec) == (
        "train_sae",
        {"model": "tiny", "hooks": "L1.resid_post"},
    )


async def test_a_failed_job_says_why_in_one_sentence(workbench):
    async with workbench("jobs") as driver:
        await at(driver, "train_sae-2")
        text = driver.text("#jobs-curves")
        assert "✗ train_sae-2 met NaN" in text
        assert "checkpoint of step 200 is kept" in " ".join(text.split())


async def test_curves_grow_while_the_job_goes_on(workbench, root):
    async with workbench("jobs") as driver:
        await at(driver, "train_sae-3")
        curves = driver.app.screen.query_one(Curves)
        points = curves.curves["loss"][workspaces.UNPROFILED]
        before = len(points)
        line = {"at": workspaces.NOW.timestamp(), "attempt": 1,
                "metrics": {workspaces.UNPROFILED: {"step": 52, "loss": 0.5}}}  # fmt: skip
        with open(root / "jobs/train_sae-3/events.jsonl", "a") as file:
            file.write(json.dumps(line) + "\n")
        with open(root / "jobs/train_sae-3/log.txt", "a") as file:
            file.write("a new line\n")
        await driver.until(lambda: len(points) == before + 1)
        await driver.until(lambda: "a new line" in driver.text("#jobs-log"))
        rows = driver.rows("#jobs-log")
        assert rows.cursor == rows.count - 1


async def test_a_job_that_ends_is_seen_to_end(workbench, root):
    from jobs import state as states

    async with workbench("jobs") as driver:
        known = next(job for job in driver.app.jobs if job.job == "train_sae-3")
        ended = known.__class__(**{**known.__dict__, "state": "done", "progress": 1.0,
                                   "ended_at": workspaces.NOW})  # fmt: skip
        states.write(root / "jobs/train_sae-3", ended)
        await driver.until(lambda: "● running" not in driver.text("#jobs-table"))
        assert "no job runs" in driver.screen() or "1 queued" in driver.screen()


@pytest.mark.parametrize(
    ("key", "job", "verb"),
    [
        ("x", "train_sae-3", "cancel"),
        ("u", "train_sae-2", "resume"),
        ("t", "profile-3", "retry"),
        ("D", "profile-1", "remove"),
    ],
)
async def test_a_job_is_changed_only_after_another_key_says_yes(
    workbench, monkeypatch, key, job, verb
):
    done: list[str] = []
    monkeypatch.setattr(queue, verb, lambda workspace, name: done.append(name))
    async with workbench("jobs") as driver:
        await at(driver, job)
        await driver.press(key)
        assert job in driver.screen() and "any other key" in driver.screen()
        await driver.press(key)
        assert done == []
        await driver.press(key, "enter")
        assert done == []
        assert driver.focused == "jobs-table"
        await driver.press(key, "y")
        await driver.until(lambda: done == [job])


async def test_keys_are_offered_only_where_they_apply(workbench):
    async with workbench("jobs") as driver:
        await at(driver, "train_sae-1")
        await driver.until(lambda: "what it made" in driver.text("HintBar"))
        assert "cancel" not in driver.text("HintBar")
        await at(driver, "train_sae-3")
        await driver.until(lambda: "x cancel" in driver.text("HintBar"))
        await at(driver, "train_sae-2")
        await driver.until(lambda: "u resume" in driver.text("HintBar"))


async def test_what_cannot_be_done_is_said_in_a_sentence(workbench, monkeypatch):
    from store import AskedWrongly

    def refuse(workspace, name):
        raise AskedWrongly(f"{name} is [bold]gone[/].")

    monkeypatch.setattr(queue, "cancel", refuse)
    async with workbench("jobs") as driver:
        await at(driver, "train_sae-3")
        await driver.press("x", "y")
        await driver.until(lambda: "train_sae-3 is [bold]gone[/]." in driver.screen())


async def test_o_opens_what_a_job_made(workbench):
    async with workbench("jobs") as driver:
        await at(driver, "train_sae-1")
        await driver.press("o")
        assert "L2.resid_post" in driver.text(".box")
        await driver.press("j", "enter")
        assert driver.view.NAME == "features"
        await driver.press("[")
        assert driver.view.NAME == "jobs"
        assert driver.rows("#jobs-table").current[0] == "train_sae-1"


async def test_the_log_is_searched(workbench):
    async with workbench("jobs") as driver:
        await at(driver, "train_sae-2")
        await driver.press("tab", "tab")
        assert driver.focused == "jobs-log"
        rows = driver.rows("#jobs-log")
        await driver.press("slash")
        await driver.type("train_sae-2")
        await driver.press("enter")
        first = rows.cursor
        await driver.press("n")
        assert rows.cursor != first
        await driver.press("N")
        assert rows.cursor == first
        assert "'train_sae-2' on 2" in driver.screen()
        await driver.press("y")
        assert "train_sae-2" in driver.app.clipboard
        await driver.press("slash", "ctrl+u")
        await driver.type("zzz")
        await driver.press("enter")
        assert "does not hold" in driver.screen()


async def test_ids_in_the_log_are_links(workbench, root):
    feature = f"{workspaces.PROFILED[0]}#7"
    with (root / "jobs" / "train_sae-3" / "log.txt").open("a") as log:
        log.write(f"goes on from train_sae-1 (see {feature}).\nnothing to go to\n")
    async with workbench("jobs") as driver:
        await at(driver, "train_sae-3")
        driver.view.show_pane(driver.rows("#jobs-log"))
        await driver.press("enter")  # on the last line, which names nothing
        assert driver.view.NAME == "jobs"
        await driver.press("k", "enter")
        assert "train_sae-1" in driver.text(".box") and feature in driver.text(".box")
        await driver.press("j", "enter")
        assert driver.view.here.target == feature
        await driver.press("[", "g", "O")
        assert "train_sae-3" in driver.text(".box")  # “train_sae-3: reading tiny”
        await driver.press("j", "enter")
        assert driver.view.NAME == "overview" and driver.view.here.target.startswith("tiny/")


async def test_tab_enter_and_esc_go_between_the_panes(workbench):
    async with workbench("jobs") as driver:
        await driver.press("enter")
        assert driver.focused == "jobs-curves"
        await driver.press("y")
        assert driver.app.clipboard.startswith("saetui run")
        await driver.press("Y")
        assert "FROM jobs" in driver.app.clipboard
        await driver.press("tab")
        assert driver.focused == "jobs-log"
        await driver.press("shift+tab", "escape")
        assert driver.focused == "jobs-table"
        await driver.press("y", "Y", "z")
        assert driver.rows("#jobs-table").size.height > 40


async def test_a_damaged_job_folder_is_shown_as_lost(workbench, root):
    (root / "jobs/profile-1/state.json").write_text("{nonsense")
    (root / "jobs/train_sae-1/events.jsonl").write_bytes(b"\xff\xfe{}\nnull\n[1]\n")
    async with workbench("jobs") as driver:
        await at(driver, "profile-1")
        assert "? lost" in driver.text("#jobs-table")
        await at(driver, "train_sae-1")
        assert "✓ done" in driver.text("#jobs-curves")


async def test_whatever_is_done_to_a_job_folder_by_hand_the_rest_is_shown(workbench, root):
    jobs = root / "jobs"
    (jobs / "profile-1/state.json").unlink()
    (jobs / "profile-3/spec.json").write_text("[1, 2]")
    (jobs / "train_sae-1/events.jsonl").unlink()
    (jobs / "train_sae-1/events.jsonl").mkdir()
    (jobs / "train_sae-2/log.txt").write_bytes(bytes(range(256)) * 400)
    (jobs / "train_sae-2/events.jsonl").write_bytes(b'{"at": "x", "metrics": {"a": [1]}}\n' * 3)
    (jobs / "train_sae-3/state.json").write_text('{"state": "flying", "progress": "far"}')
    (jobs / "train_sae-9").write_text("a file")
    async with workbench("jobs") as driver:
        table = driver.rows("#jobs-table")
        assert table.count >= 3
        for _ in range(table.count):
            await driver.press("tab", "tab", "tab", "escape", "j")
            assert "Traceback" not in driver.screen()
        names = {table.row(at)[0] for at in range(table.count)}
        assert {"profile-2", "train_sae-1", "train_sae-2"} <= names


async def test_a_job_that_vanishes_leaves_the_table(workbench, root):
    import shutil

    async with workbench("jobs") as driver:
        await at(driver, "profile-3")
        shutil.rmtree(root / "jobs/profile-3")
        await driver.until(lambda: "profile-3" not in driver.text("#jobs-table"))


async def test_many_jobs_are_looked_at_without_reading_the_ended_ones_again(root, monkeypatch):
    from jobs import state as states
    from saetui.watch import JobsWatch
    from store import Workspace

    watch, read = JobsWatch(), []
    original = states.read
    monkeypatch.setattr(states, "read", lambda ws, job: read.append(job) or original(ws, job))
    workspace = Workspace(root)
    assert len(watch.look(workspace)) == 6
    read.clear()
    jobs = watch.look(workspace)
    assert sorted(read) == ["profile-2", "train_sae-3"]
    assert [job.created_at for job in jobs] == sorted(
        (job.created_at for job in jobs), reverse=True
    )
    assert jobs[0].created_at == workspaces.NOW - timedelta(minutes=1)


async def test_v_compares_what_jobs_made(workbench):
    async with workbench("jobs") as driver:
        await driver.press("G", "k", "v")
        await driver.until(lambda: driver.app.screen.query("#compare"))
        await driver.settle()
        assert "L2.attn_out" in driver.text("#compare")
        await driver.press("escape")
        assert driver.view.NAME == "jobs"
