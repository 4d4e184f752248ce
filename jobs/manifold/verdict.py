"""What a pair of dictionaries says about splitting, in a sentence made from its figures."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from jobs.manifold.odds import FEWEST, Odds
from jobs.manifold.seeds import FEWEST_SEEDS, OverSeeds
from jobs.manifold.splitting import Story

YOUNG_FVU, YOUNG_DEAD = 0.5, 0.3
"""Beyond these a dictionary counts as undertrained."""


class Quality(NamedTuple):
    """How good a dictionary is, as the workspace knows it."""

    fvu: float | None
    dead_fraction: float | None

    def young(self) -> str:
        """What makes it look undertrained; empty where nothing does."""
        signs = []
        if self.fvu is not None and self.fvu > YOUNG_FVU:
            signs.append(f"FVU {self.fvu:.2f}")
        if self.dead_fraction is not None and self.dead_fraction > YOUNG_DEAD:
            signs.append(f"{self.dead_fraction:.0%} dead")
        return " and ".join(signs)


class Seeds(NamedTuple):
    """What several seeds say together."""

    strangers: OverSeeds | None
    rivals: OverSeeds | None


NO_SEEDS = Seeds(None, None)


def verdict(
    story: Story, strangers: Odds | None, rivals: Odds | None, qualities: Sequence[Quality]
) -> str:
    """The answer, its figures, and what makes it doubtful.

    Args:
        story: what became of the parents.
        strangers: children of split parents against strangers of the same cosine and density.
        rivals: against other features of the wide dictionary, as close and as dense.
        qualities: of the narrower and the wider dictionary.
    """
    parts = [_answer(strangers), _what_became(story)]
    if strangers is not None and rivals is not None and rivals.low is not None:
        parts.append(_against_rivals(rivals))
    for which, quality in zip(("narrower", "wider"), qualities, strict=True):
        if signs := quality.young():
            parts.append(f"The {which} dictionary looks undertrained ({signs}): beware.")
    return " ".join(parts)


def overall(
    strangers: Odds | None,
    rivals: Odds | None,
    pairs: Sequence[Odds | None],
    qualities: Mapping[str, Quality],
    own: Seeds = NO_SEEDS,
    between: Seeds = NO_SEEDS,
) -> str:
    """The answer of all pairs of dictionaries together, and in how many of them it holds. With
    three seeds or more it is that of the seeds, whose interval is over them.

    Args:
        strangers: children of all pairs, against strangers.
        rivals: against rivals.
        pairs: each pair's children against strangers.
        qualities: of every dictionary.
        own: what seeds say of their own dictionaries.
        between: what they say of each other's.
    """
    seeds = own.strangers
    if seeds is not None and seeds.low is not None:
        parts = [_of_seeds(seeds)]
        against: Odds | OverSeeds | None = own.rivals
    else:
        parts, against = [_answer(strangers)], rivals
    if len(pairs) > 1:
        within = sum(p is not None and p.low is not None and p.low > 1 for p in pairs)
        out = sum(p is not None and p.high is not None and p.high < 1 for p in pairs)
        parts.append(
            f"Of {len(pairs)} pairs of dictionaries, {within} alone say within and {out} out."
        )
    if against is not None and against.low is not None:
        parts.append(_against_rivals(against))
    if seeds is not None and seeds.seeds > 1 and seeds.low is None:
        parts.append(_unsure(seeds))
    parts += _between(between)
    young = [name for name, quality in qualities.items() if quality.young()]
    if young:
        parts.append(f"{len(young)} of {len(qualities)} dictionaries look undertrained: beware.")
    return " ".join(parts)


def _of_seeds(found: OverSeeds) -> str:
    over = f"{found.seeds} seeds, alone {_each(found.each)}"
    return _decided(found, _shares(found), over, f"Over {found.seeds} seeds features")


def _unsure(found: OverSeeds) -> str:
    """Why seeds have no interval."""
    why = (
        f"{found.seeds} seeds are too few to say whether others would agree ({FEWEST_SEEDS} are "
        "needed)"
        if found.seeds < FEWEST_SEEDS
        else f"One of {found.seeds} seeds has too few parents to say whether others would agree"
    )
    return f"{why}: alone their odds ratios are {_each(found.each)}."


def _between(found: Seeds) -> list[str]:
    """What holds where parent and child are of different seeds; nothing without its interval."""
    said = [
        f"{_figure(one.ratio)} ({_figure(one.low)} to {_figure(one.high)}) against {what}"
        for one, what in ((found.strangers, "strangers"), (found.rivals, "others as close"))
        if one is not None and one.low is not None and one.high is not None
    ]
    where = "Where parent and child are of different seeds the odds ratio is"
    return [f"{where} {' and '.join(said)}."] if said else []


def _each(ratios: Sequence[float]) -> str:
    return ", ".join(_figure(ratio) for ratio in ratios)


def _answer(found: Odds | None) -> str:
    if found is None:
        return "No answer: no feature split into children that can be compared."
    shares = _shares(found)
    if found.low is None or found.high is None:
        few = f"{found.parents} parent{'' if found.parents == 1 else 's'}"
        return (
            f"No answer: {shares} (odds ratio {_figure(found.ratio)}), but of {few} only, too few "
            f"for an interval ({FEWEST} are needed)."
        )
    return _decided(found, shares, f"{found.parents} parents", "Features")


def _shares(found: Odds | OverSeeds) -> str:
    return (
        f"{found.share:.0%} of {found.children} children are in their parent's cluster, against "
        f"{found.null:.0%} of strangers of the same cosine and density"
    )


def _decided(found: Odds | OverSeeds, shares: str, over: str, begins: str) -> str:
    """What the interval allows to be said of a finding that has one."""
    low, high = found.low or 0.0, found.high or 0.0
    figures = (
        f"{shares} (odds ratio {_figure(found.ratio)}, 95% interval {_figure(low)} to "
        f"{_figure(high)} over {over})"
    )
    if low > 1:
        return f"{begins} split within their manifold more than chance: {figures}."
    if high < 1:
        return f"{begins} split out of their manifold more than chance: {figures}."
    return f"No answer: {figures}; the interval includes 1."


def _what_became(story: Story) -> str:
    return (
        f"Of {story.parents} features {story.split} split, {story.kept} kept one child and "
        f"{story.lost} have none."
    )


def _against_rivals(found: Odds | OverSeeds) -> str:
    low, high = _figure(found.low or 0), _figure(found.high or 0)
    interval = f"odds ratio {_figure(found.ratio)}, {low} to {high}"
    if found.low is not None and found.low > 1:
        end = "so that it is more than closeness"
    elif found.high is not None and found.high < 1:
        end = "so that features no less close, of other parents, are there more often"
    else:
        end = "so that closeness to the parent may be all there is to it"
    return (
        f"Of other wide features as close to the parent, {found.null:.0%} are there too "
        f"({interval}, {found.children} children), {end}."
    )


def _figure(value: float) -> str:
    """Two digits that count; beyond a hundred only that."""
    if value > 100:
        return "over 100"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"
