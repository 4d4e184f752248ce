"""The list of circuit searches, task by task: scores, costs, and the baselines called by name."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, ClassVar, NamedTuple, cast

from rich.segment import Segment
from textual import work
from textual.binding import Binding, BindingType
from textual.strip import Strip
from typing_extensions import override

from saetui import queries_circuits as queries
from saetui.circuits.records import Circuit
from saetui.circuits.text import interval, score, short
from saetui.session import Remembered
from saetui.views.base import told
from saetui.views.circuits import empty
from saetui.widgets.drawing import count, duration, fit, share, short_count
from saetui.widgets.ordered import OrderedRows
from saetui.widgets.rows import Cell, Column

if TYPE_CHECKING:
    from saetui.database import Database
    from saetui.workbench import Workbench

HINT = "words · features · neurons · baseline · position · span · cmd<0.2 · for80<=30 · passes<1000"
"""What a filter may say."""

TITLES = {
    "cmd": "CMD",
    "cpr": "CPR",
    "cmdlog": "log CMD",
    "for80": "80%",
    "passes": "passes",
    "seconds": "time",
    "method": "method",
    "nodes": "nodes",
}
"""Sort → the column that it sorts by, where that is one of the list's."""


class Heading(NamedTuple):
    """The line over the searches of one task, model and metric."""

    task: str
    model: str
    says: str
    """How well the model does the task."""


def _method(row: Circuit) -> Cell:
    return (row.method, "muted" if row.baseline else "strong")


def _nodes(row: Circuit) -> Cell:
    return (row.nodes + ("@" if row.per_position else ""), "plain")


COLUMNS = (
    Column("method", 10, _method),
    Column("nodes", 11, _nodes),
    Column("CMD", 5, lambda row: (score(row.cmd), "number"), "right"),
    Column(
        "interval", 9, lambda row: (interval(row.cmd_low, row.cmd_high, score), "muted"), needs=55
    ),
    Column("CPR", 4, lambda row: (score(row.cpr), "number"), "right", needs=47),
    Column("80%", 5, lambda row: (short_count(row.nodes_for_80), "number"), "right", needs=40),
    Column("log CMD", 7, lambda row: (score(row.cmd_log), "number"), "right", needs=85),
    Column("passes", 7, lambda row: (short_count(row.passes), "number"), "right", needs=67),
    Column("time", 7, lambda row: (duration(row.seconds), "number"), "right", needs=77),
    Column("ablation", 8, lambda row: (row.ablation, "muted"), needs=91),
    Column("AUC", 4, lambda row: (score(row.node_auc), "number"), "right", needs=105),
    Column("circuit", 0, lambda row: (row.circuit, "muted"), needs=121),
)


