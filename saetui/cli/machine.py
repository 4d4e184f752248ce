"""What this machine is, found out without importing anything heavy."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

PACKAGES = ("saetui", "torch", "transformer-lens", "transformers", "duckdb", "pyarrow", "textual")
"""Packages whose versions matter when something behaves oddly."""


def describe(folder: Path) -> dict[str, Any]:
    """Facts about the machine, the installation and the terminal; `folder` names the disk."""
    return {
        "system": f"{platform.system()} {platform.release()} {platform.machine()}",
        "python": f"{platform.python_version()} at {sys.executable}",
        **{name: version(name) for name in PACKAGES},
        "cpu": f"{usable_cpus()} of {os.cpu_count()} cores{', AMX bf16' if has_amx() else ''}",
        "memory": _memory(),
        "gpus": gpus(),
        "disk": _disk(folder),
        "cache": _cache(),
        "terminal": _terminal(),
    }


def examine() -> list[dict[str, str]]:
    """What is wrong with the installation or the terminal, in the doctor's form."""
    findings = [
        _finding("error", f"{name} is not installed.", f"Install it: pip install {name}")
        for name in PACKAGES
        if version(name) is None
    ]
    encoding = (sys.stdout.encoding or "").lower().replace("-", "")
    if encoding != "utf8":
        findings.append(
            _finding("warning", f"Output is encoded as {encoding}.", "Set LANG=C.UTF-8.")
        )
    if sys.stdout.isatty():
        columns, rows = shutil.get_terminal_size()
        if columns < 80 or rows < 24:
            findings.append(
                _finding("warning", f"The terminal is {columns}×{rows}.", "Use 80×24 or more.")
            )
    return findings


def _finding(level: str, what: str, what_to_do: str) -> dict[str, str]:
    return {"level": level, "what": what, "where": "", "what_to_do": what_to_do}


def version(package: str) -> str | None:
    """Installed version of `package`, without importing it."""
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def usable_cpus() -> int:
    """Cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def has_amx() -> bool:
    """Whether the CPU multiplies bf16 matrices in hardware."""
    try:
        return " amx_bf16" in Path("/proc/cpuinfo").read_text(encoding="ascii", errors="replace")
    except OSError:
        return False


def gpus() -> list[str]:
    """Name and memory of every GPU that the driver knows."""
    ask = ["nvidia-smi", "--query-gpu=name,memory.total", "--format=csv,noheader"]
    try:
        told = subprocess.run(ask, capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        return []
    return [line.strip() for line in told.stdout.splitlines() if line.strip()]


def _memory() -> str | None:
    try:
        lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
        kib = {name: int(rest.split()[0]) for name, _, rest in (ln.partition(":") for ln in lines)}
        return f"{kib['MemAvailable'] / 2**20:.1f} of {kib['MemTotal'] / 2**20:.1f} GiB available"
    except (OSError, KeyError, ValueError, IndexError):
        return None


def _disk(folder: Path) -> str:
    usage = shutil.disk_usage(folder)
    return f"{usage.free / 2**30:.1f} of {usage.total / 2**30:.1f} GiB free at {folder}"


def _cache() -> str:
    from platformdirs import user_cache_path

    return str(user_cache_path("saetui"))


def _terminal() -> str:
    if not sys.stdout.isatty():
        return "none (output goes to a pipe or file)"
    columns, rows = shutil.get_terminal_size()
    colours = os.environ.get("COLORTERM") or "no COLORTERM"
    return f"{os.environ.get('TERM', 'unknown')}, {colours}, {columns}×{rows}"
