"""How fast saetui starts: commands, and the workbench to its first frame, on a synthetic workspace.

    python -m tests.bench.bench_start [--runs 7]

Each figure is a whole process, from exec to exit; the first frame is seen by a pseudo-terminal.
"""

from __future__ import annotations

import argparse
import json
import os
import pty
import select
import signal
import statistics
import struct
import subprocess
import sys
import tempfile
import termios
import time
from fcntl import ioctl
from pathlib import Path
from typing import Any

from tests import workspaces

RESULTS = Path(__file__).parent / "results" / "start.json"
SAETUI = [sys.executable, "-m", "saetui"]


def main() -> None:
    """Measures, prints a table and keeps it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=7)
    runs = parser.parse_args().runs
    with tempfile.TemporaryDirectory() as home:
        root = str(workspaces.make(Path(home) / "garden").root)
        commands = {
            "--help": ["--help"],
            "jobs": ["-w", root, "jobs"],
            "sql": ["-w", root, "sql", "SELECT count(*) FROM features"],
            "feature": ["-w", root, "feature", f"{workspaces.PROFILED[0]}#7"],
        }
        report: dict[str, Any] = {
            name: summary([once(args) for _ in range(runs)]) for name, args in commands.items()
        }
        report["first frame"] = summary([first_frame(root) for _ in range(runs)])
    print(f"{'seconds':14}{'fastest':>9}{'median':>9}")
    for name, found in report.items():
        print(f"{name:14}{found['fastest']:9.2f}{found['median']:9.2f}")
    report["peers"] = {"python -c pass": summary([bare() for _ in range(runs)])}
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(report, indent=1) + "\n")


def summary(seconds: list[float]) -> dict[str, float]:
    """Fastest and median of some runs."""
    return {"fastest": round(min(seconds), 3), "median": round(statistics.median(seconds), 3)}


def once(args: list[str]) -> float:
    """Seconds of one command."""
    start = time.perf_counter()
    subprocess.run([*SAETUI, *args], stdout=subprocess.DEVNULL, check=True)
    return time.perf_counter() - start


def bare() -> float:
    """Seconds of an interpreter that does nothing: the floor."""
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", "pass"], check=True)
    return time.perf_counter() - start


def first_frame(root: str) -> float:
    """Seconds until the name of the first view is on the screen."""
    ours, theirs = pty.openpty()
    ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 48, 160, 0, 0))
    env = {**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor"}
    env |= {"TEXTUAL_ANIMATIONS": "none", "COLUMNS": "160", "LINES": "48"}
    start = time.perf_counter()
    saetui = subprocess.Popen([*SAETUI, root], stdin=theirs, stdout=theirs, stderr=theirs, env=env)
    os.close(theirs)
    sent = b""
    try:
        while b"Overview" not in sent:
            if not select.select([ours], [], [], 30)[0]:
                raise TimeoutError(f"no frame in 30 s; the terminal was sent {sent[-400:]!r}")
            sent += os.read(ours, 65536)
        return time.perf_counter() - start
    finally:
        saetui.send_signal(signal.SIGKILL)
        saetui.wait()
        os.close(ours)


if __name__ == "__main__":
    main()
