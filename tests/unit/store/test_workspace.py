"""A workspace is a folder: made, opened, found, moved, and refused where it is none."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import duckdb
import pytest

from store import AskedWrongly, Workspace
from store.schema import TABLES
from tests.unit.store.examples import CORPUS, DICTIONARY, corpus, dictionary, profile


def test_a_new_workspace_has_its_folders_and_every_view_empty(tmp_path: Path) -> None:
    workspace = Workspace.create(tmp_path / "ws", defaults={"model": "tiny", "tokens": 10})
    assert {path.name for path in workspace.root.iterdir() if not path.name.startswith(".")} == {
        *("corpora", "dictionaries", "jobs", "labels", "tables", "workspace.toml")
    }
    for table in TABLES.values():
        found = workspace.sql(f"FROM {table.name}")
        assert found.columns == list(table.names)
        assert len(found.pl()) == 0
    assert workspace.sql("FROM feature_activations('x', 1)").pl().is_empty()
    assert workspace.sql("FROM doc_activations('x', 1)").pl().is_empty()


def test_the_views_have_the_declared_types_whether_empty_or_not(tmp_path: Path) -> None:
    workspace = Workspace.create(tmp_path / "ws")
    for fill in (lambda: None, lambda: (corpus(workspace), dictionary(workspace))):
        fill()
        for table in TABLES.values():
            described = workspace.sql(f"DESCRIBE {table.name}").fetchall()
            declared = [(c.name, c.type.replace("[]", "")) for c in table.columns]
            found = [
                (name, kind.replace("[]", "").replace('"', "")) for name, kind, *_ in described
            ]
            assert found == declared, table.name


def test_settings_survive_reopening(tmp_path: Path) -> None:
    made = Workspace.create(tmp_path / "ws", name='a "b"\\c é', defaults={"hooks": ["L1.mlp_out"]})
    made.set_defaults(model="smollm2", share=0.5, fast=True)
    made.set_defaults(fast=None)
    opened = Workspace(tmp_path / "ws")
    assert opened.name == 'a "b"\\c é'
    assert opened.defaults == {"hooks": ["L1.mlp_out"], "model": "smollm2", "share": 0.5}


def test_a_foreign_folder_is_not_taken(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(AskedWrongly, match="holds other files"):
        Workspace.create(tmp_path)
    with pytest.raises(AskedWrongly, match="is a file"):
        Workspace.create(tmp_path / "thesis.txt")
    Workspace.create(tmp_path / "ws")
    with pytest.raises(AskedWrongly, match="a workspace already"):
        Workspace.create(tmp_path / "ws")


def test_what_is_no_workspace_or_a_newer_one_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AskedWrongly, match="saetui init"):
        Workspace(tmp_path)
    (tmp_path / "workspace.toml").write_text("format = 99\n")
    with pytest.raises(AskedWrongly, match="newer saetui"):
        Workspace(tmp_path)
    (tmp_path / "workspace.toml").write_text("format = [broken")
    with pytest.raises(AskedWrongly, match="cannot be read"):
        Workspace(tmp_path)


def test_find_takes_the_named_then_the_environment_then_the_current_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here, there = (Workspace.create(tmp_path / name).root for name in ("here", "there"))
    monkeypatch.delenv("SAETUI_WORKSPACE", raising=False)
    monkeypatch.chdir(tmp_path)
    assert Workspace.find() is None
    monkeypatch.chdir(here)
    assert (found := Workspace.find()) and found.root == here
    monkeypatch.setenv("SAETUI_WORKSPACE", str(there))
    assert (found := Workspace.find()) and found.root == there
    assert (found := Workspace.find(here)) and found.root == here
    with pytest.raises(AskedWrongly):
        Workspace.find(tmp_path)


def test_an_unknown_id_names_the_nearest(tmp_path: Path) -> None:
    workspace = Workspace.create(tmp_path / "ws")
    with pytest.raises(AskedWrongly, match="no dictionaries yet"):
        workspace.dictionary("tiny/x")
    dictionary(workspace)
    with pytest.raises(AskedWrongly, match=r"did you mean tiny/L2\.resid_post/topk-512-k16-s0"):
        workspace.dictionary("tiny/L2.resid_post/topk-512-k16-s1")
    for hostile in ("../../etc", "/etc", "a//b", "", "a/\x1b[2J", "."):
        with pytest.raises(AskedWrongly):
            workspace.dictionary(hostile)


def test_files_of_dictionaries_and_corpora(tmp_path: Path) -> None:
    workspace = Workspace.create(tmp_path / "ws")
    corpus(workspace)
    dictionary(workspace)
    found = workspace.dictionary(DICTIONARY)
    assert found.weights.read_bytes() == b"weights" and found.manifest["d_sae"] == 512
    assert workspace.corpus(CORPUS).documents[0].name == "documents-00000.parquet"
    assert workspace.corpus(CORPUS).latents == []
    assert (workspace.dictionaries(), workspace.corpora()) == ([DICTIONARY], [CORPUS])


def test_anyone_may_open_the_views_file_and_a_moved_workspace_finds_its_rows(
    tmp_path: Path,
) -> None:
    workspace = Workspace.create(tmp_path / "it's here")
    dictionary(workspace)
    profile(workspace, "profile-1", density=0.5)

    def count(root: Path) -> int:
        with duckdb.connect(str(root / "workspace.duckdb"), read_only=True) as shell:
            row = shell.execute("SELECT count(*) FROM features WHERE density = 0.5").fetchone()
            return row[0] if row else -1

    assert count(workspace.root) == 2
    moved = tmp_path / "elsewhere [1]*"
    shutil.move(workspace.root, moved)
    again = Workspace(moved)
    assert len(again.sql("FROM features").pl()) == 2
    assert again.sql("FROM labels").pl().is_empty()
    assert count(moved) == 2


def test_the_views_file_is_written_where_the_views_changed_and_only_there(tmp_path: Path) -> None:
    workspace = Workspace.create(tmp_path / "ws")
    views = workspace.root / "workspace.duckdb"
    profile(workspace, "profile-1", density=0.5)
    first = views.stat()
    profile(workspace, "profile-1", density=0.5)  # the same bytes, which are kept once
    workspace.connect()
    assert views.stat() == first
    profile(workspace, "profile-2", density=0.5)
    assert views.stat().st_ino != first.st_ino


def test_a_writer_that_died_before_it_wrote_the_views_file_is_made_good(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def dies(workspace: Workspace) -> None:
        raise OSError

    workspace = Workspace.create(tmp_path / "ws")
    profile(workspace, "profile-1", density=0.25)
    with monkeypatch.context() as patched:
        patched.setattr("store.connection.write_file", dies)
        profile(workspace, "profile-2", density=0.5)
    with duckdb.connect(str(workspace.root / "workspace.duckdb"), read_only=True) as shell:
        assert shell.execute("SELECT DISTINCT density FROM features").fetchall() == [(0.25,)]
    Workspace(workspace.root).connect()
    with duckdb.connect(str(workspace.root / "workspace.duckdb"), read_only=True) as shell:
        assert shell.execute("SELECT DISTINCT density FROM features").fetchall() == [(0.5,)]


def test_opening_loads_no_heavy_library() -> None:
    code = (
        "import sys, store, store.guard, store.doctor, store.gc, store.lineage, store.docs;"
        "print([m for m in ('duckdb', 'pyarrow', 'polars', 'numpy', 'torch') if m in sys.modules])"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "[]"


@pytest.mark.parametrize("content", ["x = [", "format = 1\ndefaults = 7\n", "\0"])
def test_settings_that_cannot_be_read_say_what_to_write(tmp_path: Path, content: str) -> None:
    root = Workspace.create(tmp_path / "ws").root
    (root / "workspace.toml").write_text(content)
    with pytest.raises(
        AskedWrongly, match=r"workspace.toml .*; put it right, or write `format = 1"
    ):
        Workspace(root)
