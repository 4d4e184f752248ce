"""The SQL view: saved queries, the editor, results, and every key of each."""

from __future__ import annotations

import pytest

from saetui.views.sql.editor import Editor
from saetui.views.sql.saved import shipped
from saetui.views.sql.words import proposals
from tests import workspaces


async def write(driver, sql: str) -> None:
    """Types a query into the empty editor."""
    editor = driver.app.screen.query_one(Editor)
    editor.text = ""
    driver.view.show_pane(editor)
    await driver.type(sql)


def editor(driver) -> Editor:
    return driver.app.screen.query_one(Editor)


async def test_a_saved_query_runs_and_fills_the_editor(workbench):
    async with workbench("sql") as driver:
        assert driver.focused == "sql-saved"
        await driver.press("enter")
        assert editor(driver).text.startswith("-- How well each dictionary")
        assert "SELECT dictionary" in editor(driver).text
        assert driver.focused == "sql-results"
        rows = driver.rows("#sql-results")
        assert rows.count == 4
        assert "4 rows" in str(rows.border_subtitle)


@pytest.mark.parametrize("saved", shipped(), ids=lambda saved: saved.title)
def test_every_shipped_query_runs_and_says_what_it_shows(made, saved):
    assert saved.title and saved.says.endswith(".")
    made.workspace.sql(saved.sql).fetchall()


async def test_typed_queries_run_by_f5_and_by_ctrl_j(workbench):
    async with workbench("sql") as driver:
        await write(driver, "SELECT 6 * 7 AS answer")
        await driver.press("f5")
        assert driver.rows("#sql-results").row(0) == (42,)
        await write(driver, "SELECT 1 + 1 AS two")
        await driver.press("ctrl+j")
        assert driver.rows("#sql-results").row(0) == (2,)
        assert editor(driver).text == "SELECT 1 + 1 AS two"


async def test_a_result_tells_truly_how_much_more_there_is(workbench):
    async with workbench("sql") as driver:
        await write(driver, "FROM range(500)")
        await driver.press("f5")
        assert str(driver.rows("#sql-results").border_subtitle).startswith("500 rows ·")
        assert "500 rows ·" in str(driver.rows("#sql-results").border_subtitle)
        await write(driver, "FROM range(501)")
        await driver.press("f5")
        said = str(driver.rows("#sql-results").border_subtitle)
        assert "first 500 rows of more · m asks again for 5,000 · s asks again, sorted" in said


@pytest.mark.parametrize(
    ("sql", "said"),
    [
        ("SELECT densty FROM features", "density"),
        ("SELEC 1", "syntax error"),
        ("COPY features TO 'x.csv'", "Only statements that read"),
        ("SELECT 1; SELECT 2", "One statement at a time"),
        ("FROM read_text('/etc/passwd')", "✗"),
    ],
)
async def test_what_is_wrong_with_a_query_is_said_in_its_place(workbench, sql, said):
    async with workbench("sql") as driver:
        await write(driver, sql)
        await driver.press("f5")
        text = driver.text("#sql-results")
        assert "✗" in text and said in text
        assert "Traceback" not in text


async def test_a_long_query_blocks_no_key_and_esc_stops_it(workbench):
    async with workbench("sql") as driver:
        await write(driver, "SELECT sum(a.range * b.range) FROM range(10000000) a, range(100000) b")
        driver._send("f5")
        await driver.until(lambda: "running" in str(driver.rows("#sql-results").border_subtitle))
        driver._send("tab")  # from the editor to the results: keys do what they always do
        await driver.until(lambda: driver.focused == "sql-results")
        driver._send("1")
        await driver.until(lambda: driver.view.NAME == "overview")
        driver._send("6")
        await driver.until(lambda: driver.view.NAME == "sql")
        assert "running" in str(driver.rows("#sql-results").border_subtitle)
        driver._send("escape")
        await driver.until(lambda: "stopped" in driver.text("#sql-results"))
        await write(driver, "SELECT 3 AS three")
        await driver.press("f5")
        assert driver.rows("#sql-results").row(0) == (3,)


SLOW = "SELECT n FROM slow, range(100) WHERE hash(n * 100 + range) % 614400 = 0"
"""About twenty rows from each of eighty parts of a table, a part taking a good while."""


