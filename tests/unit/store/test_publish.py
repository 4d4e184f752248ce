"""Publication: whole or not at all, checked against the schema, newest of a scope counts."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from store import AskedWrongly, SaetuiError, Workspace, parquet, write_rows
from store.files import sha256
from tests.unit.store.examples import (
    DICTIONARY,
    activations,
    corpus,
    dictionary,
    profile,
    rows,
)


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace.create(tmp_path / "ws")


def folders(root: Path) -> list[str]:
    """Every folder with a manifest, and everything left in staging."""
    found = [p.parent.relative_to(root).as_posix() for p in root.rglob("manifest.json")]
    return sorted(found) + [p.name for p in (root / ".staging").glob("*") if p.is_dir()]


def test_a_published_table_has_a_manifest_with_checksums(workspace: Workspace) -> None:
    folder = profile(workspace, "profile-1", density=0.5)
    assert folder.parent == workspace.root / "tables" / "features"
    manifest = json.loads((folder / "manifest.json").read_text())
    part = manifest["files"]["part-00000.parquet"]
    assert part["rows"] == 2
    assert part["bytes"] == (folder / "part-00000.parquet").stat().st_size
    assert part["sha256"] == sha256(folder / "part-00000.parquet")
    assert (manifest["job"], manifest["scope"]) == ("profile-1", DICTIONARY)
    assert folders(workspace.root) == [folder.relative_to(workspace.root).as_posix()]


def test_nothing_is_seen_before_the_end_nor_after_a_failure(workspace: Workspace) -> None:
    def half_a_table() -> None:
        with workspace.publish_table("features", run="profile-1", scope=DICTIONARY) as out:
            out.write(rows("features"))
            assert workspace.sql("FROM features").pl().is_empty()
            raise ZeroDivisionError

    def half_a_dictionary() -> None:
        with workspace.publish_folder("dictionaries", "a/b") as folder:
            (folder / "cfg.json").write_text("{}")
            assert workspace.dictionaries() == []
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        half_a_table()
    assert folders(workspace.root) == []
    with pytest.raises(ZeroDivisionError):
        half_a_dictionary()
    assert folders(workspace.root) == []


def test_profiling_again_replaces_in_the_views_and_deletes_nothing(workspace: Workspace) -> None:
    first = profile(workspace, "profile-1", density=0.25)
    other = profile(workspace, "profile-1", density=0.75, name="tiny/other")
    second = profile(workspace, "profile-2", density=0.5)
    seen = workspace.sql(
        "SELECT DISTINCT dictionary, density FROM features ORDER BY ALL"
    ).fetchall()
    assert seen == [(DICTIONARY, 0.5), ("tiny/other", 0.75)]
    assert all(folder.exists() for folder in (first, second, other))


def test_a_resumed_job_may_publish_again(workspace: Workspace) -> None:
    """The same bytes are kept once; other bytes stand beside the old ones and count."""
    once = profile(workspace, "profile-1", density=0.5)
    assert profile(workspace, "profile-1", density=0.5) == once
    changed = profile(workspace, "profile-1", density=0.75)
    assert changed.name == once.name + "~2"
    assert workspace.sql("SELECT DISTINCT density FROM features").fetchall() == [(0.75,)]
    assert workspace.sql("SELECT count(*) FROM features").fetchall() == [(2,)]


def test_an_id_is_taken_once(workspace: Workspace) -> None:
    dictionary(workspace)
    with pytest.raises(AskedWrongly, match="exists already"):
        dictionary(workspace)
    with pytest.raises(AskedWrongly, match="exists already"):
        dictionary(workspace, f"{DICTIONARY}/inside")
    with pytest.raises(AskedWrongly, match="exists already"):
        dictionary(workspace, "tiny")
    with (
        pytest.raises(AskedWrongly, match="exists already"),
        workspace.publish_folder("dictionaries", "late"),
    ):
        dictionary(workspace, "late")
    assert workspace.dictionaries() == ["late", DICTIONARY]


@pytest.mark.parametrize(
    "name", ["../out", "/tmp/out", "a/../b", ".hidden", "a\nb", "-rf", "a" * 300]
)
def test_an_id_cannot_leave_the_workspace(workspace: Workspace, name: str) -> None:
    with pytest.raises(AskedWrongly), workspace.publish_folder("dictionaries", name):
        pass
    with pytest.raises(AskedWrongly), workspace.publish_table("features", run=name):
        pass


def test_a_written_part_goes_on_in_the_next_file(workspace: Workspace) -> None:
    with workspace.publish_table("activations", run="profile-1", scope=DICTIONARY) as out:
        out.write(activations([2, 0]), part=0)
        out.write(activations([1]), part=0)
        out.write(activations([1024]), part=1)
    run = workspace.catalog().live("activations")[0]
    assert run.parts == ("part-00000-1.parquet", "part-00000.parquet", "part-00001.parquet")
    for feature in (0, 1, 2, 1024):
        found = workspace.sql(f"SELECT feature FROM feature_activations('{DICTIONARY}', {feature})")
        assert found.fetchall() == [(feature,)]
    assert workspace.sql(f"FROM feature_activations('{DICTIONARY}', 3)").fetchall() == []
    assert workspace.sql(f"FROM feature_activations('{DICTIONARY}', 9999)").fetchall() == []
    assert workspace.sql("FROM feature_activations('unknown', 1)").fetchall() == []


def test_small_writes_are_gathered_in_one_file(workspace: Workspace) -> None:
    """A profile writes a thousand features at a time; a list of a million reads few files."""
    with workspace.publish_table("features", run="profile-1", scope=DICTIONARY) as out:
        for part in (2, 0, 1):
            out.write(rows("features", 2, feature=[part * 1024 + 1, part * 1024]), part=part)
    run = workspace.catalog().live("features")[0]
    assert run.parts == ("part-00000.parquet",)
    stored = pq.read_table(run.paths("part-")[0])
    assert stored["feature"].to_pylist() == [0, 1, 1024, 1025, 2048, 2049]


def test_what_is_gathered_is_written_before_it_grows_large(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parquet, "HELD_BYTES", 1000)
    with workspace.publish_table("features", run="profile-1", scope=DICTIONARY) as out:
        for part in range(5):
            out.write(rows("features", 10, feature=range(part * 10, part * 10 + 10)), part=part)
    assert len(workspace.catalog().live("features")[0].parts) > 1
    assert workspace.sql("SELECT count(DISTINCT feature) FROM features").fetchall() == [(50,)]


def test_a_run_without_rows_is_a_run(workspace: Workspace) -> None:
    """It replaces the older run: nothing was found this time."""
    profile(workspace, "profile-1", density=0.5)
    with workspace.publish_table("features", run="profile-2", scope=DICTIONARY):
        pass
    assert workspace.sql("FROM features").fetchall() == []
    with workspace.publish_table("activations", run="profile-2", scope=DICTIONARY):
        pass
    assert workspace.sql(f"FROM feature_activations('{DICTIONARY}', 1)").fetchall() == []


def test_macros_take_parameters_and_sort(workspace: Workspace) -> None:
    with workspace.publish_table("activations", run="profile-1", scope=DICTIONARY) as out:
        out.write(activations([7, 7, 8, 7]))
    with workspace.publish_table("activations_by_doc", run="profile-1", scope=DICTIONARY) as out:
        out.write(rows("activations_by_doc", 2, doc=[3, 3], pos=[2, 1]))
    connection = workspace.connect()
    ask = "SELECT activation FROM feature_activations($1, $2)"
    assert connection.execute(ask, [DICTIONARY, 7]).fetchall() == [(3.0,), (1.0,), (0.0,)]
    found = connection.execute("SELECT pos FROM doc_activations(?, ?)", [DICTIONARY, 3]).fetchall()
    assert found == [(1,), (2,)]


def test_a_row_in_the_wrong_block_is_refused(workspace: Workspace) -> None:
    with (
        pytest.raises(SaetuiError, match="Part 0 of table activations may hold feature 0 to 1023"),
        workspace.publish_table("activations", run="profile-1", scope=DICTIONARY) as out,
    ):
        out.write(activations([5, 1024]), part=0)


def test_rows_are_sorted_and_grouped_as_declared(workspace: Workspace) -> None:
    with workspace.publish_table("activations", run="profile-1", scope=DICTIONARY) as out:
        out.write(activations([3, 1, 3, 2]))
    run = workspace.catalog().live("activations")[0]
    stored = pq.read_table(run.paths("part-")[0])
    keys = list(zip(stored["feature"].to_pylist(), stored["activation"].to_pylist(), strict=True))
    assert keys == [(1, 1.0), (2, 3.0), (3, 2.0), (3, 0.0)]
    assert pq.read_metadata(run.paths("part-")[0]).row_group(0).column(0).compression == "ZSTD"


def test_polars_frames_and_missing_nullable_columns_are_fine(workspace: Workspace) -> None:
    frame = pl.DataFrame(
        {"step": [1], "tokens": [2], "loss": [0.5], "fvu": [float(1)], "l0": [1.0]}
    )
    frame = frame.with_columns(dead_fraction=0.0, learning_rate=1e-3, dictionary=pl.lit("x"))
    path = workspace.root / "training.parquet"
    assert write_rows(path, "training", frame) == 1
    assert pq.read_table(path)["tokens_per_second"].to_pylist() == [None]


@pytest.mark.parametrize(
    ("change", "says"),
    [
        (lambda t: t.drop_columns(["density"]), "Column 'density' of table features is missing"),
        (lambda t: t.append_column("colour", pa.array([1, 2, 3])), "has no column 'colour'"),
        (lambda t: _put(t, "feature", [0.5, 1.0, 2.0]), "holds double, but UINTEGER is declared"),
        (lambda t: _put(t, "feature", [-1, 1, 2]), "'feature' of table features does not fit UINT"),
        (lambda t: _put(t, "density", ["1", "2", "3"]), "holds string, but DOUBLE is declared"),
        (
            lambda t: _put(t, "density", [1.0, None, 2.0]),
            "'density' of table features holds 1 null",
        ),
        (lambda t: _put(t, "density", [1.0, float("nan"), 2.0]), "'density' .* holds NaN"),
        (lambda t: _put(t, "promoted", [[1], [], []]), "'promoted' .* holds list"),
    ],
)
def test_rows_that_do_not_fit_name_the_column(workspace: Workspace, change, says: str) -> None:  # type: ignore[no-untyped-def]
    with (
        pytest.raises(SaetuiError, match=says),
        workspace.publish_table("features", run="profile-1", scope=DICTIONARY) as out,
    ):
        out.write(change(rows("features")))
    assert folders(workspace.root) == []


def _put(table: pa.Table, name: str, values: list[object]) -> pa.Table:
    return table.set_column(table.column_names.index(name), name, pa.array(values))


def test_a_folder_with_parquet_that_does_not_fit_is_refused(workspace: Workspace) -> None:
    with (
        pytest.raises(SaetuiError, match=r"Column 'loss' of training\.parquet is missing"),
        workspace.publish_folder("dictionaries", DICTIONARY) as folder,
    ):
        pq.write_table(rows("training").drop_columns(["loss"]), folder / "training.parquet")
    with (
        pytest.raises(SaetuiError, match="must hold other only"),
        workspace.publish_folder("dictionaries", "other") as folder,
    ):
        write_rows(folder / "training.parquet", "training", rows("training"))


def test_a_run_of_an_older_schema_reads_null_in_newer_columns(workspace: Workspace) -> None:
    """What an earlier saetui published lacks columns that were added since."""
    folder = profile(workspace, "profile-1", density=0.5)
    part = folder / "part-00000.parquet"
    pq.write_table(pq.read_table(part).drop_columns(["histogram"]), part)
    manifest = json.loads((folder / "manifest.json").read_text())
    manifest["files"]["part-00000.parquet"]["bytes"] = part.stat().st_size
    manifest["columns"]["features"].remove("histogram")
    (folder / "manifest.json").write_text(json.dumps(manifest))
    profile(workspace, "profile-2", density=0.75, name="tiny/other")
    seen = workspace.sql("SELECT density, histogram FROM features ORDER BY ALL").fetchall()
    assert seen == [(0.5, None)] * 2 + [(0.75, [])] * 2


def test_quality_and_corpus_rows_show_in_their_views(workspace: Workspace) -> None:
    corpus(workspace)
    dictionary(workspace)
    ask = "SELECT fvu, l0, d_sae, job FROM dictionaries"
    assert workspace.sql(ask).fetchall() == [(None, None, 512, "train_sae-1")]
    splits = ["train", "held_out"]
    with workspace.publish_table("quality", run="profile-1", scope=DICTIONARY) as out:
        out.write(rows("quality", 2, split=splits, fvu=[0.1, 0.2], l0=[15.0, 16.0]))
    assert workspace.sql(ask).fetchall() == [(0.2, 16.0, 512, "train_sae-1")]
    assert workspace.sql("SELECT n_tokens, model FROM corpora").fetchall() == [(6, "tiny")]
    assert workspace.sql("SELECT doc, tokens FROM documents").fetchall()[1] == (1, [1, 2, 3])
    assert workspace.sql("SELECT step FROM training").fetchall() == [(1,), (2,)]


def test_a_connection_sees_new_runs_after_refresh(workspace: Workspace) -> None:
    connection = workspace.connect()
    assert not workspace.refresh(connection)
    profile(workspace, "profile-1", density=0.5)
    assert connection.execute("SELECT count(*) FROM features").fetchone() == (0,)
    assert workspace.refresh(connection)
    assert connection.execute("SELECT count(*) FROM features").fetchone() == (2,)
    assert not workspace.refresh(connection)


def test_a_relation_asks_again_each_time(workspace: Workspace) -> None:
    first = workspace.sql("SELECT count(*) FROM features")
    assert first.fetchall() == [(0,)]
    profile(workspace, "profile-1", density=0.5)
    assert workspace.sql("SELECT count(*) FROM features").fetchall() == [(2,)]
    assert first.fetchall() == [(2,)]
