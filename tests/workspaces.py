"""A small workspace made of synthetic tables, published as jobs publish them.

The same on every machine and at every run, so that tests may look at exact numbers and screens:
`make(folder)`. Its words, numbers and times mean nothing.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from jobs import state as states
from saetui.machine import Machine
from store import Workspace, write_rows

NOW = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)
"""The time at which every test looks at the workspace."""

MACHINE = Machine(
    {"tables": 912_000, "dictionaries": 64_000, "corpora": 31_000, "jobs": 9_000, "labels": 600},
    free=41_000_000_000,
    total=98_000_000_000,
    cpus=2,
    load=1.3,
    gpus=(),
)
"""The machine that every test looks at."""

MODEL = "tiny"
CORPUS = "tiny/grammar-c32-8k"
CONTEXT = 32

PROFILED = (
    "tiny/L1.resid_post/topk-256-k8-s0",
    "tiny/L2.attn_out/topk-256-k8-s0",
    "tiny/L2.resid_post/topk-256-k8-s0",
)
"""Dictionaries with features."""

UNPROFILED = "tiny/L3.mlp_out/standard-512-l0.005-s0"
"""A dictionary that nobody has profiled."""

WIDTH = 256

HOSTILE = 3
"""A feature whose label and tokens try to take over the terminal."""

_VOCABULARY = """
    the a of to and in that it is was he she they we you not with for on as at by from but or
    dog dogs cat cats bird birds child children king queen teacher teachers garden river stone
    runs run sleeps sleep sees see finds find walks walk near under behind quickly slowly red
    old small bright cold quiet , . ; ( )
