"""View 3: clusters, their map, the page of one, and how features split."""

from __future__ import annotations

import shutil
from datetime import timedelta

import pytest

from saetui.views.manifolds.fires import Fires
from saetui.views.manifolds.map import Map
from saetui.views.manifolds.plane import Plane
from store import Workspace
from tests import mapped, workspaces
from tests.driver import garden, planted_in

CLUSTERS, MEMBERS, SPLITS = "#manifolds-clusters", "#manifolds-members", "#manifolds-splits"
SUMMARY, MAP, PLANE, FIRES = (
    "#manifolds-summary",
    "#manifolds-map",
    "#manifolds-plane",
    "#manifolds-fires",
)


@pytest.fixture
def planted(made):
    """The synthetic workspace with clusters and splits in it."""
    return planted_in(made.root, mapped.plant)


@pytest.fixture
def root(planted, monkeypatch):
    return garden(planted, monkeypatch)


def shown_map(driver) -> Map:
    return driver.app.screen.query_one(Map)


async def go_to(driver, pane: str) -> None:
    """Presses tab until `pane` is the current one."""
    for _ in range(8):
        if f"#{driver.focused}" == pane:
            return
        await driver.press("tab")
    raise AssertionError(f"tab never reached {pane}: {driver.focused}")


# The list


async def test_the_newest_run_is_listed_with_each_figure_beside_chance(workbench):
    async with workbench("features") as driver:
        await driver.press("3")
        listed = driver.text(CLUSTERS)
        assert "● 0" in listed and "plural nouns" in listed
        assert "0.62" in listed and "0.19" in listed
        assert "○ 2" in listed and "not significant" in listed
        assert "5 significant" in driver.screen() and "3.40 by chance" in driver.screen()


async def test_sorting_goes_through_every_sort_and_s_reverses(workbench):
    async with workbench("manifolds") as driver:
        listed = driver.rows(CLUSTERS)
        assert listed.current.cluster == 0
        await driver.press("s")
        assert (listed.sort, listed.row(0).cluster) == ("cohesion", 0)
        await driver.press("S")
        assert listed.row(0).cohesion == min(listed.row(at).cohesion for at in range(7))
        assert listed.current.cluster == 0  # the cursor stays on its cluster
        for _ in range(9):
            await driver.press("s")
        assert listed.sort == "size"


async def test_a_filter_lists_as_it_is_typed_and_esc_takes_it_back(workbench):
    async with workbench("manifolds") as driver:
        await driver.press("slash")
        await driver.type("insignificant")
        assert driver.rows(CLUSTERS).count == 2 and "2 of 7" in driver.screen()
        await driver.press("escape")
        assert driver.rows(CLUSTERS).count == 7
        await driver.press("slash", *"nosuchword", "enter")
        assert "No cluster is found by this filter." in driver.text(CLUSTERS)
        assert "A cluster's page appears here." in driver.text(SUMMARY)


async def test_another_run_without_significant_clusters_says_so(workbench):
    async with workbench("manifolds") as driver:
        await driver.press("d", "j", "enter")
        assert driver.view.here.target == f"{mapped.OLDER}#0"
        assert "○ not significant" in driver.text(SUMMARY)
        assert "0 significant" in driver.screen()
        assert not driver.app.screen.query_one(Plane).display  # none of its planes was measured
        await driver.press("[")
        assert driver.view.here.target == f"{mapped.RUN}#0"


# The page


async def test_the_page_shows_what_the_tables_say(workbench):
    async with workbench("manifolds") as driver:
        await driver.press("j", "j", "j", "j")
        page = driver.text(SUMMARY)
        assert "days of the week" in page and "● significant" in page
        assert "0.08 permuted" in page and "0.20 random" in page
        assert "one feature" in page and "0.02 shuffled" in page
        assert driver.rows(MEMBERS).count == 24
        assert "Monday" in driver.text(PLANE) and "shuffled 0.31" in driver.text(PLANE)


async def test_n_goes_to_the_next_cluster_from_any_pane(workbench):
    async with workbench("manifolds") as driver:
        await go_to(driver, MEMBERS)
        await driver.press("n", "n", "N")
        assert driver.view.here.target == f"{mapped.RUN}#1"


async def test_members_are_links_and_back_returns(workbench, copied):
    async with workbench("manifolds") as driver:
        await driver.press("j", "enter")
        assert f"#{driver.focused}" == MEMBERS
        member = driver.rows(MEMBERS).current
        await driver.press("enter")
        assert driver.view.NAME == "features"
        assert driver.view.here.target == f"{member.dictionary}#{member.feature}"
        await driver.press("v")
        assert driver.view.here.target == f"{mapped.RUN}#1"
        assert shown_map(driver).feature == (member.dictionary, member.feature)
        await driver.press("[", "[")
        assert driver.view.here.target == f"{mapped.RUN}#1"
        await driver.press("]")
        assert driver.view.NAME == "features"


