"""The face and the memory stay light: what a process of theirs must never have loaded.

They are looked at in processes of their own, because this one has loaded everything already.
"""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from store import Workspace

ROOT = Path(__file__).parents[1]
HEAVY = ("torch", "transformer_lens", "transformers", "sklearn", "scipy", "pandas", "datasets")
SLOW_TO_START = ("duckdb", "pyarrow", "polars", "numpy")
"""What only a query needs: not before the first frame."""


def loaded(code: str, names: tuple[str, ...]) -> list[str]:
    """Which of `names` are imported after `code` ran in a new process."""
    report = f"import sys; print([name for name in {names!r} if name in sys.modules])"
    told = subprocess.run(
        [sys.executable, "-c", f"{code}\n{report}"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=ROOT,
    )
    assert told.returncode == 0, told.stderr
    return list(ast.literal_eval(told.stdout.splitlines()[-1]))


LIGHT = (
    "store",
    "jobs",
    "jobs.state",
    "jobs.supervisor",
    "jobs.specs",
    "jobs.queue",
    "jobs.pipeline",
    "saetui",
    "saetui.cli",
    "saetui.demo",
    "saetui.app",
    "saetui.workbench",
)


IN_TURN = """
import sys
from importlib import import_module

for name in {names}:
    import_module(name)
    found = {{*sys.modules}} & {{*{heavy}}}
    assert not found, f"{{name}} loads {{found}}"
"""


def test_importing_is_light() -> None:
    heavy = HEAVY + SLOW_TO_START
    assert loaded(IN_TURN.format(names=LIGHT, heavy=heavy), heavy) == []


def test_every_command_imports_without_anything_heavy() -> None:
    code = "from importlib import import_module; from saetui.cli.root import COMMANDS\n"
    code += "for name in COMMANDS: import_module(f'saetui.cli.{name}')"
    assert loaded(code, HEAVY + SLOW_TO_START + ("textual", "pydantic", "rich")) == []


@pytest.mark.parametrize(
    "query",
    [
        "SELECT now() AS t, 1.5 AS x, [1] AS l, DATE '2026-01-01' AS d, {'a': 1} AS s",
        "SELECT 3::HUGEINT AS h, '1'::JSON AS j, INTERVAL 1 DAY AS i, uuid() AS u",
    ],
)
def test_a_query_on_the_command_line_loads_no_pandas(query: str, tmp_path: Path) -> None:
    Workspace.create(tmp_path / "ws")
    where = str(tmp_path / "ws")
    line = ["sql", "-w", where, query, "--format", "json"]
    assert loaded(f"from saetui.cli import main; main({line!r}); print()", HEAVY) == []


OPEN = """
import asyncio
from pathlib import Path
from saetui.workbench import Workbench

async def look():
    workbench = Workbench(Path({root!r}))
    async with workbench.run_test(size=(160, 48)) as pilot:
        for key in "123561":
            await pilot.press(key)
            await pilot.pause(0.2)

asyncio.run(look())
"""


@pytest.mark.parametrize("filled", [False, True], ids=["empty", "filled"])
def test_the_open_workbench_is_light(filled: bool, tmp_path: Path) -> None:
    from tests import workspaces

    root = tmp_path / "ws"
    workspaces.make(root, documents=16) if filled else Workspace.create(root)
    assert loaded(OPEN.format(root=str(root)), HEAVY) == []
