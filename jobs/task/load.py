"""Finds a task by name: built in, of a truth model, a file, or a slice of a corpus."""

from __future__ import annotations

import difflib
import random
from pathlib import Path
from typing import TYPE_CHECKING

from jobs.model.truth import LISTED
from jobs.model.truth import PREFIX as TRUTH
from jobs.task import templates
from jobs.task.jsonl import read_jsonl
from jobs.task.places import PREFIX
from jobs.task.slices import slice_task
from jobs.task.task import Example, Task
from store.errors import AskedWrongly

if TYPE_CHECKING:
    from jobs.model import LanguageModel
    from store import Workspace

PAIRS = 200
"""Pairs of a task where nothing else is asked."""


def load_task(
    name: str,
    model: LanguageModel,
    *,
    limit: int | None = None,
    seed: int = 0,
    ws: Workspace | None = None,
) -> Task:
    """The task called `name` for `model`, with at most `limit` pairs (`PAIRS`): a built-in name,
    ``truth:NAME``, ``FILE.jsonl``, or ``sql:SELECT corpus, doc, pos …`` asked of `ws`.

    The same for the same `seed`. Raises AskedWrongly for a name that means nothing, a file with a
    bad line, a slice without rows, and a tokenizer that lacks the words.
    """
    n = limit or PAIRS
    if name.startswith(PREFIX):
        if ws is None:
            raise AskedWrongly("A slice is chosen by SQL in a workspace, and there is none here.")
        return slice_task(name, ws, model, limit=n, seed=seed)
    if name.startswith(TRUTH):
        return _truth(name, model, n, seed)
    if templates.known(name):
        return _built_in(name, model, n, seed)
    path = Path(name).expanduser()
    if path.suffix in (".jsonl", ".json") or path.is_file():
        return _file(name, path, n, seed)
    raise AskedWrongly(unknown(name))


def unknown(name: str) -> str:
    """What to say of a name that is no task."""
    names = [*templates.TEMPLATES, *(TRUTH + own for own in LISTED)]
    near = difflib.get_close_matches(name, names, 1)
    meant = f" (did you mean {near[0]}?)" if near else ""
    return (
        f"No task is called {name!r}{meant}; valid are {', '.join(names)}, a file "
        "FILE.jsonl, or sql:SELECT corpus, doc, pos FROM …"
    )


def _built_in(name: str, model: LanguageModel, n: int, seed: int) -> Task:
    own = templates.resolve(name, model.tokenizer)
    examples = templates.make(own, model.tokenizer, n, seed)
    if not examples:
        raise AskedWrongly(
            f"Task {name} cannot be asked of {model.name}: its tokenizer has too few of the words "
            "as single tokens."
        )
    template = templates.TEMPLATES[own]
    said = () if own == name else (f"Task {name} is {own} for {model.name}.",)
    return Task(name, template.says, tuple(examples), own, template.shifted, said=said)


def _truth(name: str, model: LanguageModel, n: int, seed: int) -> Task:
    from jobs.model.truth import TRUTHS

    if (own := name.removeprefix(TRUTH)) not in LISTED:
        raise AskedWrongly(unknown(name))
    if model.name != name:
        raise AskedWrongly(f"Task {name} is that of model {name}, not of {model.name}.")
    return TRUTHS[own].make_task(seed, n)


def _file(name: str, path: Path, n: int, seed: int) -> Task:
    if not path.is_file():
        raise AskedWrongly(f"There is no task file {path}.")
    examples = read_jsonl(path)
    says = f"{len(examples):,} pairs of {path.name}."
    said: tuple[str, ...] = ()
    if len(examples) > n:
        kept = sorted(random.Random(seed).sample(range(len(examples)), n))
        said = (f"Of {len(examples):,} pairs in {path.name} {n:,} are taken at random.",)
        examples = [examples[i] for i in kept]
    return Task(name, says, tuple(_grouped(examples)), "", None, said=said)


def _grouped(examples: list[Example]) -> list[Example]:
    """A pair of a file is about itself where nothing else is said: shared prompts join them."""
    return [
        example if example.group else example._replace(group=f"line {i}")
        for i, example in enumerate(examples)
    ]
