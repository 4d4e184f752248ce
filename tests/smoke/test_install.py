"""What ``pip install .`` puts on a machine: every module, themes and styles included."""

from __future__ import annotations

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ROOMS = ("saetui", "jobs", "store", "themes")


@pytest.mark.slow
def test_the_wheel_holds_all_of_the_four_rooms_and_nothing_else(tmp_path: Path) -> None:
    # Built from a copy: setuptools leaves a build/ folder behind, and installs from it later.
    tree = tmp_path / "tree"
    for room in ROOMS:
        shutil.copytree(ROOT / room, tree / room, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, tree)
    build = [sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "-w", tmp_path, tree]
    subprocess.run([str(word) for word in build], check=True, timeout=300)
    (wheel,) = tmp_path.glob("saetui-*.whl")
    inside = {name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name}
    ours = {
        path.relative_to(ROOT).as_posix()
        for room in ROOMS
        for path in (ROOT / room).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }
    assert inside == ours
