"""What holds for every pane of every view: SQL behind it, hostile text inert in it, ways to and
fro.
"""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest
from rich.cells import cell_len

from saetui.config import Config
from saetui.views.sql.editor import Editor
from saetui.views.sql.saved import home
from saetui.widgets.pane import Pane
from saetui.widgets.rows import Rows
from store import Workspace, write_rows
from tests import mapped, traced, workspaces
from tests.driver import Reads, garden, planted_in
from tests.twins import CIRCUIT, TWINS

VIEWS = ("overview", "features", "manifolds", "circuits", "jobs", "sql")

FIRST = workspaces.PROFILED[0]


@pytest.fixture
def planted(made):
    """The synthetic workspace with clusters, splits, circuits and causal edges in it."""
    return planted_in(made.root, mapped.plant, traced.plant, hostile=True)


@pytest.fixture
def root(planted, monkeypatch):
    return garden(planted, monkeypatch)


async def show(driver, pane: str) -> None:
    """Makes a pane the current one."""
    driver.view.show_pane(driver.view.query_one(f"#{pane}"))
    await driver.settle()


# The SQL behind it


@pytest.mark.parametrize("view", VIEWS)
async def test_shift_y_copies_sql_that_runs_or_says_why_there_is_none(workbench, root, view):
    async with workbench(view) as driver:
        workspace = Workspace(root)
        if view == "sql":
            await driver.press("enter")  # a saved query, so that there is a result
        if view == "features":  # one with causal edges
            ask = f"SELECT source_feature FROM edges WHERE source_dictionary = '{FIRST}' LIMIT 1"
            ((feature,),) = workspace.sql(ask).fetchall()
            driver.view.go(f"{FIRST}#{feature}")
            await driver.settle()
        for pane in driver.view.panes:
            assert pane.id in {*TWINS, *CIRCUIT}, f"no command prints what {pane.id} shows"
            if isinstance(pane, Editor):
                continue  # there Y is a letter
            assert isinstance(pane, Pane)
            await show(driver, pane.id)
            driver.app.copy_to_clipboard("nothing")
            await driver.press("Y")
            if (copied := driver.app.clipboard) != "nothing":
                assert workspace.sql(copied).fetchall(), pane.id
            else:
                assert pane.NO_SQL, f"{pane.id} has neither SQL nor a word about it"
                said = [notice.message for notice in driver.app._notifications]
                assert any(pane.NO_SQL in str(text) for text in said), said


async def test_a_document_has_the_sql_that_gives_it(workbench, root):
    async with workbench("features") as driver:
        await driver.press("enter", "enter", "Y")
        ((*_, pieces, positions, activations),) = [
            row[:10] for row in Workspace(root).sql(driver.app.clipboard).fetchall()
        ]
        assert len(pieces) == workspaces.CONTEXT
        assert len(positions) == len(activations) > 0
        await driver.press("escape", "3")
        await show(driver, "manifolds-plane")
        await driver.press("enter", "Y")
        ((pieces, text),) = Workspace(root).sql(driver.app.clipboard).fetchall()
        assert "".join(pieces) == text


# Nothing in it


@pytest.mark.parametrize(("readonly", "names"), [(False, "F9 runs"), (True, "saetui run runs")])
async def test_on_an_empty_workspace_every_pane_names_what_fills_it(
    workbench, tmp_path, readonly, names
):
    """At 80×24, where a pane has the screen to itself; ``r`` runs a job, and lies on F9. Who only
    looks is told the command.
    """
    empty = Workspace.create(tmp_path / "empty").root
    how = {"size": (80, 24), "config": Config(keys={"app.run_job": "f9"}), "readonly": readonly}
    async with workbench(at=empty, **how) as driver:
        for name in VIEWS:
            await driver.app.action_show(name)
            await driver.settle()
            for pane in driver.view.panes:
                await show(driver, pane.id)
                if pane.id not in FULL:
                    assert names in " ".join(driver.text(f"#{pane.id}").split()), pane.id


