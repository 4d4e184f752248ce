"""What a job says, and how little of it is written."""

from __future__ import annotations

import math
import os
import socket
import time
from datetime import UTC, datetime, timedelta

import pytest

from jobs import submit
from jobs.channel import Channel
from jobs.events import (
    Metrics,
    Progress,
    Said,
    StateChanged,
    Writer,
    curves,
    encode,
    eta,
    plain,
    read_events,
)
from tests.toy_kinds import Count, Flood


def test_a_flood_of_events_becomes_ten_lines_a_second(workshop):
    state = (job := submit(workshop, Flood(events=50_000, series=5))).wait(60)
    assert state.state == "done"
    lines = (job.folder / "events.jsonl").read_text().splitlines()
    assert len(lines) <= 10 * state.seconds + 4  # first, last, running, done
    last = {
        event.series: event.values["step"]
        for event in read_events(workshop, job.id)[0]
        if isinstance(event, Metrics)
    }
    assert last == {f"series-{n}": 49_999 for n in range(5)}, "the end of a curve is never lost"


@pytest.fixture
def channel():
    ours, theirs = socket.socketpair()
    yield Channel(theirs.detach(), attempt=1, grace=3600), ours
    # Left open: a closed end means a dead supervisor, and the channel would end this process.
    keep.append(ours)


keep: list[socket.socket] = []


def test_a_long_silence_still_sends_what_was_said_before_it(channel):
    speaker, listener = channel
    speaker.progress(0.1, "first")
    speaker.progress(0.2, "second")
    listener.settimeout(5)
    heard = b""
    while b"second" not in heard:
        heard += listener.recv(4096)


def test_many_messages_at_once_keep_the_last(channel):
    speaker, listener = channel
    time.sleep(0.2)
    for number in range(10_000):
        speaker.say(f"message {number}")
    speaker.end("done", "Done.")
    listener.settimeout(5)
    heard = b""
    while b'"end"' not in heard:
        heard += listener.recv(1 << 16)
    assert b"message 9999" in heard and len(heard) < 100_000


def written(workshop, *lines: bytes) -> str:
    job = submit(workshop, Count(), start=False)
    (job.folder / "events.jsonl").write_bytes(b"".join(lines))
    return job.id


def test_a_reader_follows_from_where_it_was(workshop):
    line = encode({"at": 1.0, "attempt": 1, "progress": 0.5, "message": "half"})
    job = written(workshop, line, line[:10])
    events, offset = read_events(workshop, job)
    assert len(events) == 1 and offset == len(line), "half a line waits for its rest"
    with open(workshop.job_folder(job) / "events.jsonl", "ab") as file:
        file.write(line[10:])
    assert len(read_events(workshop, job, offset)[0]) == 1
    assert len(read_events(workshop, job, 10**6)[0]) == 2, "a file that shrank is read anew"


def test_a_reader_takes_a_big_file_in_pieces(workshop):
    line = encode({"at": 1.0, "attempt": 1, "said": ["x" * 100]})
    job = written(workshop, line * 100)
    offset, seen, calls = 0, 0, 0
    while True:
        events, further = read_events(workshop, job, offset, limit=1000)
        if further == offset:
            break
        offset, seen, calls = further, seen + len(events), calls + 1
    assert seen == 100 and calls > 10
    assert len(read_events(workshop, job, 0, limit=5)[0]) == 1, "a line longer than the limit"


@pytest.mark.parametrize(
    "damage",
    [b"\x00\x00\n", b"{}\n", b"[1]\n", b'{"at": "x", "attempt": 1}\n', b"null\n", b'{"at": 1e99}\n',
     b'{"at": 1, "attempt": 1, "metrics": 3}\n', b'{"at": 1, "attempt": 1, "said": 3}\n'],
)  # fmt: skip
def test_damaged_lines_are_passed_over(workshop, damage):
    good = encode({"at": 1.0, "attempt": 1, "said": ["hello"]})
    job = written(workshop, damage, good)
    events, _ = read_events(workshop, job)
    assert [event.message for event in events if isinstance(event, Said)] == ["hello"]


def test_half_a_line_of_a_dead_supervisor_does_not_spoil_the_next(workshop):
    job = written(workshop, b'{"at": 1.0, "atte')
    Writer(workshop.job_folder(job) / "events.jsonl").write(
        {"at": 2.0, "attempt": 2, "said": ["back"]}
    )
    assert [event.message for event in read_events(workshop, job)[0]] == ["back"]


def test_numbers_that_are_not_finite_survive_as_nan(workshop):
    job = written(workshop, encode({"at": 1.0, "attempt": 1, "metrics": {"a": {"loss": math.inf}}}))
    (event,) = read_events(workshop, job)[0]
    assert math.isnan(event.values["loss"])


def test_a_full_disk_loses_lines_but_not_the_job():
    writer = Writer("/dev/full") if os.path.exists("/dev/full") else None
    if writer:
        writer.write({"at": 1.0, "attempt": 1})


def progress(*points: tuple[float, float], attempt: int = 1) -> list[Progress]:
    start = datetime(2026, 1, 1, tzinfo=UTC)
    return [Progress(start + timedelta(seconds=at), attempt, share, "") for at, share in points]


def test_time_to_go_follows_from_recent_progress():
    assert eta(progress((0, 0.0), (10, 0.1), (20, 0.2))) == pytest.approx(80)
    # A slow start a while ago does not count.
    assert eta(progress((0, 0.0), (500, 0.1), (550, 0.5), (600, 0.9))) == pytest.approx(12.5)
    # A resumed attempt starts its own clock.
    assert eta(progress((0, 0.0), (10, 0.9)) + progress((20, 0.5), (30, 0.6), attempt=2)) == (
        pytest.approx(40)
    )


def test_a_curve_has_each_step_once():
    at = datetime(2026, 1, 1, tzinfo=UTC)

    def point(step: int, loss: float, attempt: int) -> Metrics:
        return Metrics(at, attempt, "a", {"step": step, "loss": loss})

    killed = [point(step, 9 - step, 1) for step in (1, 2, 3, 4)]
    resumed = [point(step, 90 - step, 2) for step in (3, 5)]
    (curve,) = curves(killed + resumed).values()
    assert [event.values["step"] for event in curve] == [1, 2, 3, 5]
    assert [event.attempt for event in curve] == [1, 1, 2, 2]
    retried = [StateChanged(at, 3, "queued", "", restart=True), point(1, 8, 3)]
    assert len(curves(killed + resumed + retried)["a"]) == 1


def test_time_to_go_is_unknown_at_first():
    assert eta([]) is None
    assert eta(progress((0, 0.3))) is None
    assert eta(progress((0, 0.3), (50, 0.3))) is None


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("two\nlines\tand\ttabs", "two lines and tabs"),
        ("\x1b[31mred\x1b[0m", "red"),
        ("\x1b]0;title\x07text", "text"),
        ("a\x00b\x9bc\u2028d", "a b c d"),
        ("half a surrogate \ud800", "half a surrogate ?"),
        ("x" * 2000, "x" * 999 + "…"),
    ],
)
def test_messages_are_one_plain_line(said, shown):
    assert plain(said) == shown
