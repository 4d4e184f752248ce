"""Nearest-neighbour graph, clusters and map of many features, beside what others would use.

Each way runs in a process of its own, on the same planted features in 768 dimensions (40 to a
cluster, noise as long as the centre), and tells its seconds, its processor's seconds, its peak
memory and how well it recovers what was planted (adjusted Rand index). Peers: scikit-learn's
brute-force neighbours and HDBSCAN; hdbscan and umap-learn, in an environment made by pip on first
use (``SAETUI_PEERS``), where they can be had. Run with ``python -m tests.bench.bench_manifold
[--quick] [--sizes 16384,65536,500000] [--ways …] [--limit SECONDS]``, or all by ``make
bench-manifold``; ``SAETUI_BENCH_GRAPHS=FOLDER`` lets ways of one size share the graph (and count it
each). What is measured takes its place among the numbers of
``tests/bench/results/manifold.json``, and beside them a chart is drawn.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from tests.bench.log_log import chart
from tests.bench.peers.peak import peak

HERE = Path(__file__).parent
RESULTS = HERE / "results" / "manifold.json"
CHART = RESULTS.with_suffix(".svg")
DIMENSIONS, A_CLUSTER, NEAREST, MIN_SIZE = 768, 40, 15, 5
CHECKED = 2_000
"""Features whose true neighbours are looked up to measure the recall."""
KEPT = "SAETUI_BENCH_GRAPHS"

Found = dict[str, Any]


def features(n: int) -> tuple[np.ndarray, np.ndarray]:
    """Unit rows, float32, and the planted cluster of each."""
    random = np.random.default_rng(0)
    label = np.arange(n) // A_CLUSTER
    rows = random.standard_normal((label[-1] + 1, DIMENSIONS), dtype=np.float32)[label]
    for begin in range(0, n, 1 << 14):
        part = rows[begin : begin + (1 << 14)]
        part += random.standard_normal(part.shape, dtype=np.float32)
        part /= np.linalg.norm(part, axis=1, keepdims=True)
    return rows, label


def ours_graph(rows: np.ndarray) -> Found:
    """Neighbours, and the share of the true ones that they hold: found, or as another way of ours
    left them in the folder of `KEPT`, with what they took.
    """
    import torch

    from jobs.manifold.graph import Graph
    from jobs.manifold.recall import recall
    from jobs.manifold.similarity import Directions

    similarity = Directions([(1.0, torch.from_numpy(rows))], [len(rows)])
    kept = Path(os.environ[KEPT]) / f"{len(rows)}.npz" if os.environ.get(KEPT) else None
    if kept and kept.exists():
        with np.load(kept) as read:
            found = {key: float(read[key]) for key in ("seconds", "cpu", "recall", "peak_gb")}
            graph = Graph(*(torch.from_numpy(read[key]) for key in Graph._fields))
        return {**found, "graph": graph, "similarity": similarity}
    began, used = time.monotonic(), time.process_time()
    graph = similarity.nearest(NEAREST)
    found = {"seconds": time.monotonic() - began, "cpu": time.process_time() - used}
    found |= {"peak_gb": peak_gb(), "recall": recall(similarity, graph, 0, CHECKED)}
    if kept:
        np.savez(kept, **found, other=graph.other.numpy(), similarity=graph.similarity.numpy())
    return {**found, "graph": graph, "similarity": similarity}


def ours(rows: np.ndarray, method: str) -> Found:
    """Neighbours, clusters; the seconds of both."""
    from jobs.manifold.methods import METHODS, Asked

    found = ours_graph(rows)
    began, used = time.monotonic(), time.process_time()
    asked = Asked(max(2, len(rows) // A_CLUSTER), MIN_SIZE, 1.0, 0)
    label = METHODS[method](found["similarity"], found["graph"], asked).label
    return {
        **_and(found, began, used),
        "recall": found["recall"],
        "peak_gb": found["peak_gb"],
        "label": label,
        "neighbours": {key: found[key] for key in ("seconds", "cpu")},
    }


def ours_map(rows: np.ndarray) -> Found:
    """Neighbours and the map."""
    from jobs.manifold.layout import layout

    found = ours_graph(rows)
    began, used = time.monotonic(), time.process_time()
    layout(found["graph"], 0)
    return {**_and(found, began, used), "peak_gb": found["peak_gb"]}


def _and(found: Found, began: float, used: float) -> Found:
    """Seconds and CPU seconds of the graph, and of what was made of it since."""
    return {
        "seconds": found["seconds"] + time.monotonic() - began,
        "cpu": found["cpu"] + time.process_time() - used,
    }


def sklearn_neighbours(rows: np.ndarray) -> Found:
    """Brute force, by cosine."""
    from sklearn.neighbors import NearestNeighbors

    NearestNeighbors(n_neighbors=NEAREST, algorithm="brute", metric="cosine").fit(rows).kneighbors()
    return {}


def sklearn_hdbscan(rows: np.ndarray) -> Found:
    """HDBSCAN of unit rows, as scikit-learn chooses to do it."""
    from sklearn.cluster import HDBSCAN

    return {"label": HDBSCAN(min_cluster_size=MIN_SIZE, copy=False).fit(rows).labels_}


def peer_hdbscan(rows: np.ndarray) -> Found:
    """The hdbscan package."""
    import hdbscan

    return {"label": hdbscan.HDBSCAN(min_cluster_size=MIN_SIZE).fit(rows).labels_}


def peer_umap(rows: np.ndarray) -> Found:
    """umap-learn's map."""
    import umap

    umap.UMAP(n_neighbors=NEAREST, metric="cosine", random_state=0).fit(rows)
    return {}


