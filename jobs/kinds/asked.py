"""What the dictionaries of a job are, from their manifests, and the model and weights they need."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from jobs.context import Context
from jobs.names import Hook, joined_label, parse_hook
from jobs.specs import Ablate, Evaluate, Profile
from store import AskedWrongly

if TYPE_CHECKING:
    from jobs.dictionary import Dictionary
    from jobs.model import LanguageModel, SideBySide


class Asked(NamedTuple):
    """What the manifests of the dictionaries say."""

    model: str
    revision: str | None
    hooks: list[Hook]
    """Of each dictionary."""
    corpus: str
    """Corpus id, or the URI that was asked for."""
    sources: Sequence[Hook | None] = ()
    """What each dictionary reads, where that is not what it writes."""
    joined: Sequence[tuple[Hook, ...]] = ()
    """The sources of each crosscoder; empty for other dictionaries."""
    other: tuple[str, str | None] | None = None
    """Name and revision of the crosscoders' other model."""


class Place(NamedTuple):
    """A dictionary to profile, and where it stands."""

    id: str
    hook: Hook
    source: Hook | None
    joined: tuple[Hook, ...]


def read_manifests(spec: Profile | Evaluate, context: Context) -> Asked:
    """What is to be loaded; raises AskedWrongly where the dictionaries do not go together."""
    manifests = [context.workspace.dictionary(name).manifest for name in spec.dictionaries]
    first, name = manifests[0], spec.dictionaries[0]
    for other, manifest in zip(spec.dictionaries, manifests, strict=True):
        for key in ("model", "revision"):
            if manifest.get(key) != first.get(key):
                raise AskedWrongly(
                    f"{name} is of model {first['model']}, {other} of {manifest['model']}"
                    + (" at another revision" if key == "revision" else "")
                    + f"; {spec.kind} dictionaries of one model at a time."
                )
    corpus = corpus_of(spec, context, name)
    hooks = [parse_hook(manifest["hook"]) for manifest in manifests]
    sources = [parse_hook(m["reads"]) if m.get("reads") else None for m in manifests]
    others = list(dict.fromkeys(pair for m in manifests if (pair := _other_model(m))))
    if len(others) > 1:
        raise AskedWrongly(
            f"The crosscoders are over {' and '.join(model for model, _ in others)} beside "
            f"{first['model']}; {spec.kind} those of one pair of models at a time."
        )
    joined = [_joined(manifest) for manifest in manifests]
    own = (first["model"], first.get("revision"))
    return Asked(*own, hooks, corpus, sources, joined, others[0] if others else None)


def corpus_of(spec: Profile | Evaluate | Ablate, context: Context, name: str) -> str:
    """Corpus id or URI: as asked for, else what the dictionary `name` was trained on, else the
    workspace's own, as for one that was imported.
    """
    if found := spec.corpus or context.workspace.dictionary(name).manifest.get("corpus"):
        return str(found)
    usual = context.workspace.defaults.get("corpus")
    if not usual:
        raise AskedWrongly(f"{name} does not say what it was trained on; give corpus=….")
    context.say(f"{name} does not say what it was trained on: read is the workspace's {usual}.")
    return str(usual)


def _other_model(manifest: Mapping[str, Any]) -> tuple[str, str | None] | None:
    """Name and revision of a crosscoder's other model, where it has one."""
    own = (manifest.get("model"), manifest.get("revision"))
    models = [(source["model"], source.get("revision")) for source in manifest.get("sources") or ()]
    return next((model for model in models if model != own), None)


def _joined(manifest: Mapping[str, Any]) -> tuple[Hook, ...]:
    """The sources of a crosscoder."""
    own = (manifest.get("model"), manifest.get("revision"))
    return tuple(
        parse_hook(source["hook"])._replace(other=(source["model"], source.get("revision")) != own)
        for source in manifest.get("sources") or ()
    )


def load_asked(
    spec: Profile | Evaluate, context: Context, asked: Asked
) -> LanguageModel | SideBySide:
    """The model of the dictionaries, told as the first step of the job."""
    from jobs.model import SideBySide, load_model

    def loaded(name: str, revision: str | None) -> LanguageModel:
        context.progress(0.0, f"loading {name}")
        on: Any = {"device": context.device, "dtype": spec.dtype, "say": context.say}
        return load_model(name, revision=revision, **on)

    model = loaded(asked.model, asked.revision)
    return SideBySide(model, loaded(*asked.other)) if asked.other else model


def places(spec: Profile | Evaluate, asked: Asked) -> list[Place]:
    """Each dictionary with its hooks."""
    columns = (spec.dictionaries, asked.hooks, asked.sources, asked.joined)
    return [Place(*row) for row in zip(*columns, strict=True)]


def fitting(
    context: Context,
    name: str,
    model: LanguageModel | SideBySide,
    hook: Hook,
    source: Hook | None = None,
    joined: Sequence[Hook] = (),
) -> Dictionary:
    """The dictionary, loaded; raises AskedWrongly where it does not fit the model's hook, or hooks
    if they are `joined`.
    """
    from jobs.dictionary import load

    parse_hook(hook.label, model.n_layers)
    dictionary = load(context.workspace, name, device=context.device)
    if joined:
        width = sum(model.width(model.hook(each)) for each in joined)
        if dictionary.d_in != width:
            raise AskedWrongly(
                f"{name} reads {dictionary.d_in} dimensions, but {joined_label(joined)} of "
                f"{model.name} has {width}."
            )
        return dictionary
    reads = (source or hook, "reads", dictionary.d_in)
    for at, does, wanted in (reads, (hook, "writes", dictionary.d_out)):
        if wanted != (width := model.width(at)):
            raise AskedWrongly(
                f"{name} {does} {wanted} dimensions, but {at.label} of {model.name} has {width}."
            )
    return dictionary
