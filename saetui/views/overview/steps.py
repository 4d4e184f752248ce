"""What could be done next, as commands: suggestions made from what the workspace holds."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from jobs.state import JobState

FEW = 4
"""Dictionaries named in one command at most."""

MOST = 7
"""Suggestions at most."""

OF_TRUTH = "truth:"
"""What the names of models begin with that do nothing but the task that they were compiled for."""


@dataclass(frozen=True)
class Step:
    """One suggestion."""

    says: str
    """Why, in a few words."""
    command: str
    """The command that does it."""


class Known(NamedTuple):
    """What suggestions ask of a dictionary."""

    dictionary: str
    model: str
    hook: str
    architecture: str
    d_sae: int


@dataclass(frozen=True)
class State:
    """What the workspace holds, as far as suggestions ask."""

    dictionaries: Sequence[Known] = ()
    profiled: Collection[str] = ()
    """Dictionaries that have features."""
    labelled: int = 0
    """Features with a label."""
    worked_on: Mapping[str, Collection[str]] = field(default_factory=dict)
    """Kind of job → the dictionaries in what such jobs have published."""

    def done(self, kind: str) -> Collection[str]:
        """The dictionaries that a kind of job has worked on."""
        return self.worked_on.get(kind, ())


def worked_on(rows: Iterable[tuple[str, str]]) -> dict[str, set[str]]:
    """Rows of `saetui.queries.worked_on` by kind."""
    found: dict[str, set[str]] = {}
    for kind, dictionary in rows:
        found.setdefault(kind, set()).add(dictionary)
    return found


def next_steps(state: State, jobs: Sequence[JobState]) -> list[Step]:
    """Suggestions, the most useful first. `jobs` are newest first."""
    mending = [*_mend(jobs)]
    busy = {job.kind for job in jobs if job.live or job in _broken(jobs)}
    if not state.dictionaries:
        train = "saetui run train_sae model=tiny corpus=grammar: hooks=L2.resid_post d_sae=512"
        first = [] if busy else [Step("train a first dictionary", train)]
        return [*mending, *first]
    asked = {name for job in jobs if job.live for name in job.spec.get("dictionaries", ())}
    steps = _profile(state, asked)
    profiled = [each for each in state.dictionaries if each.dictionary in state.profiled]
    if profiled:
        made = {"cluster": _cluster, "split": _split, "evaluate": _evaluate,
                "circuit": _circuit, "ablate": _ablate}  # fmt: skip
        for kind, suggest in made.items():
            if kind not in busy:
                steps += suggest(state, profiled)
        steps += _look(state, profiled)
    return [*mending, *steps][: max(MOST, len(mending))]


def _profile(state: State, asked: Collection[str]) -> list[Step]:
    names = [each.dictionary for each in state.dictionaries]
    missing = [name for name in names if name not in state.profiled and name not in asked]
    return [_run("profile, to see features", "profile", missing)] if missing else []


def _cluster(state: State, profiled: Sequence[Known]) -> list[Step]:
    """A first clustering."""
    if state.done("cluster"):
        return []
    return [_run("find groups of features", "cluster", [profiled[0].dictionary])]


def _split(state: State, profiled: Sequence[Known]) -> list[Step]:
    """Following features over the widths of a hook, once features are grouped at all."""
    if state.done("split") or not state.done("cluster"):
        return []
    for of in _alike(profiled, lambda each: (each.model, each.hook)):
        widths = {each.d_sae: each.dictionary for each in reversed(of)}
        if len(widths) > 1:
            names = [widths[width] for width in sorted(widths)]
            return [_run("see features split", "split", names)]
    return []


def _evaluate(state: State, profiled: Sequence[Known]) -> list[Step]:
    """Measuring dictionaries beside their controls, where there are several of a model."""
    for of in _alike(profiled, lambda each: each.model):
        names = [each.dictionary for each in of]
        if len(names) > 1 and not set(names) & set(state.done("evaluate")):
            return [_run("measure them beside controls", "evaluate", names)]
    return []


def _circuit(state: State, profiled: Sequence[Known]) -> list[Step]:
    """A first circuit, over a dictionary of every hook."""
    hooks = _spliced(profiled)
    if state.done("circuit") or not hooks:
        return []
    return [_run("find what causes a behaviour", "circuit task=agreement", hooks)]


def _ablate(state: State, profiled: Sequence[Known]) -> list[Step]:
    """What features of one hook change at later ones."""
    hooks = _spliced(profiled)
    if state.done("ablate") or len(hooks) < 2:
        return []
    return [_run("see what features change", "ablate density=0.02", hooks)]


def _look(state: State, profiled: Sequence[Known]) -> list[Step]:
    """Ways to look at what is there."""
    steps = [Step("list features", f"saetui features {profiled[0].dictionary} --sort max")]
    if len(profiled) > 1:
        names = " ".join(one.dictionary for one in profiled[:2])
        steps.append(Step("compare dictionaries", f"saetui dictionaries {names}"))
    if state.done("circuit"):
        steps.insert(0, Step("see the circuits", "saetui circuit"))
    if state.labelled:
        steps.append(Step("list what you labelled", 'saetui sql "FROM labels"'))
    return steps


def _spliced(profiled: Sequence[Known]) -> list[str]:
    """A dictionary of every hook of the first model that speaks a language; no crosscoders, which
    stand at several places at once.
    """
    fit = [each for each in profiled if each.architecture != "crosscoder"]
    fit = [each for each in fit if not each.model.startswith(OF_TRUTH)]
    hooks = {each.hook: each.dictionary for each in fit if each.model == fit[0].model}
    return list(hooks.values())


def _alike(profiled: Sequence[Known], by: Callable[[Known], object]) -> list[list[Known]]:
    """Dictionaries that have something in common, crosscoders aside."""
    found: dict[object, list[Known]] = {}
    for each in profiled:
        if each.architecture != "crosscoder":
            found.setdefault(by(each), []).append(each)
    return list(found.values())


def _run(says: str, what: str, dictionaries: Sequence[str]) -> Step:
    return Step(says, f"saetui run {what} dictionaries={','.join(dictionaries[:FEW])}")


def _broken(jobs: Sequence[JobState]) -> list[JobState]:
    """The newest job of each kind, if it broke."""
    newest: dict[str, JobState] = {}
    for job in jobs:
        newest.setdefault(job.kind, job)
    return [job for job in newest.values() if job.state in ("failed", "lost")]


def _mend(jobs: Sequence[JobState]) -> list[Step]:
    steps = []
    for job in _broken(jobs):
        steps.append(Step(f"see why {job.job} {job.state}", f"saetui jobs logs {job.job}"))
        steps.append(Step("go on from its checkpoint", f"saetui jobs resume {job.job}"))
    return steps
