"""Lineage: from a row, a dictionary, a corpus or a run back to the commands that made it."""

from __future__ import annotations

import json
import shlex
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from store.catalog import Catalog, Entry
from store.errors import AskedWrongly
from store.ids import nearest
from store.manifest import Manifest
from store.schema import TABLES

if TYPE_CHECKING:
    from store.workspace import Workspace


class Step(NamedTuple):
    """One published thing on the way back."""

    id: str
    """Dictionary or corpus id, or ``<table>/<run>`` for a run of a table."""
    kind: str
    """``dictionary``, ``corpus`` or ``table``."""
    job: str
    """Job that made it; empty where none is recorded."""
    command: str
    """The command that asks for the same again; empty where no spec is recorded."""
    inputs: tuple[str, ...]
    """Ids it was made from; each has its own step, unless it is gone."""
    manifest: Manifest
    """All that is recorded: spec, seed, versions, checksums, times."""


def trace(workspace: Workspace, what: str) -> list[Step]:
    """The steps behind `what`, newest first, each thing once.

    `what` is a dictionary, a feature (``<dictionary>#<feature>``), a corpus, a run of a table
    (``features/profile-1@…``) or a job, which stands for all that it published. Raises
    AskedWrongly, with the nearest ids, where there is no such thing.
    """
    catalog = workspace.catalog()
    known = _known(catalog)
    name = what.rsplit("#", 1)[0]
    if name in known:
        return _walk([known[name]], known)
    if made := [entry for entry in known.values() if entry.manifest.get("job") == name]:
        return _walk(made, known)
    raise AskedWrongly(f"Nothing published is called {what!r}: {nearest(name, known, 'results')}.")


def trace_row(workspace: Workspace, table: str, row: Mapping[str, Any]) -> list[Step]:
    """The steps behind one row of a view, given as ``{column: value}``.

    Raises AskedWrongly where the table or what published the row is not there.
    """
    if table not in TABLES:
        raise AskedWrongly(f"There is no table {table!r}: {nearest(table, TABLES, 'tables')}")
    if table == "jobs":
        return trace(workspace, str(row.get("job")))
    catalog = workspace.catalog()
    source = TABLES[table].source
    if source in ("dictionaries", "labels"):
        return trace(workspace, str(row.get("dictionary")))
    if source == "corpora":
        return trace(workspace, str(row.get("corpus")))
    about = {str(row.get(key)) for key in ("dictionary", "model", "run") if row.get(key)}
    runs = [
        run
        for run in reversed(catalog.live(table))
        if about & {run.dictionary, run.manifest.get("run")} or run.scope is None
        if run.manifest.get("other_dictionary") in (None, row.get("other_dictionary"))
    ]
    if not runs:
        raise AskedWrongly(f"No run of table {table} holds a row of {' or '.join(sorted(about))}.")
    return _walk(runs[:1], _known(catalog))


def command(spec: Mapping[str, Any], kind: str = "") -> str:
    """The ``saetui run`` line that asks for `spec`; keys without a value are left out."""
    fields = dict(spec)
    kind = str(fields.pop("kind", kind))
    words = [f"{key}={_word(value)}" for key, value in fields.items() if value is not None]
    return shlex.join(["saetui", "run", kind, *words])


def _word(value: Any) -> str:
    if isinstance(value, list | tuple):
        return ",".join(_word(item) for item in value)
    if isinstance(value, Mapping):
        return json.dumps(value)
    return str(value).lower() if isinstance(value, bool) else str(value)


def _known(catalog: Catalog) -> dict[str, Entry]:
    runs = {f"{run.table}/{run.folder.name}": run for run in catalog.runs}
    return {**runs, **catalog.corpora, **catalog.dictionaries}


def _walk(start: list[Entry], known: Mapping[str, Entry]) -> list[Step]:
    steps: dict[str, Step] = {}
    waiting = list(start)
    while waiting:
        step = _step(waiting.pop(0))
        if step.id not in steps:
            steps[step.id] = step
            waiting.extend(known[name] for name in step.inputs if name in known)
    return list(steps.values())


def _step(entry: Entry) -> Step:
    made = entry.manifest
    spec = made.get("spec")
    job = str(made.get("job") or "")
    inputs = [str(name) for name in made.get("inputs") or () if name]
    # Named by the schema itself, listed as inputs or not.
    for name in (entry.dictionary, made.get("corpus")):
        if isinstance(name, str) and name not in (*inputs, entry.id):
            inputs.append(name)
    return Step(
        f"{entry.table}/{entry.folder.name}" if entry.table else entry.id,
        str(made.get("kind", "")),
        job,
        command(spec, job.rpartition("-")[0]) if isinstance(spec, Mapping) else "",
        tuple(inputs),
        made,
    )