async def test_marked_members_are_copied(workbench, copied):
    async with workbench("manifolds") as driver:
        await go_to(driver, MEMBERS)
        await driver.press("space", "space", "y", "Y")
        assert len(copied[0].splitlines()) == 2 and copied[0].count("#") == 2
        assert "FROM clusters" in copied[1]


async def test_a_document_shows_where_each_member_fires(workbench, copied):
    async with workbench("manifolds") as driver:
        await go_to(driver, FIRES)
        fires = driver.app.screen.query_one(Fires)
        first, start = fires.place, fires.pos
        assert "█" in driver.text(FIRES) and f"#{fires.firings[0].feature}" in driver.text(FIRES)
        await driver.press("left", "h", "right")
        assert fires.pos == max(0, start - 1)
        await driver.press("l")
        await driver.press("j", "down")
        assert fires.place != first and fires.at == 2
        await driver.press("k", "up")
        assert fires.place == first
        await driver.press("enter")
        assert f"document {first.doc}" in driver.screen()
        await driver.press("escape", "Y")
        assert "doc_activations" in copied[-1]


async def test_space_goes_to_the_other_plane_and_enter_to_a_document(workbench):
    async with workbench("manifolds") as driver:
        await driver.press("j", "j", "j", "j")
        await go_to(driver, PLANE)
        plane = driver.app.screen.query_one(Plane)
        await driver.press("space")
        assert (plane.at, plane.plane.irreducible) == (1, False)
        assert "○ reducible" in driver.screen()
        await driver.press("enter")
        assert f"document {plane.token.doc}" in driver.screen()


# The map


async def test_the_chosen_cluster_stands_out_on_the_map(workbench):
    async with workbench("manifolds") as driver:
        assert "●" in driver.text(MAP) and "1 verbs of motion" in driver.text(MAP)
        assert "significant 180" in driver.text(MAP) and "in none 240" in driver.text(MAP)
        cloud = shown_map(driver).cloud
        assert int((cloud.emphasis == 3).sum()) == 64


async def test_space_on_the_map_chooses_the_cluster_under_the_cursor(workbench):
    async with workbench("manifolds") as driver:
        shown = shown_map(driver)
        await go_to(driver, MAP)
        shown.put_cursor(shown.points.middle(6))
        await driver.press("space")
        assert driver.view.here.target == f"{mapped.RUN}#6"
        feature = shown.feature
        await driver.press("enter")
        assert driver.view.here.target == f"{feature[0]}#{feature[1]}"


async def test_a_search_on_the_map_highlights_what_it_finds(workbench):
    async with workbench("manifolds") as driver:
        await go_to(driver, MAP)
        await driver.press("slash")
        await driver.type("labelled")
        assert "◆" in driver.text(MAP) and "found: labelled" in driver.screen()
        await driver.press("enter", "slash", "escape")
        assert "◆" not in driver.text(MAP)


async def test_the_map_is_coloured_by_other_things_with_letters_and_counts(workbench):
    async with workbench("manifolds") as driver:
        await go_to(driver, MAP)
        for legend in ("up to 1%", "labelled 3", "layer 1 240", "L2.resid_post 240", "in none 240"):
            await driver.press("o")
            assert legend in driver.text(MAP), legend


async def test_one_kind_of_the_legend_can_stand_out_alone(workbench):
    async with workbench("manifolds") as driver:
        await go_to(driver, MAP)
        await driver.press("o", "o", "o", "i")
        assert "layer 1 alone" in driver.screen()
        assert int((shown_map(driver).cloud.emphasis == 3).sum()) == 240
        await driver.press("i", "i")
        assert "alone" not in driver.screen()


# Going places


async def test_f_goes_to_a_cluster_or_to_the_cluster_of_a_feature(workbench):
    async with workbench("manifolds") as driver:
        await driver.press("f", "4", "enter")
        assert driver.view.here.target == f"{mapped.RUN}#4"
        member = driver.rows(MEMBERS).row(1)
        await driver.press("f", "0", "enter", "f")
        await driver.type(f"{member.dictionary}#{member.feature}")
        await driver.press("enter")
        assert driver.view.here.target == f"{mapped.RUN}#4"
        assert shown_map(driver).feature == (member.dictionary, member.feature)
        await driver.press("f", "9", "9", "enter")
        assert f"{mapped.RUN} has no 99 here." in driver.screen()


# Splits


