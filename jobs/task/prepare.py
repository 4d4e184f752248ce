"""Makes a task ready for a model: tokens, checks before anything is searched, a split by content.

What a search could only waste time on is refused here, in a sentence: too few pairs that fit, and a
behaviour that the model hardly has.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import torch
from jaxtyping import Float
from torch import Tensor

from jobs.causal.metric import logit_diff
from jobs.causal.prompts import Prompts, padded
from jobs.task.spans import in_order, names_of
from jobs.task.split import split
from jobs.task.task import Task, Unfit
from jobs.task.tokens import Pair, pair_of
from store.errors import AskedWrongly

if TYPE_CHECKING:
    from jobs.model import LanguageModel

FEWEST = 8
"""Pairs below which nothing can be told of a task."""
ACCURACY = 0.75
"""Share of right answers below which a behaviour is too weak to explain."""
ERRORS_APART = 3.0
"""Standard errors by which the clean logit difference must lie above the corrupt one."""
_BATCH = 32


class Prepared(NamedTuple):
    """A task that can be searched."""

    search: Prompts
    """What a search may look at."""
    held_out: Prompts
    """What its circuit is scored on; nothing in them is shared with `search`."""
    accuracy: float
    """Share of pairs of which the model finds the answer: its logit is above that of `wrong`, or
    of every other token where there is none."""
    corrupt_accuracy: float | None
    """The same after the corrupt prompts; None without any."""
    clean_diff: float
    """Mean logit of the answer less that of `wrong` (less the mean of all without), clean."""
    corrupt_diff: float | None
    """The same after the corrupt prompts."""
    aligned: bool
    """Whether all prompts have one length, so that nodes can be of one position."""
    n_dropped: int
    """Pairs left out because they did not fit."""
    n_failed: int
    """Pairs left out because the model does not find their answer."""
    said: tuple[str, ...]
    """What was left out and measured, a sentence each."""
    spans: tuple[str, ...] = ()
    """Names of the spans that prompts are divided into, where that was asked for."""


class _Measured(NamedTuple):
    right: Tensor
    """Bool [n]."""
    diff: Tensor
    """Float [n]."""


def prepare(
    task: Task,
    model: LanguageModel,
    *,
    force: bool = False,
    held_out: float = 0.5,
    seed: int = 0,
    aligned: bool = False,
    by_span: bool = False,
    right_only: bool = True,
) -> Prepared:
    """`task` as tensors for `model`, in two parts that share no content.

    Pairs that do not fit are left out and counted; with `aligned` also those of another length
    than most have; `by_span` tells the span of every token. With `right_only`, as MIB has it, so
    are those that the model gets wrong: what it does not do has no circuit. Raises AskedWrongly
    where fewer than `FEWEST` are left, where they cannot be split or lack spans that are asked for,
    and, without `force`, for a behaviour too weak to explain.
    """
    named = names_of(task.name, task.examples) if by_span else ()
    pairs, said = _fitting(task, model, by_span)
    n_dropped = len(task.examples) - len(pairs)
    if aligned:
        pairs, more = _of_one_length(task, pairs)
        said += more
    spans = in_order(named, (pair.spans or () for pair in pairs))
    every = _prompts(pairs, spans)
    clean = _measure(model, every, every.clean)
    corrupt = None if every.corrupt is None else _measure(model, every, every.corrupt)
    told = _figures(task, model, clean, corrupt)
    weakness = _weakness(clean, corrupt)
    if weakness and not force:
        raise AskedWrongly(f"{told} {weakness} Nothing to explain; force=true searches anyway.")
    said += [told + (f" {weakness} Searched all the same." if weakness else "")]
    kept = list(range(len(pairs)))
    if right_only and not bool(clean.right.all()):
        kept = clean.right.nonzero()[:, 0].tolist()
        said.append(f"Left out {_pairs(len(pairs) - len(kept))} that the model gets wrong.")
    _enough(task, len(kept), said)
    search, held = _halves(task, [pairs[i] for i in kept], held_out, seed, spans)
    return Prepared(
        search,
        held,
        _mean(clean.right),
        corrupt and _mean(corrupt.right),
        _mean(clean.diff),
        corrupt and _mean(corrupt.diff),
        every.aligned,
        n_dropped,
        len(pairs) - len(kept),
        (*task.said, *said),
        spans,
    )


def _pairs(n: int) -> str:
    return "1 pair" if n == 1 else f"{n} pairs"


def _fitting(task: Task, model: LanguageModel, by_span: bool) -> tuple[list[Pair], list[str]]:
    found: list[Pair] = []
    unfit: dict[str, list[str]] = {}
    for example in task.examples:
        try:
            found.append(pair_of(example, model, by_span=by_span))
        except Unfit as error:
            unfit.setdefault(error.what, []).append(str(error))
    said = [
        f"Left out {len(all_)} of {len(task.examples)} pairs: {what} (e.g. {all_[0]})."
        for what, all_ in unfit.items()
    ]
    with_corrupt = [pair for pair in found if pair.corrupt is not None]
    if with_corrupt and len(with_corrupt) < len(found):
        said.append(f"Left out {_pairs(len(found) - len(with_corrupt))} without a corrupt prompt.")
        found = with_corrupt
    with_wrong = [pair for pair in found if pair.wrong is not None]
    if with_wrong and len(with_wrong) < len(found):
        said.append(f"Left out {_pairs(len(found) - len(with_wrong))} without a wrong answer.")
        found = with_wrong
    _enough(task, len(found), said)
    bos = model.tokenizer.bos
    if bos is not None and (n := sum(pair.clean[0] != bos for pair in found)):
        said.append(
            f"{n} of {_pairs(len(found))} are token ids without the start token, {bos}, with which "
            f"{model.name}'s documents begin; they are taken as they are."
        )
    return found, said


def _enough(task: Task, n: int, said: Sequence[str]) -> None:
    if n < FEWEST:
        because = " ".join(said)
        raise AskedWrongly(
            f"Task {task.name} has {n} usable pairs of {len(task.examples)}; at least {FEWEST} are "
            f"needed.{' ' if because else ''}{because}"
        )


def _of_one_length(task: Task, pairs: list[Pair]) -> tuple[list[Pair], list[str]]:
    (length, n), *_ = Counter(len(pair.clean) for pair in pairs).most_common(1)
    if n == len(pairs):
        return pairs, []
    said = [f"Left out {len(pairs) - n} pairs that are not {length} tokens long, as most are."]
    _enough(task, n, said)
    return [pair for pair in pairs if len(pair.clean) == length], said


def _prompts(pairs: Sequence[Pair], spans: Sequence[str] = ()) -> Prompts:
    corrupt = [pair.corrupt for pair in pairs if pair.corrupt is not None]
    wrong = [pair.wrong for pair in pairs if pair.wrong is not None]
    number = {name: at for at, name in enumerate(spans)}
    told = [tuple(number[name] for name in pair.spans) for pair in pairs if pair.spans]
    return Prompts(
        padded([pair.clean for pair in pairs]),
        padded(corrupt) if corrupt else None,
        torch.tensor([len(pair.clean) for pair in pairs]),
        torch.tensor([pair.answer for pair in pairs]),
        torch.tensor(wrong) if wrong else None,
        padded(told) if told else None,
    )


@torch.no_grad()
def _measure(model: LanguageModel, prompts: Prompts, tokens: Tensor) -> _Measured:
    metric = logit_diff(prompts)
    right, diff = [], []
    for rows in torch.arange(prompts.n).split(_BATCH):
        longest = int(prompts.length[rows].max())
        logits = model.last_logits(tokens[rows, :longest], prompts.length[rows] - 1).float().cpu()
        diff.append(metric(logits, rows))
        if prompts.wrong is None:
            right.append(logits.argmax(-1) == prompts.answer[rows])
        else:
            right.append(diff[-1] > 0)
    return _Measured(torch.cat(right), torch.cat(diff))


def _figures(task: Task, model: LanguageModel, clean: _Measured, corrupt: _Measured | None) -> str:
    text = (
        f"{model.name} answers {_mean(clean.right):.2f} of {len(clean.right)} pairs of {task.name} "
        f"rightly, logit difference {_mean(clean.diff):.2f}"
    )
    if corrupt is not None:
        text += f" (corrupt {_mean(corrupt.right):.2f} and {_mean(corrupt.diff):.2f})"
    return text + "."


def _weakness(clean: _Measured, corrupt: _Measured | None) -> str:
    """Why the behaviour is too weak to explain; "" where it is not."""
    if _mean(clean.right) < ACCURACY:
        return f"That is too weak: below {ACCURACY:.2f}."
    if corrupt is None:
        return ""
    fall: Float[Tensor, " n"] = clean.diff - corrupt.diff
    error = float(fall.std()) / math.sqrt(len(fall))
    if _mean(fall) <= ERRORS_APART * error:
        return "That is too weak: the corrupt prompts do not clearly lower it."
    return ""


def _halves(
    task: Task, pairs: Sequence[Pair], held_out: float, seed: int, spans: Sequence[str]
) -> tuple[Prompts, Prompts]:
    keys = [
        [("group", pair.group), *(("prompt", p) for p in (pair.clean, pair.corrupt) if p)]
        for pair in pairs
    ]
    search, held = split(keys, held_out, seed)
    if min(len(search), len(held)) < 2:
        raise AskedWrongly(
            f"The {len(pairs)} pairs of task {task.name} share prompts or groups all through, so "
            "none can be held out; more varied pairs are needed."
        )
    return (
        _prompts([pairs[i] for i in search], spans),
        _prompts([pairs[i] for i in held], spans),
    )


def _mean(values: Tensor) -> float:
    return float(values.float().mean())
