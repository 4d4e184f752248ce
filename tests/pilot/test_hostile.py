"""Text that tries to take over the terminal is shown, not obeyed."""

from __future__ import annotations

import json

import pytest
from rich.cells import cell_len
from textual.events import Paste

from saetui.views.sql.editor import Editor
from store import Workspace
from tests import mapped, traced, workspaces
from tests.driver import garden, planted_in

HOSTILE = (
    "\x1b[2J\x1b[31mred",
    "\x1b]52;c;aGk=\x07",
    "[bold red]markup[/] [@click=app.quit]x[/]",
    "\u202eright to left",
    "zero\u200bwidth\u2060",
    "日本語 emoji 👩‍👩‍👧 ́combining",
    "x" * 100_000,
    "\r\n\t\x00\x9b",
)


def drawn(driver) -> list[str]:
    lines = driver.app.screen._compositor.render_strips()
    return ["".join(segment.text for segment in line) for line in lines]


def safe(driver) -> None:
    """Every line is as wide as the screen, and holds no control character."""
    for line in drawn(driver):
        assert cell_len(line) == driver.app.size.width, line
        assert not any(ord(c) < 32 or 0x7F <= ord(c) < 0xA0 for c in line), repr(line)


async def test_a_hostile_label_and_its_tokens_are_shown_as_they_are(workbench):
    async with workbench("features") as driver:
        await driver.press("f")
        await driver.type(str(workspaces.HOSTILE))
        await driver.press("enter")
        text = driver.screen()
        assert "[red]bold[/] ␛[2J" in text
        safe(driver)


async def test_hostile_text_in_results_labels_and_logs(workbench, root):
    with open(root / "jobs/train_sae-3/log.txt", "a", errors="replace") as file:
        file.write("\n".join(HOSTILE) + "\n")
    for number, text in enumerate(HOSTILE):
        values = {"at": 1.0, "attempt": 1, "said": [text]}
        line = values | {"metrics": {text: {text: 1.0, "step": 1}}}
        with open(root / "jobs/train_sae-3/events.jsonl", "a") as file:
            file.write(json.dumps(line) + "\n")
        Workspace(root).label(workspaces.PROFILED[0], 140 + number, text[:500], None)
    async with workbench("features") as driver:
        for _ in HOSTILE:
            safe(driver)
            await driver.press("n")
        await driver.press("slash")
        await driver.type("labelled")
        safe(driver)
        await driver.press("enter", "5", "j", "tab", "tab", "G")
        safe(driver)
        await driver.press("6")
        driver.app.screen.query_one(Editor).text = "SELECT label, 1 AS one FROM labels"
        await driver.press("f5")
        safe(driver)
        await driver.press("y")


@pytest.mark.parametrize("size", [(160, 48), (80, 24)], ids=["large", "small"])
async def test_hostile_clusters_and_tokens_are_drawn_inert_in_every_pane(
    workbench, made, monkeypatch, size
):
    root = garden(planted_in(made.root, mapped.plant, hostile=True), monkeypatch)
    async with workbench("manifolds", size=size, at=root) as driver:
        for _ in range(3):
            for _ in driver.view.panes:
                safe(driver)
                await driver.press("tab")
            await driver.press("n")
        await driver.press("enter")
        assert "[red]colours[/] ␛[2J⇄gone" in driver.screen()
        assert "␛[31mred" in driver.screen()
        safe(driver)


@pytest.mark.parametrize("size", [(160, 48), (80, 24)], ids=["large", "small"])
async def test_hostile_circuits_are_drawn_inert_in_every_pane(workbench, made, monkeypatch, size):
    root = garden(planted_in(made.root, traced.plant, hostile=True), monkeypatch)
    async with workbench("circuits", size=size, at=root) as driver:
        for _ in range(2):
            for _ in driver.view.panes:
                safe(driver)
                await driver.press("tab", "greater_than_sign")
            await driver.press("N")
        await driver.press("v")
        await driver.until(lambda: " · B agreement-" in driver.screen())
        safe(driver)
        await driver.press("escape")
        assert "␛[2Jioi[/b]⇄" in driver.screen() or size == (80, 24)
        safe(driver)


async def test_a_workspace_with_a_hostile_name_and_job_is_drawn_inert(workbench, root):
    (root / "workspace.toml").write_text('name = "[b]x\\u001b[2J"\nformat = 1\n')
    state = json.loads((root / "jobs/train_sae-2/state.json").read_text())
    state |= {"error": "[red]no[/] \x1b[2J", "host": "[b]h", "device": "\x1b[0m"}
    (root / "jobs/train_sae-2/state.json").write_text(json.dumps(state))
    async with workbench("jobs") as driver:
        await driver.press("j", "j", "j")
        assert "[red]no[/] ␛[2J" in driver.screen()
        assert "[b]x␛[2J" in driver.screen()
        safe(driver)
        await driver.press("e")  # the form, with what the job was asked
        safe(driver)
        await driver.press("escape", "1")
        assert "[b]x␛[2J" in driver.screen()
        for _ in driver.view.panes:
            safe(driver)
            await driver.press("tab")
        await driver.press("space", "right", "space", "v")  # two dictionaries side by side
        safe(driver)


@pytest.mark.parametrize("keys", [("6", "tab"), ("2", "slash"), ("6", "h"), ("r",)], ids=" ".join)
async def test_what_is_pasted_is_drawn_inert(workbench, keys):
    async with workbench() as driver:
        await driver.press(*keys)
        before = driver.screen()
        for text in HOSTILE:
            driver.app.screen.post_message(Paste(text[:3000]))
            await driver.settle()
            safe(driver)
        assert driver.screen() != before
