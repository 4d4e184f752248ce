"""The frame: views, status, help, palette, prompts, themes, sizes, quitting."""

from __future__ import annotations

import pytest
from textual._compositor import Compositor

from saetui import looks
from saetui.views import entries
from saetui.workbench import Workbench
from tests import workspaces
from tests.driver import Driver


async def test_digits_open_the_views_that_are_there(workbench):
    async with workbench() as driver:
        for entry in (*entries()[1:], entries()[0]):
            await driver.press(entry.key)
            assert entry.name == driver.view.NAME
            driver.view.show_pane(driver.view.panes[0])


@pytest.mark.parametrize("view", [entry.name for entry in entries() if entry.name != "features"])
async def test_keys_typed_while_a_view_opens_are_meant_for_it(workbench, view):
    async with workbench(view) as driver:
        driver.view.show_pane(driver.view.panes[0])  # none in which digits are text
        await driver.type("2f17")
        await driver.press("enter")
        assert driver.view.here.target.endswith("#17")


async def test_keys_typed_before_the_first_frame_wait_for_it(root):
    app = Workbench(root)
    async with app.run_test() as pilot:
        driver = Driver(app, pilot)
        await driver.type("2f17")
        await driver.press("enter")
        assert driver.view.here.target.endswith("#17")


async def test_a_click_on_a_tab_opens_its_view(workbench):
    async with workbench() as driver:
        bar = driver.text("TopBar")
        await driver.pilot.click("TopBar", offset=(bar.index("5 Jobs") + 1, 0))
        await driver.settle()
        assert driver.view.NAME == "jobs"


async def test_the_status_tells_workspace_jobs_and_device(workbench):
    async with workbench() as driver:
        bar = driver.text("TopBar")
        for word in ("garden", "● 1 running", "train_sae-3 43%", "○ 1 queued", "cpu"):
            assert word in bar


async def test_the_job_in_the_status_is_a_link(workbench):
    async with workbench() as driver:
        await driver.press("W")
        assert driver.view.here.target == "train_sae-3"
        await driver.press("[")
        at = driver.text("TopBar").index("train_sae-3")
        await driver.pilot.click("TopBar", offset=(at + 2, 0))
        await driver.settle()
        assert driver.view.here.target == "train_sae-3"


async def test_question_mark_shows_every_key_that_does_something(workbench):
    async with workbench("features", size=(160, 64)) as driver:  # so that all are seen at once
        expected = {
            active.binding.description
            for active in driver.app.screen.active_bindings.values()
            if active.binding.id and active.binding.description and active.enabled
        }
        await driver.press("question_mark")
        text = driver.text(".box")
        for description in expected:
            assert description in text
        await driver.press("escape")
        assert driver.focused == "features-list"


async def test_the_palette_runs_what_applies_here(workbench):
    async with workbench("features") as driver:
        await driver.press("ctrl+p")
        await driver.type("reverse")
        await driver.until(lambda: "Reverse" in driver.screen())
        await driver.press("down", "enter")
        await driver.until(lambda: driver.rows("#features-list").reverse)


def last_line(driver) -> str:
    return driver.screen().splitlines()[-1]


@pytest.mark.parametrize(
    ("keys", "does", "out"),
    [
        (("question_mark",), (), "esc close"),
        (("ctrl+p",), ("↑ ↓ choose", "↵ do it"), "esc close"),
        (("r",), ("ctrl+j submit",), "esc leave"),
        (("d",), ("space mark", "a mark all or none", "↵ open"), "esc close"),
        (("slash",), ("filter", "↵ take it"), "esc leave"),
    ],
    ids=["help", "palette", "form", "choice", "prompt"],
)
async def test_the_last_line_has_the_keys_of_what_lies_over_the_view(workbench, keys, does, out):
    async with workbench("features") as driver:
        before = last_line(driver)
        assert "s sort" in before and before.endswith("q quit")
        await driver.press(*keys)
        await driver.until(lambda: last_line(driver).rstrip().endswith(out))
        over = last_line(driver)
        assert all(each in over for each in does)
        assert "sort" not in over and "quit" not in over
        await driver.press("escape")
        await driver.until(lambda: last_line(driver) == before)