WAYS: dict[str, tuple[str, Callable[[np.ndarray], Found]]] = {
    "saetui neighbours": ("", ours_graph),
    "scikit-learn neighbours": ("", sklearn_neighbours),
    "saetui hdbscan": ("", lambda rows: ours(rows, "hdbscan")),
    "saetui leiden": ("", lambda rows: ours(rows, "leiden")),
    "saetui agglomerative": ("", lambda rows: ours(rows, "agglomerative")),
    "scikit-learn HDBSCAN": ("", sklearn_hdbscan),
    "hdbscan": ("hdbscan", peer_hdbscan),
    "saetui map": ("", ours_map),
    "umap-learn": ("umap-learn", peer_umap),
}
"""Name → the package that pip must install for it ("": none beyond ours), and what is run."""


def one(way: str, n: int) -> None:
    """Runs in the process of one way: prints what it took as JSON."""
    from sklearn.metrics import adjusted_rand_score

    rows, planted = features(n)
    began, used = time.monotonic(), time.process_time()
    found = WAYS[way][1](rows)
    seconds, cpu = time.monotonic() - began, time.process_time() - used
    told: Found = {"seconds": found.get("seconds", seconds), "cpu": found.get("cpu", cpu)}
    told["peak_gb"] = max(peak_gb(), found.get("peak_gb", 0.0))
    told["recall"], told["neighbours"] = found.get("recall"), found.get("neighbours")
    if (label := found.get("label")) is not None:
        told["rand"] = float(adjusted_rand_score(planted, label))
        told["clusters"] = int(np.max(label)) + 1
    print(json.dumps(told))


def peak_gb() -> float:
    """Memory of this process at its most."""
    return peak() / 1e9


def interpreter(package: str) -> str | None:
    """Python with `package` in an environment of its own; None where pip cannot get it."""
    if not package:
        return sys.executable
    from tests.bench.peers import default_environments

    folder = default_environments() / package
    python = folder / "bin" / "python"
    if not (folder / "complete").exists():
        subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
        got = subprocess.run([python, "-m", "pip", "install", "-q", package, "scikit-learn"])
        if got.returncode:
            return None
        (folder / "complete").touch()
    return str(python)