async def test_rows_show_before_the_query_has_run_to_its_end_and_stay_when_it_is_stopped(workbench):
    async with workbench("sql") as driver:
        driver.app.database.connection().execute(
            "CREATE TABLE slow AS SELECT range AS n FROM range(10000000)"
        )
        await write(driver, SLOW)
        driver._send("f5")
        rows = driver.rows("#sql-results")
        await driver.until(lambda: rows.count)
        assert f"first {rows.count} rows · running" in str(rows.border_subtitle)
        driver._send("escape")
        await driver.until(lambda: "until it was stopped" in str(rows.border_subtitle))
        assert 0 < rows.count < 500 and rows.row(0) is not None


async def test_another_query_replaces_one_that_runs(workbench):
    async with workbench("sql") as driver:
        await write(driver, "SELECT sum(a.range * b.range) FROM range(10000000) a, range(100000) b")
        driver._send("f5")
        await driver.until(lambda: driver.app.database._asked)
        editor(driver).text = "SELECT 'new' AS answer"
        await driver.press("f5")
        assert driver.rows("#sql-results").row(0) == ("new",)


def proposed(driver) -> list[str]:
    """The names in the list under the cursor; none where it is closed."""
    rows = driver.rows("#sql-proposals")
    return [rows.row(at).name for at in range(rows.count)] if rows.display else []


async def test_tab_completes_tables_and_columns_and_else_goes_on(workbench):
    async with workbench("sql") as driver:
        await write(driver, "FROM featu")
        assert proposed(driver)[0] == "features"
        assert "tab take the word" in driver.text("HintBar")
        await driver.press("tab")
        assert editor(driver).text == "FROM features"
        await driver.type(" ")
        assert not proposed(driver)
        await driver.press("tab")
        assert driver.focused == "sql-results"


async def test_the_proposals_are_a_list_under_the_cursor(workbench):
    async with workbench("sql") as driver:
        await write(driver, "")
        editor(driver).text = "SELECT dictionary, max_activation\nFROM features AS f ORDER BY f."
        editor(driver).move_cursor((1, 99))
        await driver.type("m")
        assert proposed(driver) == ["mean_activation", "max_activation"]
        lines = driver.screen().splitlines()
        at = next(y for y, line in enumerate(lines) if "ORDER BY f.m" in line)
        assert "tab takes it" in lines[at + 1] and "column of features" in lines[at + 2]
        assert lines[at + 2].index("mean_a") == lines[at].index("f.m") + 2
        await driver.press("down", "down", "up", "down", "tab")
        assert editor(driver).text.endswith("f.max_activation")
        await driver.press("up")  # the list is closed: an arrow goes through the text
        assert editor(driver).cursor_location[0] == 0


async def test_esc_closes_the_proposals_before_it_leaves_the_editor(workbench):
    async with workbench("sql", size=(80, 24)) as driver:
        await write(driver, "FROM ")
        assert {"features", "feature_activations("} <= set(proposed(driver))
        await driver.press("escape")
        assert not proposed(driver) and driver.focused == "sql-editor"
        await driver.type("di")
        await driver.press("backspace")
        assert "dictionaries" in proposed(driver)
        await driver.press("escape", "escape")
        assert driver.focused == "sql-results"


def names(before: str, text: str = "") -> list[str]:
    return [each.name for each in proposals(before, text)[1]]


def test_proposals_come_from_the_schema_and_from_the_query():
    assert names("SELECT max_ac") == ["max_activation"]
    assert names("FROM feature_ac") == ["feature_activations("]
    assert names("SELECT f") == []
    assert names("SELECT d", "SELECT d") == []
    assert names("SELECT de", "SELECT de FROM features")[:2] == ["density", "decoder_norm"]
    assert names("SELECT n.other", "FROM neighbors n") == ["other_dictionary", "other_feature"]
    assert names("FROM str", "WITH strong AS (FROM features) FROM str") == ["strong"]
    assert "dictionary_features(" in names("FROM featur")  # holds the word
    kinds = {each.name: each.kind for each in proposals("SELECT fv")[1]}
    assert kinds["fvu"].startswith("column of dictionaries, ")


async def test_esc_leaves_the_editor_so_that_digits_are_keys_again(workbench):
    async with workbench("sql") as driver:
        await write(driver, "SELECT 1")
        assert editor(driver).text == "SELECT 1"
        await driver.press("escape", "1")
        assert driver.view.NAME == "overview"
        await driver.press("6")
        assert editor(driver).text == "SELECT 1"


async def test_a_row_with_a_feature_is_a_link(workbench):
    async with workbench("sql") as driver:
        first = workspaces.PROFILED[0]
        await write(driver, f"SELECT dictionary, feature FROM features WHERE dictionary = '{first}'"
                    " AND feature = 9")  # fmt: skip
        await driver.press("f5", "escape", "enter")
        assert driver.view.NAME == "features"
        assert driver.rows("#features-list").current[0] == 9
        await driver.press("[")
        assert driver.view.NAME == "sql"
        assert driver.rows("#sql-results").count == 1