"""
_WORDS = [*_VOCABULARY.split(), "\n"]


@dataclass
class Made:
    """What was made, for tests to hold the screen against."""

    workspace: Workspace
    documents: list[list[str]] = field(default_factory=list)
    """The tokens of every document."""

    @property
    def root(self) -> Path:
        return self.workspace.root


def make(folder: Path, *, jobs: bool = True, documents: int = 96) -> Made:
    """A workspace with four dictionaries of `tiny`, three of them profiled, and six jobs."""
    first = _first(jobs, documents)
    return Made(Workspace(shutil.copytree(first.root, folder)), first.documents)


_firsts = tempfile.TemporaryDirectory(prefix="saetui-gardens-")


@cache
def _first(jobs: bool, documents: int) -> Made:
    """The one that all others are copies of; it takes half a second to make."""
    folder = Path(_firsts.name, f"{jobs}-{documents}")
    made = Made(Workspace.create(folder, name="garden", defaults={"model": MODEL}))
    random = np.random.default_rng(7)
    _model(made)
    _corpus(made, random, documents)
    for number, dictionary in enumerate((*PROFILED, UNPROFILED)):
        _dictionary(made, dictionary, number, random)
    for number, dictionary in enumerate(PROFILED):
        _profile(made, dictionary, number, random)
    made.workspace.label(PROFILED[0], 7, "plural nouns after “the”", "strong in subjects")
    made.workspace.label(PROFILED[0], HOSTILE, "[red]bold[/] \x1b[2J\u202egone ", None)
    made.workspace.label(PROFILED[2], 12, "pronouns", None)
    if jobs:
        _jobs(made, random)
    return made


def provenance(job: str) -> dict[str, Any]:
    """The manifest fields that a job gives to what it makes."""
    return {
        "job": job,
        "spec": {"kind": job.rpartition("-")[0], "model": MODEL},
        "inputs": [],
        "seed": 0,
        "versions": {"saetui": "0.1.0"},
        "created_at": NOW.isoformat(),
    }


def _model(made: Made) -> None:
    row = {
        "model": MODEL,
        "family": "gpt2",
        "n_layers": 4,
        "d_model": 128,
        "d_vocab": len(_WORDS),
        "n_params": 900_000,
        "source": "made here",
    }
    manifest = provenance("train_sae-1")
    with made.workspace.publish_table(
        "models", run="train_sae-1", scope=MODEL, manifest=manifest
    ) as out:
        out.write(pl.DataFrame([row]))


def evaluate(ws: Workspace, dictionary: str, *figures: tuple[str, float, str | None]) -> None:
    """Publishes ``(measure, value, about)`` as `evaluate` would; lower is better throughout."""
    rows = [
        {"measure": measure, "value": value, "about": about, "better": "lower", "corpus": CORPUS}
        for measure, value, about in figures
    ]
    with ws.publish_table(
        "evaluations", run="evaluate-1", scope=dictionary, manifest={"job": "evaluate-1"}
    ) as out:
        out.write(pl.DataFrame(rows, schema_overrides={"about": pl.String}))


def _corpus(made: Made, random: np.random.Generator, documents: int) -> None:
    weights = 1 / (np.arange(len(_WORDS)) + 4.0)
    ids = random.choice(len(_WORDS), (documents, CONTEXT), p=weights / weights.sum())
    rows = []
    for doc, tokens in enumerate(ids):
        pieces = [" " + _WORDS[token] if at else _WORDS[token] for at, token in enumerate(tokens)]
        pieces = [piece.replace(" \n", "\n") for piece in pieces]
        made.documents.append(pieces)
        rows.append(
            {
                "corpus": CORPUS,
                "doc": doc,
                "tokens": tokens.tolist(),
                "text": "".join(pieces),
                "pieces": pieces,
                "split": "held_out" if doc % 10 == 0 else "train",
                "source": f"grammar:{doc}",
            }
        )
    fields = {
        "model": MODEL,
        "n_documents": documents,
        "n_tokens": documents * CONTEXT,
        "source": "grammar:",
        "context": CONTEXT,
        "held_out": 0.1,
    }
    manifest = provenance("train_sae-1") | fields
    with made.workspace.publish_folder("corpora", CORPUS, manifest=manifest) as folder:
        write_rows(folder / "documents-00000.parquet", "documents", pl.DataFrame(rows))


def _dictionary(made: Made, dictionary: str, number: int, random: np.random.Generator) -> None:
    hook, last = dictionary.split("/")[1:]
    layer, site = hook.removeprefix("L").split(".", 1)
    architecture, width = last.split("-")[:2]
    fields = {
        "model": MODEL,
        "hook": f"blocks.{layer}.hook_{site}",
        "layer": int(layer),
        "site": site,
        "architecture": architecture,
        "d_in": 128,
        "d_sae": int(width),
        "corpus": CORPUS,
        "seed": 0,
        "tokens_trained": 400_000,
    }
    manifest = provenance(f"train_sae-{1 + number // 3}") | fields
    with made.workspace.publish_folder("dictionaries", dictionary, manifest=manifest) as folder:
        (folder / "cfg.json").write_text(json.dumps({"architecture": architecture}))
        (folder / "sae_weights.safetensors").write_bytes(bytes(16))
        curve = pl.DataFrame(_curve(number, random, steps=120)).with_columns(
            dictionary=pl.lit(dictionary)
        )
        write_rows(folder / "training.parquet", "training", curve)


def _curve(number: int, random: np.random.Generator, steps: int) -> list[dict[str, float]]:
    """A loss that falls, noisily."""
    rows = []
    for step in range(1, steps + 1):
        left = np.exp(-step / (12 + 4 * number))
        noise = 1 + 0.03 * random.standard_normal()
        fvu = float((0.12 + 0.05 * number + 0.8 * left) * noise)
        rows.append(
            {
                "step": step,
                "tokens": step * 2048,
                "loss": 1.1 * fvu + 0.02,
                "fvu": fvu,
                "l0": 8.0,
                "dead_fraction": float(min(1.0, 0.02 + 0.3 * step / steps * left)),
                "learning_rate": 1e-3 * min(1.0, step / 10, (steps - step + 1) / 20),
                "tokens_per_second": 15_000.0 + 400 * float(random.standard_normal()),
            }
        )
    return rows


def _profile(made: Made, dictionary: str, number: int, random: np.random.Generator) -> None:
    run = "profile-1"
    manifest = provenance(run)
    fired = _fired(made, number, random)
    publish = made.workspace.publish_table
    with publish("quality", run=run, scope=dictionary, manifest=manifest) as out:
        out.write(pl.DataFrame([_quality(dictionary, number)]))
    with publish("features", run=run, scope=dictionary, manifest=manifest) as out:
        out.write(pl.DataFrame(_features(made, dictionary, fired, random)))
    rows = pl.DataFrame(
        [
            {"feature": feature, "doc": doc, "pos": pos, "activation": activation}
            for feature, places in fired.items()
            for doc, pos, activation in places
        ]
    ).with_columns(dictionary=pl.lit(dictionary), corpus=pl.lit(CORPUS))
    for table in ("activations", "activations_by_doc"):
        with publish(table, run=run, scope=dictionary, manifest=manifest) as out:
            out.write(rows, part=0)
    with publish("top_activations", run=run, scope=dictionary, manifest=manifest) as out:
        out.write(pl.DataFrame(_tops(dictionary, fired)))
    with publish("neighbors", run=run, scope=dictionary, manifest=manifest) as out:
        out.write(pl.DataFrame(_neighbors(dictionary, random)))


def _fired(
    made: Made, number: int, random: np.random.Generator
) -> dict[int, list[tuple[int, int, float]]]:
    """feature → (doc, pos, activation), strongest first: a feature fires on its word, and a
    little around it; every sixteenth is dead.
    """
    places: dict[str, list[tuple[int, int]]] = {}
    for doc, pieces in enumerate(made.documents):
        for pos, piece in enumerate(pieces):
            places.setdefault(piece.strip(" "), []).append((doc, pos))
    fired: dict[int, list[tuple[int, int, float]]] = {}
    for feature in range(WIDTH):
        if feature % 16 == 15:
            continue
        word = _WORDS[(feature * 7 + number * 3 + 25) % len(_WORDS)]
        where = places.get(word, [])
        some = [place for place in where if random.random() < 1 / (1 + feature % 5)]
        found = {place: float(random.gamma(3, 1.2)) for place in some}
        for doc, pos in some:
            if pos + 1 < CONTEXT and random.random() < 0.4:
                found.setdefault((doc, pos + 1), float(random.gamma(1, 0.8)) + 0.05)
        if found:
            fired[feature] = sorted(
                ((doc, pos, activation) for (doc, pos), activation in found.items()),
                key=lambda place: -place[2],
            )
    return fired


def _quality(dictionary: str, number: int) -> dict[str, Any]:
    return {
        "dictionary": dictionary,
        "corpus": CORPUS,
        "split": "held_out",
        "n_tokens": 320,
        "left_out": 3,
        "fvu": 0.124 + 0.051 * number,
        "l0": 8.0,
        "dead_fraction": 0.0625 + 0.01 * number,
        "ce_clean": 2.81,
        "ce_sae": 2.95 + 0.02 * number,
        "ce_zero": 6.9,
        "ce_recovered": 0.966 - 0.02 * number,
        "fvu_random": 0.82,
    }


def _features(
    made: Made,
    dictionary: str,
    fired: dict[int, list[tuple[int, int, float]]],
    random: np.random.Generator,
) -> list[dict[str, Any]]:
    tokens = sum(map(len, made.documents))
    rows = []
    for feature in range(WIDTH):
        places = fired.get(feature, [])
        values = np.array([place[2] for place in places])
        top = [made.documents[doc][pos] for doc, pos, _ in places[:20]]
        if feature == HOSTILE:
            top = ["\x1b[31mred", "[bold]x[/bold]", "\u200bzero", "a\tb", *top]
        logits = np.sort(random.normal(0, 1.5, 20))[::-1]
        words = [" " + _WORDS[at] for at in random.permutation(len(_WORDS) - 1)[:20]]
        rows.append(
            {
                "dictionary": dictionary,
                "feature": feature,
                "density": len(places) / tokens,
                "mean_activation": float(values.mean()) if len(values) else None,
                "max_activation": float(values.max()) if len(values) else None,
                "decoder_norm": 1.0,
                "promoted": _logits(words[:10], logits[:10]),
                "suppressed": _logits(words[10:], logits[:9:-1]),
                "top_tokens": list(dict.fromkeys(top))[:8],
                "histogram": np.histogram(values, 32, (0, values.max()))[0].tolist()
                if len(values)
                else [0] * 32,
            }
        )
    return rows


def _logits(words: list[str], logits: Any) -> list[dict[str, Any]]:
    return [{"token": w, "logit": float(v)} for w, v in zip(words, logits, strict=True)]


def _tops(dictionary: str, fired: dict[int, list[tuple[int, int, float]]]) -> list[dict[str, Any]]:
    """The strongest of each document, at most twenty, then six from lower quantiles."""
    rows = []
    for feature, places in fired.items():
        strongest: dict[int, tuple[int, int, float]] = {}
        for place in places:
            strongest.setdefault(place[0], place)
        tops: list[tuple[Any, float | None]] = [
            (place, None) for place in list(strongest.values())[:20]
        ]
        tops += [
            (places[int((1 - quantile) * (len(places) - 1))], quantile)
            for quantile in (0.9, 0.7, 0.5, 0.3, 0.1)
        ]
        for rank, ((doc, pos, activation), quantile) in enumerate(tops):
            rows.append(
                {
                    "dictionary": dictionary,
                    "feature": feature,
                    "rank": rank,
                    "doc": doc,
                    "pos": pos,
                    "activation": activation,
                    "corpus": CORPUS,
                    "quantile": quantile,
                }
            )
    return rows


def _neighbors(dictionary: str, random: np.random.Generator) -> list[dict[str, Any]]:
    rows = []
    for feature in range(WIDTH):
        others = [other for other in random.permutation(WIDTH)[:9] if other != feature][:8]
        cosines = np.sort(random.uniform(0.05, 0.8, len(others)))[::-1]
        for other, cosine in zip(others, cosines, strict=True):
            rows.append(
                {
                    "dictionary": dictionary,
                    "feature": feature,
                    "other_dictionary": dictionary,
                    "other_feature": int(other),
                    "cosine": float(cosine),
                    "coactivation": float(cosine * random.uniform(0, 0.4)),
                }
            )
    return rows


def _jobs(made: Made, random: np.random.Generator) -> None:
    first = NOW - timedelta(hours=2)
    hooks = ["L1.resid_post", "L2.resid_post", "L2.attn_out"]
    train = {"kind": "train_sae", "model": MODEL, "hooks": hooks, "d_sae": [256], "k": [8]}
    profile = {"kind": "profile", "dictionaries": list(PROFILED)}
    add_job(made, "train_sae-1", "done", first, minutes=6, spec=train, curves=PROFILED)
    add_job(made, "profile-1", "done", first + timedelta(minutes=7), minutes=2, spec=profile)
    add_job(
        made,
        "train_sae-2",
        "failed",
        first + timedelta(minutes=30),
        minutes=1,
        progress=0.12,
        spec=train | {"hooks": ["L3.mlp_out"]},
        error="train_sae-2 met NaN in the activations of blocks.3.hook_mlp_out at step 240; "
        "the checkpoint of step 200 is kept.",
    )
    add_job(
        made,
        "train_sae-3",
        "running",
        NOW - timedelta(minutes=3),
        progress=0.43,
        message="training, 172k of 400k tokens",
        spec=train,
        curves=(UNPROFILED,),
    )
    add_job(made, "profile-2", "queued", NOW - timedelta(minutes=1), spec=profile)
    add_job(
        made, "profile-3", "cancelled", first + timedelta(minutes=50), minutes=1, progress=0.6,
        spec=profile,
    )  # fmt: skip


def add_job(
    made: Made,
    job: str,
    state: str,
    created: datetime,
    *,
    minutes: float | None = None,
    progress: float | None = None,
    message: str | None = None,
    error: str | None = None,
    spec: dict[str, Any] | None = None,
    curves: tuple[str, ...] = (),
) -> Path:
    """A job folder as its supervisor would have left it."""
    folder = made.workspace.root / "jobs" / job
    folder.mkdir(parents=True)
    kind = job.rpartition("-")[0]
    started = None if state == "queued" else created + timedelta(seconds=2)
    share = progress if progress is not None else float(state == "done")
    known = states.JobState(
        job=job,
        kind=kind,
        state=state,
        progress=share,
        message=message or {"queued": "waiting for a slot", "done": "done"}.get(state),
        created_at=created,
        started_at=started,
        ended_at=None if minutes is None else created + timedelta(minutes=minutes),
        host="garden",
        device=None if state == "queued" else "cpu",
        error=error,
        spec=spec or {"kind": kind},
    )
    states.write(folder, known, sync=False)
    (folder / "spec.json").write_text(json.dumps(known.spec))
    lines = [{"state": state, "message": message or ""}]
    if started:
        lines += [{"progress": share * at / 20, "message": "at work"} for at in range(21)]
    random = np.random.default_rng(3)
    for number, series in enumerate(curves):
        for row in _curve(number, random, steps=int(120 * share)):
            lines.append({"metrics": {series: row}})
    begin = (started or created).timestamp()
    lines = [{"at": begin + 8 * at, "attempt": 1, **line} for at, line in enumerate(lines)]
    (folder / "events.jsonl").write_text("".join(json.dumps(line) + "\n" for line in lines))
    log = [f"{job}: reading {MODEL}", "4 layers, d_model 128", "made on 2 threads"]
    if error:
        log += ["Traceback (most recent call last):", "  …", error]
    (folder / "log.txt").write_text("\n".join(log) + "\n")
    return folder