async def test_the_focus_draws_the_panes_that_it_leaves_and_enters(workbench, monkeypatch):
    """Textual draws the whole terminal by itself, and styles each widget that holds a pane."""
    async with workbench("features") as driver:
        await driver.press("tab")
        drawn, draw = [], Compositor.update_widgets

        def noted(self, widgets):
            drawn.extend(widget.id for widget in widgets)
            draw(self, widgets)

        monkeypatch.setattr(Compositor, "update_widgets", noted)
        await driver.press("tab")
        assert {"features-summary", "features-contexts"} <= set(drawn)
        assert not {"_default", "features-list"} & set(drawn)


async def test_there_is_no_place_before_the_first(workbench):
    async with workbench() as driver:
        await driver.press("[")
        assert "no place before" in driver.screen()
        await driver.press("]")
        assert driver.view.NAME == "overview"


async def test_quitting_says_which_jobs_go_on(workbench, monkeypatch):
    async with workbench() as driver:
        said: list[str] = []
        leave = driver.app.exit
        monkeypatch.setattr(driver.app, "exit", lambda message=None: said.append(message))
        await driver.press("q")
        assert "2 jobs go on: profile-2, train_sae-3" in said[0]
        monkeypatch.setattr(driver.app, "exit", leave)


async def test_every_theme_draws_every_view(workbench):
    async with workbench() as driver:
        for theme in looks.names():
            driver.app.theme = f"saetui-{theme}"
            for entry in entries():
                await driver.app.action_show(entry.name)
                await driver.settle()
                assert entry.title in driver.screen(), f"{entry.title} in {theme}"
                assert driver.app.current_theme.name == f"saetui-{theme}"


@pytest.mark.parametrize("size", [(80, 24), (40, 10), (20, 5), (3, 2), (300, 90)])
async def test_no_size_is_too_small_or_too_large(workbench, size):
    async with workbench(size=size) as driver:
        for entry in entries():
            await driver.app.action_show(entry.name)
            await driver.settle()
            driver.view.show_pane(driver.view.panes[0])
            await driver.press("j", "tab", "tab", "z", "z", "escape")
        await driver.pilot.resize_terminal(100, 30)
        await driver.settle()
        await driver.pilot.resize_terminal(*size)
        await driver.settle()


async def test_tables_that_vanish_under_the_app_leave_it_standing(workbench, root):
    import shutil

    async with workbench("features") as driver:
        shutil.rmtree(root / "tables")
        await driver.press("j", "j", "s", "d", "escape", "n")
        driver.app.refresh_tables()
        await driver.settle()
        for entry in entries():
            await driver.app.action_show(entry.name)
            await driver.settle()
        assert "Traceback" not in driver.screen()


@pytest.mark.parametrize("harm", ["deleted", "truncated", "flipped"])
async def test_a_part_damaged_under_the_app_is_left_out_and_the_rest_goes_on(workbench, root, harm):
    """The open list holds a view over the part: the query that meets it is asked again without."""
    async with workbench("features") as driver:
        (part,) = root.glob("tables/top_activations/*L1.resid_post*/part-*.parquet")
        content = bytearray(part.read_bytes())
        if harm == "deleted":
            part.unlink()
        elif harm == "truncated":
            part.write_bytes(content[: len(content) // 2])
        else:
            content[4:-300] = bytes(len(content) - 304)
            part.write_bytes(content)
        count = "SELECT count(*) FROM top_activations"
        ((rows,),) = await driver.app.database.rows(f"{count} WHERE dictionary LIKE '%L1.resid%'")
        assert rows == 0
        ((rows,),) = await driver.app.database.rows(f"{count} WHERE dictionary LIKE '%L2.resid%'")
        assert rows > 0
        await driver.press("j", "j")
        assert "Traceback" not in driver.screen()


async def test_new_tables_appear_by_themselves(workbench, root):
    from store import Workspace

    async with workbench("features") as driver:
        assert driver.rows("#features-list").count == workspaces.WIDTH
        import shutil

        for table in (root / "tables").iterdir():
            for run in table.glob("*L1.resid_post*"):
                shutil.rmtree(run)
        assert Workspace(root).sql("FROM features").fetchall()
        driver.app.refresh_tables()
        await driver.until(lambda: driver.rows("#features-list").count == 0)


async def test_bindings_have_ids_and_no_two_keys_of_one_pane_clash():
    from saetui.views.base import View
    from saetui.workbench import Workbench

    for cls in (Workbench, View):
        assert all(binding.id for binding in cls.BINDINGS)
