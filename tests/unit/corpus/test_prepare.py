"""A corpus from URI to published documents: small, whole, and the same every time."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from jobs.corpus import open_corpus, prepare
from jobs.corpus.prepare import Wanted, corpus_id
from jobs.model.tiny.made import word_tokenizer
from jobs.model.tokenizer import TextTokenizer, Tokenizer
from store import AskedWrongly, Workspace

GRAMMAR = {"model": "tiny", "uri": "grammar:", "tokens": 6000, "context": 32}


@pytest.fixture(scope="module")
def tokenizer() -> Tokenizer:
    return TextTokenizer(word_tokenizer(), bos=0)


@pytest.fixture
def ws(tmp_path: Path) -> Workspace:
    return Workspace.create(tmp_path / "ws")


def test_a_grammar_corpus_has_the_truth_at_every_token(ws: Workspace, tokenizer: Tokenizer) -> None:
    name = prepare(ws, **GRAMMAR, tokenizer=tokenizer)
    assert name == "tiny/grammar-c32-6k"
    rows = ws.sql(
        """SELECT pieces[pos + 1] AS piece, latent FROM latents JOIN documents USING (corpus, doc)
        WHERE latent LIKE 'number=%' OR latent LIKE 'part_of_speech=%'"""
    ).fetchall()
    plural = {piece for piece, latent in rows if latent == "number=plural"}
    singular = {piece for piece, latent in rows if latent == "number=singular"}
    assert plural and singular and not plural & singular
    assert {p for p, latent in rows if latent == "part_of_speech=determiner"} == {
        " the", " this", " each", " these", " many"
    }  # fmt: skip
    (tokens, spoken), *_ = ws.sql(
        """SELECT (SELECT count(*) FROM (SELECT unnest(tokens) AS t FROM documents) WHERE t != 0),
        (SELECT count(*) FROM latents WHERE latent LIKE 'part_of_speech=%')"""
    ).fetchall()
    assert tokens == spoken  # every token but BOS, each once


def test_documents_are_read_back_as_written(ws: Workspace, tokenizer: Tokenizer) -> None:
    corpus = open_corpus(ws, prepare(ws, **GRAMMAR, tokenizer=tokenizer))
    written = ws.sql("SELECT tokens, text, split FROM documents ORDER BY doc").fetchall()
    assert corpus.n_documents == len(written)
    assert corpus.n_tokens == sum(len(tokens) for tokens, _, _ in written) <= 6000
    ids, mask = corpus.tokens(np.arange(corpus.n_documents))
    assert ids.shape == mask.shape == (len(written), 32)
    for row, real, (tokens, text, _) in zip(ids, mask, written, strict=True):
        assert row[real].tolist() == tokens
        assert not row[~real].any() and real.sum() == len(tokens)
        assert tokenizer.decode(tokens) == text
    held = [doc for doc, (_, _, split) in enumerate(written) if split == "held_out"]
    assert corpus.documents("held_out").tolist() == held
    assert sorted([*corpus.documents("train"), *held]) == list(range(corpus.n_documents))


def test_order_is_a_shuffle_that_depends_on_seed_and_epoch(
    ws: Workspace, tokenizer: Tokenizer
) -> None:
    corpus = open_corpus(ws, prepare(ws, **GRAMMAR, tokenizer=tokenizer))
    first = corpus.order("train", seed=0, epoch=0)
    assert sorted(first) == corpus.documents("train").tolist()
    assert first.tolist() == corpus.order("train", seed=0, epoch=0).tolist()
    assert first.tolist() != corpus.order("train", seed=0, epoch=1).tolist()
    assert first.tolist() != corpus.order("train", seed=1, epoch=0).tolist()


def test_a_corpus_is_made_once(ws: Workspace, tokenizer: Tokenizer) -> None:
    name = prepare(ws, **GRAMMAR, tokenizer=tokenizer)
    before = (ws.corpus(name).folder / "manifest.json").stat().st_mtime_ns
    assert prepare(ws, **GRAMMAR, tokenizer=tokenizer) == name
    assert prepare(ws, model="tiny", uri=name, tokens=1) == name  # a corpus's own id will do
    assert (ws.corpus(name).folder / "manifest.json").stat().st_mtime_ns == before


def test_two_jobs_that_make_the_same_corpus_at_once_both_have_it(
    ws: Workspace, tokenizer: Tokenizer
) -> None:
    made: list[str] = []

    def interrupted(share: float, message: str) -> None:
        if not made:
            made.append("")
            made[0] = prepare(ws, **GRAMMAR, tokenizer=tokenizer)

    assert prepare(ws, **GRAMMAR, tokenizer=tokenizer, progress=interrupted) == made[0]
    assert ws.corpora() == made


def test_two_makings_give_the_same_bytes(tmp_path: Path, tokenizer: Tokenizer) -> None:
    def made(place: str) -> list[bytes]:
        ws = Workspace.create(tmp_path / place)
        files = ws.corpus(prepare(ws, **GRAMMAR, tokenizer=tokenizer))
        return [path.read_bytes() for path in (*files.documents, *files.latents)]

    assert made("a") == made("b")


def test_ids_say_what_differs() -> None:
    plain = Wanted("smollm2", "docs:", 1_000_000)
    assert corpus_id(plain) == "smollm2/docs-c128-1M"
    assert corpus_id(plain._replace(tokens=400_000)) == "smollm2/docs-c128-400k"
    assert corpus_id(plain._replace(tokens=1234, context=64)) == "smollm2/docs-c64-1234"
    assert corpus_id(plain._replace(model="EleutherAI/pythia-70m")).startswith("EleutherAI--pyth")
    odd = [
        plain._replace(packing=False),
        plain._replace(held_out=0.2),
        plain._replace(seed=1),
        plain._replace(revision="step1000"),
        plain._replace(model="/models/a/smollm2"),
        plain._replace(model="/models/b/smollm2"),
        plain._replace(uri="hf:a/docs"),
        plain._replace(uri="hf:b/docs"),
    ]
    ids = [corpus_id(wanted) for wanted in odd]
    assert len(set(ids)) == len(odd)
    assert all(one.startswith("smollm2/docs-c128-1M-") for one in ids)


def test_a_changed_file_is_another_corpus(tmp_path: Path) -> None:
    path = tmp_path / "my notes.v2.txt"
    path.write_text("one")
    wanted = Wanted("tiny", f"file:{path}", 1000)
    before = corpus_id(wanted)
    assert before.startswith("tiny/my-notes-c128-1k-")
    path.write_text("another")
    assert corpus_id(wanted) != before


def lines(path: Path, count: int, words: str) -> str:
    rows = [json.dumps({"text": f"{words} " * (1 + n % 7)}) for n in range(count)]
    path.write_text("\n".join(rows))
    return f"file:{path}"


def test_a_source_with_fewer_tokens_gives_what_it_has(
    ws: Workspace, tmp_path: Path, tokenizer: Tokenizer
) -> None:
    uri = lines(tmp_path / "a.jsonl", 60, "the sailor steers the boat")
    said: list[str] = []
    name = prepare(
        ws, model="tiny", uri=uri, tokens=100_000, context=16, tokenizer=tokenizer, say=said.append
    )
    corpus = open_corpus(ws, name)
    assert said == [f"{uri} has {corpus.n_tokens:,} tokens, not 100,000: the corpus has those."]
    assert len(corpus.documents("held_out")) and len(corpus.documents("train"))


def test_texts_kept_apart(ws: Workspace, tmp_path: Path, tokenizer: Tokenizer) -> None:
    uri = lines(tmp_path / "a.jsonl", 40, "the sailor steers")
    name = prepare(
        ws, model="tiny", uri=uri, tokens=2000, context=16, packing=False, tokenizer=tokenizer
    )
    tokens = [row[0] for row in ws.sql("SELECT tokens FROM documents").fetchall()]
    assert all(ids[0] == 0 and 0 not in ids[1:] for ids in tokens)
    assert ws.corpus(name).manifest["packing"] is False


@pytest.mark.parametrize(
    ("change", "says"),
    [
        ({"tokens": 100}, "100 tokens are too few for a corpus with context 32; ask for 256"),
        ({"held_out": 0.0}, "held_out=0.0 must lie between 0 and 1"),
        ({"context": 2}, "context=2 must be 8 at least"),
        ({"uri": "pile"}, "No corpus is called 'pile'"),
        ({"uri": "grammar:x"}, "takes nothing after the colon"),
        ({"uri": "file:/no/such/file.txt"}, "There is no file"),
    ],
)
def test_bad_wishes_are_refused_and_leave_nothing(
    ws: Workspace, tokenizer: Tokenizer, change: dict[str, object], says: str
) -> None:
    with pytest.raises(AskedWrongly, match=says):
        prepare(ws, **GRAMMAR | change, tokenizer=tokenizer)
    assert ws.corpora() == [] and not list((ws.root / "corpora").iterdir())


def test_too_little_text_to_hold_any_out(
    ws: Workspace, tmp_path: Path, tokenizer: Tokenizer
) -> None:
    path = tmp_path / "short.txt"
    path.write_text("the sailor steers the boat")
    wish = {**GRAMMAR, "uri": f"file:{path}", "tokens": 1000}
    with pytest.raises(AskedWrongly, match="only one text"):
        prepare(ws, **wish, tokenizer=tokenizer)
    assert ws.corpora() == []


def test_a_corpus_of_another_model_is_refused(ws: Workspace, tokenizer: Tokenizer) -> None:
    name = prepare(ws, **GRAMMAR, tokenizer=tokenizer)
    with pytest.raises(AskedWrongly, match="holds tokens of tiny, not of smollm2"):
        prepare(ws, model="smollm2", uri=name, tokens=1000)


def test_progress_is_told(ws: Workspace, tokenizer: Tokenizer) -> None:
    shares: list[float] = []
    prepare(
        ws, **GRAMMAR, tokenizer=tokenizer, progress=lambda share, message: shares.append(share)
    )
    assert shares and shares == sorted(shares) and 0 < shares[-1] <= 1
