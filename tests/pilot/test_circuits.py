"""View 4: circuit searches, the tree of one, its nodes and edges, its curve beside the others."""

from __future__ import annotations

import shutil

import pytest

from saetui.views.circuits import reading
from saetui.views.circuits.curve import CurvePane
from saetui.views.circuits.listing import CircuitList
from saetui.views.circuits.tree import TreePane
from tests import mapped, traced
from tests.driver import garden, planted_in

LIST, TREE, NODE = "#circuits-list", "#circuits-tree", "#circuits-node"
EDGES, CURVE = "#circuits-edges", "#circuits-curve"


@pytest.fixture
def planted(made):
    """The synthetic workspace with clusters, circuits and causal edges in it."""
    return planted_in(made.root, mapped.plant, traced.plant)


@pytest.fixture
def root(planted, monkeypatch):
    return garden(planted, monkeypatch)


def listed(driver) -> CircuitList:
    return driver.app.screen.query_one(CircuitList)


def tree(driver) -> TreePane:
    return driver.app.screen.query_one(TreePane)


async def go_to(driver, pane: str) -> None:
    """Presses tab until `pane` is the current one."""
    for _ in range(6):
        if f"#{driver.focused}" == pane:
            return
        await driver.press("tab")
    raise AssertionError(f"tab never reached {pane}: {driver.focused}")


async def cursor_on(driver, name: str) -> None:
    """Moves down the tree to a node by its name on screen."""
    await go_to(driver, TREE)
    await driver.press("g")
    while tree(driver).leaf.name != name or tree(driver).leaf.again:
        assert tree(driver).cursor < tree(driver).count - 1, f"{name} is not in the tree"
        await driver.press("j")


# The list


async def test_searches_stand_under_their_task_with_scores_and_baselines(workbench):
    async with workbench("features") as driver:
        await driver.press("4")
        text = driver.text(LIST)
        assert "agreement · tiny" in text and "97% right" in text and "ioi · tiny" in text
        assert "cascade" in text and ".186–.256" in text and "12 in 2 tasks" in driver.screen()
        assert driver.view.here.target == traced.MAIN  # the least CMD comes first
        assert "baselines" in driver.text(CURVE)


async def test_what_explains_another_metric_has_a_heading_of_its_own(workbench):
    async with workbench("circuits") as driver:
        first, *others = listed(driver).circuits
        listed(driver)._list([first, others[0]._replace(metric="kl")], first.circuit)
        await driver.until(lambda: driver.text(LIST).count("agreement · tiny") == 2)
        assert "logit_diff 3.42" in driver.text(LIST) and "kl 3.42" in driver.text(LIST)


async def test_sorting_goes_through_every_sort_and_s_reverses(workbench):
    async with workbench("circuits") as driver:
        seen = []
        for _ in range(9):
            seen.append(listed(driver).sort)
            await driver.press("s")
        assert seen == [
            "cmd",
            "cpr",
            "cmdlog",
            "for80",
            "passes",
            "seconds",
            "method",
            "nodes",
            "newest",
        ]
        assert listed(driver).sort == "cmd"
        assert driver.view.here.target == traced.MAIN  # the cursor stays on its circuit
        await driver.press("S")
        assert listed(driver).row(1).method == "random"


async def test_a_filter_lists_as_it_is_typed_and_esc_takes_it_back(workbench):
    async with workbench("circuits") as driver:
        await driver.press("slash")
        await driver.type("neurons")
        assert [row.circuit for row in listed(driver).circuits] == [traced.NEURONS]
        assert "1 of 12 · neurons" in driver.screen()
        await driver.press("escape")
        assert len(listed(driver).circuits) == 12
        await driver.press("slash")
        await driver.type("[b]such")
        await driver.press("enter")
        assert "No circuit is found by this filter." in driver.text(LIST)
        assert "A circuit's page appears here." in driver.text(NODE)
        for pane in (TREE, NODE, EDGES, CURVE):
            said = " ".join(driver.text(pane).replace("│", " ").split())
            assert "The filter hides every circuit: [b]such" in said