def _spent(began: float) -> float:
    """CPU seconds of ended children since `began`."""
    found = resource.getrusage(resource.RUSAGE_CHILDREN)
    return found.ru_utime + found.ru_stime - began


def measure(way: str, n: int, limit: int) -> Found:
    """One way at one size; what went wrong, where it did."""
    python = interpreter(WAYS[way][0])
    about: Found = {"way": way, "n": n}
    if python is None:
        return {**about, "failed": "pip could not install it"}
    command = [python, str(Path(__file__)), "--one", way, "--sizes", str(n)]
    variables = {**os.environ, "PYTHONPATH": str(HERE.parents[1])}
    began = _spent(0)
    ended = subprocess.run(
        command,
        capture_output=True,
        text=True,
        env=variables,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CPU, (limit, limit)),
    )
    if ended.returncode in (-signal.SIGXCPU, -signal.SIGKILL) and _spent(began) > 0.95 * limit:
        return {**about, "failed": f"not done in {limit} CPU s"}
    if ended.returncode:
        why = "killed: out of memory" if ended.returncode < 0 else ended.stderr.strip()[-200:]
        return {**about, "failed": why}
    return {**about, **json.loads(ended.stdout.splitlines()[-1])}


def shown(found: Found) -> str:
    """A line of the table."""
    head = f"{found['n']:>8,}  {found['way']:<24}"
    if "failed" in found:
        return f"{head}{found['failed']}"
    notes = [
        f"{name} {found[key]:.3f}"
        for key, name in (("recall", "recall"), ("rand", "Rand index"))
        if found.get(key) is not None
    ]
    numbers = f"{found['seconds']:>9.1f}{found['cpu']:>9.1f}{found['peak_gb']:>8.2f}"
    return f"{head}{numbers}  {', '.join(notes)}"


def keep(found: Found) -> None:
    """Puts one measurement in its place among those of earlier, and draws the chart anew."""
    kept = json.loads(RESULTS.read_text()) if RESULTS.exists() else {}
    ways = list(WAYS)
    others = [row for row in kept.get("measured", ()) if key(row) != key(found)]
    measured = sorted([*others, found], key=lambda row: (row["n"], ways.index(row["way"])))
    about = {"machine": machine(), "cpus": os.cpu_count(), "measured": measured}
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(about, indent=1) + "\n")
    CHART.write_text(drawn(measured))


def key(row: Found) -> tuple[str, int]:
    """What was measured."""
    return row["way"], row["n"]


def drawn(measured: list[Found]) -> str:
    """The chart: CPU seconds against features; others' ways are dashed."""
    lines = {
        way: [(row["n"], row["cpu"]) for row in measured if row["way"] == way and "cpu" in row]
        for way in WAYS
    }
    others = [way for way in WAYS if not way.startswith("saetui")]
    shown = {way: points for way, points in lines.items() if points}
    title = f"Features in {DIMENSIONS} dimensions: CPU seconds against how many"
    return chart(title, "features", "CPU s", shown, others)


def machine() -> str:
    """The processor's name."""
    cpu = Path("/proc/cpuinfo")
    if cpu.exists():
        for line in cpu.read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def main() -> None:
    """Every way at every size."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--sizes", default="16384")
    parser.add_argument("--limit", type=int, default=3600, help="CPU seconds a way may take")
    parser.add_argument("--ways", default=",".join(WAYS))
    parser.add_argument("--quick", action="store_true", help="4,096 features, no peers by pip")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    asked = parser.parse_args()
    sizes = [4096] if asked.quick else [int(size) for size in asked.sizes.split(",")]
    if asked.one:
        one(asked.one, sizes[0])
        return
    print(f"{'features':>8}  {'way':<24}{'seconds':>9}{'cpu':>9}{'peak GB':>8}")
    for n in sizes:
        for way in asked.ways.split(","):
            if asked.quick and WAYS[way][0]:
                continue
            found = measure(way, n, asked.limit)
            print(shown(found), flush=True)
            if not asked.quick:
                keep(found)


if __name__ == "__main__":
    main()
