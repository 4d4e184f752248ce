"""The real program in a real terminal: tmux draws it, types into it and reads its screen."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests import workspaces

SAETUI = f"{sys.executable} -m saetui"
ROOT = Path(__file__).parents[2]

if shutil.which("tmux") is None:
    warnings.warn("tmux is not installed: NO smoke test of the terminal is run", stacklevel=1)

pytestmark = [
    pytest.mark.tmux,
    pytest.mark.skipif(
        shutil.which("tmux") is None, reason="TMUX IS NOT INSTALLED, nothing is tested"
    ),
]


class Terminal:
    """A tmux server of this test's own, with one window."""

    def __init__(self, socket: Path) -> None:
        self.socket = socket

    def tmux(self, *args: str) -> str:
        told = subprocess.run(
            ["tmux", "-S", str(self.socket), "-f", "/dev/null", *args],
            capture_output=True, text=True, timeout=120, check=True,
        )  # fmt: skip
        return told.stdout

    def type(self, *keys: str) -> None:
        self.tmux("send-keys", "-t", "t", *keys)

    def screen(self) -> str:
        return self.tmux("capture-pane", "-p", "-t", "t")

    def until(self, shown: str | Callable[[str], object], seconds: float = 120) -> str:
        """The screen as soon as it matches a pattern, or meets a condition."""
        meets = shown if callable(shown) else re.compile(shown).search
        deadline = time.monotonic() + seconds
        while not meets(screen := self.screen()):
            assert time.monotonic() < deadline, f"{shown} never came; the screen is\n{screen}"
            time.sleep(0.05)
        return screen


@pytest.fixture
def terminal(tmp_path: Path) -> Iterator[Terminal]:
    """A terminal of 120×36 with a shell in an empty folder."""
    opened = Terminal(tmp_path / "tmux")
    here = tmp_path / "here"
    here.mkdir()
    env = {"TEXTUAL_ANIMATIONS": "none", "COLORTERM": "truecolor", "PYTHONPATH": str(ROOT)}
    env |= {"LC_ALL": "C.UTF-8", "XDG_STATE_HOME": str(tmp_path / "state")}
    words = [word for name, value in env.items() for word in ("-e", f"{name}={value}")]
    opened.tmux("new-session", "-d", "-s", "t", "-x", "120", "-y", "36", "-c", str(here), *words,
                "env -u SAETUI_WORKSPACE -u COLUMNS -u LINES sh")  # fmt: skip
    opened.until(r"[$#]")
    yield opened
    subprocess.run(["tmux", "-S", str(opened.socket), "kill-server"], check=False)


ASKED = r"\[Y\s*/\s*n\s*\]"
"""Where the path of the workspace is long the question goes on in the next line."""


def test_opens_walks_the_views_and_leaves_the_shell_as_it_was(
    terminal: Terminal, tmp_path: Path
) -> None:
    root = workspaces.make(tmp_path / "garden", documents=32).root
    terminal.type(f"{SAETUI} {root}; echo status=$?", "Enter")
    terminal.until("L2.*resid_post|resid_post")
    terminal.type("2", "f", "7", "Enter")  # faster than the view opens
    terminal.until("plural nouns")
    terminal.type("5")
    terminal.until("train_sae-1")
    terminal.type("6")
    terminal.until("SELECT|SQL")
    terminal.type("1")
    terminal.until("resid_post")
    assert "Traceback" not in terminal.screen()
    terminal.type("q")
    terminal.until("status=0")


def test_offers_to_make_a_workspace_and_opens_it(terminal: Terminal, tmp_path: Path) -> None:
    terminal.type(f"{SAETUI} ./new; echo status=$?", "Enter")
    terminal.until(ASKED)
    terminal.type("n", "Enter")
    terminal.until("status=0")
    assert not (tmp_path / "here" / "new").exists()

    terminal.type("clear", "Enter")
    terminal.until(lambda screen: "status=" not in screen)
    terminal.type(f"{SAETUI} ./new; echo status=$?", "Enter")
    terminal.until(ASKED)
    terminal.type("y", "Enter")
    terminal.until("Overview.*Features")
    assert (tmp_path / "here" / "new" / "workspace.toml").is_file()
    terminal.type("q")
    terminal.until("status=0")


def test_a_small_terminal_is_enough(terminal: Terminal, tmp_path: Path) -> None:
    root = workspaces.make(tmp_path / "garden", documents=16, jobs=False).root
    terminal.tmux("resize-window", "-t", "t", "-x", "80", "-y", "24")
    terminal.type(f"{SAETUI} --workspace {root} open --ssh; echo status=$?", "Enter")
    terminal.until("resid_post")
    assert os.path.basename(root) in terminal.screen()
    terminal.type("q")
    terminal.until("status=0")


@pytest.mark.parametrize("term", ["screen-256color", "tmux-256color"])
def test_over_ssh_256_colours_are_all_that_is_asked_for(
    terminal: Terminal, tmp_path: Path, term: str
) -> None:
    root = workspaces.make(tmp_path / "garden", documents=16, jobs=False).root
    sent = tmp_path / "sent"
    terminal.tmux("pipe-pane", "-t", "t", f"cat > {sent}")
    plain = f"env -u COLORTERM TERM={term}"
    terminal.type(f"{plain} {SAETUI} --workspace {root} open --ssh; echo status=$?", "Enter")
    terminal.until("resid_post")
    for key, shown in (("2", "density"), ("6", "SELECT|SQL"), ("?", "finds them by name")):
        terminal.type(key)
        terminal.until(shown)
    terminal.type("Escape")
    terminal.until(lambda screen: "finds them by name" not in screen)
    terminal.type("q")
    terminal.until("status=0")
    drawn = sent.read_bytes()
    assert re.search(rb"\x1b\[[0-9;]*[34]8;5;", drawn), "colours are drawn"
    assert not re.search(rb"[;\[][34]8;2;", drawn), "none of them is a truecolour"