async def test_n_goes_to_the_next_circuit_over_the_headings(workbench, monkeypatch):
    monkeypatch.setattr(reading, "MOST_NODES", 50)
    async with workbench("circuits") as driver:
        said = "the first 50 of 60 ranked nodes"  # of a circuit that is not read whole
        assert said in driver.screen() and f"read: {said}" in driver.text(NODE)
        await go_to(driver, TREE)
        for _ in range(11):
            await driver.press("n")
        assert driver.view.here.target == traced.BY_POSITION
        await driver.press("n", "N")
        assert driver.view.here.target == "agreement-random"


# The tree


async def test_the_tree_leads_from_the_metric_back_to_the_tokens(workbench):
    async with workbench("circuits") as driver:
        await driver.press("greater_than_sign", "full_stop")
        text = driver.text(TREE)
        assert "logit_diff" in text and "‹20›" in text and "faithful .99" in text
        assert "▾ L2.resid_post #26  verbs of motion" in text
        assert "└ tokens" in text and "↗ L1.resid_post #33" in text
        assert "L1.resid_post error" in text
        (down,) = [
            line for line in text.splitlines() if "L2.attn_out #19" in line and "↗" not in line
        ]
        assert "-0.79" in down and "▒" in down and "█" not in down
        assert "«" in text  # where its features fire
        await go_to(driver, TREE)
        await driver.press("G")
        assert "none" in driver.text(TREE)  # a node without any edge to what is taken in


async def test_what_was_not_measured_is_told_apart_from_what_was_not_found(workbench):
    """Edges of heads were measured among eight; twenty are taken in."""
    async with workbench("circuits") as driver:
        await driver.press("slash")
        await driver.type(traced.HEADS)
        await driver.press("enter")
        await go_to(driver, TREE)
        assert "among the first 8 (edges=20 for all)" in driver.screen()
        await driver.press("G")
        assert tree(driver).leaf.node.rank >= traced.FEW
        rank = tree(driver).leaf.node.rank + 1
        said = " ".join(driver.text(NODE).replace("│", " ").split())
        assert "· not measured" in said and "first 8 nodes alone" in said
        assert f"edges={rank} measures them" in said
        said = " ".join(driver.text(EDGES).replace("│", " ").split())
        assert "0 in, 0 out" not in driver.screen()
        assert "Its edges were not measured" in said and f"edges={rank}" in said
        last = driver.text(TREE).splitlines()[-1]
        assert "none" not in last


async def test_the_slider_takes_in_more_nodes_or_fewer(workbench):
    async with workbench("circuits") as driver:
        assert tree(driver).size_taken == 5  # what reaches faithfulness .8
        await driver.press("less_than_sign")
        assert "‹2›" in driver.text(TREE) and "2 of 771 nodes" in driver.screen()
        assert "faithful .48" in driver.text(TREE) and "‹2›" in driver.text(CURVE)
        await driver.press("comma", "comma", "comma")
        assert tree(driver).size_taken == 1
        await driver.press(*["greater_than_sign"] * 7)
        assert tree(driver).size_taken == 60
        await driver.press("n")  # another circuit is shown at the same size
        assert tree(driver).size_taken == 60


async def test_branches_close_and_open_and_links_lead_to_the_whole(workbench):
    async with workbench("circuits") as driver:
        await go_to(driver, TREE)
        whole = tree(driver).count
        await driver.press("j", "o")
        assert "▸ L2.resid_post #26" in driver.text(TREE) and tree(driver).count == whole - 4
        await driver.press("right")
        assert tree(driver).count == whole
        await driver.press("j", "j", "h")  # from a link what it hangs under is closed
        assert "▸ L2.attn_out #40" in driver.text(TREE)
        await driver.press("left", "g", "j", "l")
        assert tree(driver).count == whole - 1
        await driver.press("j", "l", "j")
        assert tree(driver).leaf.again
        await driver.press("enter")
        assert tree(driver).leaf.name == "L1.resid_post #12" and not tree(driver).leaf.again