FULL = ("overview-steps", "overview-machine", "sql-saved", "sql-editor", "sql-results")
"""Panes that are of use without anything in the workspace."""


# Hostile text

ESCAPE = "\x1b[2J[red]x[/]\x1b]52;c;aGk=\x07 [@click=app.quit]y[/]\u202ez\u200b日本👩\u200d👧\t\x9b"
"""Text that would clear a terminal, write its clipboard, colour, turn around and hide."""

INERT = ("␛", "⇄", "[red]", "[b]")
"""What of it is to be seen."""

LONG = ESCAPE + "x" * 100_000


def poison(root: Path) -> None:
    """Puts such text wherever a workspace holds text that others wrote."""
    workspace = Workspace(root)
    first = 140  # of the list
    workspace.label(FIRST, first, LONG, LONG)
    said = {"dictionary": FIRST, "label": ESCAPE, "note": ESCAPE, "at": "2026-03-01T12:00:00+00:00"}
    lines = [json.dumps(said | {"feature": at}) for at in range(workspaces.WIDTH) if at != first]
    with open(root / "labels" / "labels.jsonl", "a") as labels:
        labels.write("\n".join(lines) + "\n")
    (part,) = root.glob("corpora/*/*/documents-*.parquet")
    pieces = [ESCAPE if at % 2 else " a" for at in range(workspaces.CONTEXT)]
    pieces[6] = "x" * 100_000
    rows = pl.read_parquet(part).with_columns(pieces=pl.lit(pieces), text=pl.lit(LONG))
    write_rows(part, "documents", rows)
    manifest = json.loads((part.parent / "manifest.json").read_text())
    manifest["files"][part.name]["bytes"] = part.stat().st_size
    (part.parent / "manifest.json").write_text(json.dumps(manifest))
    for name in ("train_sae-3", "train_sae-2"):
        folder = root / "jobs" / name
        state = json.loads((folder / "state.json").read_text())
        state |= {"message": LONG, "error": LONG, "host": ESCAPE, "device": ESCAPE}
        (folder / "state.json").write_text(json.dumps(state))
        with open(folder / "log.txt", "a", newline="") as log:
            log.write(f"{LONG}\n{ESCAPE}\n")
        said = {"at": 1.0, "attempt": 1, "metrics": {ESCAPE: {ESCAPE: 1.0, "step": 1}}}
        with open(folder / "events.jsonl", "a") as events:
            events.write(json.dumps(said) + "\n")
    home().mkdir(parents=True)
    (home() / "own.sql").write_text(f"-- {ESCAPE}\n-- z\nSELECT {json.dumps(LONG)}")


MET = {
    "overview": ("overview-jobs",),
    "features": (
        *("features-list", "features-summary", "features-contexts", "features-neighbors"),
    ),
    "manifolds": (
        *("manifolds-clusters", "manifolds-summary", "manifolds-members", "manifolds-fires"),
        *("manifolds-plane", "manifolds-splits", "manifolds-map"),
    ),
    "circuits": ("circuits-list", "circuits-tree", "circuits-node", "circuits-curve"),
    "jobs": ("jobs-table", "jobs-curves", "jobs-log"),
    "sql": ("sql-saved", "sql-results", "sql-editor"),
}
"""View → its panes that show text from outside, all of which must show the stand-ins."""


@pytest.mark.parametrize("size", [(160, 48), (80, 24)], ids=["large", "small"])
@pytest.mark.parametrize("view", VIEWS)
async def test_hostile_text_is_drawn_inert_in_every_pane(workbench, root, view, size):
    poison(root)
    query = f"SELECT label, note, 1 AS one FROM labels WHERE dictionary = '{FIRST}'"
    async with workbench(view, size=size) as driver:
        if view == "jobs":
            await driver.press(*"jjj")  # train_sae-2, which failed
        if view == "sql":
            driver.view.query_one(Editor).text = f"{query} -- {ESCAPE}"
            await driver.press("f5")
        met = await visit(driver)
        if view == "manifolds":
            await driver.press("n", "n", "n")  # from the cluster with a plane to the hostile one
            met |= await visit(driver)
        assert met >= set(MET[view]), set(MET[view]) - met