async def test_the_split_tree_opens_and_leads_to_features(workbench, copied):
    async with workbench("manifolds") as driver:
        await go_to(driver, SPLITS)
        splits = driver.rows(SPLITS)
        assert "69% of children" in driver.text(SPLITS)
        await driver.press("y")
        assert "odds ratio 7.9" in copied[-1]
        whole = splits.count
        await driver.press("space")
        assert splits.count < whole
        assert "odds 5.1 to 12" in driver.text(SPLITS)  # closed, its interval stands for it
        assert "69% of children" not in driver.text(SPLITS)
        await driver.press("l")
        assert splits.count == whole
        while splits.current.feature is None:
            await driver.press("j")
        await driver.press("right")
        children = splits.current.figures[0].removeprefix("→ ")
        assert splits.count == whole + int(children)
        below = splits.cursor + int(children) - int(splits.scroll_offset.y)
        assert below < splits.size.height - 1  # what was opened is seen to its end
        await driver.press("j", "j", "h")  # from a child its parent is closed
        assert splits.count == whole and splits.current.depth == 1
        await driver.press("space", "j", "left", "space", "j")
        child = splits.current
        assert child.depth == 2 and child.feature[0] == mapped.WIDE
        await driver.press("Y", "enter")
        assert "FROM splits" in copied[-1]
        assert driver.view.here.target == f"{mapped.WIDE}#{child.feature[1]}"


# The frame


async def test_a_session_comes_back_to_run_cluster_and_sight(workbench):
    async with workbench("manifolds") as driver:
        await driver.press("j", "s", "tab", "o", "plus", "plus", "l")
        cluster, sight = driver.view.here, shown_map(driver).sight.said()
        await driver.press("q")
    async with workbench() as driver:
        assert driver.view.here == cluster and driver.rows(CLUSTERS).sort == "cohesion"
        assert shown_map(driver).sight.said() == sight
        assert shown_map(driver).colouring == "density"


async def test_an_empty_workspace_says_which_key_makes_clusters(workbench, root):
    for table in ("clusters", "cluster_summary", "cluster_runs", "cluster_geometry", "splits"):
        shutil.rmtree(root / "tables" / table)
    for table in ("cluster_planes", "split_summary", "split_runs"):
        shutil.rmtree(root / "tables" / table)
    async with workbench("manifolds") as driver:
        assert "No clusters yet." in driver.screen() and "No splits yet." in driver.screen()
        await driver.press("n", "tab", "plus", "space", "o", "enter", "tab", "tab", "tab", "j")
        await driver.press("r")
        assert "dictionaries" in driver.screen()


async def test_what_is_missing_may_be_on_its_way(workbench, root):
    shutil.rmtree(root / "tables")
    made = workspaces.Made(Workspace(root))
    then = workspaces.NOW - timedelta(minutes=2)
    for number, state in enumerate(("queued", "running"), start=4):
        says = "drawing the map" if state == "running" else "Waiting for cluster-5."
        workspaces.add_job(made, f"cluster-{number}", state, then, progress=0.4, message=says)
    async with workbench("manifolds") as driver:
        await driver.until(lambda: "cluster-5 is running, 40%:" in driver.text(CLUSTERS))
        assert "drawing the map" in driver.text(CLUSTERS)
        assert "runs one" not in driver.text(CLUSTERS)
        assert "runs one from here" in driver.screen()  # no job follows splits


async def test_clusters_that_come_later_appear(workbench, root):
    shutil.rmtree(root / "tables")
    async with workbench("manifolds") as driver:
        assert "No clusters yet." in driver.screen()
        mapped.plant(Workspace(root))
        driver.app.refresh_tables()
        await driver.until(lambda: driver.rows(CLUSTERS).count == 7)
        await driver.settle()
        assert "●" in driver.text(MAP)


async def test_features_that_are_gone_leave_the_map_and_the_list(workbench, root):
    for table in ("features", "activations", "activations_by_doc", "top_activations"):
        shutil.rmtree(root / "tables" / table)
    async with workbench("manifolds") as driver:
        assert driver.rows(CLUSTERS).count == 7 and driver.rows(MEMBERS).count == 64
        assert "fire in no document" in driver.text(FIRES)
        await go_to(driver, MAP)
        await driver.press("o", "slash", *"dog", "enter")
        assert "◆ 0 found" in driver.screen()


async def test_one_pane_at_a_time_on_a_small_terminal(workbench):
    async with workbench("manifolds", size=(80, 24)) as driver:
        seen = set()
        for _ in range(7):
            seen.add(driver.focused)
            await driver.press("tab")
        assert len(seen) == 7
        await driver.press("enter")
        assert f"#{driver.focused}" == SUMMARY
        await driver.press("z", "escape", "escape")
        assert f"#{driver.focused}" == CLUSTERS
