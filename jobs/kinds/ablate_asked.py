"""Which features ``ablate`` is to ablate, and on what."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from jobs.chosen import Sources, chosen, rows_of
from jobs.context import Context
from jobs.kinds.asked import Asked, corpus_of
from jobs.made_for import check_made_for
from jobs.specs import Ablate
from store import AskedWrongly

if TYPE_CHECKING:
    from torch import Tensor

    from jobs.causal.inputs import Inputs
    from jobs.corpus.corpus import Corpus
    from jobs.model import LanguageModel


def sources(spec: Ablate, context: Context) -> Sources:
    """The features to ablate, each once, by dictionary and number.

    Raises AskedWrongly where there are none, or of dictionaries that are not looked at.
    """
    ws, named = context.workspace, spec.all_dictionaries()
    manifests = {name: ws.dictionary(name).manifest for name in named}
    spec.refuse_strangers(manifests)
    spec.refuse_out_of_range(manifests)
    found = chosen(ws, spec)
    for name, feature in found:
        if not 0 <= feature < (width := int(manifests[name]["d_sae"])):
            raise AskedWrongly(f"{name} has no feature {feature}; it has 0 to {width - 1}.")
    return sorted(set(found), key=lambda source: (named.index(source[0]), source[1]))


class Read(NamedTuple):
    """The inputs, and what is said of them."""

    inputs: Inputs
    about: str
    """For the column `contexts`: a task, a corpus, or the SQL that chose them."""
    corpus: str | None
    """Id, of documents."""


def read_inputs(spec: Ablate, context: Context, model: LanguageModel, revision: str | None) -> Read:
    """Documents of a corpus, those that SQL chose, or the clean prompts of a task."""
    if spec.task:
        return _prompts(spec, context, model)
    if spec.contexts:
        corpus, docs = _slice(spec, context, model)
        return Read(_documents(corpus, docs, spec.tokens), spec.contexts, corpus.id)
    corpus = _corpus(spec, context, model, revision)
    from jobs.dictionary.profile.documents import choose_documents

    docs = choose_documents(corpus, spec.tokens, 0, spec.seed).docs
    return Read(_documents(corpus, docs, spec.tokens), corpus.id, corpus.id)


def _corpus(spec: Ablate, context: Context, model: LanguageModel, revision: str | None) -> Corpus:
    from jobs.kinds.profile import prepared

    name = corpus_of(spec, context, spec.dictionaries[0])
    if name not in context.workspace.corpora():
        name = prepared(spec, context, Asked(model.name, revision, [], name))
    return _opened(context, name, model)


def _opened(context: Context, name: str, model: LanguageModel) -> Corpus:
    from jobs.corpus import open_corpus

    check_made_for(context.workspace, name, model.name)
    return open_corpus(context.workspace, name)


def _slice(spec: Ablate, context: Context, model: LanguageModel) -> tuple[Corpus, np.ndarray]:
    """The corpus and the documents that SQL chose, drawn at random where they hold too much."""
    rows = rows_of(context.workspace, "contexts", str(spec.contexts), ("corpus", "doc"))
    names = sorted({str(row[0]) for row in rows})
    if len(names) > 1:
        raise AskedWrongly(
            f"contexts gives documents of {' and '.join(names[:3])}; choose those of one corpus."
        )
    corpus = _opened(context, names[0], model)
    docs = np.array(sorted({int(row[1]) for row in rows}), np.int64)
    if docs[0] < 0 or docs[-1] >= corpus.n_documents:
        raise AskedWrongly(
            f"contexts gives document {int(docs[-1] if docs[0] >= 0 else docs[0])}; {names[0]} has "
            f"0 to {corpus.n_documents - 1}."
        )
    drawn = np.random.default_rng(spec.seed).permutation(docs)
    lengths = corpus.lengths(drawn)
    kept = np.sort(drawn[lengths.cumsum() - lengths < spec.tokens])
    if len(kept) < len(docs):
        context.say(
            f"{len(kept):,} of {len(docs):,} documents are read, at random; tokens=… takes more"
        )
    return corpus, kept


def _documents(corpus: Corpus, docs: np.ndarray, tokens: int) -> Inputs:
    from jobs.causal.inputs import Inputs

    ids, mask = corpus.tokens(docs)
    length = mask.sum(1)
    long = length > 1  # a token alone is followed by nothing
    if not bool(long.any()):
        raise AskedWrongly(f"Corpus {corpus.id} holds no documents to read.")
    return Inputs(ids[long][:, : int(length.max())], length[long])


def _prompts(spec: Ablate, context: Context, model: LanguageModel) -> Read:
    """The half of a task that searches look at; its other half stays unseen."""
    import torch

    from jobs.causal.inputs import Inputs
    from jobs.causal.metric import metric_of
    from jobs.task.load import load_task
    from jobs.task.prepare import prepare

    name = str(spec.task)
    task = load_task(name, model, limit=spec.limit, seed=spec.seed, ws=context.workspace)
    prepared = prepare(task, model, force=spec.force, seed=spec.seed)
    for line in prepared.said:
        context.say(line)
    prompts = prepared.search
    here = prompts.to(model.device)

    def clean() -> Tensor:
        rows = range(0, prompts.n, spec.batch)
        parts = [here.clean[low : low + spec.batch] for low in rows]
        ends = [here.length[low : low + spec.batch] - 1 for low in rows]
        return torch.cat([model.last_logits(*part) for part in zip(parts, ends, strict=True)])

    metric = metric_of(task.metric, here, clean)
    return Read(Inputs(prompts.clean, prompts.length, metric, prompts.corrupt), name, None)
