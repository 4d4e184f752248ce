"""``import_sae``: another library's dictionary, measured on a sample and published as our own."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from jobs.context import Context
from jobs.kinds import profile
from jobs.kinds.asked import Asked
from jobs.kinds.model_row import publish_model
from jobs.names import Hook, parse_hook
from jobs.specs import ImportSae, Profile
from store import AskedWrongly

if TYPE_CHECKING:
    from jobs.dictionary.exchange import Foreign
    from jobs.dictionary.exchange.sample import Sample
    from jobs.model import LanguageModel


def run(spec: ImportSae, context: Context) -> None:
    """Imports `spec.source`; see `jobs.specs.ImportSae`."""
    context.progress(0.0, f"reading {spec.source}")
    found = _read(spec)
    if found.warning:
        context.say(f"Warning: {found.warning}")
    spec = _of_workspace(spec, context, found)
    model_name, hook = _where(spec, found)
    source, hook = (
        _ends(spec, hook) if found.dictionary.architecture == "transcoder" else (None, hook)
    )
    name = spec.dictionary(model_name, hook)
    if name in context.workspace.dictionaries():
        made_by = context.workspace.dictionary(name).manifest.get("job")
        if made_by == context.job:
            context.say(f"{name} is there already.")
            return
        raise AskedWrongly(f"Dictionary {name} exists already (made by {made_by}); give name=….")
    from jobs.model import load_model

    context.progress(0.1, f"loading {model_name}")
    model = load_model(
        model_name,
        device=context.device,
        dtype=spec.dtype,
        revision=spec.revision,
        say=context.say,
    )
    parse_hook(hook.label, model.n_layers, model.n_heads)
    if found.before_gain:
        _behind_gain(found, model, source or hook)
    reads = ("reads", source or hook, found.dictionary.d_in)
    for does, at, width in (reads, ("writes", hook, found.dictionary.d_out)):
        if model.width(at) != width:
            raise AskedWrongly(
                f"The dictionary {does} {width} dimensions, but {at.label} of {model_name} has "
                f"{model.width(at)}; give another hook=… or model=…."
            )
    sample = _sample(spec, context, model, source, hook, name, found)
    publish_model(context, model)
    _publish(spec, context, name, model_name, source, hook, found, sample)


def _read(spec: ImportSae) -> Foreign:
    """What lies in the folder or file, or on the hub."""
    from jobs.dictionary.exchange import read
    from jobs.dictionary.exchange.hub import fetched, on_hub

    local, factor = Path(spec.source), spec.norm_scaling_factor
    if folder := local if local.exists() else _known(spec.source):
        found = read(folder, spec.format, factor)
    else:
        at = on_hub(spec.source)
        found = read(fetched(spec.source, at), spec.format, factor or at.factor)
    if factor is not None and found.factor != factor:
        raise AskedWrongly(
            f"{spec.source} needs no norm_scaling_factor: "
            + (f"its files say {found.factor:g}." if found.factor else "it normalises nothing.")
        )
    return found


def _known(source: str) -> Path | None:
    """The folder that ``truth:NAME/HOOK`` means; None for other sources."""
    from jobs.model.truth import LISTED, PREFIX

    truth, _, hook = source.partition("/")
    if not truth.startswith(PREFIX):
        return None
    if (name := truth.removeprefix(PREFIX)) not in LISTED:
        there = ", ".join(PREFIX + one for one in LISTED)
        raise AskedWrongly(f"No truth model is called {truth!r}; there are {there}.")
    from jobs.model.truth.made import DICTIONARIES, truth_folder

    folder = truth_folder(name) / DICTIONARIES
    if not (folder / hook).is_dir() or not hook:
        hooks = ", ".join(sorted(path.name for path in folder.iterdir()))
        raise AskedWrongly(f"The features of {truth} are known at {hooks}, not at {hook!r}.")
    return folder / hook


def _of_workspace(spec: ImportSae, context: Context, found: Foreign) -> ImportSae:
    """With the workspace's own model where neither the files nor the user say which."""
    own = context.workspace.defaults
    if spec.model or found.model or not own.get("model"):
        return spec
    context.say(
        f"Its files do not say which model it reads: taken is the workspace's {own['model']}."
    )
    return spec.model_copy(update={"model": own["model"], "revision": own.get("revision")})


