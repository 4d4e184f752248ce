"""``train_sae``: one forward pass of the model, many dictionaries."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from jobs.beforehand import check_memory
from jobs.context import Cancelled, Context
from jobs.kinds.model_row import publish_model
from jobs.made_for import check_made_for
from jobs.names import Hook
from jobs.specs import TrainSae
from jobs.specs.crosscoder import check_one_width
from jobs.specs.train_sae import Configuration
from store import AskedWrongly

if TYPE_CHECKING:
    from jobs.corpus import Corpus
    from jobs.dictionary.cache import ActivationCache
    from jobs.dictionary.learner import Learner
    from jobs.dictionary.massive import Scale
    from jobs.dictionary.trainer import Plan, Trainer
    from jobs.model import LanguageModel, SideBySide

LOADED = 0.05
"""Share of the whole at which model and corpus are there."""


def run(spec: TrainSae, context: Context) -> None:
    """Trains and publishes every dictionary of `spec`; see `jobs.specs.TrainSae`."""
    missing = [one for one in spec.configurations() if not _made_already(context, one.dictionary)]
    if not missing:
        context.say("Every dictionary is there already.")
        return
    model, corpus_id, corpus = _load(spec, context)
    publish_model(context, model)
    trainer = _trainer(spec, context, model, corpus)
    from jobs.dictionary.trainer import Stopped

    try:
        learners = trainer.train()
    except Stopped:
        raise Cancelled from None
    finally:
        _leave(context, trainer.stream.cache)
    for configuration in missing:
        _publish(spec, context, trainer, configuration, learners, corpus_id)
    _say_what(context, trainer, missing)


def _made_already(context: Context, dictionary: str) -> bool:
    """Whether this very job published it before it was interrupted; raises AskedWrongly where
    another one did.
    """
    workspace = context.workspace
    if dictionary not in workspace.dictionaries():
        return False
    job = workspace.dictionary(dictionary).manifest.get("job")
    if job != context.job:
        raise AskedWrongly(
            f"Dictionary {dictionary} exists already (made by {job}); give name=… to train another."
        )
    return True


def _load(spec: TrainSae, context: Context) -> tuple[LanguageModel | SideBySide, str, Corpus]:
    from jobs.corpus import open_corpus, prepare
    from jobs.model import load_model

    context.progress(0.0, f"loading {spec.model}")
    model = load_model(
        spec.model,
        device=context.device,
        dtype=spec.dtype,
        revision=spec.revision,
        say=context.say,
    )
    both = _with_other(spec, context, model) if spec.other_model else model
    wanted = spec.configurations()
    for one in wanted:
        check_one_width({hook: both.width(both.hook(hook)) for hook in one.joined})
    widths = [model.width(model.hook(one.hook)) * max(1, len(one.joined)) for one in wanted]
    check_memory(max(widths), [one.d_sae for one in wanted])

    def preparing(share: float, message: str = "") -> None:
        context.progress(0.01 + (LOADED - 0.01) * share, message)

    preparing(0.0, f"reading {spec.corpus}")
    if spec.corpus in context.workspace.corpora():
        corpus_id = spec.corpus
        check_made_for(context.workspace, corpus_id, spec.model)
    else:
        corpus_id = prepare(
            context.workspace,
            model=spec.model,
            uri=spec.corpus,
            tokens=spec.corpus_tokens or spec.tokens,
            context=spec.context,
            packing=spec.packing,
            held_out=spec.held_out,
            text_column=spec.text_column,
            seed=0,  # seeds of dictionaries share one corpus
            revision=spec.revision,
            provenance=context.provenance(),
            progress=preparing,
            say=context.say,
        )
    return both, corpus_id, open_corpus(context.workspace, corpus_id)


def _with_other(spec: TrainSae, context: Context, model: LanguageModel) -> SideBySide:
    from jobs.model import SideBySide, load_model

    assert spec.other_model
    context.progress(0.005, f"loading {spec.other_model}")
    other = load_model(
        spec.other_model,
        device=context.device,
        dtype=spec.dtype,
        revision=spec.other_revision,
        say=context.say,
    )
    return SideBySide(model, other)


def _trainer(
    spec: TrainSae,
    context: Context,
    model: LanguageModel | SideBySide,
    corpus: Corpus,
) -> Trainer:
    from jobs.dictionary.cache import ActivationCache
    from jobs.dictionary.precision import encoder_precision
    from jobs.dictionary.stream import ActivationStream
    from jobs.dictionary.trainer import Trainer

    wanted = spec.configurations()
    read = list(dict.fromkeys(_read_at(one) for one in wanted))
    hooks = [at for at in read if isinstance(at, Hook)]
    pairs = [at for at in read if not isinstance(at, Hook)]
    stream = ActivationStream(
        model,
        corpus,
        hooks,
        tokens=spec.tokens,
        passes=spec.passes,
        batch=spec.batch,
        buffer=spec.buffer,
        pairs=pairs,
        forward=max(1, FORWARD_TOKENS // spec.context),
        norm_limit=spec.norm_limit,
        device=context.device,
        say=context.say,
    )
    if spec.cache or spec.cached:
        about = {"model": spec.model, "revision": spec.revision, "source": model.source}
        stream.cache = ActivationCache(
            context.workspace.root,
            spec.cache or 0,
            model,
            stream.hooks,
            named=spec.cached or (),
            device=context.device,
            about=about,
            say=context.say,
        )
    return Trainer(
        [plan(spec, one, model.width(one.source or one.hook)) for one in wanted],
        stream,
        context.checkpoint,
        precision=encoder_precision(context.device),
        device=context.device,
        checkpoint_every=spec.checkpoint_every,
        report=lambda series, values: context.metrics(series, **values),
        progress=lambda share, message: context.progress(LOADED + (1 - LOADED) * share, message),
        stop=context.cancelled,
    )


def _leave(context: Context, cache: ActivationCache | None) -> None:
    """Tells what is kept on disk, and lets others throw it away."""
    if cache is None:
        return
    if ids := cache.ids():
        context.say(f"activations of {', '.join(ids)}: {cache.found:,} tokens were there already")
    cache.close()


def _read_at(one: Configuration) -> Hook | tuple[Hook, ...]:
    """What the stream calls what `one` learns from."""
    if one.joined:
        return one.joined
    return one.hook if one.source is None else (one.source, one.hook)


FORWARD_TOKENS = 2048
"""Tokens in one forward pass of the model."""


def plan(spec: TrainSae, one: Configuration, d_in: int) -> Plan:
    """How `one` of the configurations of `spec` is trained on activations of `d_in` dimensions."""
    from jobs.dictionary.learner import Recipe
    from jobs.dictionary.trainer import Plan

    recipe = Recipe(
        learning_rate=one.learning_rate,
        sparsity=one.sparsity,
        warm_up=spec.warm_up,
        decay=spec.decay,
        dead_after=spec.dead_after or default_dead_after(spec.tokens * spec.passes),
        aux_k=default_aux_k(one.architecture, d_in) if spec.aux_k is None else spec.aux_k,
        aux_weight=spec.aux_weight,
        reseed=spec.reseed,
        micro_batch=spec.micro_batch,
        seed=one.seed,
    )
    return Plan(
        *(one.dictionary, one.hook, one.architecture, one.d_sae, one.options, recipe),
        *(one.source, one.joined),
    )


def default_dead_after(tokens: int) -> int:
    """A sixty-fourth of training, a million tokens at most: in a short run too, dead features are
    found while there is time for newcomers to learn.
    """
    return min(1_000_000, max(1, tokens // 64))


def default_aux_k(architecture: str, d_in: int) -> int:
    """Half of `d_in` (arXiv:2406.04093, §A.2), and none for topk: there re-seeding alone leaves no
    more features silent and errs less, for a third less time. By a threshold newcomers that nothing
    holds up are silent by the end.
    """
    return 0 if architecture == "topk" else d_in // 2


def _publish(
    spec: TrainSae,
    context: Context,
    trainer: Trainer,
    one: Configuration,
    learners: Mapping[str, Learner],
    corpus: str,
) -> None:
    import pyarrow as pa
    import torch

    from jobs.dictionary.saved import save_folder
    from store.parquet import write_rows

    learner, stream = learners[one.dictionary], trainer.stream
    dictionary, scale = learner.dictionary, stream.scales[one.hook]
    scales = [stream.scales[hook] for hook in one.joined]
    read_scale = stream.scales[one.source or one.hook]
    trained = {
        "tokens_trained": stream.at.read,
        "steps": trainer.steps,
        "left_out": stream.left_out[_read_at(one)],
        "reseeded": learner.reseeded,
        "scale": scale.facts(),
        **({"reads": one.source.name, "read_scale": read_scale.facts()} if one.source else {}),
        **({"sources": _sources(spec, one, scales)} if one.joined else {}),
        "encoder_precision": trainer.precision,
    }
    about = {
        "model": spec.model,
        "revision": spec.revision,
        "hook": one.hook.name,
        "layer": one.hook.layer,
        "site": one.hook.place,
        "architecture": one.architecture,
        "d_in": dictionary.d_in,
        "d_sae": dictionary.d_sae,
        **({"d_out": dictionary.d_out} if one.source else {}),
        "corpus": corpus,
        "seed": one.seed,
        "sparsity": one.sparsity or None,
        **one.options,
        "dtype": spec.dtype,
        **trained,
    }
    manifest = context.provenance(inputs=[corpus], **about)
    curve = pa.Table.from_pylist(trainer.curves[one.dictionary].rows)
    with context.workspace.publish_folder("dictionaries", one.dictionary, manifest=manifest) as to:
        metadata = _metadata(spec, one, corpus, trained)
        factors = torch.tensor([each.factor for each in scales]) if scales else scale.factor
        save_folder(to, dictionary, factors, metadata, None if scales else read_scale.factor)
        write_rows(to / "training.parquet", "training", curve, dictionary=one.dictionary)


def _sources(spec: TrainSae, one: Configuration, scales: Sequence[Scale]) -> list[dict[str, Any]]:
    """The sources of a crosscoder, in the order in which its weights hold them."""
    names = ((spec.model, spec.revision), (spec.other_model, spec.other_revision))
    return [
        {"model": model, "revision": revision, "hook": hook.name, "scale": scale.facts()}
        for hook, scale in zip(one.joined, scales, strict=True)
        for model, revision in (names[hook.other],)
    ]


def _metadata(
    spec: TrainSae, one: Configuration, corpus: str, trained: Mapping[str, Any]
) -> dict[str, Any]:
    """``metadata`` of ``cfg.json``, in SAELens's words where it has them: a transcoder's hook is
    the one it reads.
    """
    from jobs.dictionary.saved import hook_metadata

    hooks = hook_metadata(one.source or one.hook)
    if one.source:
        hooks["hook_name_out"] = one.hook.name
    return {
        "model_name": spec.model,
        **hooks,
        "context_size": spec.context,
        "dataset_path": spec.corpus,
        "corpus": corpus,
        **trained,
    }


def _say_what(context: Context, trainer: Trainer, made: list[Configuration]) -> None:
    stream = trainer.stream
    for one in made:
        last = trainer.curves[one.dictionary].rows[-1]
        context.say(
            f"{one.dictionary}: FVU {last['fvu']:.3f}, L0 {last['l0']:.1f}, "
            f"{100 * (last['dead_fraction'] or 0):.1f}% dead, "
            f"{stream.left_out[_read_at(one)]:,} of {stream.at.read:,} tokens left out "
            f"(longer than {stream.scales[one.hook].limit:.0f})"
        )
