"""Small rows to publish: every table of the schema, with values that fit it."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pyarrow as pa

from store import Workspace, write_rows
from store.parquet import arrow_type, stored_columns
from store.schema import TABLES

DICTIONARY = "tiny/L2.resid_post/topk-512-k16-s0"
CORPUS = "tiny/grammar-c32-8k"
SPEC = {"kind": "profile", "dictionaries": [DICTIONARY], "tokens": 1000, "corpus": None}


def rows(table: str, count: int = 3, **columns: Iterable[Any]) -> pa.Table:
    """`count` rows of a table, zeros but for `columns`; keys are those of this module."""
    zero = {"VARCHAR": "x", "JSON": "{}", "TIMESTAMP WITH TIME ZONE": 0}
    data = {}
    for column in stored_columns(TABLES[table]):
        value: Any = [] if column.type.endswith("[]") else zero.get(column.type, 0)
        value = {"dictionary": DICTIONARY, "corpus": CORPUS}.get(column.name, value)
        values = columns.get(column.name, [value] * count)
        data[column.name] = pa.array(values, arrow_type(column.type))
    return pa.table(data)


def activations(features: Iterable[int]) -> pa.Table:
    """One activation a feature, of strength and document equal to its place."""
    listed = list(features)
    places = range(len(listed))
    return rows("activations", len(listed), feature=listed, doc=places, activation=places)


def dictionary(workspace: Workspace, name: str = DICTIONARY, job: str = "train_sae-1") -> None:
    """Publishes a dictionary: its manifest fields matter here, its weights do not."""
    fields = {
        "job": job,
        "spec": {"kind": "train_sae", "model": "tiny", "hooks": ["L2.resid_post"], "k": [16]},
        "inputs": [CORPUS],
        "model": "tiny",
        "hook": "blocks.2.hook_resid_post",
        "layer": 2,
        "site": "resid_post",
        "architecture": "topk",
        "d_in": 128,
        "d_sae": 512,
        "corpus": CORPUS,
        "seed": 0,
        "tokens_trained": 1000,
    }
    with workspace.publish_folder("dictionaries", name, manifest=fields) as folder:
        (folder / "cfg.json").write_text("{}")
        (folder / "sae_weights.safetensors").write_bytes(b"weights")
        names = [name] * 2
        write_rows(
            folder / "training.parquet",
            "training",
            rows("training", 2, dictionary=names, step=[1, 2]),
        )


def corpus(workspace: Workspace, name: str = CORPUS) -> None:
    """Publishes a corpus of two documents."""
    fields = {"job": "train_sae-1", "spec": {"kind": "train_sae", "corpus": "grammar:"}}
    fields |= {"model": "tiny", "n_documents": 2, "n_tokens": 6, "source": "grammar:"}
    with workspace.publish_folder("corpora", name, manifest=fields) as folder:
        docs = rows("documents", 2, doc=[0, 1], tokens=[[1, 2, 3]] * 2, corpus=[name] * 2)
        write_rows(folder / "documents-00000.parquet", "documents", docs)


def profile(workspace: Workspace, run: str, density: float, name: str = DICTIONARY) -> Path:
    """Publishes ``features`` of a dictionary; returns the folder of the run."""
    fields = {"job": run, "spec": SPEC, "inputs": [name, CORPUS]}
    with workspace.publish_table("features", run=run, scope=name, manifest=fields) as out:
        out.write(rows("features", 2, dictionary=[name] * 2, feature=[0, 1], density=[density] * 2))
    return workspace.catalog().live("features")[-1].folder
