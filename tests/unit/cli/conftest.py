"""A command line as a function: ``saetui("jobs", "--json")`` → status, stdout, stderr."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from saetui.cli import main
from tests import connected, workspaces


class Ended(NamedTuple):
    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


Saetui = Callable[..., Ended]


@pytest.fixture
def saetui(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Saetui:
    """Runs a command line in a folder that is no workspace."""
    monkeypatch.delenv("SAETUI_WORKSPACE", raising=False)
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "state"))
    here = tmp_path / "here"
    here.mkdir()
    monkeypatch.chdir(here)

    def call(*args: object) -> Ended:
        capsys.readouterr()
        status = main([str(arg) for arg in args])
        return Ended(status, *capsys.readouterr())

    return call


@pytest.fixture(scope="session")
def garden(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A workspace with dictionaries, features and jobs; tests only read it."""
    return connected.once(workspaces.make(tmp_path_factory.mktemp("cli") / "garden").root)
