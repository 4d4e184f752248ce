"""A slice of a corpus as a task: documents, and places in them, that SQL chose.

Nothing is right or wrong there but what the model itself says next, so the metric is the
divergence from that, and nothing stands against a prompt: ablation is by mean or zero.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch

from jobs.task.places import Place, places_of
from jobs.task.task import Example, Task
from store.errors import AskedWrongly

if TYPE_CHECKING:
    from jobs.model import LanguageModel
    from store import Workspace

_BATCH = 16


def slice_task(name: str, ws: Workspace, model: LanguageModel, *, limit: int, seed: int) -> Task:
    """The task that ``sql:SELECT corpus, doc, pos …`` means; prompts are the documents up to
    `pos`.

    Without ``pos`` they end where the feature fires most, if the rows tell one ``dictionary`` and
    ``feature``; at the end of the document otherwise. Where rows have an ``activation``, each
    document counts once, at its strongest. Raises AskedWrongly for SQL without the columns or
    without rows, and for documents of another model.
    """
    places = places_of(ws, name)
    if len(places) > limit:
        order = torch.randperm(len(places), generator=torch.Generator().manual_seed(seed))
        places = [places[i] for i in sorted(order[:limit].tolist())]
    prompts = _prompts(ws, model, places)
    answers = _next(model, [tokens for _, tokens in prompts])
    examples = [
        Example(tokens, None, answer, None, f"{place.corpus}:{place.doc}")
        for (place, tokens), answer in zip(prompts, answers, strict=True)
    ]
    says = f"What {model.name} says next in {len(examples):,} places that SQL chose."
    return Task(name, says, tuple(examples), "", None, "kl")


def _prompts(
    ws: Workspace, model: LanguageModel, places: Sequence[Place]
) -> list[tuple[Place, tuple[int, ...]]]:
    from jobs.corpus import open_corpus

    found = []
    for name in sorted({place.corpus for place in places}):
        corpus = open_corpus(ws, name)
        if corpus.model != model.name:
            raise AskedWrongly(
                f"The slice is of corpus {name}, whose tokens are those of {corpus.model}, not of "
                f"{model.name}."
            )
        for place in (one for one in places if one.corpus == name):
            if place.doc >= corpus.n_documents:
                raise AskedWrongly(f"Corpus {name} has no document {place.doc}.")
            length = int(corpus.lengths([place.doc])[0])
            end = length if place.pos is None else place.pos + 1
            if end > length:
                raise AskedWrongly(
                    f"Document {place.doc} of {name} has {length} tokens, so none at pos "
                    f"{place.pos}."
                )
            tokens, _ = corpus.tokens([place.doc])
            found.append((place, tuple(tokens[0, : min(end, model.context)].tolist())))
    return found


def _next(model: LanguageModel, prompts: Sequence[tuple[int, ...]]) -> list[int]:
    """The model's own next token after each."""
    answers = []
    for start in range(0, len(prompts), _BATCH):
        some = prompts[start : start + _BATCH]
        longest = max(map(len, some))
        tokens = torch.tensor([[*one, *[0] * (longest - len(one))] for one in some])
        with torch.no_grad():
            logits = model.last_logits(tokens, torch.tensor([len(one) - 1 for one in some]))
        answers += logits.argmax(-1).tolist()
    return answers