async def test_weak_links_are_left_out_and_counted_until_t_shows_them(workbench):
    async with workbench("circuits") as driver:
        await go_to(driver, TREE)
        await driver.press(*["greater_than_sign"] * 3)
        few = tree(driver).count
        weak = tree(driver).grown.n_weak
        assert weak > 0 and f"{weak} weak links left out (t)" in driver.screen()
        await driver.press("t")
        assert tree(driver).count > few and "left out" not in driver.screen()
        full = [row for row in tree(driver)._whole if row.node is not None and not row.again]
        assert len(full) == 40  # every node in full, whichever links are shown
        await driver.press("t")
        assert tree(driver).count == few


async def test_marked_nodes_are_copied_and_counted(workbench, copied):
    async with workbench("circuits") as driver:
        await go_to(driver, TREE)
        await driver.press("j", "space", "space", "y", "Y")
        assert "2 marked" in driver.screen()
        assert copied[0].splitlines() == [f"{traced.LATE}#26", f"{traced.ATTENTION}#40"]
        assert "FROM circuit_edges" in copied[1]


# Node, edges, curve


async def test_the_node_stands_with_its_interval_and_leads_to_its_feature(workbench, copied):
    async with workbench("circuits") as driver:
        await cursor_on(driver, "L1.resid_post #12")
        page = driver.text(NODE)
        assert "the subject" in page and "+1.58" in page and "95% 1.26–1.83" in page
        assert "ablated alone" in page and "of bootstrap samples" in page and "«sleeps»" in page
        assert "3 out" in page
        await driver.press("enter")
        assert f"#{driver.focused}" == NODE
        await driver.press("Y", "enter")
        assert "FROM circuit_nodes" in copied[-1]
        assert driver.view.here.target == f"{traced.EARLY}#12"
        await driver.press("[")
        assert driver.view.here.target == f"{traced.MAIN}::{traced.EARLY}#12"


async def test_a_cluster_leads_to_its_map(workbench):
    async with workbench("circuits") as driver:
        await driver.press("f")
        await driver.type(traced.CLUSTERS)
        await driver.press("enter")
        await go_to(driver, TREE)
        await driver.press("j", "enter", "enter")
        assert driver.view.NAME == "manifolds"
        assert driver.view.here.target.startswith(f"{mapped.RUN}#")


async def test_an_edge_leads_to_its_other_end(workbench, copied):
    async with workbench("circuits") as driver:
        await cursor_on(driver, "L2.attn_out #40")
        await go_to(driver, EDGES)
        edges = driver.text(EDGES)
        assert "in   L1.resid_post #12" in edges and "out  L2.resid_post #26" in edges
        await driver.press("y", "Y", "enter")
        assert copied[0] == f"{traced.EARLY}#12\t{traced.ATTENTION}#40"
        assert f"target = '{traced.ATTENTION}#40'" in copied[1]
        assert driver.view.here.target == f"{traced.MAIN}::{traced.EARLY}#12"
        await driver.press("[")
        assert driver.view.here.target == f"{traced.MAIN}::{traced.ATTENTION}#40"
        await driver.press("s")
        assert driver.rows(EDGES).count == 9 and "→" in driver.text(EDGES)


async def test_the_curve_shows_every_method_or_every_level_with_its_scores(workbench, copied):
    async with workbench("circuits") as driver:
        await go_to(driver, CURVE)
        pane = driver.app.screen.query_one(CurvePane)
        assert {c.method for c in pane.circuits} == set(traced.METHODS)
        text = driver.text(CURVE)
        assert "a cascade" in text and "CMD  CPR" in text and "h random" in text
        await driver.press("s")
        assert "Completeness over size" in driver.screen()
        await driver.press("o")
        assert [c.nodes for c in pane.circuits] == ["features", "clusters", "neurons", "components"]
        await driver.press("y", "Y")
        assert copied[0].startswith("circuit\tmethod\tCMD\tCPR\n") and traced.NEURONS in copied[0]
        assert "FROM circuit_curve" in copied[1]