async def test_rows_and_queries_are_copied(workbench):
    async with workbench("sql") as driver:
        await driver.press("y")
        assert driver.app.clipboard == shipped()[0].sql
        await driver.press("Y", "enter", "y")
        assert driver.app.clipboard.startswith(workspaces.PROFILED[0] + "\t")
        await driver.press("Y")
        assert driver.app.clipboard.endswith(shipped()[0].sql)


async def test_columns_that_do_not_fit_are_reached_by_arrows(workbench):
    async with workbench("sql", size=(80, 24)) as driver:
        await write(driver, "SELECT * FROM features LIMIT 5")
        await driver.press("f5", "escape")
        assert "dictionary" in driver.text("#sql-results")
        await driver.press(*["right"] * 6)
        titles = driver.text("#sql-results").splitlines()[1]
        assert "prom" in titles and "dictionary" not in titles
        await driver.press(*["left"] * 6, "j", "k", "G", "g", "pagedown", "pageup")
        assert "dictionary" in driver.text("#sql-results")


async def test_nulls_lists_and_structs_are_written_out(workbench):
    async with workbench("sql") as driver:
        await write(driver, "SELECT NULL AS n, [1, 2] AS l, {'a': 1.5} AS s, true AS b, "
                    "DATE '2026-01-02' AS d, 'x'::BLOB AS blob")  # fmt: skip
        await driver.press("f5")
        text = driver.text("#sql-results")
        for value in ("null", "[1, 2]", "{a: 1.5}", "true", "2026-01-02"):
            assert value in text


async def test_z_zooms_and_tab_goes_through_the_panes(workbench):
    async with workbench("sql") as driver:
        await driver.press("tab")
        assert driver.focused == "sql-editor"
        await driver.press("tab")
        assert driver.focused == "sql-results"
        await driver.press("z")
        assert driver.rows("#sql-results").size.width > 150
        await driver.press("z", "shift+tab", "shift+tab")
        assert driver.focused == "sql-saved"


@pytest.mark.parametrize("ending", ["parquet", "csv", "json"])
async def test_e_exports_the_whole_result_where_the_app_was_started(
    workbench, monkeypatch, tmp_path, ending
):
    import duckdb

    monkeypatch.chdir(tmp_path)
    async with workbench("sql") as driver:
        await write(driver, "SELECT range AS n, 'a,b' AS t, [1, 2] AS l FROM range(1234)")
        await driver.press("f5", "escape")
        await driver.type(f"eall.{ending}")
        await driver.press("enter")
        await driver.until(lambda: "1,234 rows written to" in driver.screen())
        made = tmp_path / f"all.{ending}"
        read = duckdb.sql(f"SELECT count(*), sum(n), any_value(t) FROM '{made}'")
        assert read.fetchall()[0] == (1234, sum(range(1234)), "a,b")
        assert not list(tmp_path.glob(".all*"))


async def test_what_is_wrong_with_a_file_to_export_to_is_said_in_the_prompt(
    workbench, monkeypatch, tmp_path
):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "old.csv").write_text("mine")
    async with workbench("sql", size=(200, 40)) as driver:
        await driver.press("enter")
        for name, said in (("x.txt", "must end in"), ("old.csv", "there already"),
                           ("no/x.csv", "no folder")):  # fmt: skip
            await driver.type(f"e{name}")
            await driver.press("enter")
            assert said in driver.screen()
            await driver.press("escape")
        assert (tmp_path / "old.csv").read_text() == "mine"


async def test_s_sorts_the_whole_result_and_not_the_rows_on_screen(workbench):
    async with workbench("sql") as driver:
        await write(driver, "SELECT range AS n, -range AS m FROM range(2000); ")
        await driver.press("f5", "escape")
        rows = driver.rows("#sql-results")
        assert rows.row(0) == (0, 0)
        await driver.press("s")
        assert rows.row(0) == (1999, -1999)
        assert "the whole result sorted by n" in str(rows.border_subtitle)
        assert "n▼" in driver.text("#sql-results")
        await driver.press("S")
        assert rows.row(0) == (0, 0) and "n▲" in driver.text("#sql-results")
        await driver.press("right", "s", "S")
        assert rows.row(0) == (1999, -1999)
        await driver.press("Y")
        assert "ORDER BY 2 ASC" in driver.app.clipboard
        await driver.press("s")
        assert rows.row(0) == (0, 0) and rows.order is None


