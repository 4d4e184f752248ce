"""The DuckDB side: views and macros, made from `store.schema` over what the catalog calls live."""

from __future__ import annotations

import json
import math
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path

from store.catalog import Catalog, Entry
from store.parquet import BLOCK
from store.schema import TABLES, Table


def quoted(text: str) -> str:
    """A SQL string literal."""
    return "'" + text.replace("'", "''") + "'"


def statements(root: Path, catalog: Catalog) -> list[str]:
    """``CREATE OR REPLACE`` statements of every view and macro, with absolute paths."""
    bodies = {
        "labels": _labels(root),
        "jobs": _jobs(root),
        "corpora": _manifests(TABLES["corpora"], _facts(catalog.corpora.values(), "corpus")),
        "documents": _parts(TABLES["documents"], catalog.corpora.values(), "documents"),
        "latents": _parts(TABLES["latents"], catalog.corpora.values(), "latents"),
        "training": _parts(TABLES["training"], catalog.dictionaries.values(), "training"),
    }
    for table in TABLES.values():
        if table.source == "tables" and table.name != "features":
            bodies[table.name] = _parts(table, catalog.live(table.name), "part-")
    bodies["dictionaries"] = _dictionaries(catalog)
    bodies["features"] = _features(catalog)
    views = [f"CREATE OR REPLACE VIEW {name} AS {body}" for name, body in bodies.items()]
    return [*views, *_macros(catalog)]


_OVER_VIEWS = tuple(f"CREATE OR REPLACE VIEW {name} AS " for name in ("dictionaries", "features"))
"""How the views over other views begin: DuckDB holds them to the types that those had."""


def to_run(statements: Iterable[str], ran: Iterable[str]) -> list[str]:
    """Those of `statements` that a connection needs in which `ran` were run before: most tables are
    as they were, and a view takes half a millisecond.
    """
    ran = set(ran)
    wanted = list(statements)
    if ran.issuperset(wanted):
        return []
    return [one for one in wanted if one not in ran or one.startswith(_OVER_VIEWS)]


def _empty(table: Table) -> str:
    columns = ", ".join(f'NULL::{c.type} AS "{c.name}"' for c in table.columns)
    return f"SELECT {columns} WHERE false"


def _parts(table: Table, entries: Iterable[Entry], prefix: str) -> str:
    """Rows of all parts; runs of an older schema get nulls for the columns they lack."""
    groups: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for entry in entries:
        columns = entry.manifest.get("columns") or {}
        stored = tuple(columns.get(table.name, table.names))
        groups[stored].extend(entry.paths(prefix))
    selects = []
    for stored, paths in groups.items():
        if paths:
            columns = ", ".join(
                c.name if c.name in stored else f"NULL::{c.type} AS {c.name}" for c in table.columns
            )
            selects.append(f"SELECT {columns} FROM {_read(paths)}")
    return " UNION ALL ".join(selects) or _empty(table)


def _read(paths: Iterable[str]) -> str:
    return f"read_parquet([{', '.join(quoted(literally(path)) for path in paths)}])"


def _facts(entries: Iterable[Entry], key: str) -> list[dict[str, object]]:
    """Manifests, each with its id under `key`."""
    return [{**entry.manifest, key: entry.id} for entry in entries]


def _manifests(table: Table, facts: Iterable[Mapping[str, object]]) -> str:
    """A row of each manifest."""
    rows = []
    for values in facts:
        cells = [f"TRY_CAST({_literal(values.get(c.name))} AS {c.type})" for c in table.columns]
        rows.append(f"({', '.join(cells)})")
    if not rows:
        return _empty(table)
    return f"SELECT * FROM (VALUES {', '.join(rows)}) AS t({', '.join(table.names)})"


def _literal(value: object) -> str:
    if value is None or (isinstance(value, float) and not math.isfinite(value)):
        return "NULL"
    if isinstance(value, bool | int | float):
        return str(value)
    return quoted(value if isinstance(value, str) else json.dumps(value))


_QUALITY = ("fvu", "l0", "ce_recovered", "dead_fraction")


def _with_sample(facts: dict[str, object]) -> dict[str, object]:
    """An import has FVU and L0 on the sample that it was looked at with, until more is known."""
    sample = facts.get("sample")
    if not isinstance(sample, dict):
        return facts
    return {name: sample.get(name) for name in ("fvu", "l0")} | facts


