"""One pair of a task as token ids of a model, or why it cannot be."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from jobs.task.spans import of_tokens
from jobs.task.task import Example, Spans, Text, Unfit, shown

if TYPE_CHECKING:
    from jobs.model import LanguageModel


class Pair(NamedTuple):
    """An `Example` in tokens."""

    clean: tuple[int, ...]
    corrupt: tuple[int, ...] | None
    """As long as `clean`."""
    answer: int
    wrong: int | None
    group: str
    spans: tuple[str, ...] | None = None
    """The span of every token, where spans are asked for."""


def pair_of(example: Example, model: LanguageModel, *, by_span: bool = False) -> Pair:
    """`example` in tokens of `model`; texts begin with its start token, as its documents do,
    whether they have it written out or not.

    Raises Unfit for unequal lengths, answers of several tokens, answer equal to wrong, ids that
    the model has not, words that it does not know, and prompts that it cannot read at once;
    `by_span` also for spans that hold no token, share one, or lie elsewhere in the corrupt prompt.
    """
    clean = _prompt(example.clean, model)
    corrupt = None if example.corrupt is None else _prompt(example.corrupt, model)
    if corrupt is not None and len(corrupt) != len(clean):
        raise Unfit(
            "clean and corrupt are of unequal length",
            f"{shown(example.clean)} has {len(clean)} tokens, "
            f"{shown(example.corrupt)} has {len(corrupt)}",
        )
    answer = _answer(example.answer, model)
    wrong = None if example.wrong is None else _answer(example.wrong, model)
    if answer == wrong:
        raise Unfit(
            "answer and wrong are one token",
            f"{example.answer!r} after {shown(example.clean)}",
        )
    spans = _spans_of(example, clean, corrupt, model) if by_span else None
    return Pair(clean, corrupt, answer, wrong, example.group, spans)


def _spans_of(
    example: Example,
    clean: tuple[int, ...],
    corrupt: tuple[int, ...] | None,
    model: LanguageModel,
) -> tuple[str, ...]:
    """The span of every token."""
    found = _span_tokens(example.spans or (), example.clean, clean, model)
    if corrupt is None or example.corrupt is None or example.corrupt_spans is None:
        return found
    other = _span_tokens(example.corrupt_spans, example.corrupt, corrupt, model)
    if other != found:
        at = next(i for i, pair in enumerate(zip(found, other, strict=True)) if len({*pair}) > 1)
        raise Unfit(
            "clean and corrupt have their spans at different tokens",
            f"token {at} is of {found[at]} in {shown(example.clean)}, of {other[at]} in "
            f"{shown(example.corrupt)}",
        )
    return found


def _span_tokens(
    spans: Spans, text: Text, ids: tuple[int, ...], model: LanguageModel
) -> tuple[str, ...]:
    tokenizer = model.tokenizer
    if isinstance(text, str):
        offsets = tokenizer.offsets(text)
        written_out = tokenizer.bos is not None and len(offsets) == len(ids)
        return of_tokens(spans, text, offsets[written_out:], tokenizer.bos is not None)
    each = [(at, at + 1) for at in range(len(ids))]
    return of_tokens(spans, text, each, ids[0] == tokenizer.bos)


def _prompt(text: Text | None, model: LanguageModel) -> tuple[int, ...]:
    start = [] if model.tokenizer.bos is None else [model.tokenizer.bos]
    if isinstance(text, str):
        words = model.tokenizer.encode(text)
        words = words[len(start) :] if words[:1] == start else words
        ids = (*start, *words)
        if unknown := _unknown(text, tuple(words), model):
            raise Unfit(f"{model.name} does not know a word", f"{unknown!r} in {shown(text)}")
    else:
        ids = text or ()
    if not ids:
        raise Unfit("a prompt is empty", shown(text))
    if len(ids) > model.context:
        raise Unfit(
            f"a prompt is longer than the {model.context} tokens that {model.name} reads at once",
            f"{shown(text)} has {len(ids)}",
        )
    if bad := next((id for id in ids if not 0 <= id < model.d_vocab), None):
        raise Unfit(f"{model.name} has no such token", f"{bad}")
    return ids


def _unknown(text: str, ids: tuple[int, ...], model: LanguageModel) -> str | None:
    """A word for which the tokenizer put its token for unknown ones."""
    fast = getattr(model.tokenizer, "fast", None)
    unknown = getattr(fast, "unk_token_id", None)
    if unknown is None or unknown == model.tokenizer.bos or unknown not in ids:
        return None
    words = text.split()
    return next((word for word in words if unknown in model.tokenizer.encode(word)), words[0])


def _answer(answer: str | int, model: LanguageModel) -> int:
    if isinstance(answer, int):
        if not 0 <= answer < model.d_vocab:
            raise Unfit(f"{model.name} has no such token", f"{answer}")
        return answer
    ids = model.tokenizer.encode(answer)
    if len(ids) != 1:
        parts = " + ".join(repr(piece) for piece in model.token_strings(ids))
        raise Unfit("an answer is several tokens", f"{answer!r} is {parts}")
    if _unknown(answer, tuple(ids), model):
        raise Unfit(f"{model.name} does not know a word", repr(answer))
    return ids[0]