class CircuitList(OrderedRows):
    """Every search, task by task."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("slash", "filter", "filter", id="searches.filter", key_display="/"),
        Binding("s", "sort", "sort", id="searches.sort"),
        Binding("S", "reverse", "reverse", id="searches.reverse", show=False),
        Binding("space", "mark", "mark", id="searches.mark"),
    ]

    SORTS = queries.SORTS
    HINT = HINT
    sort = "cmd"

    def __init__(self) -> None:
        super().__init__(COLUMNS, id="circuits-list")
        self.add_class("pane")
        self.circuits: Sequence[Circuit] = ()
        """All that the filter finds."""
        self.known: dict[str, Circuit] = {}
        """Every circuit by name, whatever the filter."""
        self.entitle("Circuits")

    @property
    def database(self) -> Database:
        """The workspace's tables."""
        return cast("Workbench", self.app).database

    @property
    def circuit(self) -> Circuit | None:
        """The circuit under the cursor."""
        row: Any = self.current
        return row if isinstance(row, Circuit) else None

    def key(self, row: Any) -> Any:
        """What a row is tagged by; headings are by nothing."""
        return row.circuit if isinstance(row, Circuit) else None

    def copied(self) -> tuple[str, str] | None:
        """The names of the marked circuits, else of the one under the cursor."""
        marked = [name for name in self.known if name in self.tagged]
        if marked:
            return "\n".join(marked), f"{len(marked)} circuit names"
        return (self.circuit.circuit, "circuit name") if self.circuit else None

    def sql(self) -> str:
        """The query behind the list."""
        return queries.circuits(sort=self.sort, reverse=self.reverse, search=self.search)

    def remembered(self) -> dict[str, Any]:
        """What the next session should know of the list."""
        return {"sort": self.sort, "reverse": self.reverse, "search": self.search}

    def remember(self, was: Remembered) -> None:
        """Lists as the last session did."""
        if was.text("sort") in queries.SORTS:
            self.sort, self.reverse = was.text("sort"), was.flag("reverse")
        self.search = was.text("search")

    # What is listed

    async def show_circuit(self, name: str) -> bool:
        """Lists anew, the cursor on the circuit `name`, the first where there is none of that name;
        a filter that hides it is lifted. Whether it is there.
        """
        every = [Circuit(*row) for row in await self.database.rows(queries.circuits())]
        self.known = {row.circuit: row for row in every}
        self.tagged &= set(self.known)
        rows = await self._rows()
        if name in self.known and name not in [row.circuit for row in rows]:
            self.search = ""
            rows = await self._rows()
        self._list(rows, name)
        return name in self.known

    @override
    def relist(self) -> None:
        """The cursor stays on its circuit where that is still listed."""
        self.here.clear()
        self._relist()

    @work(exclusive=True, group="list")
    async def _relist(self) -> None:
        with told(self):
            rows = await self._rows()
            self._list(rows, self.circuit.circuit if self.circuit else "")
        self.here.set()

    async def _rows(self) -> list[Circuit]:
        """The rows, in the order and by the filter that hold when they are here."""
        while True:
            asked = self.sql()
            rows = await self.database.rows(asked)
            if asked == self.sql():
                return [Circuit(*row) for row in rows]

    def _list(self, circuits: Sequence[Circuit], name: str) -> None:
        self.circuits = circuits
        self.empty = partial(empty.none_found if self.search else empty.no_circuits, self)
        rows: list[Heading | Circuit] = []
        for before, row in zip([None, *circuits], circuits, strict=False):
            if before is None or _behaviour(before) != _behaviour(row):
                rows.append(_heading(row))
            rows.append(row)
        places = [at for at, row in enumerate(rows) if self.key(row) == name and name]
        self.show(len(rows), rows, cursor=(places or [min(1, max(0, len(rows) - 1))])[0])
        self.name_it()

    def name_it(self) -> None:
        """Says how many there are, and in which order."""
        ups = queries.SORTS[self.sort].descending == self.reverse
        self.sorted_by = (TITLES[self.sort], ups) if self.sort in TITLES else None
        tasks = len({(row.task, row.model) for row in self.circuits})
        aside = f"{len(self.circuits):,}"
        if self.search:
            aside += f" of {len(self.known):,} · {self.search}"
        elif tasks > 1:
            aside += f" in {tasks} tasks"
        if self.tagged:
            aside = f"{len(self.tagged)} marked · {aside}"
        if self.sort not in TITLES:
            aside += f" · by {self.sort}"
        self.entitle("Circuits", aside if self.known else "")

    def beside(self) -> list[Circuit]:
        """The next circuit and the one before."""
        places = [at for at, row in enumerate(self._whole) if isinstance(row, Circuit)]
        if self.cursor not in places:
            return []
        at = places.index(self.cursor)
        found: list[Any] = [self._whole[place] for place in (*places[at + 1 : at + 2],
                            *places[max(0, at - 1) : at])]  # fmt: skip
        return found

    def step(self, by: int) -> None:
        """Goes to the next circuit, over the headings."""
        at = self.cursor + by
        while 0 <= at < self.count and not isinstance(self.row(at), Circuit):
            at += by
        if 0 <= at < self.count:
            self.cursor = at

    # Keys

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Only circuits can be marked; a heading leads to its model."""
        if action == "open":
            return self.current is not None
        if action == "mark":
            return self.circuit is not None
        return super().check_action(action, parameters)

    def action_mark(self) -> None:
        """Marks the circuit: its curve is drawn with the others, two can be compared."""
        if self.circuit is not None:
            self.toggle_tag()
            self.name_it()

    def on_rows_moved(self) -> None:
        """What can be done may be another thing."""
        self.refresh_bindings()

    # Drawing

    def own_line(self, row: Any, cursor: bool, mark: str) -> Strip | None:
        """A heading has all the room."""
        if not isinstance(row, Heading):
            return None
        width = self.size.width - 1
        name = fit(f"{row.task} · {row.model}", min(width, len(row.task) + len(row.model) + 3))
        rest = fit(f"  {row.says}", width - len(name))
        return Strip(
            [
                Segment(mark, self._style("accent", cursor)),
                Segment(name, self._style("accent", cursor)),
                Segment(rest, self._style("muted", cursor)),
            ]
        ).adjust_cell_length(self.size.width, self._style("plain", cursor))


def _behaviour(row: Circuit) -> tuple[str, str, str]:
    """What searches explain that stand under one heading: scores of others cannot be compared."""
    return (row.task, row.model, row.metric)


def _heading(row: Circuit) -> Heading:
    scores = f"{row.metric} {short(row.clean_score)}, ablated {short(row.corrupt_score)}"
    return Heading(
        row.task,
        row.model,
        f"{share(row.accuracy)} right · {scores} · {count(row.n_held_out)} prompts",
    )
