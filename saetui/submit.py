"""Jobs asked for in the form: what is typed checked, shown as a command, submitted."""

from __future__ import annotations

import re
import shlex
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from store.errors import SaetuiError

if TYPE_CHECKING:
    from store import Workspace

Opened = Callable[[], "Workspace"]


class Checked(NamedTuple):
    """What typed values amount to."""

    jobs: int
    """How many jobs they ask for: several in a sweep, none while something is wrong."""
    command: str
    """The shell command that asks for the same; empty while something is wrong."""
    sentence: str
    """What is wrong; empty when nothing is."""
    key: str
    """The field that `sentence` is about; empty when it is about several."""


class Kind(NamedTuple):
    """A kind of job as the form shows it."""

    kind: str
    says: str
    fields: list[dict[str, Any]]
    """As `jobs.describe.describe` has them, `shown` (the default as typed) added."""


def kinds(workspace: Opened) -> list[Kind]:
    """Every kind; defaults are those that hold in this workspace."""
    from jobs.describe import describe
    from jobs.describe import kinds as known
    from jobs.parse import defaults

    found = []
    for name in known():
        described = describe(name)
        # What must be given is: a default that gives way to it never holds.
        needed = {field["name"]: "…" for field in described["fields"] if field["required"]}
        own = defaults(name, needed, workspace().defaults)
        fields = []
        for field in described["fields"]:
            default = own.get(field["name"], field["default"])
            fields.append({**field, "shown": typed(default)})
        found.append(Kind(name, described["says"], fields))
    return found


def typed(value: Any) -> str:
    """A value as it would be typed."""
    match value:
        case list() | tuple():
            return ",".join(map(typed, value))
        case bool():
            return str(value).lower()
        case float():
            return f"{value:g}" if float(f"{value:g}") == value else repr(value)
        case None:
            return "none"
    return str(value).replace(",", "\\,")


def check(workspace: Opened, kind: str, raw: Mapping[str, str]) -> Checked:
    """What `raw`, the values that were typed, asks for. Looks for files: not for the UI thread."""
    from jobs.parse import parse

    own = workspace().defaults
    try:
        specs = parse(kind, raw, own)
    except SaetuiError as error:
        return Checked(0, "", str(error), key_of(kind, str(error)))
    return Checked(len(specs), _command(kind, raw, own, specs), "", "")


def _command(kind: str, raw: Mapping[str, str], own: Mapping[str, Any], specs: list[Any]) -> str:
    from jobs.parse import shell_command

    if len(specs) > 1:  # a sweep is many specs, and one command
        words = [shlex.quote(f"{key}={value}") for key, value in raw.items()]
        return " ".join(["saetui run", kind, *words])
    command = shell_command(specs[0])
    # What equals the kind's default is left out there, but may differ from the workspace's.
    said = {word.partition("=")[0] for word in shlex.split(command)}
    for key, value in raw.items():
        if key in own and key not in said:
            command += " " + shlex.quote(f"{key}={value}")
    return command


def key_of(kind: str, sentence: str) -> str:
    """The field that a sentence of `jobs.parse` is about; empty where it names none."""
    found = re.match(rf"{re.escape(kind)}(?:: | needs )(\w+)(?:=| has no value)", sentence)
    return found[1] if found else ""


def submit(workspace: Opened, kind: str, raw: Mapping[str, str]) -> tuple[str, bool]:
    """Submits what was typed; gives a sentence, and whether it says what is wrong."""
    from jobs.pipeline import submit_pipeline

    try:
        jobs = submit_pipeline(workspace(), {"": {"kind": kind, **raw}})
    except SaetuiError as error:
        return str(error), True
    names = ", ".join(job.id for job in jobs)
    return f"submitted {names}; 5 shows how it goes", False


def values_of(workspace: Opened, spec: Mapping[str, Any]) -> tuple[str, dict[str, str]]:
    """Kind and values, as typed, of a job that was asked for: only those that are not the default
    here, in this workspace. AskedWrongly for a spec that this version does not know.
    """
    from jobs.parse import defaults, load

    known = load(spec)
    usual = {
        name: None if info.is_required() else info.get_default(call_default_factory=True)
        for name, info in type(known).model_fields.items()
    }
    needed = {name for name, info in type(known).model_fields.items() if info.is_required()}
    said = {name: getattr(known, name) for name in usual if getattr(known, name) != usual[name]}
    own = defaults(known.kind, said, workspace().defaults)
    return known.kind, {
        name: typed(getattr(known, name))
        for name, default in usual.items()
        if name in needed or typed(getattr(known, name)) != typed(own.get(name, default))
    }


def asked_in(command: str) -> tuple[str, dict[str, str]]:
    """Kind and values of ``saetui run KIND key=value …``; AskedWrongly for anything else."""
    from jobs.parse import parse_words

    words = shlex.split(command.strip().removeprefix("saetui run "))
    return (words[0], parse_words(words[1:])) if words else ("", {})