async def visit(driver) -> set[str]:
    """Goes through the panes; the ones in which hostile text stood."""
    met = set()
    for pane in driver.view.panes:
        await show(driver, pane.id)
        for key in ("j", "k", "y"):
            safe(driver)
            if any(sign in driver.text(f"#{pane.id}") for sign in INERT):
                met.add(pane.id)
            await driver.press(key)
        safe(driver)
    return met


def safe(driver) -> None:
    """Every line is as wide as the screen, and holds no control character."""
    for line in driver.app.screen._compositor.render_strips():
        text = "".join(segment.text for segment in line)
        assert cell_len(text) == driver.app.size.width, text
        assert not any(ord(c) < 32 or 0x7F <= ord(c) < 0xA0 for c in text), repr(text)


# Links


def place(driver):
    """Where the user is: the view, what it shows, the pane."""
    return driver.view.here, driver.view.pane.id, driver.focused


async def there_and_back(driver, *keys: str, to: str) -> None:
    """The last of `keys` follows a link to the view `to`; ``[`` and ``]`` retrace it."""
    *before, last = keys
    await driver.press(*before)
    start = place(driver)
    await driver.press(last)
    await driver.until(lambda: to == driver.view.NAME and place(driver) != start)
    await driver.settle()
    end = place(driver)
    await driver.press("[")
    assert place(driver) == start, f"[ after {keys}"
    await driver.press("]")
    assert place(driver) == end, f"] after {keys}"
    await driver.press("[")
    assert place(driver) == start


async def named_there_and_back(driver, key: str, *names: str, to: str) -> None:
    """The same for what a pane names beside its rows: `key` offers several, one of which has a line
    with all of `names`, or goes to the only one.
    """
    start = place(driver)
    await driver.press(key)
    if names:
        (rows,) = driver.app.screen.query(Rows)
        lines = ["  ".join(rows.row(at)) for at in range(rows.count)]
        rows.cursor = next(at for at, line in enumerate(lines) if all(n in line for n in names))
        await driver.press("enter")
    await driver.until(lambda: len(driver.app.screen_stack) == 1 and to == driver.view.NAME)
    await driver.settle()
    end = place(driver)
    assert end != start
    await driver.press("[")
    assert place(driver) == start, f"[ after {names}"
    await driver.press("]")
    assert place(driver) == end, f"] after {names}"
    await driver.press("[")


async def test_links_of_the_overview_lead_there_and_back(workbench):
    async with workbench("overview") as driver:
        await there_and_back(driver, "enter", to="features")
        await there_and_back(driver, "O", to="features")
        start = place(driver)
        await driver.press("v")
        await driver.until(lambda: driver.app.screen.query("#compare"))
        await driver.press("enter")  # all of them
        await driver.until(lambda: driver.view.NAME == "features")
        assert len(driver.view.here.target.split(",")) > 1 or "#" in driver.view.here.target
        await driver.press("[")
        assert place(driver) == start
        await driver.press("v")
        await driver.until(lambda: driver.app.screen.query("#compare"))
        await driver.press("O")  # one of them
        await driver.press("j", "enter")
        await driver.until(lambda: driver.view.NAME == "features")
        await driver.settle()
        assert len(driver.view.listed.dictionaries) == 1
        await driver.press("[")
        assert place(driver) == start
        await driver.press("tab")
        await there_and_back(driver, "j", "enter", to="jobs")
        await driver.press("tab")
        rows = driver.rows("#overview-steps")
        for at in range(rows.count):
            rows.cursor = at
            command = rows.row(at)[1]
            if command.startswith("saetui sql"):
                await there_and_back(driver, "enter", to="sql")
            elif command.startswith("saetui features"):
                await there_and_back(driver, "enter", to="features")


