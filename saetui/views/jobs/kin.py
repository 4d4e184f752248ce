"""What a job read and what it made, each a link; and the jobs beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from saetui.key_names import key
from saetui.links import Link, to
from saetui.search import quote
from saetui.widgets.rows import Cell, Column, Row, Rows

if TYPE_CHECKING:
    from jobs.lineage import Lineage, Thing


class Relative(NamedTuple):
    """One line."""

    way: str
    """How it is related: ``read``, ``made``, ``after``; empty where it is as the line before."""
    kind: str
    id: str
    there: bool
    """Whether it can be gone to."""
    scope: str = ""


class Kin(Rows):
    """The lineage of the job under the cursor."""

    NONE = ("It read nothing of this workspace,", "and has made nothing yet.")

    NO_SQL = "Lineage is read from manifests, no table holds it: saetui jobs lineage JOB --json."

    def __init__(self) -> None:
        super().__init__(
            [
                Column("", 6, lambda row: (row[0], "strong")),
                Column("", 15, lambda row: (row[1], "muted"), needs=40),
                Column("", 0, _name),
            ],
            id="jobs-kin",
        )
        self.add_class("pane")
        self.empty = [*self.NONE]
        self.lineage: Lineage | None = None

    def show_lineage(self, lineage: Lineage | None) -> None:
        """Shows the lineage of a job."""
        anew = self.lineage is None or lineage is None or self.lineage.job != lineage.job
        self.lineage = lineage
        rows = relatives(lineage) if lineage else []
        if anew:
            self.show(len(rows), rows, cursor=0)
        else:
            self.show_again(rows)
        self.entitle(
            "Lineage", f"{len(rows)} lines · {key(self, 'rows.open')} goes there" if rows else ""
        )

    def key(self, row: Row) -> Any:
        """What a line is known by."""
        return row[1:3]

    def link(self) -> Link | None:
        """Where the line under the cursor leads."""
        if self.current is None:
            return None
        _, kind, name, there, scope = self.current
        if not there:
            return None
        return _link(kind, name, scope)

    def copied(self) -> tuple[str, str] | None:
        """The id."""
        return (str(self.current[2]), "id") if self.current else None

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offers to go only where there is something."""
        if action == "open":
            return self.link() is not None
        return super().check_action(action, parameters)


def relatives(lineage: Lineage) -> list[Relative]:
    """The lines: what was read with who made it, what was made with who reads it."""
    rows = [Relative("after", "job", job, True) for job in lineage.after]
    for way, things, by in (("read", lineage.read, "made by"), ("made", lineage.made, "read by")):
        for thing in things:
            rows.append(Relative(way, thing.kind, _named(thing), thing.there, thing.scope))
            rows += [Relative("", f"  {by}", job, True) for job in thing.jobs]
    before = ""
    for at, row in enumerate(rows):
        rows[at] = row._replace(way="" if row.way == before else row.way)
        before = row.way or before
    return rows


def _named(thing: Thing) -> str:
    return thing.scope or thing.id


def _name(row: Row) -> Cell:
    return (row[2], "accent") if row[3] else (f"(not yet) {row[2]}", "muted")


def _link(kind: str, name: str, scope: str) -> Link | None:
    match kind:
        case "job" | "  made by" | "  read by":
            return to("job", name)
        case "features":
            return to("dictionary", name)
        case "dictionary" | "model" | "corpus":
            return to(kind, name)
    run = name.partition("/")[2]
    if kind.startswith("cluster"):
        return to("clusters", run)
    if kind.startswith("circuit"):
        return to("circuit", run)
    return Link("sql", f"FROM {kind} WHERE {_rows_of(kind, run, scope)}")


def _rows_of(kind: str, run: str, scope: str) -> str:
    """The condition that rows of the table `kind` are those of one run."""
    if not scope:
        return f"run = {quote(run)}"
    if scope.count("/") > 2:  # several dictionaries, compared
        names = quote(scope)
        either = f"contains({names}, dictionary) AND contains({names}, other_dictionary)"
        return f"{either} AND dictionary <> other_dictionary"
    return f"{'model' if kind == 'models' else 'dictionary'} = {quote(scope)}"
