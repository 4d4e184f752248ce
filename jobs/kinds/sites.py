"""The sites of a job on causes: its dictionaries, spliced into their model in its order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from jobs.context import Context
from jobs.names import depth, parse_hook
from jobs.specs.crosscoder import refuse_crosscoder
from store import AskedWrongly

if TYPE_CHECKING:
    from jobs.causal.basis import Site
    from jobs.model import LanguageModel


def model_of(context: Context, dictionaries: Sequence[str]) -> tuple[str, str | None]:
    """Model and revision that the dictionaries have in common; raises AskedWrongly where they
    differ, and for crosscoders.
    """
    first: tuple[str, str | None] | None = None
    for name in dictionaries:
        manifest = context.workspace.dictionary(name).manifest
        refuse_crosscoder(name, manifest)
        own = (str(manifest["model"]), manifest.get("revision"))
        if first is not None and own != first:
            raise AskedWrongly(
                f"{dictionaries[0]} is of model {first[0]}, {name} of {own[0]}"
                + (" at another revision" if own[0] == first[0] else "")
                + "; a circuit is of one model."
            )
        first = own
    if first is None:
        raise AskedWrongly("No dictionary is named; give dictionaries=….")
    return first


def dictionary_sites(
    context: Context, model: LanguageModel, dictionaries: Sequence[str]
) -> list[Site]:
    """A site for each dictionary, in the order of the model; massive activations are those that
    training left out.
    """
    from jobs.causal.basis import Features, Site
    from jobs.dictionary.massive import Scale
    from jobs.kinds.asked import fitting

    found = []
    for name in dictionaries:
        manifest = context.workspace.dictionary(name).manifest
        hook = model.hook(parse_hook(manifest["hook"]))
        reads = parse_hook(manifest["reads"]) if manifest.get("reads") else None
        dictionary = fitting(context, name, model, hook, reads).requires_grad_(False)
        scale = Scale(**manifest["scale"]) if manifest.get("scale") else None
        found.append(Site(hook, Features(dictionary), reads, scale, name))
    return sorted(found, key=lambda site: depth(site.hook))


def axis_sites(model: LanguageModel, sites: Sequence[Site]) -> list[Site]:
    """The standard basis at the same hooks, the same activations passing through unchanged."""
    from jobs.causal.basis import Axes

    return [
        site._replace(basis=Axes(model.width(site.hook)), reads=None, name=None) for site in sites
    ]


def component_sites(model: LanguageModel) -> list[Site]:
    """What every head gives and every MLP writes."""
    from jobs.causal.basis import Axes, Site

    hooks = [hook for hook in model.hooks() if hook.site in ("z", "mlp_out")]
    ordered = sorted(hooks, key=depth)
    return [Site(hook, Axes(model.width(hook))) for hook in ordered]