def _dictionaries(catalog: Catalog) -> str:
    made = _facts(catalog.dictionaries.values(), "dictionary")
    base = _manifests(TABLES["dictionaries"], [_with_sample(facts) for facts in made])
    columns = ", ".join(
        f"coalesce(q.{c}, e.{c}, d.{c}) AS {c}" if c in _QUALITY else f"d.{c}"
        for c in TABLES["dictionaries"].names
    )
    evaluated = ", ".join(
        f"any_value(value) FILTER (measure = '{c}' AND about IS NULL) AS {c}" for c in _QUALITY
    )
    return (
        f"SELECT {columns} FROM ({base}) AS d LEFT JOIN "
        f"(SELECT DISTINCT ON (dictionary) dictionary, {', '.join(_QUALITY)} FROM quality "
        "WHERE split = 'held_out' ORDER BY dictionary, n_tokens DESC) AS q USING (dictionary) "
        f"LEFT JOIN (SELECT dictionary, {evaluated} FROM evaluations GROUP BY dictionary) AS e "
        "USING (dictionary)"
    )


def _features(catalog: Catalog) -> str:
    table = TABLES["features"]
    rows = _parts(table, catalog.live("features"), "part-")
    columns = ", ".join("n.label" if c == "label" else f"f.{c}" for c in table.names)
    return (
        f"SELECT {columns} FROM ({rows}) AS f LEFT JOIN "
        '(SELECT dictionary, feature, arg_max_null(label, "at") AS label FROM labels '
        "GROUP BY dictionary, feature) AS n USING (dictionary, feature)"
    )


def _labels(root: Path) -> str:
    """Lines of ``labels/*.jsonl``; a line that is not JSON is passed over."""
    cells = ", ".join(
        f'TRY_CAST(j->>{quoted(c.name)} AS {c.type}) AS "{c.name}"'
        for c in TABLES["labels"].columns
    )
    pattern = quoted(f"{literally(root)}/labels/*.jsonl")
    lines = f"SELECT unnest(string_split(content, chr(10))) AS line FROM read_text({pattern})"
    return (
        f"SELECT {cells} FROM (SELECT TRY_CAST(line AS JSON) AS j FROM ({lines}) "
        "WHERE line <> '') WHERE j->>'dictionary' IS NOT NULL AND j->>'at' IS NOT NULL"
    )


def literally(path: str | Path) -> str:
    """A path for DuckDB, which reads every path as a pattern: wildcards in it mean themselves."""
    return "".join(f"[{c}]" if c in "*?[" else c for c in str(path))


def _jobs(root: Path) -> str:
    """One row a folder under ``jobs/``; an unreadable ``state.json`` reads as lost."""

    def files(name: str) -> str:
        pattern = quoted(f"{literally(root)}/jobs/*/{name}")
        return (
            "SELECT parse_path(filename)[-2] AS job, TRY_CAST(content AS JSON) AS j "
            f"FROM read_text({pattern}) "
        )

    special = {
        "job": "job",
        "kind": "coalesce(s.j->>'kind', regexp_extract(job, '^(.*)-[0-9]+$', 1))",
        "state": "coalesce(s.j->>'state', 'lost')",
        "progress": "coalesce(TRY_CAST(s.j->>'progress' AS DOUBLE), 0)",
        "spec": "coalesce(p.j, s.j->'spec')",
    }
    cells = ", ".join(
        f"{special.get(c.name, f'TRY_CAST(s.j->>{quoted(c.name)} AS {c.type})')} AS {c.name}"
        for c in TABLES["jobs"].columns
    )
    return (
        f"SELECT {cells} FROM ({files('state.json')}) AS s "
        f"FULL JOIN ({files('spec.json')}) AS p USING (job)"
    )


def _macros(catalog: Catalog) -> list[str]:
    return [
        _features_macro(catalog),
        *(_dictionary_macro(catalog, table) for table in ("top_activations", "neighbors")),
        _block_macro(catalog, "feature_activations(d, f)", "activations", "feature", "f")
        + " ORDER BY activation DESC, doc, pos",
        _block_macro(catalog, "doc_activations(d, n)", "activations_by_doc", "doc", "n")
        + " ORDER BY pos, activation DESC, feature",
    ]


def _dictionary_macro(catalog: Catalog, table: str) -> str:
    columns = ", ".join(TABLES[table].names)
    return (
        f"CREATE OR REPLACE MACRO dictionary_{table}(d) AS TABLE "
        f"SELECT {columns} FROM {_of_dictionary(catalog, table)} WHERE dictionary = d"
    )


