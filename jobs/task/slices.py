"""A slice of a corpus as a task: documents, and places in them, that SQL chose.

Nothing is right or wrong there but what the model itself says next, so the metric is the
divergence from that, and nothing stands against a prompt: ablation is by mean or zero.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import torch

from jobs.task.task import Example, Task
from store.errors import AskedWrongly

if TYPE_CHECKING:
    from jobs.model import LanguageModel
    from store import Workspace

PREFIX = "sql:"
_MOST = 100_000
_BATCH = 16


class _Place(NamedTuple):
    corpus: str
    doc: int
    pos: int | None
    """The prompt's last token; None: the document's last."""


def slice_task(name: str, ws: Workspace, model: LanguageModel, *, limit: int, seed: int) -> Task:
    """The task that ``sql:SELECT corpus, doc, pos …`` means; prompts are the documents up to
    `pos`.

    Without ``pos`` they end where the feature fires most, if the rows tell one ``dictionary`` and
    ``feature``; at the end of the document otherwise. Where rows have an ``activation``, each
    document counts once, at its strongest. Raises AskedWrongly for SQL without the columns or
    without rows, and for documents of another model.
    """
    places = _places(ws, name.removeprefix(PREFIX).strip())
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


def _places(ws: Workspace, sql: str) -> list[_Place]:
    relation = ws.sql(sql)
    if relation is None:
        raise AskedWrongly("The slice's SQL gives no rows; it must SELECT corpus, doc, pos.")
    columns = relation.columns
    if missing := [column for column in ("corpus", "doc") if column not in columns]:
        raise AskedWrongly(
            f"The slice's SQL gives {', '.join(columns)}, and no {' and no '.join(missing)}; it "
            "must SELECT corpus, doc, and pos or dictionary and feature."
        )
    held = relation.limit(_MOST + 1).fetchall()
    if len(held) > _MOST:
        raise AskedWrongly(f"The slice has over {_MOST:,} rows; add LIMIT or USING SAMPLE.")
    rows = [dict(zip(columns, row, strict=True)) for row in held]
    if not rows:
        raise AskedWrongly(
            "The slice's SQL chose no rows, so there is nothing to find a circuit of."
        )
    if "pos" not in columns and {"dictionary", "feature"} <= set(columns):
        rows = _strongest(ws, rows)
    if "activation" in columns:
        rows.sort(key=lambda row: row["activation"] or 0)
        rows = list({(row["corpus"], row["doc"]): row for row in rows}.values())
    found = {_Place(str(row["corpus"]), _int(row["doc"]), _int(row.get("pos"))) for row in rows}
    return sorted(found, key=lambda place: (place.corpus, place.doc, place.pos or 0))


def _int(value: Any) -> Any:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise AskedWrongly(f"The slice's doc and pos must be whole numbers from 0, not {value!r}.")
    return value


def _strongest(ws: Workspace, rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The rows with the position at which their feature fires most in the document."""
    which = {(str(row["dictionary"]), _int(row["feature"])) for row in rows}
    at: dict[tuple[Any, ...], int] = {}
    for dictionary, feature in which:
        quoted = dictionary.replace("'", "''")
        found = ws.sql(
            "SELECT corpus, doc, arg_max(pos, activation) FROM "
            f"feature_activations('{quoted}', {feature}) GROUP BY corpus, doc"
        ).fetchall()
        at |= {(dictionary, feature, corpus, doc): pos for corpus, doc, pos in found}
    placed = [
        row | {"pos": pos}
        for row in rows
        if (pos := at.get((str(row["dictionary"]), row["feature"], row["corpus"], row["doc"])))
        is not None
    ]
    if not placed:
        raise AskedWrongly("In no document of the slice does its feature fire; choose others.")
    return placed


def _prompts(
    ws: Workspace, model: LanguageModel, places: Sequence[_Place]
) -> list[tuple[_Place, tuple[int, ...]]]:
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
