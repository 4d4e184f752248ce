"""The program as a process: how fast it starts, and every way it can be cut short."""

from __future__ import annotations

import os
import pty
import re
import resource
import select
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

SAETUI = [sys.executable, "-m", "saetui"]
HEAVY = ("duckdb", "pyarrow", "pydantic", "polars", "numpy", "textual", "rich", "torch")


def run(*args: str, **more) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*SAETUI, *args], capture_output=True, text=True, timeout=60, **more)


def test_help_starts_fast_and_imports_nothing_heavy(tmp_path: Path) -> None:
    code = (
        "import sys; from saetui.cli import main; status = main(['--help'])\n"
        f"print([name for name in {HEAVY} if name in sys.modules], file=sys.stderr)\n"
    )
    told = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True
    )
    assert told.stderr.strip() == "[]"
    assert min(_cpu_seconds("--help") for _ in range(5)) < 0.3


def _cpu_seconds(*args: str) -> float:
    """What a command costs, however busy the machine is."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    assert run(*args).returncode == 0
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def test_a_reader_that_leaves_is_no_failure(garden: Path) -> None:
    query = "SELECT a.density FROM features a, features b"  # far more than a pipe holds
    saetui = subprocess.Popen(
        [*SAETUI, "sql", "-w", str(garden), query, "--format", "csv"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert saetui.stdout and saetui.stderr
    assert saetui.stdout.readline() == b"density\n"
    saetui.stdout.close()
    assert saetui.wait(timeout=60) == 0
    assert saetui.stderr.read() == b""


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_closed_streams_and_full_disks_are_borne(garden: Path, unbuffered: str) -> None:
    env = os.environ | {"PYTHONUNBUFFERED": unbuffered}
    line = f"{sys.executable} -m saetui jobs -w {garden}"
    for redirected, status, said in (
        (">&-", 0, ""),
        (">&- 2>&-", 0, ""),
        (">/dev/full", 1, "saetui: No space is left on the disk; free some and try again.\n"),
    ):
        told = subprocess.run(
            f"{line} {redirected}",
            shell=True,
            capture_output=True,
            text=True,
            timeout=60,
            env=env,
        )
        assert (told.returncode, told.stderr) == (status, said)


def test_an_interrupt_is_one_line(garden: Path) -> None:
    query = "SELECT max(hash(a.range * b.range)) FROM range(10000000) a, range(10000000) b"  # days
    saetui = subprocess.Popen(
        [*SAETUI, "sql", "-w", str(garden), query], stderr=subprocess.PIPE, text=True
    )
    try:
        time.sleep(1.5)
        saetui.send_signal(signal.SIGINT)
        _, said = saetui.communicate(timeout=60)
    finally:
        saetui.kill()  # or it would count on for days
    assert saetui.returncode == 1
    assert said.strip() == "saetui: Interrupted."  # on a line of its own, after the ^C


def test_what_nobody_foresaw_is_a_sentence_and_a_file(tmp_path: Path) -> None:
    code = (
        "import sys; from saetui.cli import main; import saetui.cli.docs as docs\n"
        "docs.TOPICS['models'] = ('', lambda: 1 / 0)\n"
        "sys.exit(main(['docs', 'models']))"
    )
    told = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, "XDG_STATE_HOME": str(tmp_path)},
    )
    assert told.returncode == 1
    assert told.stderr.startswith("saetui: saetui failed unexpectedly (ZeroDivisionError")
    assert told.stderr.count("\n") == 1
    (kept,) = tmp_path.rglob("crash-*.txt")
    assert str(kept) in told.stderr
    assert "Traceback" in kept.read_text()


def test_output_that_cannot_show_a_character_still_shows_the_rest(garden: Path) -> None:
    told = run(
        *("sql", "-w", str(garden), "SELECT 'naive ✓' AS t"),
        env={**os.environ, "PYTHONIOENCODING": "latin-1"},
    )
    assert told.returncode == 0
    assert told.stdout == "t\nnaive \\u2713\n"


def test_a_terminal_gets_a_drawn_table_without_control_from_data(garden: Path) -> None:
    shown = _on_a_terminal(
        ["sql", "-w", str(garden), "SELECT chr(27) || ']0;gone' || chr(7) AS title"]
    )
    assert "␛]0;gone␇" in re.sub("\x1b\\[[0-9;]*m", "", shown)
    assert "\x07" not in shown


@pytest.mark.parametrize("format_", ["csv", "json"])
def test_a_terminal_gets_no_control_from_csv_or_json(garden: Path, format_: str) -> None:
    query = "SELECT chr(27) || '[2J' || chr(8238) || chr(155) AS t"
    shown = _on_a_terminal(["sql", "-w", str(garden), query, "--format", format_])
    assert "[2J" in shown
    assert not {"\x1b", "\u202e", "\x9b"} & set(shown)


def _on_a_terminal(args: list[str]) -> str:
    """All that a terminal is sent by a command line."""
    ours, theirs = pty.openpty()
    env = {**os.environ, "TERM": "xterm-256color", "PYTHONIOENCODING": "utf-8"}
    saetui = subprocess.Popen([*SAETUI, *args], stdout=theirs, stderr=theirs, stdin=theirs, env=env)
    os.close(theirs)
    sent = b""
    while select.select([ours], [], [], 60)[0]:
        try:
            chunk = os.read(ours, 65536)
        except OSError:  # how Linux says that the other side is closed
            break
        if not chunk:
            break
        sent += chunk
    os.close(ours)
    assert saetui.wait(timeout=60) == 0
    return sent.decode()