async def test_links_of_the_feature_page_lead_there_and_back(workbench):
    async with workbench("features") as driver:
        await show(driver, "features-neighbors")
        await there_and_back(driver, "j", "enter", to="features")
        await show(driver, "features-list")
        await there_and_back(driver, "v", to="manifolds")
        await there_and_back(driver, "5", to="jobs")
        await named_there_and_back(driver, "O", to="overview")  # the list's own dictionary
        await driver.pilot.click("#features-list", offset=(5, 0))  # on the title
        await driver.settle()
        assert driver.view.NAME == "overview"
        await driver.press("[")
        await show(driver, "features-summary")
        await named_there_and_back(driver, "O", to="features")
        await driver.press("enter")
        assert driver.focused == "features-contexts"
        driver.view.go(f"{traced.EARLY}#0")
        await driver.settle()
        await show(driver, "features-effects")
        await there_and_back(driver, "enter", to="features")
        await show(driver, "features-contexts")
        await driver.press("enter", "O")  # from a document to its corpus
        await driver.until(lambda: driver.view.NAME == "sql")
        await driver.settle()
        assert "train" in driver.text("#sql-results") or "doc" in driver.text("#sql-results")
        await driver.press("[")
        assert driver.view.NAME == "features" and driver.focused == "features-contexts"


async def test_links_of_the_circuits_lead_there_and_back(workbench):
    async with workbench("circuits") as driver:
        driver.view.go(traced.MAIN)
        await driver.settle()
        await driver.press("k")
        await there_and_back(driver, "enter", to="overview")  # from a task to its model
        await driver.press("j")
        assert driver.view.here.target == traced.MAIN
        await show(driver, "circuits-tree")
        await named_there_and_back(driver, "O", workspaces.MODEL, "model", to="overview")
        await named_there_and_back(driver, "O", FIRST, to="features")
        await show(driver, "circuits-node")  # of the metric, which stands for the circuit
        await named_there_and_back(driver, "enter", traced.LATE, to="features")
        await show(driver, "circuits-tree")
        await driver.press("j")
        await show(driver, "circuits-node")
        await there_and_back(driver, "enter", to="features")
        await show(driver, "circuits-edges")
        await there_and_back(driver, "enter", to="circuits")
        await show(driver, "circuits-curve")
        await named_there_and_back(driver, "enter", "agreement-acdc", to="circuits")
        start = place(driver)
        await driver.press("v")
        await driver.until(lambda: "A agreement-cascade" in driver.screen())
        await driver.press("O", "j", "enter")
        await driver.until(lambda: driver.view.here.target.startswith("agreement-mask"))
        await driver.settle()
        await driver.press("[")
        assert place(driver) == start


async def test_links_of_the_manifolds_lead_there_and_back(workbench):
    async with workbench("manifolds") as driver:
        for pane, *before in (
            ["manifolds-members", "j"],
            ["manifolds-map"],
            ["manifolds-splits", *"jjjjj"],
        ):
            await show(driver, pane)
            await there_and_back(driver, *before, "enter", to="features")
            if pane != "manifolds-members":
                await named_there_and_back(driver, "O", mapped.WIDE, to="features")
        await driver.press("g")
        await named_there_and_back(driver, "enter", mapped.SPLIT, to="jobs")  # from a verdict
        await show(driver, "manifolds-summary")
        await named_there_and_back(driver, "enter", mapped.RUN, "run", to="manifolds")


