"""Latency of the store at size: the block layout against one naive file, in the same run.

    python tests/bench/bench_store.py [--rows 24000000] [--keep DIR]

Makes a workspace with one big dictionary and eleven small ones, and a million features in twelve
dictionaries; asks what the feature list, a feature page and a document page ask, and prints a
table. Ratios are what counts: machines differ.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from store import Workspace
from store.parquet import BLOCK

FEATURES, DOCS, POSITIONS, OTHERS = 32_768, 16_384, 128, 11
BIG = "bench/L1.resid_post/topk-32768-k32-s0"
RESULTS = Path(__file__).parent / "results" / "store.json"


def rows(count: int, seed: int) -> dict[str, np.ndarray]:
    """`count` activations: features by a power law, documents and positions uniform."""
    random = np.random.default_rng(seed)
    feature = (FEATURES * random.random(count) ** 2).astype(np.uint32)
    doc = random.integers(0, DOCS, count, dtype=np.uint32)
    pos = random.integers(0, POSITIONS, count, dtype=np.uint16)
    return {
        "feature": feature,
        "doc": doc,
        "pos": pos,
        "activation": random.exponential(2.0, count).astype(np.float32),
    }


def publish(workspace: Workspace, dictionary: str, data: dict[str, np.ndarray], run: str) -> None:
    """Both layouts of ``activations``, a part a block."""
    for table, key in (("activations", "feature"), ("activations_by_doc", "doc")):
        block = data[key] // BLOCK
        order = np.argsort(block, kind="stable")
        ends = np.searchsorted(block[order], np.arange(block.max() + 2))
        with workspace.publish_table(table, run=run, scope=dictionary) as out:
            for part in range(len(ends) - 1):
                chosen = order[ends[part] : ends[part + 1]]
                columns = {name: values[chosen] for name, values in data.items()}
                corpus = pa.DictionaryArray.from_arrays(np.zeros(len(chosen), np.int8), ["bench/c"])
                out.write(pa.table({**columns, "corpus": corpus}), part=part)


def naive(path: Path, data: dict[str, np.ndarray]) -> None:
    """The same rows in one file, sorted by feature, with default row groups."""
    order = np.lexsort((-data["activation"], data["feature"]))
    table = pa.table({name: values[order] for name, values in data.items()})
    pq.write_table(table, path, compression="zstd", row_group_size=122_880)


def features(workspace: Workspace, count: int, seed: int, dictionary: str) -> None:
    """`count` features of a dictionary, with ten tokens in each of their lists."""
    random = np.random.default_rng(seed)
    words = pa.array([f" word{number}" for number in range(5000)])

    def listed(values: pa.Array, width: int) -> pa.Array:
        return pa.ListArray.from_arrays(np.arange(count + 1, dtype=np.int32) * width, values)

    def tokens() -> pa.Array:
        return words.take(pa.array(random.integers(0, 5000, count * 10)))

    def logits() -> pa.Array:
        numbers = pa.array(random.random(count * 10).astype(np.float32))
        return listed(pa.StructArray.from_arrays([tokens(), numbers], ["token", "logit"]), 10)

    columns = {
        "feature": np.arange(count, dtype=np.uint32),
        "density": random.random(count) ** 4,
        "mean_activation": random.random(count).astype(np.float32),
        "max_activation": random.random(count).astype(np.float32),
        "decoder_norm": np.ones(count, np.float32),
        "promoted": logits(),
        "suppressed": logits(),
        "top_tokens": listed(tokens(), 10),
        "histogram": listed(pa.array(random.integers(0, 99, count * 32).astype(np.uint32)), 32),
    }
    with workspace.publish_table("features", run=f"profile-{seed}", scope=dictionary) as out:
        out.write(pa.table(columns))


def timed(ask: Callable[[int], Any], arguments: list[int]) -> dict[str, float]:
    """Milliseconds: of the first call, and median and 95th percentile of the others."""
    taken = []
    for argument in arguments:
        start = time.perf_counter()
        ask(argument)
        taken.append((time.perf_counter() - start) * 1000)
    warm = sorted(taken[1:])
    return {
        "first": round(taken[0], 2),
        "median": round(statistics.median(warm), 2),
        "p95": round(warm[int(0.95 * len(warm))], 2),
    }


def measure(workspace: Workspace, single: Path, repeats: int) -> dict[str, dict[str, float]]:
    """Every question, by the block layout and by the naive file."""
    random = np.random.default_rng(9)
    some = [int(f) for f in FEATURES * random.random(repeats) ** 2]
    docs = [int(d) for d in random.integers(0, DOCS, repeats)]
    connection, plain = workspace.connect(), workspace.connect()
    columns = "feature, doc, pos, activation"
    by_macro = f"SELECT {columns} FROM feature_activations('{BIG}', {{}}) LIMIT 20"
    by_view = (
        f"SELECT {columns} FROM activations WHERE dictionary = '{BIG}' AND feature = {{}} "
        "ORDER BY activation DESC LIMIT 20"
    )
    doc_macro = f"SELECT {columns} FROM doc_activations('{BIG}', {{}})"
    doc_view = f"SELECT {columns} FROM activations WHERE dictionary = '{BIG}' AND doc = {{}}"
    one = f"read_parquet('{single}')"
    one_feature = f"FROM {one} WHERE feature = {{}} ORDER BY activation DESC LIMIT 20"
    one_doc = f"FROM {one} WHERE doc = {{}} ORDER BY pos, activation DESC"

    def ask(on: Any, query: str) -> Callable[[int], Any]:
        return lambda argument: on.execute(query.format(argument)).fetchall()

    few = max(5, repeats // 10)
    of_big = f"FROM features WHERE dictionary = '{BIG}'"
    row = f"SELECT * {of_big} AND feature = {{}}"
    page = f"SELECT feature, density, top_tokens, label {of_big} AND feature // 512 = {{}} // 512"
    top = f"SELECT feature, density, label {of_big} ORDER BY density DESC LIMIT 512 -- {{}}"
    million = "SELECT dictionary, feature FROM features ORDER BY density DESC LIMIT 512 -- {}"
    return {
        "feature: macro, by block": timed(ask(connection, by_macro), some),
        "feature: view, row-group statistics": timed(ask(connection, by_view), some),
        "feature: one naive file": timed(ask(plain, one_feature), some),
        "document: macro, by block": timed(ask(connection, doc_macro), docs),
        "document: view over feature blocks": timed(ask(connection, doc_view), docs[:few]),
        "document: one naive file": timed(ask(plain, one_doc), docs[:few]),
        "features: one row of a million": timed(ask(connection, row), some),
        "features: 512 rows of one dictionary": timed(ask(connection, page), some),
        "features: densest 512 of one dictionary": timed(ask(connection, top), some[:few]),
        "features: densest 512 of a million": timed(ask(connection, million), some[:few]),
    }


def opening(root: Path) -> dict[str, float]:
    """Milliseconds that a fresh process spends, step by step."""
    code = (
        "import time; a = time.perf_counter(); from store import Workspace;"
        "b = time.perf_counter();"
        f"import duckdb; c = time.perf_counter(); ws = Workspace({str(root)!r}); "
        "k = ws.connect(); d = time.perf_counter(); ws.refresh(k); e = time.perf_counter();"
        "print([(y - x) * 1000 for x, y in ((a, b), (b, c), (c, d), (d, e))])"
    )
    runs = [
        json.loads(subprocess.run([sys.executable, "-c", code], capture_output=True).stdout)
        for _ in range(5)
    ]
    names = ("import store", "import duckdb", "open and connect", "refresh, nothing new")
    return {
        n: round(statistics.median(v), 2)
        for n, v in zip(names, zip(*runs, strict=True), strict=True)
    }


def main() -> None:
    """Builds, measures, prints and writes ``results/store.json``."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=24_000_000)
    parser.add_argument("--repeats", type=int, default=100)
    parser.add_argument("--keep", type=Path, help="make the workspace here and keep it")
    asked = parser.parse_args()
    home = asked.keep or Path(tempfile.mkdtemp(prefix="bench-store-"))
    single = home / "ws" / "naive.parquet"
    try:
        writing = 0.0
        if not single.exists():
            workspace = Workspace.create(home / "ws")
            data = rows(asked.rows, seed=0)
            naive(single, data)
            start = time.perf_counter()
            publish(workspace, BIG, data, "profile-1")
            writing = time.perf_counter() - start
            for number in range(OTHERS):
                name = f"bench/L{number}.mlp_out/topk-32768-k32-s0"
                publish(workspace, name, rows(300_000, seed=number + 1), f"profile-{number + 2}")
                features(workspace, 1_000_000 // (OTHERS + 1), number + 2, name)
            features(workspace, 1_000_000 // (OTHERS + 1), 1, BIG)
        workspace = Workspace(home / "ws")
        files = sum(len(run.parts) for run in workspace.catalog().runs)
        report = {
            "rows": asked.rows,
            "parts": files,
            "publish_rows_per_second": round(2 * asked.rows / writing) if writing else None,
            "milliseconds": measure(workspace, single, asked.repeats),
            "opening": opening(home / "ws"),
        }
        show(report)
        if asked.rows >= 1_000_000 and not asked.keep:
            RESULTS.parent.mkdir(exist_ok=True)
            RESULTS.write_text(json.dumps(report, indent=1) + "\n")
    finally:
        if not asked.keep:
            shutil.rmtree(home, ignore_errors=True)


def show(report: dict[str, Any]) -> None:
    """Prints the report as two tables."""
    print(f"{report['rows']:,} activations, {report['parts']} parts; ms")
    print(f"{'':40}{'first':>9}{'median':>9}{'p95':>9}{'× naive':>9}")
    naive_median: dict[str, float] = {
        name.split(":")[0]: t["median"]
        for name, t in report["milliseconds"].items()
        if "naive" in name
    }
    for name, t in report["milliseconds"].items():
        cells = [t["first"], t["median"], t["p95"]]
        if (kind := name.split(":")[0]) in naive_median:
            t["times_faster_than_naive"] = round(naive_median[kind] / t["median"], 1)
            cells.append(t["times_faster_than_naive"])
        print(f"{name:40}" + "".join(f"{cell:9.1f}" for cell in cells))
    for name, value in report["opening"].items():
        print(f"{name:40}{value:9.1f}")


if __name__ == "__main__":
    main()
