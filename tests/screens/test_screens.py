"""What the workbench looks like: pictures kept beside this file, compared character by character.

``SAETUI_UPDATE_SCREENS=1 pytest tests/screens`` draws them anew; look at them before committing.
"""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path
from typing import NamedTuple

import pytest
from textual.widgets import Input

from saetui import looks
from saetui.workbench import Workbench
from store import Workspace
from tests import mapped, traced
from tests.driver import Ablates, Reads, garden

HERE = Path(__file__).parent
LARGE, SMALL = (160, 48), (80, 24)


class Screen(NamedTuple):
    """One picture."""

    name: str
    view: str
    size: tuple[int, int]
    keys: tuple[str, ...] = ()
    theme: str = "dark"


MAIN = {
    "features": ("j", "j"),
    "manifolds": ("j", "j", "j", "j"),
    "circuits": ("greater_than_sign", "tab", "j", "j"),
}
"""The views that are drawn in every theme, with the keys that show most of them."""

SCREENS = (
    Screen("overview", "overview", LARGE),
    Screen("overview-80x24", "overview", SMALL),
    Screen("features", "features", LARGE, ("j", "j")),
    Screen("features-80x24", "features", SMALL, ("j", "j")),
    Screen("feature-80x24", "features", SMALL, ("j", "j", "enter")),
    Screen("activations-80x24", "features", SMALL, ("j", "j", "enter", "tab")),
    Screen("manifolds", "manifolds", LARGE, ("j", "j", "j", "j")),
    Screen("manifolds-80x24", "manifolds", SMALL, ("j",)),
    Screen("map-80x24", "manifolds", SMALL, ("tab",)),
    Screen("splits-80x24", "manifolds", SMALL, ("shift+tab", *"jjjjjjj", "space")),
    Screen("circuits", "circuits", LARGE, ("greater_than_sign", "tab", "j", "j")),
    Screen("circuits-80x24", "circuits", SMALL, ("j",)),
    Screen("tree-80x24", "circuits", SMALL, ("tab", "j", "j")),
    Screen("faithfulness-80x24", "circuits", SMALL, ("shift+tab",)),
    Screen("jobs", "jobs", LARGE, ("G",)),
    Screen("jobs-80x24", "jobs", SMALL),
    Screen("curves-80x24", "jobs", SMALL, ("j", "enter")),
    Screen("form", "jobs", LARGE, ("r", *"L2.resid_post", "down", "down")),
    Screen("form-80x24", "jobs", SMALL, ("r", *"L9.resid", "down")),
    Screen("sql", "sql", LARGE, ("j", "enter")),
    Screen("sql-80x24", "sql", SMALL, ("j", "enter")),
    Screen("keys", "features", LARGE, ("question_mark",)),
    Screen("document", "features", LARGE, ("j", "j", "enter", "enter")),
    *(
        Screen(f"{view}-{theme}{suffix}", view, size, MAIN[view], theme)
        for view in MAIN
        for theme in looks.names()
        if theme != looks.DEFAULT
        for suffix, size in (("", LARGE), ("-80x24", SMALL))
    ),
)


@pytest.fixture(scope="module")
def planted(made, tmp_path_factory):
    """Workspaces with clusters and with circuits in them, by the view that shows those."""
    roots = {}
    for view, plant in (("manifolds", mapped.plant), ("circuits", traced.plant)):
        roots[view] = shutil.copytree(made.root, tmp_path_factory.mktemp(view) / "garden")
        plant(Workspace(roots[view]))
    return roots


@pytest.fixture
def showing(workbench, planted, tmp_path, monkeypatch):
    """``async with showing("circuits") as driver``: a view that has something to show."""

    def opened(view, **manner):
        if view in planted:
            manner["at"] = garden(planted[view], tmp_path / view, monkeypatch)
        return workbench(view, **manner)

    return opened


@pytest.mark.parametrize("screen", SCREENS, ids=lambda screen: screen.name)
async def test_the_screen_is_as_it_was(showing, monkeypatch, tmp_path, screen):
    monkeypatch.setattr(Input, "_toggle_cursor", lambda self: None)  # it would blink by the clock
    monkeypatch.setattr(Workbench, "seconds_since", lambda self, begun: 0.01)
    async with showing(screen.view, size=screen.size) as driver:
        driver.app.theme = f"saetui-{screen.theme}"
        await driver.settle()
        await driver.press(*screen.keys)
        drawn = picture(driver.app)
    compare(screen.name, drawn, tmp_path)


def compare(name: str, drawn: str, tmp_path: Path) -> None:
    """Holds a picture against the one that is kept."""
    kept = HERE / f"{name}.svg"
    if os.environ.get("SAETUI_UPDATE_SCREENS"):
        kept.write_text(drawn, encoding="utf-8")
    assert kept.exists(), f"{kept.name} was never drawn; see this file's first lines"
    if drawn != kept.read_text(encoding="utf-8"):
        seen = tmp_path / kept.name
        seen.write_text(drawn, encoding="utf-8")
        pytest.fail(f"{name} looks different: compare {seen} with {kept}")


@pytest.mark.parametrize(("name", "size"), [("prompt", LARGE), ("prompt-80x24", SMALL)])
async def test_the_prompt_is_as_it_was(workbench, monkeypatch, tmp_path, name, size):
    monkeypatch.setattr("jobs.prompt.warm.WarmModel", lambda *_: Reads())
    async with workbench("features", size=size) as driver:
        await driver.press("p")
        await driver.type("the king sees a bird near the old garden")
        await driver.press("enter")
        await driver.until(lambda: "Fires on token" in driver.screen())
        await driver.settle()
        await driver.press("left", "left")
        drawn = picture(driver.app)
    compare(name, drawn, tmp_path)


async def test_two_circuits_compared_are_as_they_were(showing, tmp_path):
    async with showing("circuits") as driver:
        await driver.press("space", "j", "j", "space", "v")
        await driver.until(lambda: "only in B" in driver.screen())
        await driver.settle()
        drawn = picture(driver.app)
    compare("circuits-compared", drawn, tmp_path)


@pytest.mark.parametrize(("name", "size"), [("ablate", LARGE), ("ablate-80x24", SMALL)])
async def test_an_ablation_is_as_it_was(showing, monkeypatch, tmp_path, name, size):
    monkeypatch.setattr("jobs.prompt.warm.WarmModel", lambda *_: Ablates())
    monkeypatch.setattr("jobs.prompt.trial.reader_of", lambda *_: ("tiny", None, "auto"))
    monkeypatch.setattr(Input, "_toggle_cursor", lambda self: None)
    async with showing("circuits", size=size) as driver:
        await driver.press("tab", "j", "space", "space", "a")
        await driver.until(lambda: "ablated (resample)" in driver.screen())
        await driver.settle()
        drawn = picture(driver.app)
    compare(name, drawn, tmp_path)


def picture(app: Workbench) -> str:
    """The screen as SVG, in whatever fixed-width font the viewer has: nothing is fetched."""
    svg = app.export_screenshot(title="saetui", simplify=True)
    svg = re.sub(r"@font-face\s*{[^}]*}", "", svg)
    svg = re.sub(r"font-family:[^;]+;", "font-family: DejaVu Sans Mono, Menlo, monospace;", svg)
    return re.sub(r"terminal-\d+", "terminal", re.sub(r"\n\s*\n+", "\n", svg)) + "\n"