async def test_every_line_of_a_lineage_leads_there_and_back(workbench):
    async with workbench("jobs") as driver:
        await driver.press(*"jjjj")
        assert driver.rows("#jobs-table").current[0] == "profile-1"
        await driver.until(lambda: driver.rows("#jobs-kin").count > 4)
        await show(driver, "jobs-kin")
        kin = driver.rows("#jobs-kin")
        seen = set()
        for at in range(kin.count):
            kin.cursor = at
            kind = kin.row(at)[1]
            if kind in seen or (link := kin.link()) is None:
                continue
            seen.add(kind)
            await there_and_back(driver, "enter", to=link.view)
        assert {"dictionary", "  made by", "features", "activations"} <= seen
        await show(driver, "jobs-table")
        await driver.press("space")  # beside the next one
        await driver.until(lambda: driver.view.query_one("#jobs-curves").together == 2)
        await show(driver, "jobs-curves")
        await named_there_and_back(driver, "enter", "profile-1", "job", to="jobs")
        await named_there_and_back(driver, "O", FIRST, to="features")


LEADS = (
    ("SELECT task, circuit FROM circuits", "circuits"),
    (f"SELECT '{FIRST}#5' AS x", "features"),
    (f"SELECT '{FIRST}' AS dictionary", "features"),
    ("SELECT 'train_sae-2' AS job", "jobs"),
    ("FROM models", "overview"),
    (f"SELECT '{workspaces.CORPUS}' AS corpus, 7 AS n_documents", "sql"),
    ("SELECT node, circuit FROM circuit_nodes WHERE node LIKE 'L3.H%'", "circuits"),
    ("SELECT run, n_clusters FROM cluster_runs", "manifolds"),
    ("SELECT run, seed FROM cluster_runs", "jobs"),
    ("SELECT 'profile-1' AS run, 1 AS n", "jobs"),
    ("SELECT run, cluster FROM cluster_summary", "manifolds"),
    (f"SELECT '{mapped.RUN}#3' AS which", "manifolds"),
    (f"SELECT run, dictionary, feature, cluster FROM clusters WHERE run = '{mapped.RUN}'",
     "features"),
)  # fmt: skip
"""A query and the view that its first row leads to."""


async def test_every_kind_of_id_in_a_result_leads_there_and_back(workbench):
    async with workbench("sql") as driver:
        for sql, to in LEADS:
            driver.view.query_one(Editor).text = sql
            await driver.press("f5")
            await show(driver, "sql-results")
            await there_and_back(driver, "enter", to=to)
        await driver.press("right", "right", "right")  # from the feature to its cluster
        await there_and_back(driver, "enter", to="manifolds")


async def test_a_document_in_a_result_opens_over_it(workbench):
    async with workbench("sql") as driver:
        editor = driver.view.query_one(Editor)
        editor.text = "SELECT corpus, doc, text FROM documents ORDER BY doc LIMIT 3"
        await driver.press("f5")
        await show(driver, "sql-results")
        await driver.press("j", "enter")
        assert f"{workspaces.CORPUS} · document 1" in driver.screen()
        await driver.press("escape")
        assert driver.focused == "sql-results"
        editor.text = "FROM top_activations ORDER BY rank, dictionary, feature"
        await driver.press("f5")
        await show(driver, "sql-results")
        await driver.press("enter")  # on the dictionary
        assert driver.view.NAME == "features"
        await driver.press("[", "right", "right", "right", "enter")  # on doc
        assert "· document" in driver.screen() and "token" in driver.screen()


async def test_what_fires_on_a_prompt_leads_to_its_page_and_back(workbench, monkeypatch):
    monkeypatch.setattr("jobs.prompt.warm.WarmModel", lambda *_: Reads())
    async with workbench("features") as driver:
        before = place(driver)
        await driver.press("p")
        await driver.type("the old garden")
        await driver.press("enter")
        await driver.until(lambda: "Fires on token" in driver.screen())
        await driver.settle()
        await driver.press("tab", "j", "enter")
        await driver.until(lambda: len(driver.app.screen_stack) == 1)
        await driver.settle()
        assert place(driver) != before
        await driver.press("[")
        assert place(driver)[0] == before[0]
