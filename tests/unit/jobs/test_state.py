"""A damaged job folder is shown, never stumbled over."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from dataclasses import replace

import pytest

from jobs import remove, resume, submit
from jobs import state as states
from jobs.process import identify
from store import AskedWrongly
from tests.toy_kinds import Count


@pytest.fixture
def damaged(workshop):
    """A job whose state.json can be spoiled, beside one that is well."""
    job = submit(workshop, Count(steps=2), start=False)
    submit(workshop, Count(), start=False)
    return job


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"null", b"[]", b"{}", b"\xff\xfe", b'"text"', b"1" * 5000,
     b'{"job": "count-1", "kind": "count", "state": "flying", "progress": 0, "created_at": null}'],
)  # fmt: skip
def test_a_damaged_state_is_a_lost_job(workshop, damaged, content):
    (damaged.folder / "state.json").write_bytes(content)
    shown = {state.job: state for state in states.list_jobs(workshop)}
    assert shown["count-2"].state == "queued"
    assert shown["count-1"].state == "lost"
    assert "Its state.json is damaged" in shown["count-1"].message
    assert shown["count-1"].spec["steps"] == 2


@pytest.mark.parametrize(
    ("field", "value"),
    [("progress", "much"), ("progress", 7), ("spec", 3), ("worker", [1]), ("message", {"a": 1}),
     ("created_at", "yesterday"), ("attempt", "one"), ("after", 5), ("kind", None)],
)  # fmt: skip
def test_a_field_of_the_wrong_type_is_damage_too(workshop, damaged, field, value):
    path = damaged.folder / "state.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), field: value}))
    assert damaged.state().state == "lost"


def test_a_field_from_the_future_is_passed_over(workshop, damaged):
    path = damaged.folder / "state.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "mood": "fine"}))
    assert damaged.state().state == "queued"


def test_missing_files_are_told(workshop, damaged):
    (damaged.folder / "state.json").unlink()
    assert damaged.state().message == (
        "Its state.json is missing; `saetui jobs resume count-1` starts it again."
    )
    (damaged.folder / "spec.json").unlink()
    assert damaged.state().message == (
        "Its state.json is missing; `saetui jobs rm count-1` removes it."
    )
    with pytest.raises(AskedWrongly, match="spec of job count-1 cannot be read"):
        resume(workshop, "count-1")
    remove(workshop, "count-1")
    assert [state.job for state in states.list_jobs(workshop)] == ["count-2"]


def test_a_job_without_its_state_can_be_resumed_from_its_spec(workshop, damaged):
    (damaged.folder / "state.json").write_bytes(b"{")
    resume(workshop, "count-1")
    assert damaged.wait(30).message == "Counted to 2."


def test_strange_things_among_the_jobs_are_no_jobs(workshop, damaged):
    jobs = workshop.root / "jobs"
    (jobs / "notes").mkdir()
    (jobs / "count-9").write_text("a file")
    (jobs / ".hidden-1").mkdir()
    assert {state.job for state in states.list_jobs(workshop)} == {"count-1", "count-2"}


def test_a_workspace_without_jobs_has_none(workshop):
    (workshop.root / "jobs").rmdir()
    assert states.list_jobs(workshop) == []


def test_readers_never_see_half_a_state(workshop, damaged):
    state = damaged.state()
    stop = threading.Event()

    def write_all_the_time():
        number = 0
        while not stop.is_set():
            number += 1
            states.write(damaged.folder, replace(state, message=f"{number} " * 500), sync=False)

    writer = threading.Thread(target=write_all_the_time)
    writer.start()
    try:
        seen = {damaged.state().state for _ in range(300)}
    finally:
        stop.set()
        writer.join()
    assert seen == {"queued"}


def test_a_process_is_told_from_another_with_its_number():
    me = identify(os.getpid())
    assert me.alive
    assert not me._replace(started="1").alive
    assert not me._replace(boot="another").alive
    assert not me._replace(host="elsewhere").alive
    child = subprocess.Popen([sys.executable, "-c", "pass"])
    it = identify(child.pid)
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
    assert not it.alive, "a zombie does not live"
    child.wait()
    assert not it.alive and not it.signal(0)