def _where(spec: ImportSae, found: Foreign) -> tuple[str, Hook]:
    """Model and hook: as asked for, else as its files say."""
    model, hook = spec.model or found.model, spec.hook or found.hook
    for value, key in ((model, "model"), (hook, "hook")):
        if not value:
            raise AskedWrongly(f"The files in {spec.source} do not say which {key}; give {key}=….")
    assert model and hook
    return model, parse_hook(hook)


def _ends(spec: ImportSae, hook: Hook) -> tuple[Hook, Hook]:
    """What a transcoder reads and writes; either names the MLP."""
    if hook.site not in ("mlp_in", "mlp_out"):
        raise AskedWrongly(
            f"{spec.source} holds a transcoder, and {hook.label} is no MLP's; give "
            f"hook=L{hook.layer}.mlp_out for one that does the work of that layer's MLP."
        )
    return Hook(hook.layer, "mlp_in"), Hook(hook.layer, "mlp_out")


def _behind_gain(found: Foreign, model: LanguageModel, hook: Hook) -> None:
    """Lets what was trained on activations before a norm's gain read them behind it."""
    gain = model.norm_gain(hook).to(found.dictionary.device)
    if len(gain) == found.dictionary.d_in:
        found.dictionary.read_multiplied(gain)


def _sample(
    spec: ImportSae,
    context: Context,
    model: LanguageModel,
    source: Hook | None,
    hook: Hook,
    name: str,
    found: Foreign,
) -> Sample:
    """Measures it on activations of the corpus, and says how it fares."""
    from jobs.dictionary.exchange.sample import measured, warning
    from jobs.dictionary.profile.memory import Halving
    from jobs.dictionary.profile.subject import sites

    asked = Asked(model.name, spec.revision, [hook], spec.corpus)
    reading_of = Profile.model_validate(
        {
            "dictionaries": [name],
            "tokens": spec.tokens,
            "ce_tokens": 1,
            "text_column": spec.text_column,
        }
    )
    _, reading = profile.documents(reading_of, context, asked)
    context.progress(0.6, f"reconstructing activations at {hook.label}")
    halving = Halving(model, context.say)
    run_on = (spec.norm_limit, spec.batch, context.device)
    dictionary = found.dictionary.to(context.device)
    if source is None:
        x = sites(halving, reading, [hook], *run_on)[hook][1]
        sample = measured(dictionary, x)
    else:
        pair = (source, hook)
        both = sites(halving, reading, pair, *run_on, [pair])[pair][1]
        x, y = both.split([dictionary.d_in, dictionary.d_out], dim=1)
        sample = measured(dictionary, x, y)
    context.say(
        f"{name}: FVU {sample.fvu:.3f}, L0 {sample.l0:.1f} on {sample.tokens:,} tokens "
        f"(random dictionary's FVU {sample.fvu_random:.3f})"
    )
    if text := warning(dictionary, None if source else x, sample):
        context.say(f"Warning: {text}")
    return sample


def _publish(
    spec: ImportSae,
    context: Context,
    name: str,
    model: str,
    source: Hook | None,
    hook: Hook,
    found: Foreign,
    sample: Sample,
) -> None:
    from jobs.dictionary.saved import hook_metadata, save_folder

    dictionary = found.dictionary
    origin = {
        "imported_from": spec.source,
        "format": found.format,
        "trained_as": found.architecture,
    }
    about = {
        "model": model,
        "revision": spec.revision,
        "hook": hook.name,
        "layer": hook.layer,
        "site": hook.place,
        "architecture": dictionary.architecture,
        "d_in": dictionary.d_in,
        "d_sae": dictionary.d_sae,
        **({"reads": source.name, "d_out": dictionary.d_out} if source else {}),
        **origin,
        **({"norm_scaling_factor": found.factor} if found.factor else {}),
        "sample": {**sample._asdict(), "corpus": spec.corpus},
    }
    metadata = {"model_name": model, **hook_metadata(source or hook), **origin}
    if source:
        metadata["hook_name_out"] = hook.name
    manifest = context.provenance(**about)
    with context.workspace.publish_folder("dictionaries", name, manifest=manifest) as to:
        save_folder(to, dictionary, 1.0, metadata)