async def test_what_is_marked_is_drawn_with_the_others(workbench):
    async with workbench("circuits") as driver:
        await driver.press(*"jjjjjjj", "space", "g", "j")
        pane = driver.app.screen.query_one(CurvePane)
        assert traced.NEURONS in [c.circuit for c in pane.circuits]
        assert "ig neurons" in driver.text(CURVE)


# Comparing


async def test_two_marked_circuits_stand_side_by_side(workbench, copied):
    async with workbench("circuits") as driver:
        await driver.press("space", "j", "j", "space", "v")
        await driver.until(lambda: "A agreement-cascade · B agreement-acdc" in driver.screen())
        text = driver.screen()
        assert "both: agreement · tiny · features" in text and "better .216" in text
        assert "5 nodes in both" in text and "15 nodes only in B" in text
        await driver.press("y", "Y")
        assert "method\tcascade\tacdc" in copied[0] and "FULL JOIN" in copied[1]
        rows = driver.rows("#compare-lines")
        at = next(at for at in range(rows.count) if getattr(rows.row(at), "where", "") == "B")
        node = rows.row(at).node
        await driver.press("G", *["k"] * (rows.count - 1 - at), "enter")
        assert driver.view.here.target == f"agreement-acdc::{node}"


async def test_without_marks_the_best_other_search_of_the_task_is_compared(workbench):
    async with workbench("circuits", size=(80, 24)) as driver:
        await driver.press("v")
        await driver.until(lambda: "A agreement-cascade · B agreement-mask" in driver.screen())
        await driver.press("escape")
        assert f"#{driver.focused}" == LIST


# Going places


async def test_f_finds_a_node_even_beyond_the_size(workbench):
    async with workbench("circuits") as driver:
        far = tree(driver).whole.nodes[30]
        await driver.press("f")
        await driver.type(far.node)
        await driver.press("enter")
        assert driver.view.here.target == f"{traced.MAIN}::{far.node}"
        assert tree(driver).size_taken == 40
        await driver.press("f", *"nosuch", "enter")
        assert "has no such node" in driver.screen()


async def test_a_session_comes_back_to_circuit_node_and_size(workbench):
    async with workbench("circuits") as driver:
        await driver.press("j", "s", "greater_than_sign", "tab", "j", "j", "tab", "tab", "s")
        here = driver.view.here
        await driver.press("q")
    async with workbench() as driver:
        assert driver.view.here == here and listed(driver).sort == "cpr"
        assert tree(driver).size_taken == 20 and "::" in here.target
        assert "among the nodes taken in" in driver.screen()


async def test_an_empty_workspace_says_which_key_makes_circuits(workbench, root):
    for table in (root / "tables").glob("circuit*"):
        shutil.rmtree(table)
    async with workbench("circuits") as driver:
        assert "No circuits yet." in driver.screen() and "r runs one" in driver.screen()
        await driver.press("n", "v", "comma", "tab", "j", "o", "space", "enter", "tab", "enter")
        await driver.press("tab", "s", "enter", "tab", "s", "o", "Y", "y")
        assert driver.view.NAME == "circuits"


async def test_circuits_that_come_later_appear(workbench, root, planted):
    shutil.rmtree(root / "tables")
    async with workbench("circuits") as driver:
        assert "No circuits yet." in driver.screen()
        for table in (planted / "tables").glob("circuit*"):
            shutil.copytree(table, root / "tables" / table.name)
        driver.app.refresh_tables()
        await driver.until(lambda: len(listed(driver).circuits) == 12)
        await driver.settle()
        assert "L2.resid_post #26" in driver.text(TREE) and "«" not in driver.text(TREE)


async def test_one_pane_at_a_time_on_a_small_terminal(workbench):
    async with workbench("circuits", size=(80, 24)) as driver:
        seen = []
        for _ in range(5):
            seen.append(f"#{driver.focused}")
            await driver.press("tab")
        assert seen == [LIST, TREE, NODE, EDGES, CURVE]
        await driver.press("enter")
        assert f"#{driver.focused}" == TREE and "faithful" in driver.text(TREE)
        await driver.press("z", "escape", "escape")
        assert f"#{driver.focused}" == LIST
