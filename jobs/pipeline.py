"""Several jobs in one file: named stages, whose inputs may be what earlier stages make."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from jobs.parse import parse
from jobs.queue import Job, check, place
from jobs.specs import Spec
from store.errors import AskedWrongly

if TYPE_CHECKING:
    from store import Workspace


@dataclass(frozen=True)
class Planned:
    """One job of a pipeline, before it is submitted."""

    stage: str
    spec: Spec
    after: tuple[int, ...]
    """Positions, in the plan, of the jobs that must be done before it."""


def submit_file(ws: Workspace, path: Path | str, *, backend: str = "local") -> list[Job]:
    """Submits a TOML file: one job (``kind = …`` at its top) or a pipeline of named stages."""
    return submit_pipeline(ws, read_file(path), backend=backend)


def submit_pipeline(
    ws: Workspace, stages: Mapping[str, Any], *, backend: str = "local"
) -> list[Job]:
    """Submits every stage, in order. Nothing is submitted unless all of it is valid."""
    planned = plan(stages, ws.defaults)
    check_all(ws, planned)
    submitted: list[Job] = []
    for job in planned:
        after = [submitted[position].id for position in job.after]
        submitted.append(place(ws, job.spec, after=after, backend=backend))
    return submitted


def check_all(ws: Workspace, planned: Sequence[Planned]) -> None:
    """Raises AskedWrongly for the first of `planned` that a quick look shows cannot be done."""
    coming: list[str] = []
    for job in planned:
        check(ws, job.spec, coming, alone=not job.after)
        coming += job.spec.outputs()


def plan(stages: Mapping[str, Any], ws_defaults: Mapping[str, Any] | None = None) -> list[Planned]:
    """The jobs that stages ask for, in order.

    A stage is a table with ``kind`` and the keys of that kind. A value ``"@stage"``, or one in a
    list, stands for the ids of all dictionaries of an earlier stage; ``after = ["stage"]`` only
    waits for it. A list where one value is wanted makes several jobs. Raises AskedWrongly naming
    stage and key.
    """
    planned: list[Planned] = []
    for stage, table in stages.items():
        try:
            planned += _planned(stage, table, planned, list(stages), ws_defaults)
        except AskedWrongly as error:
            where = f"stage {stage}: " if stage else ""
            raise AskedWrongly(f"{where}{error}") from error
    if not planned:
        raise AskedWrongly("No stage is in it; a stage is a table [name] with kind = …")
    return planned


def read_file(path: Path | str) -> dict[str, Any]:
    """The stages of a TOML file; one without stages is a single one, named ``""``."""
    try:
        text = Path(path).expanduser().read_text(encoding="utf-8")
        read = tomllib.loads(text)
    except OSError as error:
        raise AskedWrongly(f"{path} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError as error:
        raise AskedWrongly(f"{path} is not text; a pipeline is a TOML file.") from error
    except tomllib.TOMLDecodeError as error:
        raise AskedWrongly(f"{path} is not valid TOML: {error}.") from error
    return {"": read} if "kind" in read else read


def _planned(
    stage: str,
    table: Any,
    earlier: Sequence[Planned],
    names: list[str],
    ws_defaults: Mapping[str, Any] | None,
) -> list[Planned]:
    if not isinstance(table, Mapping) or not isinstance(table.get("kind"), str):
        raise AskedWrongly('it needs kind = …, e.g. kind = "train_sae".')
    waits: list[str] = []
    raw = {}
    for key, value in table.items():
        if key == "kind":
            continue
        if key == "after":
            waits += _stage_names(value)
        else:
            raw[key] = _resolved(value, earlier, names, waits)
    for name in waits:
        _outputs_of(name, earlier, names)
    after = tuple(place for place, job in enumerate(earlier) if job.stage in waits)
    return [Planned(stage, spec, after) for spec in parse(table["kind"], raw, ws_defaults)]


def _stage_names(value: Any) -> list[str]:
    names = [value] if isinstance(value, str) else value
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise AskedWrongly('after is a list of stage names, e.g. after = ["train"].')
    return names


def _resolved(value: Any, earlier: Sequence[Planned], names: list[str], waits: list[str]) -> Any:
    if isinstance(value, str) and value.startswith("@"):
        waits.append(value[1:])
        return _outputs_of(value[1:], earlier, names)
    if not isinstance(value, list):
        return value
    flat: list[Any] = []
    for part in value:
        found = _resolved(part, earlier, names, waits)
        flat += found if isinstance(part, str) and part.startswith("@") else [found]
    return flat


def _outputs_of(name: str, earlier: Sequence[Planned], names: list[str]) -> list[str]:
    done = [job for job in earlier if job.stage == name]
    if done:
        return [output for job in done for output in job.spec.outputs()]
    if name in names:
        raise AskedWrongly(f"it names {name}, which does not come before it.")
    near = difflib.get_close_matches(name, names, n=1)
    hint = f"did you mean {near[0]}?" if near else "stages are: " + ", ".join(names) + "."
    raise AskedWrongly(f"it names {name!r}, which is no stage; {hint}")
