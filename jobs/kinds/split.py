"""``split``: children of narrow features in wider dictionaries, and whether they stay in place."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from jobs.context import Cancelled, Context
from jobs.kinds import fired
from jobs.kinds.fired import Profiled
from jobs.kinds.split_overall import Overall, overall
from jobs.specs import Split

if TYPE_CHECKING:
    from torch import Tensor

    from jobs.manifold.odds import Odds
    from jobs.manifold.splitting import Families, Links
    from jobs.manifold.staying import Clusters, Staying
    from jobs.manifold.verdict import Quality, Story


class Space(NamedTuple):
    """A dictionary as this kind sees it."""

    profiled: Profiled
    unit: Tensor
    """[m, d] decoder directions, of length one."""
    quality: Quality
    seed: int | None


class Pair(NamedTuple):
    """What was found between a narrower and a wider dictionary."""

    narrow: Space
    wide: Space
    links: Links
    families: Families
    staying: Staying
    story: Story
    strangers: Odds | None
    rivals: Odds | None
    absorption: float | None
    verdict: str


Tick = Callable[[float], None]


def run(spec: Split, context: Context) -> str:
    """Follows features through `spec.dictionaries`; see `jobs.specs.Split`."""
    ws = context.workspace
    spec.refuse_unlike({name: ws.dictionary(name).manifest for name in spec.dictionaries})
    known = [fired.profiled(ws, name) for name in spec.dictionaries]
    known.sort(key=lambda one: one.d_sae)
    docs = fired.shared(known)
    spaces = [_space(context, one) for one in known]
    asked = [(a, b) for a in spaces for b in spaces if _asked(spec, a, b)]
    context.say(f"comparing {len(asked)} pairs of widths on {len(docs):,} documents")
    pairs = []
    for number, (narrow, wide) in enumerate(asked):
        tick = _ticker(context, number / len(asked), (number + 1) / len(asked), narrow, wide)
        pairs.append(_pair(spec, context, narrow, wide, docs, tick))
        context.say(f"{narrow.profiled.dictionary} → {wide.profiled.dictionary}")
        context.say(pairs[-1].verdict)
    whole = overall(pairs, spec.seed)
    context.say(whole.verdict)
    _publish(spec, context, pairs, whole)
    return whole.verdict


def _space(context: Context, known: Profiled) -> Space:
    import torch

    from jobs.dictionary import load
    from jobs.manifold.verdict import Quality
    from store.views import quoted

    rows = load(context.workspace, known.dictionary, device=context.device).W_dec.detach().float()
    found = context.workspace.sql(
        "SELECT fvu, dead_fraction, seed FROM dictionaries "
        f"WHERE dictionary = {quoted(known.dictionary)}"
    ).fetchall()
    unit = torch.nn.functional.normalize(rows, dim=1).cpu()
    return Space(known, unit, Quality(*found[0][:2]), found[0][2])


def _asked(spec: Split, narrow: Space, wide: Space) -> bool:
    """Whether to follow features from the one to the other."""
    own = narrow.seed == wide.seed
    return narrow.profiled.d_sae < wide.profiled.d_sae and (own or spec.across)


def _ticker(context: Context, low: float, high: float, narrow: Space, wide: Space) -> Tick:
    message = f"{narrow.profiled.d_sae} → {wide.profiled.d_sae} features"

    def tick(share: float) -> None:
        if context.cancelled():
            raise Cancelled
        context.progress(low + (high - low) * share, message)

    return tick


def _pair(
    spec: Split, context: Context, narrow: Space, wide: Space, docs: np.ndarray, tick: Tick
) -> Pair:
    from jobs.manifold import splitting
    from jobs.manifold.odds import odds
    from jobs.manifold.staying import staying
    from jobs.manifold.verdict import verdict

    tick(0.0)
    read = fired.blocks(context.workspace, narrow.profiled, wide.profiled, docs)
    candidates = _candidates(spec, narrow, wide, tick)
    counts = splitting.count(read, candidates, narrow.profiled.d_sae, lambda: tick(0.1))
    links = splitting.link(candidates, counts, cosine=spec.cosine, implication=spec.implication)
    families = splitting.families(read, links, counts)
    tick(0.2)
    found = staying(
        narrow.unit,
        wide.unit,
        links,
        counts.wide / counts.tokens,
        _clusters(spec),
        nulls=spec.nulls,
        seed=spec.seed,
        tick=lambda share: tick(0.2 + 0.8 * share),
    )
    parent = links.parent[found.child]
    strangers = odds(found.same, found.strangers, parent, spec.seed)
    rivals = odds(found.same, found.rivals, parent, spec.seed)
    story = splitting.story(links)
    said = verdict(story, strangers, rivals, [narrow.quality, wide.quality])
    return Pair(
        *(narrow, wide, links, families, found, story, strangers, rivals),
        splitting.absorption(links, families),
        said,
    )


def _candidates(spec: Split, narrow: Space, wide: Space, tick: Tick) -> Any:
    from jobs.manifold.knn import nearest_to
    from jobs.manifold.splitting import Candidates

    k = min(spec.candidates, narrow.profiled.d_sae)
    graph = nearest_to(wide.unit, narrow.unit, k, lambda share: tick(0.1 * share))
    return Candidates(graph.other.numpy(), graph.similarity.numpy())


def _clusters(spec: Split) -> Clusters:
    """How a joint space is clustered: as ``cluster`` does by decoder cosine."""
    from jobs.manifold.methods import METHODS, Asked
    from jobs.manifold.similarity import Directions

    def clusters(unit: Tensor) -> np.ndarray:
        n = len(unit)
        similarity = Directions([(1.0, unit)], [n])
        graph = similarity.nearest(min(spec.neighbors, n - 1))
        count = min(n, spec.clusters or max(2, round(math.sqrt(n))))
        asked = Asked(count, spec.min_size, spec.resolution, spec.seed)
        return METHODS[spec.method](similarity, graph, asked).label

    return clusters


def _publish(spec: Split, context: Context, pairs: list[Pair], whole: Overall) -> None:
    from jobs.kinds import split_tables as tables

    run_ = spec.name or context.job
    manifest = context.provenance(inputs=list(spec.dictionaries))
    publish = context.workspace.publish_table
    with publish("splits", run=run_, manifest=manifest) as out:
        for pair in pairs:
            out.write(tables.splits(run_, pair))
    with publish("split_summary", run=run_, manifest=manifest) as out:
        out.write(tables.summary(run_, pairs))
    if whole.seeds:
        with publish("split_seeds", run=run_, manifest=manifest) as out:
            out.write(tables.seeds(run_, whole))
    with publish("split_runs", run=run_, manifest=manifest) as out:  # the last: all is there
        out.write(tables.run_row(run_, spec, pairs, whole))
