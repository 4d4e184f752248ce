"""What is true of the nodes of a search, where its model is one whose circuit is known."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from jaxtyping import Bool, Float
    from torch import Tensor

    from jobs.kinds.circuit import Work
    from jobs.model.truth import Truth


class Told(NamedTuple):
    """What is true, and of which nodes."""

    true: Float[Tensor, " n"]
    """1 for nodes of the circuit, 0 for others."""
    telling: Bool[Tensor, " n"]
    """Nodes that the prompts say something of: all but features of the circuit that no prompt of
    those searched on hangs on. Those are no more missed there than a decoy is."""


def known(work: Work) -> Truth | None:
    """What is true of the model, where its circuit is known."""
    from jobs.model.truth import PREFIX, TRUTHS

    name = work.place.model.name
    return TRUTHS[name.removeprefix(PREFIX)] if name.startswith(PREFIX) else None


def true_nodes(work: Work) -> Told | None:
    """Heads and MLPs, or features of dictionaries that were imported as the known ones; None where
    nobody knows.
    """
    import torch

    truth, nodes = known(work), work.place.nodes
    if truth is None or work.spec.nodes not in ("components", "features"):
        return None
    true, idle = set(truth.true_nodes), set[str]()
    if work.spec.nodes == "features":
        found = _features(work, truth)
        if found is None:
            return None
        used = _used(work, truth)
        true = {node for node, name in found.items() if name in used}
        idle = set(found) - true
    names = [nodes.base(i).name for i in range(nodes.n)]
    return Told(
        torch.tensor([float(name in true) for name in names]),
        torch.tensor([name not in idle for name in names]),
    )


def _features(work: Work, truth: Truth) -> dict[str, str] | None:
    """Of every feature of the circuit its node and its name; None where other dictionaries are
    spliced in too, or the task is another.
    """
    if work.spec.task != truth.model:
        return None
    here, found = {one.hook.label: one for one in truth.dictionaries()}, dict[str, str]()
    for dictionary in work.spec.dictionaries:
        manifest = work.context.workspace.dictionary(dictionary).manifest
        model, _, hook = str(manifest.get("imported_from")).partition("/")
        if model != truth.model or hook not in here:
            return None
        if manifest["d_sae"] != len(here[hook].names):
            return None  # imported when other features were known
        found |= {f"{dictionary}#{i}": here[hook].names[i] for i in here[hook].true}
    return found


def _used(work: Work, truth: Truth) -> set[str]:
    """Names of the features that some prompt searched on hangs on."""
    prompts = work.search.prompts
    assert prompts.wrong is not None
    columns = (prompts.clean, prompts.length, prompts.answer, prompts.wrong)
    rows = zip(*(column.tolist() for column in columns), strict=True)
    used = (truth.uses(clean[:length], answer, wrong) for clean, length, answer, wrong in rows)
    return set().union(*used)
