"""What the workbench looks like: pictures kept beside this file, compared character by character.

``SAETUI_UPDATE_SCREENS=1 pytest tests/screens`` draws them anew; look at them before committing.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import NamedTuple

import pytest
from textual.widgets import Input

from saetui import looks
from saetui.workbench import Workbench
from tests import mapped, traced
from tests.driver import Ablates, Reads, garden, planted_in

HERE = Path(__file__).parent
LARGE, SMALL = (160, 48), (80, 24)


class Walk(NamedTuple):
    """Pictures drawn on the way through a view."""

    view: str
    size: tuple[int, int]
    pictures: dict[str, tuple[str, ...]]
    """Name → the keys that lead to it from the one before."""


WALKS = (
    Walk("overview", LARGE, {"overview": ()}),
    Walk("overview", SMALL, {"overview-80x24": ()}),
    Walk("features", LARGE, {"features": ("j", "j"), "document": ("enter", "enter")}),
    Walk(
        "features",
        SMALL,
        {"features-80x24": ("j", "j"), "feature-80x24": ("enter",), "activations-80x24": ("tab",)},
    ),
    Walk("features", LARGE, {"keys": ("question_mark",)}),
    Walk("manifolds", LARGE, {"manifolds": ("j", "j", "j", "j")}),
    Walk("manifolds", SMALL, {"manifolds-80x24": ("j",)}),
    Walk("manifolds", SMALL, {"map-80x24": ("tab",)}),
    Walk("manifolds", SMALL, {"splits-80x24": ("shift+tab", *"jjjjjjj", "space")}),
    Walk("circuits", LARGE, {"circuits": ("greater_than_sign", "tab", "j", "j")}),
    Walk("circuits", SMALL, {"circuits-80x24": ("j",)}),
    Walk("circuits", SMALL, {"tree-80x24": ("tab", "j", "j")}),
    Walk("circuits", SMALL, {"faithfulness-80x24": ("shift+tab",)}),
    Walk("jobs", LARGE, {"jobs": ("G",)}),
    Walk("jobs", SMALL, {"jobs-80x24": (), "curves-80x24": ("j", "enter")}),
    Walk("jobs", LARGE, {"form": ("r", *"L2.resid_post", "down", "down")}),
    Walk("jobs", SMALL, {"form-80x24": ("r", *"L9.resid", "down")}),
    Walk("sql", LARGE, {"sql": ("j", "enter")}),
    Walk("sql", SMALL, {"sql-80x24": ("j", "enter")}),
)

MAIN = {
    "features": ("j", "j"),
    "manifolds": ("j", "j", "j", "j"),
    "circuits": ("greater_than_sign", "tab", "j", "j"),
}
"""The views that are drawn in every theme, with the keys that show most of them."""


@pytest.fixture
def showing(workbench, made, monkeypatch):
    """``async with showing("circuits") as driver``: a view that has something to show."""
    plants = {"manifolds": mapped.plant, "circuits": traced.plant}

    def opened(view, **manner):
        if view in plants:
            manner["at"] = garden(planted_in(made.root, plants[view]), monkeypatch)
        return workbench(view, **manner)

    return opened


@pytest.fixture
def still(monkeypatch):
    """Nothing on the screen goes by the clock."""
    monkeypatch.setattr(Input, "_toggle_cursor", lambda self: None)  # it would blink
    monkeypatch.setattr(Workbench, "seconds_since", lambda self, begun: 0.01)


@pytest.mark.parametrize("walk", WALKS, ids=lambda walk: next(iter(walk.pictures)))
async def test_the_screen_is_as_it_was(showing, still, tmp_path, walk):
    async with showing(walk.view, size=walk.size) as driver:
        for name, keys in walk.pictures.items():
            await driver.press(*keys)
            compare(name, picture(driver.app), tmp_path)


@pytest.mark.parametrize(
    ("size", "suffix"), [(LARGE, ""), (SMALL, "-80x24")], ids=["large", "small"]
)
@pytest.mark.parametrize("view", MAIN)
async def test_it_is_as_it_was_in_every_theme(showing, still, tmp_path, view, size, suffix):
    async with showing(view, size=size) as driver:
        await driver.press(*MAIN[view])
        for theme in looks.names():
            if theme != looks.DEFAULT:
                driver.app.theme = f"saetui-{theme}"
                await driver.settle()
                compare(f"{view}-{theme}{suffix}", picture(driver.app), tmp_path)


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
