"""What can be seen to go wrong before a job starts: quick looks at the model, text and sizes that a
spec names. Torch-free, and no hub is asked.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from jobs.made_for import check_made_for
from jobs.names import parse_hook
from store import cache
from store.errors import AskedWrongly
from store.files import human_bytes
from store.ids import nearest

if TYPE_CHECKING:
    from jobs.corpus.split import SourceText
    from jobs.model.shape import Shape
    from store import Workspace

Reader = Callable[..., "Iterator[SourceText]"]


def check_model(
    name: str, revision: str | None, hooks: Sequence[str], context: int
) -> Shape | None:
    """The model's sizes as far as they are known here.

    Raises AskedWrongly for a name that means nothing, hooks the model lacks (with the nearest), and
    a `context` longer than it can read.
    """
    from jobs.model.shape import shape

    known = shape(name, revision)
    if known is None:
        return None
    for hook in hooks:
        parse_hook(hook, known.n_layers, known.n_heads)
    if known.context is not None and context > known.context:
        raise AskedWrongly(
            f"context={context} is more than {name} can read; it has {known.context} positions."
        )
    return known


def check_cached(ws: Workspace, ids: Sequence[str], model: str, labels: Sequence[str]) -> None:
    """Raises AskedWrongly unless activations are kept under each of `ids`, of `model`, and of every
    hook in `labels` and no other.
    """
    kept = {one.id: one for one in cache.kept(ws.root)}
    held: dict[str, str] = {}
    for id in ids:
        if id not in kept:
            near = nearest(id, kept, "activations kept")
            raise AskedWrongly(f"No activations are kept as {id!r}: {near}")
        made_for = kept[id].about.get("model")
        if made_for != model:
            raise AskedWrongly(f"{id} holds activations of {made_for}, not of {model}.")
        held[id.split("/")[-2]] = id
    read = " and ".join(labels)
    for label, id in held.items():
        if label not in labels:
            raise AskedWrongly(f"{id} is not what this job reads, which is {read}.")
    if lacking := [label for label in labels if label not in held]:
        raise AskedWrongly(
            f"cached names no activations of {lacking[0]}, and this job reads {read}; name one id "
            "for each, or leave cached out: what is kept is found by itself with cache=4GB."
        )


def check_corpus(ws: Workspace, uri: str, model: str, text_column: str) -> None:
    """Raises AskedWrongly where `uri` is neither a corpus of this model nor text that can be read.

    The first text is read, so that a missing file, column or package is told now.
    """
    if uri in ws.corpora():
        check_made_for(ws, uri, model)
        return
    scheme, colon, rest = uri.partition(":")
    if scheme == "hf" and colon:
        if not rest:
            raise AskedWrongly("hf: needs the name of a dataset, e.g. hf:roneneldan/TinyStories.")
        return
    if scheme == "truth" and colon:
        return _check_truth(rest)
    readers = _readers()
    if not colon or scheme not in readers:
        raise AskedWrongly(f"No corpus is called {uri!r}; {_meant(ws, uri)}")
    next(readers[scheme](rest, text_column=text_column, say=lambda message: None), None)


def _check_truth(name: str) -> None:
    from jobs.model.truth.listed import LISTED

    if name not in LISTED:
        known = ", ".join(f"truth:{one}" for one in LISTED)
        raise AskedWrongly(f"No corpus is called 'truth:{name}'; of its kind there are {known}.")


def check_corpus_of(ws: Workspace, dictionary: str, uri: str | None, text_column: str) -> None:
    """`check_corpus` for the model of `dictionary`, where a corpus is named and the dictionary is
    there already: one that an earlier stage makes is looked at by the job.
    """
    if uri and dictionary in ws.dictionaries():
        model = ws.dictionary(dictionary).manifest.get("model")
        check_corpus(ws, uri, str(model), text_column)


def check_task(ws: Workspace, task: str, *, spans: bool = False) -> None:
    """Raises AskedWrongly where `task` is neither built in nor a file of pairs nor a slice whose
    SQL can be run, or names no `spans` that are needed; whether the slice has rows, `check_places`
    tells.
    """
    from jobs.model.truth.listed import LISTED, PREFIX
    from jobs.task import places, templates
    from jobs.task.jsonl import read_jsonl
    from jobs.task.spans import names_of

    truths = [PREFIX + name for name in LISTED]
    if templates.known(task):
        return
    if spans and (task in truths or task.startswith(places.PREFIX)):
        names_of(task, ())
    if task in truths:
        return
    if task.startswith(places.PREFIX):
        places.look(ws, task)
        return
    if not os.path.isfile(os.path.expanduser(task)):
        near = nearest(task, [*templates.TEMPLATES, *truths], "tasks")
        raise AskedWrongly(
            f"No task and no file is called {task!r}: {near} Slices are sql:SELECT corpus, doc, "
            "pos FROM …"
        )
    examples = read_jsonl(Path(task).expanduser())
    if spans:
        names_of(task, examples)


def check_places(ws: Workspace, task: str | None) -> None:
    """Raises AskedWrongly where `task` is a slice that chooses no places."""
    from jobs.task import places

    if task and task.startswith(places.PREFIX):
        places.places_of(ws, task)


def _readers() -> dict[str, Reader]:
    """Sources on this machine (`jobs.corpus.sources` has all, and with them a heavy library)."""
    from jobs.corpus.sources import files, grammar, installed

    return {"docs": installed.read, "file": files.read, "grammar": grammar.read}


def _meant(ws: Workspace, uri: str) -> str:
    if os.path.exists(os.path.expanduser(uri)):
        return f"did you mean file:{uri}?"
    here = nearest(uri, ws.corpora(), "corpora")
    return f"text comes from docs:, file:PATH, hf:NAME or grammar:; of its own, {here}"


STATE_BYTES = 24
"""Bytes of training a dictionary takes for every d_in · d_sae, at least: encoder and decoder, each
with Adam's two moments, in float32."""


def check_memory(d_in: int, widths: Sequence[int]) -> None:
    """Raises AskedWrongly where dictionaries of `widths` features cannot fit into this machine's
    memory while they are trained side by side on `d_in` dimensions.
    """
    needed, there = STATE_BYTES * d_in * sum(widths), memory()
    if there and needed > there:
        many = f"{len(widths)} dictionaries of up to " if len(widths) > 1 else ""
        raise AskedWrongly(
            f"d_sae is too large: training {many}{max(widths)} features on {d_in} dimensions takes "
            f"{human_bytes(needed)} of memory at least, and this machine has {human_bytes(there)}; "
            "ask for fewer features, or for fewer dictionaries in one job."
        )


def memory() -> int:
    """Bytes of memory this process may use at most; 0 where that cannot be found out."""
    try:
        there = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (OSError, ValueError):
        return 0
    try:
        group = Path("/sys/fs/cgroup/memory.max").read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return there
    return min(there, int(group)) if group.isdecimal() else there
