"""The overview: the grid, running jobs, next steps, and every key of each."""

from __future__ import annotations

from saetui.cli import main
from saetui.views.overview.grid import ModelGrid
from saetui.views.overview.steps import Known, State, next_steps
from store import Workspace
from tests import mapped, workspaces
from tests.driver import garden, planted_in

FIRST, SECOND, THIRD = workspaces.PROFILED


def grid(driver) -> ModelGrid:
    return driver.app.screen.query_one(ModelGrid)


async def test_the_grid_has_a_cell_for_every_dictionary_with_its_quality(workbench):
    async with workbench() as driver:
        text = driver.text("#overview-grid")
        for word in ("gpt2", "4 layers", "attn_out", "mlp_out", "resid_post", "L0", "L1", "L3"):
            assert word in text
        assert text.count(" topk-256-k8-s0") + text.count("▌topk-256-k8-s0") == 3
        assert "FVU .124" in text and "L0 8" in text
        assert "not profiled" in text


async def test_a_cell_tells_how_much_of_a_dictionary_is_known_and_how_old_it_is(workbench):
    async with workbench() as driver:
        text = driver.text("#overview-grid")
        assert "320 tok" in text and "0.78% labelled" in text
        assert f"Dictionaries · {FIRST}" in driver.screen()
        assert "400k tokens · 2 labelled · 0s old · CE recovered 97%" in driver.screen()
        assert grid(driver).current.created_at == workspaces.NOW


async def test_the_machine_tells_disk_and_devices(workbench):
    async with workbench() as driver:
        text = driver.text("#overview-machine")
        for words in ("workspace", "tables", "free of", "load 1.3 on 2 CPUs", "gpu        none"):
            assert words in text
        driver.view.show_pane(driver.view.query_one("#overview-machine"))
        await driver.press("y")
        assert "load 1.3" in driver.app.clipboard


def test_the_folders_of_a_workspace_are_measured_and_gpus_read(root):
    from saetui.machine import folders, parsed

    sizes = folders(root)
    assert sizes["jobs"] == sum(f.stat().st_size for f in (root / "jobs").rglob("*") if f.is_file())
    assert parsed("NVIDIA H100, PCIe, 37, 1024, 81559").busy == 0.37
    assert parsed("NVIDIA H100, [N/A], [N/A], [N/A]") is None


async def test_r_profiles_the_dictionary_under_the_cursor_where_nobody_has(workbench):
    async with workbench() as driver:
        await driver.press("G", "r")
        await driver.until(lambda: driver.app.screen.query("#form Input"))
        await driver.settle()
        assert driver.app.screen.typed == {"dictionaries": workspaces.UNPROFILED}


async def test_arrows_go_from_dictionary_to_dictionary(workbench):
    async with workbench() as driver:
        assert grid(driver).current.dictionary == FIRST
        await driver.press("j")
        assert grid(driver).current.dictionary == THIRD
        await driver.press("left")
        assert grid(driver).current.dictionary == SECOND
        await driver.press("right", "down")
        assert grid(driver).current.dictionary == workspaces.UNPROFILED
        await driver.press("k", "up", "up")
        assert grid(driver).current.dictionary == FIRST
        await driver.press("G")
        assert grid(driver).current.dictionary == workspaces.UNPROFILED
        await driver.press("g")
        assert grid(driver).current.dictionary == FIRST
        await driver.press("pagedown")
        assert grid(driver).current.dictionary == workspaces.UNPROFILED
        await driver.press("pageup", "end", "home")
        assert grid(driver).current.dictionary == FIRST


async def test_enter_opens_the_features_of_a_dictionary_and_back_returns(workbench):
    async with workbench() as driver:
        await driver.press("j", "enter")
        assert driver.view.NAME == "features"
        assert driver.rows("#features-list").dictionary == THIRD
        await driver.press("[")
        assert driver.view.NAME == "overview"
        await driver.press("]")
        assert driver.view.NAME == "features"


async def test_a_dictionary_without_features_says_what_makes_them(workbench):
    async with workbench() as driver:
        await driver.press("G", "enter")
        assert driver.rows("#features-list").dictionary == workspaces.UNPROFILED
        assert "not profiled yet" in driver.screen()


