"""Who a process is: its number alone is reused, with start time, boot and host it is not."""

from __future__ import annotations

import functools
import os
import platform
import subprocess
from pathlib import Path
from typing import NamedTuple


class Process(NamedTuple):
    """One process, told apart from any other that ever has the same number."""

    pid: int
    started: str
    """When it started, in the kernel's own words (clock ticks since boot on Linux)."""
    boot: str
    """Which boot of the machine it belongs to."""
    host: str
    """Name of the machine."""

    @property
    def alive(self) -> bool:
        """Whether this very process runs on this machine now (a zombie does not)."""
        return (
            self.host == host()
            and self.boot == boot_id()
            and bool(self.started)
            and _start_time(self.pid) == self.started
        )

    def signal(self, number: int, *, group: bool = False) -> bool:
        """Sends a signal, to its whole process group if asked; says whether it was there."""
        if not self.alive:
            return False
        try:
            os.killpg(self.pid, number) if group else os.kill(self.pid, number)
        except ProcessLookupError:
            return False
        return True


def identify(pid: int) -> Process:
    """The process that now has this number (`started` is empty if there is none)."""
    return Process(pid, _start_time(pid), boot_id(), host())


@functools.cache
def host() -> str:
    """Name of this machine."""
    return platform.node() or "localhost"


@functools.cache
def boot_id() -> str:
    """Which boot of this machine is running."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return _printed("sysctl", "-n", "kern.boottime") or "unknown"


def _start_time(pid: int) -> str:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        if Path("/proc/self/stat").exists():
            return ""
        return _printed("ps", "-o", "lstart=", "-p", str(pid))
    # The command's name (field 2) may hold spaces and brackets: count from its closing one.
    fields = stat.rpartition(")")[2].split()
    return "" if fields[0] in "ZX" else fields[19]


def _printed(*command: str) -> str:
    try:
        return subprocess.run(
            command, capture_output=True, text=True, timeout=10, check=False
        ).stdout.strip()
    except (OSError, subprocess.SubprocessError):
        return ""
