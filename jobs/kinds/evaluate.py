"""``evaluate``: how good dictionaries are, each figure beside what it must beat."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from jobs.context import Context
from jobs.kinds.asked import Asked, fitting, load_asked, places, read_manifests
from jobs.kinds.model_row import publish_model
from jobs.kinds.profile import documents, kept_for, subjects_of, ticker
from jobs.specs import Evaluate

if TYPE_CHECKING:
    from pathlib import Path

    from jobs.dictionary import Dictionary
    from jobs.dictionary.profile.documents import Reading
    from jobs.dictionary.profile.matching import Encoded
    from jobs.dictionary.profile.memory import Halving
    from jobs.dictionary.profile.subject import Subject
    from jobs.dictionary.quality.concepts import Tokens
    from jobs.dictionary.quality.figures import Figure
    from jobs.model import LanguageModel, SideBySide

Tick = Callable[[float], None]


class Work(NamedTuple):
    """Everything at hand once the model, the documents and the dictionaries are loaded."""

    spec: Evaluate
    context: Context
    loaded: LanguageModel | SideBySide
    model: Halving
    corpus: str
    """Corpus id."""
    reading: Reading
    """Held-out documents."""
    subjects: list[Subject]
    twins: list[Subject]
    """The random dictionary of each."""
    kept: Path
    """What is done, the same after a resume."""

    def run_on(self) -> dict[str, Any]:
        """Arguments of everything that runs the model."""
        return {"batch": self.spec.batch, "device": self.context.device}


Found = list[list["Figure"]]
"""The figures of every dictionary."""


def run(spec: Evaluate, context: Context) -> None:
    """Evaluates `spec.dictionaries`; see `jobs.specs.Evaluate`."""
    from jobs.dictionary.profile.memory import Halving

    asked = read_manifests(spec, context)
    loaded = load_asked(spec, context, asked)
    dictionaries = [
        fitting(context, at.id, loaded, at.hook, at.source, at.joined) for at in places(spec, asked)
    ]
    corpus, reading = documents(spec, context, asked)
    reading = _held_out(reading, context)
    publish_model(context, loaded)
    model = Halving(loaded, context.say)
    subjects, twins = _subjects(spec, context, asked, dictionaries, model, reading)
    kept = kept_for(spec, corpus, context)
    work = Work(spec, context, loaded, model, corpus, reading, subjects, twins, kept)
    _publish(work, _evaluate(work))


def _held_out(reading: Reading, context: Context) -> Reading:
    if reading.held_out.any():
        return reading.only(reading.held_out)
    context.say("the corpus has no held-out documents: the figures are of training documents")
    return reading


def _subjects(
    spec: Evaluate,
    context: Context,
    asked: Asked,
    dictionaries: Sequence[Dictionary],
    model: Halving,
    reading: Reading,
) -> tuple[list[Subject], list[Subject]]:
    from jobs.dictionary.quality.twin import twin

    subjects = subjects_of(spec, context, asked, dictionaries, model, reading, 1)
    context.say(
        f"reading {int(reading.lengths.sum()):,} tokens of {len(reading.docs):,} documents for "
        f"{len(subjects)} dictionaries, each beside a random one"
    )
    return subjects, [twin(subject) for subject in subjects]


def _evaluate(work: Work) -> Found:
    """Every measure asked for, one after another; what is done is taken from the checkpoint."""
    from jobs.dictionary.quality.figures import Figure, honest

    found: Found = [[] for _ in work.subjects]
    asked = [measure for measure in MEASURES if measure in work.spec.measures]
    whole = sum(MEASURES[measure][0] for measure in asked)
    at = 0.0
    for measure in asked:
        cost, measured = MEASURES[measure]
        low, at = at, at + cost / whole
        tick = ticker(work.context, low, at, f"measuring {measure}")
        path = work.kept / f"{measure}.json"
        if not path.exists():
            tick(0.0)
            made = [[honest(figure) for figure in mine] for mine in measured(work, tick)]
            staging = path.with_suffix(".tmp")
            staging.write_text(json.dumps(made), encoding="utf-8")
            staging.replace(path)
        for mine, rows in zip(found, json.loads(path.read_text(encoding="utf-8")), strict=True):
            mine.extend(Figure(*row) for row in rows)
    return found


def _publish(work: Work, found: Found) -> None:
    import pyarrow as pa

    from jobs.dictionary.quality.figures import table
    from jobs.dictionary.quality.summary import summary
    from jobs.kinds.evaluate_earlier import earlier

    context = work.context
    for subject, figures in zip(work.subjects, found, strict=True):
        about: dict[str, Any] = {"scale": subject.site.scale.facts(), "null_active": subject.null_k}
        rows = table(figures, work.corpus)
        if old := earlier(context.workspace, subject.id, {figure.measure for figure in figures}):
            rows = pa.concat_tables([rows, old.rows.select(rows.column_names).cast(rows.schema)])
            about["kept"] = old.origins
            jobs = ", ".join(sorted({str(origin["job"]) for origin in old.origins.values()}))
            context.say(f"{subject.id}: {', '.join(old.origins)} stay as {jobs} measured them")
        manifest = context.provenance(inputs=[subject.id, work.corpus], **about)
        with context.workspace.publish_table(
            "evaluations", run=context.job, scope=subject.id, manifest=manifest
        ) as out:
            out.write(rows)
        for line in summary(figures):
            context.say(f"{subject.id}: {line}")
    context.progress(1.0, "done")


def _sums(work: Work, tick: Tick) -> list[Path]:
    """The pass over all held-out documents, in chunks enough for an interval."""
    from jobs.dictionary.profile.measure import measure
    from jobs.dictionary.quality.jackknife import GROUPS

    tokens = max(1, int(work.reading.lengths.sum()) // GROUPS)
    return measure(
        work.model,
        work.reading._replace(probe=work.reading.probe & False),
        [*work.subjects, *work.twins],
        work.kept / "chunks",
        tick=tick,
        chunk_tokens=tokens,
        spilled=False,
        **work.run_on(),
    )


def _reconstruction(work: Work, tick: Tick) -> Found:
    from jobs.dictionary.quality.reconstruction import reconstruction

    chunks, count = _sums(work, tick), len(work.subjects)
    return [
        reconstruction(
            *(chunks, number, count + number), [part.hook.described for part in subject.parts]
        )
        for number, subject in enumerate(work.subjects)
    ]


def _density(work: Work, tick: Tick) -> Found:
    from jobs.dictionary.quality.reconstruction import density

    chunks, count = _sums(work, tick), len(work.subjects)
    return [density(chunks, number, count + number) for number in range(count)]


def _splice(work: Work, tick: Tick) -> Found:
    from jobs.dictionary.quality.spliced import run_spliced, spliced

    kept, both = work.kept / "splice.jsonl", (work.subjects, work.twins)
    ledger = run_spliced(work.model, work.reading, *both, kept, tick=tick, **work.run_on())
    return [
        spliced(ledger, mine, random)
        for mine, random in zip(work.subjects, work.twins, strict=True)
    ]


def _coherence(work: Work, tick: Tick) -> Found:
    from jobs.dictionary.quality.coherence import coherence

    return [coherence(mine, random) for mine, random in zip(work.subjects, work.twins, strict=True)]


def _stability(work: Work, tick: Tick) -> Found:
    from jobs.dictionary.quality.stability import kin, stability

    manifests = [work.context.workspace.dictionary(s.id).manifest for s in work.subjects]
    names = [(str(m.get("architecture")), m.get("seed")) for m in manifests]
    return stability(work.subjects, work.twins, kin(work.subjects, names), tick)


def _concepts(work: Work, tick: Tick) -> Found:
    from jobs.dictionary.quality.concepts import concepts

    note = "latents recorded by the corpus" if _latents(work) else "first letters of words"
    pairs = zip(work.subjects, work.twins, _tokens(work, tick), strict=True)
    return [concepts(tokens, mine, random, note) for mine, random, tokens in pairs]


def _probing(work: Work, tick: Tick) -> Found:
    from jobs.dictionary.quality import probing

    if _latents(work):
        return [probing.of_tokens(tokens, work.spec.seed) for tokens in _tokens(work, tick)]
    return _probing_texts(work, tick)


def _probing_texts(work: Work, tick: Tick) -> Found:
    from jobs.dictionary.quality import texts

    labelled = texts.labelled()
    if not labelled:
        work.context.say("nothing to probe on: the packages that give labelled text are missing")
        return [[] for _ in work.subjects]
    reading = texts.as_reading(labelled, work.loaded.tokenizer)
    each = _encoded(work, reading, tick)
    return [texts.of_texts(encoded, labelled, work.spec.seed) for encoded in each]


def _tokens(work: Work, tick: Tick) -> Iterator[Tokens]:
    """Tokens with their concepts, for one dictionary after another."""
    from jobs.dictionary.quality.concepts import first_letters, labelled, recorded
    from jobs.dictionary.quality.encoding import few

    reading = few(work.reading, work.spec.concept_tokens, work.spec.seed)
    latents = _latents(work)
    strings = work.model.token_strings
    label = recorded(latents, reading) if latents else first_letters(strings, reading)
    for encoded in _encoded(work, reading, tick):
        yield labelled(encoded, label, work.spec.seed)


def _encoded(work: Work, reading: Reading, tick: Tick) -> Iterator[Encoded]:
    """One dictionary after another: the codes of one only are held in memory."""
    from jobs.dictionary.quality.encoding import encode_both
    from jobs.dictionary.quality.once import Once
    from jobs.dictionary.quality.twin import listener

    count = len(work.subjects)
    model = Once(work.model, [hook for subject in work.subjects for hook in subject.hears_at])
    for number, (mine, random) in enumerate(zip(work.subjects, work.twins, strict=True)):
        tick(number / count)
        yield encode_both(
            model,
            reading,
            mine,
            listener(mine, random, work.spec.seed),
            tick=lambda share, number=number: tick((number + share / 2) / count),  # type: ignore[misc]
            **work.run_on(),
        )


def _latents(work: Work) -> list[Path]:
    return work.context.workspace.corpus(work.corpus).latents


MEASURES: dict[str, tuple[float, Callable[[Work, Tick], Found]]] = {
    "reconstruction": (3.0, _reconstruction),
    "density": (0.1, _density),
    "splice": (3.0, _splice),
    "coherence": (0.1, _coherence),
    "stability": (1.0, _stability),
    "concepts": (2.0, _concepts),
    "probing": (1.0, _probing),
}
"""Measure → its share of the time, about, and its work; in the order of doing."""
