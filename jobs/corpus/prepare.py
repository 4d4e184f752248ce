"""Makes a corpus: read, split, tokenise, pack, publish; all as one stream."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from jobs.corpus.packing import Document, Packer
from jobs.corpus.sources import parse_uri
from jobs.corpus.split import SourceText, Split, assign
from jobs.corpus.writing import DocumentWriter
from jobs.made_for import check_made_for
from jobs.names import model_slug
from store.errors import AskedWrongly

if TYPE_CHECKING:
    from jobs.model.tokenizer import Tokenizer
    from store import Workspace

_BATCH_TEXTS = 512
_BATCH_CHARACTERS = 1 << 20

Progress = Callable[[float, str], object]
Say = Callable[[str], object]


class Wanted(NamedTuple):
    """What a corpus is made by; two that differ have different ids."""

    model: str
    uri: str
    tokens: int
    context: int = 128
    packing: bool = True
    held_out: float = 0.1
    text_column: str = "text"
    seed: int = 0
    revision: str | None = None
    """Of the model, whose tokenizer may differ between revisions."""


def corpus_id(wanted: Wanted) -> str:
    """Id of a corpus, e.g. ``smollm2/docs-c128-1M``; with a short hash where an option is not its
    default, and of the file where there is one.
    """
    source, rest = parse_uri(wanted.uri)
    usual = Wanted(wanted.model, wanted.uri, wanted.tokens, wanted.context)
    odd: dict[str, Any] = {
        key: value
        for key, value in wanted._asdict().items()
        if value != getattr(usual, key) and key not in ("uri",)
    }
    if identity := source.identity(rest):
        odd["source"] = identity
    elif source.slug(rest) != rest and rest and wanted.uri.startswith("hf:"):
        odd["source"] = rest
    if wanted.model.startswith((".", "/", "~")) or wanted.model.endswith(".gguf"):
        odd["model"] = str(Path(wanted.model).expanduser().resolve())
    name = re.sub(r"[^A-Za-z0-9._-]+", "-", source.slug(rest)).strip("-.")[:60] or "text"
    digest = hashlib.sha256(json.dumps(odd, sort_keys=True).encode()).hexdigest()[:6]
    tail = f"-{digest}" if odd else ""
    return f"{model_slug(wanted.model)}/{name}-c{wanted.context}-{_short(wanted.tokens)}{tail}"


def _short(count: int) -> str:
    for size, letter in ((1_000_000_000, "G"), (1_000_000, "M"), (1_000, "k")):
        if count % size == 0:
            return f"{count // size}{letter}"
    return str(count)


def prepare(
    ws: Workspace,
    *,
    model: str,
    uri: str,
    tokens: int,
    context: int = 128,
    packing: bool = True,
    held_out: float = 0.1,
    text_column: str = "text",
    seed: int = 0,
    revision: str | None = None,
    tokenizer: Tokenizer | None = None,
    provenance: Mapping[str, Any] | None = None,
    progress: Progress = lambda share, message: None,
    say: Say = lambda message: None,
) -> str:
    """Makes the corpus that the arguments describe and returns its id; at once if it exists.

    `tokens` counts what documents hold, BOS included, in both splits together; where the source
    has fewer, the corpus has what there is and `say` is told. `uri` may also be the id of a corpus
    of this workspace, for the same model. `tokenizer` saves loading the model's own again.
    Raises AskedWrongly for bad input, in one sentence.
    """
    if uri in (known := ws.corpora()):
        check_made_for(ws, uri, model)
        return uri
    wanted = Wanted(model, uri, tokens, context, packing, held_out, text_column, seed, revision)
    _check(wanted)
    name = corpus_id(wanted)
    if name in known:
        return name
    if tokenizer is None:
        from jobs.model import load_tokenizer

        tokenizer = load_tokenizer(model, revision=revision, say=say)
    manifest: dict[str, Any] = {
        **(provenance or {}),
        "model": model,
        "source": uri,
        "context": context,
        "held_out": held_out,
        "packing": packing,
        "seed": seed,
        "bos": tokenizer.bos,
    }
    try:
        with ws.publish_folder("corpora", name, manifest=manifest) as folder:
            manifest |= _write(folder, name, wanted, tokenizer, progress, say)
    except AskedWrongly:
        if name not in ws.corpora():  # else another job made the same one meanwhile
            raise
    return name


def _check(wanted: Wanted) -> None:
    least = 8 * wanted.context
    if wanted.tokens < least:
        raise AskedWrongly(
            f"{wanted.tokens} tokens are too few for a corpus with context {wanted.context}; ask "
            f"for {least} at least."
        )
    if not 0 < wanted.held_out < 1:
        raise AskedWrongly(f"held_out={wanted.held_out} must lie between 0 and 1.")
    if wanted.context < 8:
        raise AskedWrongly(f"context={wanted.context} must be 8 at least.")


def _write(
    folder: Path, name: str, wanted: Wanted, tokenizer: Tokenizer, progress: Progress, say: Say
) -> dict[str, Any]:
    """Fills `folder`; returns manifest fields about what is in it."""
    counts: dict[Split, int] = {"train": 0, "held_out": 0}
    written = 0
    with DocumentWriter(folder, name, tokenizer) as out:
        for document, latents in _documents(wanted, tokenizer, say):
            counts[document.split] += 1
            written += len(document.tokens)
            out.write(document, latents)
            if out.documents % 64 == 0:
                share = min(1.0, written / wanted.tokens)
                progress(share, f"corpus {name}: {written:,} tokens")
    _check_splits(wanted, counts, written)
    if written < 0.98 * wanted.tokens:
        say(f"{wanted.uri} has {written:,} tokens, not {wanted.tokens:,}: the corpus has those.")
    return {"n_documents": sum(counts.values()), "n_tokens": written, "splits": counts}


def _check_splits(wanted: Wanted, counts: Mapping[Split, int], written: int) -> None:
    if not written:
        raise AskedWrongly(f"{wanted.uri} holds no text.")
    for split, count in counts.items():
        if not count:
            what = "held-out" if split == "held_out" else "training"
            raise AskedWrongly(
                f"{wanted.uri} gives too little text for a {what} part: {written:,} tokens, "
                f"held_out={wanted.held_out:g}; give more text, ask for more tokens or change "
                "held_out."
            )


Latents = Mapping[int, list[tuple[str, ...]]]
"""Text number → for each of its tokens, the latents that hold; empty where none are recorded."""


def _documents(
    wanted: Wanted, tokenizer: Tokenizer, say: Say
) -> Iterator[tuple[Document, Latents]]:
    """Documents in order, until the source ends or `tokens` tokens are in them."""
    source, rest = parse_uri(wanted.uri)
    texts = source.read(
        rest,
        text_column=wanted.text_column,
        seed=wanted.seed,
        say=say,
    )
    splits: tuple[Split, Split] = ("train", "held_out")
    packers = {s: Packer(s, wanted.context, tokenizer.bos, wanted.packing) for s in splits}
    latents: dict[int, list[tuple[str, ...]]] = {}
    left = wanted.tokens
    pairs = assign(texts, wanted.held_out, wanted.seed)
    for number, (ids, held, text, split) in enumerate(_tokenised(pairs, tokenizer)):
        if held:
            latents[number] = held
        cut = ids[: _fitting(left, packers[split])]
        before = packers[split].taken
        for document in packers[split].add(number, cut, text.source):
            yield document, latents
            _forget(latents, packers)
        left -= packers[split].taken - before
        if left <= (0 if tokenizer.bos is None else 1):
            break
    for packer in packers.values():
        for document in packer.flush():
            yield document, latents


def _fitting(left: int, packer: Packer) -> int:
    """How many tokens of a text fit into a budget of `left` tokens, with the BOS they need."""
    return max(0, left - packer.overhead(left))


def _forget(latents: dict[int, Any], packers: Mapping[Split, Packer]) -> None:
    """Drops the latents of texts that no open document holds part of."""
    open_texts = {text for packer in packers.values() for text in packer.open_texts()}
    for number in [n for n in latents if n < min(open_texts, default=max(latents, default=0))]:
        del latents[number]


class _Tokenised(NamedTuple):
    ids: list[int]
    latents: list[tuple[str, ...]]
    """For each token; empty where the source records none."""
    text: SourceText
    split: Split


def _tokenised(
    pairs: Iterable[tuple[SourceText, Split]], tokenizer: Tokenizer
) -> Iterator[_Tokenised]:
    """Texts with their token ids, tokenised many at a time."""
    by_word = _ByWord(tokenizer)
    for batch in _batches(pairs):
        plain = [text.text for text, _ in batch if text.latents is None]
        encoded = iter(tokenizer.encode_batch(plain))
        for text, split in batch:
            if text.latents is None:
                yield _Tokenised(next(encoded), [], text, split)
            else:
                yield _Tokenised(*by_word(text), text, split)


def _batches(
    pairs: Iterable[tuple[SourceText, Split]],
) -> Iterator[list[tuple[SourceText, Split]]]:
    batch: list[tuple[SourceText, Split]] = []
    size = 0
    for pair in pairs:
        batch.append(pair)
        size += len(pair[0].text)
        if len(batch) >= _BATCH_TEXTS or size >= _BATCH_CHARACTERS:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


class _ByWord:
    """Tokenises synthetic text word by word, so that every token knows its word's latents."""

    def __init__(self, tokenizer: Tokenizer) -> None:
        self._tokenizer = tokenizer
        self._ids: dict[str, list[int]] = {}

    def __call__(self, text: SourceText) -> tuple[list[int], list[tuple[str, ...]]]:
        ids: list[int] = []
        held: list[tuple[str, ...]] = []
        for word, latents in zip(text.text.split(" "), text.latents or [], strict=True):
            if (found := self._ids.get(word)) is None:
                found = self._ids[word] = self._tokenizer.encode(" " + word)
            ids.extend(found)
            held.extend([latents] * len(found))
        return ids, held