def _features_macro(catalog: Catalog) -> str:
    table = TABLES["features"]
    source = _of_dictionary(catalog, "features")
    if source == "features":  # the view, which has the labels
        rows = "SELECT * FROM features WHERE dictionary = d"
    else:
        columns = ", ".join("n.label" if c == "label" else f"f.{c}" for c in table.names)
        rows = (
            f"SELECT {columns} FROM {source} AS f LEFT JOIN "
            '(SELECT feature, arg_max_null(label, "at") AS label FROM labels '
            "WHERE dictionary = d GROUP BY feature) AS n USING (feature) WHERE f.dictionary = d"
        )
    return f"CREATE OR REPLACE MACRO dictionary_features(d) AS TABLE {rows}"


def _of_dictionary(catalog: Catalog, table: str) -> str:
    """The files of dictionary `d` alone, so that no other is opened: with 32 dictionaries a row is
    found four times faster than through the view. The view itself, where files cannot be told
    apart or are of an older schema.
    """
    runs = [run for run in catalog.live(table) if run.parts]
    needed = set(TABLES[table].names) - {"label"}  # a feature's label comes from `labels`
    stored = (run.manifest.get("columns", {}).get(table) for run in runs)
    if not runs or any(run.dictionary is None for run in runs):
        return table
    if any(columns is not None and not needed <= set(columns) for columns in stored):
        return table
    files: dict[str, list[str]] = defaultdict(list)
    for run in runs:
        files[run.dictionary or ""] += [literally(path) for path in run.paths("part-")]
    lists = ", ".join(
        f"{quoted(name)}: [{', '.join(map(quoted, paths))}]" for name, paths in files.items()
    )
    # For an unknown dictionary any file will do: no row in it passes the filter.
    some = quoted(next(iter(files.values()))[0])
    return f"read_parquet(coalesce(map_extract_value(MAP {{{lists}}}, d), [{some}]))"


_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


def _block_macro(catalog: Catalog, head: str, table: str, key: str, argument: str) -> str:
    """A table macro that computes the paths of the one block it needs, so no other is opened.

    Four times faster than to let DuckDB pick the file out of a list (tests/bench/bench_store.py):
    even a list of some hundred paths costs 10 ms a query.
    """
    columns = ", ".join(TABLES[table].names)
    start = f"CREATE OR REPLACE MACRO {head} AS TABLE SELECT {columns} FROM "
    where = f" WHERE dictionary = d AND {key} = {argument}"
    runs = [run for run in catalog.live(table) if run.parts]
    if not runs or any(run.scope is None for run in runs):
        return f"{start}{table}{where}"
    folders = _map({run.scope or "": literally(run.folder) for run in runs})
    counts = _map({run.scope or "": _counts(run.parts) for run in runs})
    block = f"(CAST({argument} AS BIGINT) // {BLOCK})"
    digit = f"nullif(substr(map_extract_value({counts}, d), {block} + 1, 1), '')"
    paths = (
        f"list_transform(range(strpos('{_DIGITS}', {digit}) - 1), lambda i: "
        f"map_extract_value({folders}, d) || format('/part-{{:05d}}', {block}) "
        "|| CASE WHEN i = 0 THEN '' ELSE '-' || i END || '.parquet')"
    )
    # Where there is no such block, any file will do: no row in it passes the filter.
    some = quoted(literally(runs[0].paths("part-")[0]))
    return f"{start}read_parquet(CASE WHEN len({paths}) > 0 THEN {paths} ELSE [{some}] END){where}"


def _map(items: dict[str, str]) -> str:
    return "MAP {" + ", ".join(f"{quoted(k)}: {quoted(v)}" for k, v in items.items()) + "}"


def _counts(parts: Iterable[str]) -> str:
    """For each block, how many files hold it, as one digit of base 36; 0 where one is damaged."""
    files: dict[int, set[int]] = defaultdict(set)
    for name in parts:
        block, _, piece = name.removeprefix("part-").removesuffix(".parquet").partition("-")
        files[int(block)].add(int(piece or 0))
    whole = {
        block: len(found)
        for block, found in files.items()
        if found == set(range(len(found))) and len(found) < len(_DIGITS)
    }
    return "".join(_DIGITS[whole.get(block, 0)] for block in range(max(files) + 1))
