"""``profile``: read documents once, publish what features do and how good dictionaries are."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from jobs.context import Cancelled, Context
from jobs.kinds.asked import Asked, fitting, load_asked, places, read_manifests
from jobs.kinds.model_row import publish_model
from jobs.made_for import check_made_for
from jobs.specs import Ablate, Evaluate, Profile
from store import AskedWrongly

if TYPE_CHECKING:
    from pathlib import Path

    from jobs.dictionary import Dictionary
    from jobs.dictionary.profile.documents import Reading
    from jobs.dictionary.profile.memory import Halving
    from jobs.dictionary.profile.publish import Publication
    from jobs.dictionary.profile.splice import CrossEntropy
    from jobs.dictionary.profile.subject import Subject
    from jobs.dictionary.profile.sums import Sums

READ, PUBLISHED = 0.6, 0.75
"""Shares of the whole at which reading and publishing end; cross-entropy is the rest."""


class Work(NamedTuple):
    """Everything at hand once the model, the documents and the dictionaries are loaded."""

    spec: Profile
    context: Context
    model: Halving
    corpus: str
    """Corpus id."""
    reading: Reading
    subjects: list[Subject]


def run(spec: Profile, context: Context) -> None:
    """Profiles `spec.dictionaries`; see `jobs.specs.Profile`."""
    from jobs.dictionary.profile.memory import Halving

    asked = read_manifests(spec, context)
    loaded = load_asked(spec, context, asked)
    model = Halving(loaded, context.say)
    dictionaries = [
        fitting(context, at.id, loaded, at.hook, at.source, at.joined) for at in places(spec, asked)
    ]
    corpus, reading = documents(spec, context, asked)
    subjects = subjects_of(spec, context, asked, dictionaries, model, reading, spec.neighbors)
    publish_model(context, loaded)
    work = Work(spec, context, model, corpus, reading, subjects)
    _say_what(work)
    _profile(work)


def documents(spec: Profile | Evaluate, context: Context, asked: Asked) -> tuple[str, Reading]:
    """The corpus id and the documents to read; a URI is prepared first."""
    from jobs.corpus import open_corpus
    from jobs.dictionary.profile.documents import choose_documents

    name = asked.corpus
    if name not in context.workspace.corpora():
        name = prepared(spec, context, asked)
    check_made_for(context.workspace, name, asked.model)
    corpus = open_corpus(context.workspace, name)
    reading = choose_documents(corpus, spec.tokens, spec.ce_tokens, spec.seed)
    if not len(reading.docs):
        raise AskedWrongly(f"Corpus {name} holds no documents to read.")
    return name, reading


def prepared(spec: Profile | Evaluate | Ablate, context: Context, asked: Asked) -> str:
    """Makes the corpus that is asked for by its URI; its id."""
    from jobs.corpus import prepare
    from jobs.model.shape import shape
    from jobs.specs import TrainSae

    usual, known = TrainSae.model_fields, shape(asked.model, asked.revision)
    return prepare(
        context.workspace,
        model=asked.model,
        revision=asked.revision,
        uri=asked.corpus,
        tokens=spec.tokens,
        context=min(usual["context"].default, (known and known.context) or 1 << 30),
        packing=usual["packing"].default,
        held_out=usual["held_out"].default,
        text_column=spec.text_column,
        seed=0,
        provenance=context.provenance(),
        progress=lambda share, message: context.progress(0.0, message),
        say=context.say,
    )


def subjects_of(
    spec: Profile | Evaluate,
    context: Context,
    asked: Asked,
    dictionaries: Sequence[Dictionary],
    model: Halving,
    reading: Reading,
    neighbors: int,
) -> list[Subject]:
    """The dictionaries, with what must be known about their hooks; see `Subject`."""
    from jobs.dictionary.profile.subject import Part, sites, subject

    every_place = places(spec, asked)
    every = [hook for at in every_place for hook in (at.hook, at.source, *at.joined) if hook]
    hooks, joined = list(dict.fromkeys(every)), [at.joined for at in every_place if at.joined]
    run_on = (spec.norm_limit, spec.batch, context.device)
    measured = sites(model, reading, hooks, *run_on, joined)
    return [
        subject(
            *(at.id, at.hook, dictionary),
            *(measured[at.joined or at.hook][0], measured[at.joined or at.source or at.hook][1]),
            *(neighbors, spec.seed),
            source=at.source,
            heard=measured[at.source][0] if at.source else None,
            parts=tuple(Part(hook, measured[hook][0]) for hook in at.joined),
        )
        for at, dictionary in zip(every_place, dictionaries, strict=True)
    ]


def _say_what(work: Work) -> None:
    reading = work.reading
    held_out = int(reading.lengths[reading.held_out].sum())
    work.context.say(
        f"reading {int(reading.lengths.sum()):,} tokens of {len(reading.docs):,} documents, "
        f"{held_out:,} of them held out, for {len(work.subjects)} dictionaries"
    )
    if not held_out:
        work.context.say("the corpus has no held-out documents: quality is of training documents")


def _profile(work: Work) -> None:
    from jobs.dictionary.profile.measure import add_up, measure
    from jobs.dictionary.profile.publish import publish_quality
    from jobs.dictionary.profile.splice import cross_entropy

    model, reading, subjects, context = work.model, work.reading, work.subjects, work.context
    run_on: Any = {"batch": work.spec.batch, "device": context.device}
    tick = ticker(context, 0.0, READ, "reading documents")
    kept = kept_for(work.spec, work.corpus, context)
    chunks = measure(model, reading, subjects, kept / "chunks", tick=tick, **run_on)
    sums = [add_up(chunks, number) for number in range(len(subjects))]
    places = [_publication(context, subject, work.corpus) for subject in subjects]
    for number, to in enumerate(places):
        _publish(work, number, to, chunks, sums[number])
    tick = ticker(context, PUBLISHED, 1.0, "measuring cross-entropy")
    ledger = kept / "losses.json"
    entropies = cross_entropy(model, reading, subjects, ledger, tick=tick, **run_on)
    for number, to in enumerate(places):
        entropy = entropies[number] if entropies else None
        publish_quality(to, sums[number], entropy)
        context.say(_summary(subjects[number], sums[number], entropy))


def kept_for(spec: Profile | Evaluate, corpus: str, context: Context) -> Path:
    """The folder of what is done. It is named for what was asked: sums and spills of other
    dictionaries or documents, however they came to lie here, must never be taken for these.
    """
    asked = json.dumps([spec.model_dump(mode="json"), corpus], sort_keys=True)
    folder = context.checkpoint / hashlib.sha256(asked.encode()).hexdigest()[:12]
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _publish(work: Work, number: int, to: Publication, chunks: Sequence[Path], sums: Sums) -> None:
    """Publishes all tables of one dictionary but its quality."""
    from jobs.dictionary.profile import publish
    from jobs.dictionary.profile.measure import pieces

    subject, step = work.subjects[number], (PUBLISHED - READ) / len(work.subjects)
    low = READ + step * number
    middle, high, message = low + step / 4, low + step, f"writing {subject.id}"
    tick, spilled = ticker(work.context, low, middle, message), pieces(chunks, number)
    publish.publish_activations_by_doc(to, spilled, int(sums.fired.sum()), tick)
    publish.publish_neighbors(to, subject, sums)
    publish.publish_features(
        to,
        subject,
        work.reading,
        spilled,
        sums,
        work.model,
        top=work.spec.top,
        seed=work.spec.seed,
        tick=ticker(work.context, middle, high, message),
    )


def _publication(context: Context, subject: Subject, corpus: str) -> Publication:
    from jobs.dictionary.profile.publish import Publication

    about = {"scale": subject.site.scale.facts(), "null_active": subject.null_k}
    if subject.heard is not None:
        about["read_scale"] = subject.heard.scale.facts()
    if subject.parts:
        about["source_scales"] = [part.site.scale.facts() for part in subject.parts]
    manifest = context.provenance(inputs=[subject.id, corpus], **about)
    return Publication(context.workspace, context.job, subject.id, corpus, manifest)


def ticker(context: Context, low: float, high: float, message: str) -> Callable[[float], None]:
    """A tick that reports progress between two shares and stops a cancelled job."""

    def tick(share: float) -> None:
        if context.cancelled():
            raise Cancelled
        context.progress(low + (high - low) * share, message)

    return tick


def _summary(subject: Subject, sums: Sums, entropy: CrossEntropy | None) -> str:
    name = subject.id
    split = 0 if sums.tokens[0] else 1
    text = (
        f"{name}: FVU {sums.fvu(split):.3f}, L0 {sums.l0(split):.1f}, "
        f"dead {sums.dead_fraction():.1%}"
    )
    if subject.parts:
        shares = zip(subject.parts, sums.fvu_by_source(split), strict=True)
        text += "".join(f", FVU at {part.hook.described} {fvu:.3f}" for part, fvu in shares)
    if sums.null_tokens[0]:
        text += f", random dictionary's FVU {sums.fvu_random():.3f}"
    if entropy is None:
        return text
    if entropy.zero <= entropy.clean:
        return text + ", CE recovered not defined: the model does no worse without the site"
    return text + f", CE recovered {entropy.recovered:.1%}"