async def test_what_cannot_be_sorted_stays_and_says_why(workbench):
    async with workbench("sql") as driver:
        await write(driver, "EXPLAIN SELECT 1")
        await driver.press("f5", "escape", "s")
        assert "cannot be sorted" in driver.screen()
        assert driver.rows("#sql-results").count == 1


async def test_m_fetches_more_rows_while_there_are_more(workbench):
    async with workbench("sql") as driver:
        await write(driver, "FROM range(3000)")
        await driver.press("f5", "escape")
        rows = driver.rows("#sql-results")
        assert rows.count == 500 and "m more rows" in driver.text("HintBar")
        await driver.press("m")
        assert rows.count == 3000
        assert "3,000 rows ·" in str(rows.border_subtitle)
        assert "more rows" not in driver.text("HintBar")


@pytest.mark.parametrize(
    ("sql", "keys", "feature"),
    [
        ("SELECT 1 AS n, '{d}#9' AS id", ("right",), 9),
        ("SELECT '{d}' AS source_dictionary, 12 AS source_feature", ("right",), 12),
        ("SELECT '{d}' AS dictionary, 9 AS feature, 11 AS other_feature", (), 9),
        ("SELECT '{d}' AS dictionary, 9 AS feature, 11 AS other_feature", ("right", "right"), 11),
    ],
)
async def test_a_column_of_features_is_a_list_of_links(workbench, sql, keys, feature):
    async with workbench("sql") as driver:
        await write(driver, sql.format(d=workspaces.PROFILED[0]))
        await driver.press("f5", "escape", *keys, "enter")
        assert driver.view.NAME == "features"
        assert driver.rows("#features-list").current[0] == feature


async def test_a_job_in_a_result_leads_to_the_jobs(workbench):
    async with workbench("sql") as driver:
        await write(driver, "SELECT job FROM jobs WHERE state = 'failed'")
        await driver.press("f5", "escape", "enter")
        assert driver.view.NAME == "jobs"
        assert driver.rows("#jobs-table").current[0] == "train_sae-2"


async def test_queries_that_ran_are_found_again_by_their_words(workbench):
    async with workbench("sql") as driver:
        for sql in ("SELECT 1 AS one", "SELECT 2 AS two", "SELEC 3"):
            await write(driver, sql)
            await driver.press("f5")
        editor(driver).text = ""
        await driver.press("escape", "h")
        await driver.until(lambda: driver.app.screen.query("#recall"))
        assert "SELEC 3" not in driver.screen()
        await driver.type("one sel")
        await driver.press("enter")
        assert editor(driver).text == "SELECT 1 AS one"
    async with workbench("sql") as driver:  # also in the next session, and in the editor
        driver.view.show_pane(editor(driver))
        await driver.press("ctrl+r")
        await driver.until(lambda: driver.app.screen.query("#recall"))
        await driver.press("down", "up", "enter")
        assert editor(driver).text == "SELECT 2 AS two"
        await driver.press("ctrl+r", "escape")
        assert not driver.app.screen.query("#recall")


def test_the_history_is_bounded_and_a_damaged_one_is_no_trouble(tmp_path):
    from saetui.views.sql import history

    for number in range(history.MOST + 5):
        history.add(tmp_path, f"SELECT {number}")
    history.add(tmp_path, "SELECT 7")
    found = history.load(tmp_path)
    assert len(found) == history.MOST
    assert found[:2] == ["SELECT 7", f"SELECT {history.MOST + 4}"]
    history.place(tmp_path).write_text("[1, {")
    assert history.load(tmp_path) == []
    history.add(tmp_path, "SELECT 1")
    assert history.load(tmp_path) == ["SELECT 1"]


async def test_a_query_is_saved_under_a_name_and_removed_again(workbench):
    async with workbench("sql") as driver:
        await write(driver, "SELECT 5 AS five")
        await driver.press("escape", "w")
        await driver.type("My five")
        await driver.press("enter", "escape")
        saved = driver.rows("#sql-saved")
        await driver.until(lambda: saved.row(0)[0] == "My five")
        await driver.press("escape", "g", "enter")
        assert driver.rows("#sql-results").row(0) == (5,)
        await driver.press("escape", "D")
        assert "any other key" in driver.screen()
        await driver.press("y")
        await driver.until(lambda: saved.row(0)[0] == shipped()[0].title)
        await driver.press("w")
        await driver.type("!!")
        await driver.press("enter")
        assert "needs a letter" in driver.screen()