async def test_dictionaries_are_compared_side_by_side(workbench):
    async with workbench() as driver:
        await driver.press("space", "space")
        assert grid(driver).marked == {FIRST, SECOND} and "2 marked" in driver.screen()
        await driver.press("v")
        await driver.until(lambda: driver.app.screen.query("#compare"))
        await driver.settle()
        text = driver.text("#compare")
        assert "L2.attn_out" in text and "L1.resid_post" in text
        fvu = next(line for line in text.splitlines() if " fvu " in line)
        assert fvu.split()[-4:-1] == ["best", "0.124", "0.175"]
        await driver.press("y")
        assert driver.app.clipboard.startswith(f"\t{FIRST}\t{SECOND}\n")
        await driver.press("Y")
        assert "dictionary IN" in driver.app.clipboard
        await driver.press("enter")
        await driver.until(lambda: driver.view.NAME == "features")
        assert driver.rows("#features-list").dictionaries == (FIRST, SECOND)


async def test_what_was_evaluated_stands_side_by_side_too(workbench, root):
    for name, kl in ((FIRST, 0.25), (SECOND, 0.5)):
        workspaces.evaluate(Workspace(root), name, ("kl", kl, None), ("absorption", 0.125, None))
    async with workbench() as driver:
        await driver.press("space", "space", "v")
        await driver.until(lambda: driver.app.screen.query("#compare"))
        await driver.settle()
        lines = {
            line.split()[1]: line.split()[2:-1]
            for line in driver.text("#compare").splitlines()[2:-1]
        }
        assert lines["kl"] == ["best", "0.250", "0.500"]
        assert lines["absorption"] == ["12%", "12%"]  # none is better


async def test_without_marks_all_dictionaries_of_the_model_are_compared(workbench):
    async with workbench(size=(80, 24)) as driver:
        await driver.press("v")
        await driver.until(lambda: driver.app.screen.query("#compare"))
        await driver.settle()
        assert "labelled_share" in driver.screen() and "more do not fit" in driver.screen()
        await driver.press("escape")
        assert not driver.app.screen.query("#compare")


async def test_the_cursor_is_where_it_was_when_the_app_was_left(workbench):
    async with workbench() as driver:
        await driver.press("j")
        await driver.press("q")
    async with workbench() as driver:
        assert grid(driver).current.dictionary == THIRD


async def test_nothing_is_cut_where_an_id_is_long_or_the_screen_small(workbench):
    for size in ((160, 48), (100, 30), (80, 24)):
        async with workbench(size=size) as driver:
            driver.view.show_pane(grid(driver))  # the session before ended on another
            await driver.settle()
            assert FIRST in driver.screen()
            machine = driver.view.query_one("#overview-machine")
            driver.view.show_pane(machine)
            await driver.settle()
            assert "…" not in driver.text("#overview-machine")
            assert "free of" in driver.text("#overview-machine")


async def test_jobs_are_listed_with_the_live_ones_first(workbench):
    async with workbench() as driver:
        rows = driver.rows("#overview-jobs")
        assert [rows.row(at)[2] for at in range(2)] == ["running", "queued"]
        assert "● running" in driver.text("#overview-jobs")
        assert "✗ failed" in driver.text("#overview-jobs")
        await driver.press("tab")
        assert driver.focused == "overview-jobs"
        await driver.press("j", "y")
        assert driver.app.clipboard == "profile-2"
        await driver.press("Y", "enter")
        assert driver.view.NAME == "jobs"
        assert driver.rows("#jobs-table").current[0] == "profile-2"


async def test_next_steps_are_commands(workbench):
    async with workbench() as driver:
        await driver.press("tab", "tab")
        assert driver.focused == "overview-steps"
        await driver.press("y")
        assert driver.app.clipboard == f"saetui run profile dictionaries={workspaces.UNPROFILED}"
        await driver.press("enter")
        assert "dictionaries=tiny/L3" in driver.screen()
        await driver.press("escape")
        steps = driver.rows("#overview-steps")
        does = [row[1].split(" ")[1] for row in steps._whole]
        steps.cursor = does.index("dictionaries")
        await driver.press("enter")
        await driver.until(lambda: driver.app.screen.query("#compare"))
        await driver.press("escape")
        steps.cursor = does.index("features")
        await driver.press("enter")
        assert driver.view.NAME == "features"


async def test_y_and_shift_y_copy_the_id_and_the_query(workbench):
    async with workbench() as driver:
        await driver.press("y")
        assert driver.app.clipboard == FIRST
        await driver.press("Y")
        assert "FROM dictionaries" in driver.app.clipboard


async def test_an_empty_workspace_says_how_to_begin(workbench, tmp_path):
    empty = Workspace.create(tmp_path / "empty").root
    async with workbench(at=empty) as driver:
        screen = driver.screen()
        assert "No dictionaries yet" in screen
        assert "No job has run here" in screen
        assert "saetui run train_sae" in screen
        await driver.press("j", "k", "left", "right", "g", "G", "enter", "y")
        assert driver.view.NAME == "overview"


PROFILED = [
    Known(name, "tiny", f"hook {at}", "topk", 256) for at, name in enumerate(workspaces.PROFILED)
]
NAMES = ",".join(workspaces.PROFILED)


def commands(jobs=(), **holds) -> list[str]:
    state = State(**{"dictionaries": PROFILED, "profiled": workspaces.PROFILED, **holds})
    return [step.command for step in next_steps(state, jobs)]


def test_a_first_of_everything_is_suggested_once_there_are_features():
    assert commands()[:4] == [
        f"saetui run cluster dictionaries={workspaces.PROFILED[0]}",
        f"saetui run evaluate dictionaries={NAMES}",
        f"saetui run circuit task=agreement dictionaries={NAMES}",
        f"saetui run ablate density=0.02 dictionaries={NAMES}",
    ]
    assert not [command for command in commands(profiled=()) if "profile" not in command]


def test_what_is_there_is_looked_at_and_not_made_again():
    kinds = ("cluster", "evaluate", "circuit", "ablate")
    found = commands(worked_on={kind: set(workspaces.PROFILED) for kind in kinds}, labelled=1)
    assert found[0] == "saetui circuit" and 'saetui sql "FROM labels"' in found
    assert not [command for command in found if command.startswith("saetui run")]


def test_features_are_followed_where_a_hook_has_several_widths_and_clusters():
    wide = [PROFILED[0]._replace(dictionary=f"tiny/a/{width}", d_sae=width) for width in (512, 128)]
    names = [each.dictionary for each in wide]
    clustered = {"cluster": {names[0]}}
    split = "saetui run split dictionaries=tiny/a/128,tiny/a/512"
    assert split in commands(dictionaries=wide, profiled=names, worked_on=clustered)
    assert split not in commands(dictionaries=wide, profiled=names)
    assert split not in commands(
        dictionaries=wide, profiled=names, worked_on=clustered | {"split": {names[0]}}
    )


def test_what_a_job_works_on_now_is_not_suggested():
    from jobs.state import JobState

    running = JobState("cluster-1", "cluster", "running", 0.3, None, workspaces.NOW)
    assert not [command for command in commands([running]) if "cluster" in command]


def test_models_of_known_truth_and_crosscoders_are_in_no_circuit():
    truth = PROFILED[0]._replace(model="truth:induction")
    odd = [truth, PROFILED[1]._replace(architecture="crosscoder")]
    assert not [command for command in commands(dictionaries=odd) if "circuit" in command]


async def test_every_step_is_a_command_that_runs(workbench, made, monkeypatch):
    root = garden(planted_in(made.root, mapped.plant), monkeypatch)
    async with workbench(at=root) as driver:
        steps = [row[1] for row in driver.rows("#overview-steps")._whole]
    runs = [step.split(" ")[1:] for step in steps if step.startswith("saetui run")]
    assert {words[1] for words in runs} == {"profile", "evaluate", "circuit", "ablate"}
    for words in runs:
        assert main([*words, "--dry-run", "-w", str(root)]) == 0, words


def test_steps_mend_what_broke_before_they_suggest_anything_new():
    from jobs.state import JobState

    lost = JobState("profile-4", "profile", "lost", 0.3, None, workspaces.NOW)
    assert commands([lost])[:2] == [
        "saetui jobs logs profile-4",
        "saetui jobs resume profile-4",
    ]
