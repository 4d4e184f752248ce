"""Circuits: the searches, the tree of one, its nodes and edges, its scores beside the others'."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.widget import Widget
from typing_extensions import override

from saetui import queries_circuits as queries
from saetui.circuits.records import METRIC, Circuit, Whole
from saetui.key_names import key, run_job
from saetui.links import Link, to
from saetui.messages import Ask, Follow, Say
from saetui.session import Remembered
from saetui.text import inert
from saetui.typeahead import hand_over, keep_keys, wait_for
from saetui.views.circuits.curve import CurvePane
from saetui.views.circuits.edges import EdgeList
from saetui.views.circuits.listing import CircuitList
from saetui.views.circuits.node import NodePane
from saetui.views.circuits.page import CircuitPage
from saetui.views.circuits.tree import TreePane
from saetui.views.settling import once_settled
from saetui.widgets.rows import Rows

if TYPE_CHECKING:
    from saetui.prompting import Prompting

BETWEEN = "::"
"""Stands between circuit and node in the target of a link."""


class CircuitsView(CircuitPage):
    """The list, and the circuit under its cursor."""

    NAME = "circuits"

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("less_than_sign,comma", "resize(-1)", "smaller", id="circuits.smaller",
                key_display="<"),
        Binding("greater_than_sign,full_stop", "resize(1)", "larger", id="circuits.larger",
                key_display=">"),
        Binding("a", "ablate", "ablate on a prompt", id="circuits.ablate"),
        Binding("v", "compare", "compare", id="circuits.compare"),
        Binding("f", "find", "go to", id="circuits.find", show=False),
        Binding("n", "step(1)", "next circuit", id="circuits.next", show=False),
        Binding("N", "step(-1)", "previous circuit", id="circuits.previous", show=False),
    ]  # fmt: skip

    prompting: Prompting | None = None
    """The warm models, once nodes were ablated on a prompt."""

    @override
    def compose(self) -> ComposeResult:
        self.listed, self.tree_pane, self.node = CircuitList(), TreePane(), NodePane()
        self.edges, self.curve = EdgeList(), CurvePane()
        self._was: tuple[str, str] = ("", "")
        self._source: object = None
        self._begun = False
        with Vertical(classes="split", id="circuits-left"):
            yield self.listed
            yield self.curve
        with Vertical(classes="split", id="circuits-right"):
            yield self.tree_pane
            with Horizontal(classes="split", id="circuits-page"):
                yield self.node
                yield self.edges

    def on_mount(self) -> None:
        """Names the panes; what is in them comes later."""
        self.node.say("")

    @property
    @override
    def panes(self) -> list[Widget]:
        """In the order in which one reads a circuit, not in that of the screen."""
        return [self.listed, self.tree_pane, self.node, self.edges, self.curve]

    # Places

    @property
    @override
    def here(self) -> Link:
        row = self.listed.circuit
        if self._target or self.whole is None or (row and row != self.whole.about):
            return Link(self.NAME, self._target or (row.circuit if row else ""))
        name, leaf = self.whole.about.circuit, self.tree_pane.leaf
        node = leaf.id if leaf and leaf.id != METRIC else ""
        return Link(self.NAME, f"{name}{BETWEEN}{node}" if node else name)

    @override
    def load_listed(self) -> None:
        if self.listed.circuit is not None:
            self.load(self.listed.circuit)

    @override
    @work(exclusive=True, group="open")
    async def open(self, target: str) -> None:
        """Shows ``<circuit>`` or ``<circuit>::<node>``."""
        with self.told():
            name, _, node = target.partition(BETWEEN)
            row, self._on = self.listed.circuit, node
            shown = self.whole is not None and self.whole.about.circuit == name
            there = shown if row is None else row.circuit == name  # on a heading it stays there
            if not there and not await self.listed.show_circuit(name):
                self._on = ""
                self.post_message(Say(f"There is no circuit {name!r} here."))
            elif shown:
                self.stay()
                self._on = ""
                if node and not self.tree_pane.choose(node):
                    self._take_in(node)
                self.show_node()
        self._arrived()

    def _take_in(self, node: str) -> None:
        """Grows the circuit until `node` is in it."""
        assert self.whole is not None
        rank = next((one.rank for one in self.whole.nodes if one.node == node), None)
        size = next((s for s in self.whole.sizes if rank is not None and s > rank), None)
        if size is None:
            self.post_message(Say(f"{node} is not among the nodes of this circuit."))
            return
        self.take(size)
        self.tree_pane.choose(node)

    @override
    def remembered(self) -> dict[str, Any]:
        circuit, node = self._was
        if self.whole is not None:
            circuit, _, node = self.here.target.partition(BETWEEN)
        here = {"circuit": circuit, "node": node, "size": self.wanted, "every": self.edges.every}
        drawn = {"measure": self.curve.measure, "levels": self.curve.levels}
        return super().remembered() | self.listed.remembered() | here | drawn

    @override
    def remember(self, was: Remembered) -> None:
        super().remember(was)
        self.listed.remember(was)
        self._was = was.text("circuit"), was.text("node")
        self.wanted = was.whole("size")
        self.edges.every, self.curve.levels = was.flag("every"), was.flag("levels")
        if was.text("measure") in ("faithfulness", "completeness"):
            self.curve.measure = was.text("measure")

    @property
    @override
    def job_at_hand(self) -> tuple[str, dict[str, str]]:
        """Another search, asked as the one that is shown."""
        if self.whole is None:
            return "circuit", {}
        about = self.whole.about
        values = {"model": about.model, "task": about.task, "nodes": about.nodes,
                  "dictionaries": ",".join(about.dictionaries)}  # fmt: skip
        return "circuit", {name: value for name, value in values.items() if value}

    # What is shown

    @override
    def entered(self) -> None:
        if not self._begun:
            self._begun = True
            self._target = self._was[0] and BETWEEN.join(self._was)
            self.read_anew()

    @override
    def tables_changed(self) -> None:
        if self._begun:
            self.read_anew()

    def read_anew(self) -> None:
        """Tables changed: shows what they say now, where they are about circuits or labels."""
        self._here.clear()
        self._read_anew()

    @work(exclusive=True, group="open")
    async def _read_anew(self) -> None:
        with self.told():
            source = await self.database.work(self._sources)
            if source != self._source or self._target:
                self.stay()
                self.reading.forget()
                circuit, _, self._on = self.here.target.partition(BETWEEN)
                self.whole = None
                await self.listed.show_circuit(circuit)
                self._source = source
        self._arrived()

    def _sources(self) -> object:
        live = self.database.workspace().catalog().live
        tables = ("circuits", "circuit_nodes", "circuit_edges", "circuit_curve")
        return [(run.folder, run.parts) for table in tables for run in live(table)]

    def on_rows_moved(self, event: Rows.Moved) -> None:
        """Another circuit, or another node, is under the cursor."""
        if event.rows is self.tree_pane:
            if self.tree_pane.leaf is not None and self.node.id_shown != self.tree_pane.leaf.id:
                self.show_node()
        elif event.rows is self.listed:
            row = self.listed.circuit
            if row is not None:
                self.load(row)
            elif not self.listed.count:
                self.clear("A circuit's page appears here.", self._why_none())

    def _why_none(self) -> str:
        """What keeps circuits from being listed: a filter, or that none was searched."""
        if self.listed.search:
            return f"The filter hides every circuit: {inert(self.listed.search)}"
        return f"{run_job(self)} runs the job that finds circuits."

    def on_rows_opened(self, event: Rows.Opened) -> None:
        """Goes from a circuit to its tree, from a node to its page, from an edge to its end."""
        row: Any = event.row
        if self.coming and event.rows in (self.tree_pane, self.edges):
            self._open(event.rows)  # what the user means is what the cursor of the list is on
        elif event.rows is self.listed:
            if isinstance(row, Circuit):
                self.show_pane(self.tree_pane)
                wait_for(self, self.settled)
            else:
                self.post_message(Follow(to("model", row.model)))
        elif event.rows is self.tree_pane:
            if row.again:
                self.tree_pane.choose(row.id)
            else:
                self.show_pane(self.node)
        elif event.rows is self.edges:
            end = self.edges.other_end(row)
            if self.whole is not None:
                target = f"{self.whole.about.circuit}{BETWEEN}{end}"
                self.post_message(Follow(Link(self.NAME, target)))

    @once_settled
    def _open(self, rows: Rows) -> None:
        rows.action_open()

    @once_settled
    def on_node_pane_opened(self) -> None:
        """Goes to the page of the feature, or to the cluster on its map."""
        if self.node.node is not None and (link := self.node.node.link):
            self.post_message(Follow(Link(*link)))

    # Keys

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offers what can be done with what is there."""
        waits = action in ("resize", "find", "step", "ablate", "compare")
        if waits and self.is_mounted and self.coming:
            return True
        if action in ("resize", "find", "step"):
            return self.is_mounted and self.whole is not None
        if action == "ablate":
            return self.is_mounted and self.whole is not None and bool(self._to_ablate())
        if action == "compare":
            return self.is_mounted and self.whole is not None and len(self.listed.known) > 1
        return super().check_action(action, parameters)

    @once_settled
    def action_resize(self, step: int) -> None:
        """Takes in more nodes, or fewer: the next size that was scored."""
        if self.whole is None or not self.whole.sizes:
            return
        sizes = self.whole.sizes
        at = sizes.index(self.whole.nearest_size(self.size_taken)) + step
        if 0 <= at < len(sizes):
            self.take(sizes[at])

    def action_step(self, step: int) -> None:
        """Goes to the next circuit of the list, from any pane."""
        self.listed.step(step)

    def action_find(self) -> None:
        """Asks for a node or a circuit."""
        keep_keys(self)
        hint = "part of a node's id or label, or the name of a circuit"
        self.post_message(Ask("go to", self._found, hint=hint))

    async def _found(self, text: str) -> str | None:
        await self.settled()
        wanted = text.strip().lower()
        if not wanted or self.whole is None:
            return "Say part of a node's id or label, or the name of a circuit."
        name = self.whole.about.circuit
        if text.strip() in self.listed.known:
            self.post_message(Follow(Link(self.NAME, text.strip())))
            return None
        for node in self.whole.nodes:
            said = f"{node.node} {self.tree_pane.names[node.node]} {node.label or ''}".lower()
            if wanted in said:
                self.post_message(Follow(Link(self.NAME, f"{name}{BETWEEN}{node.node}")))
                return None
        return f"No circuit is called {text.strip()!r}, and {name} has no such node."

    @once_settled
    @work(exclusive=True, group="choose")
    async def action_compare(self) -> None:
        """Puts two circuits side by side: the two that are marked, the marked one and the one that
        is shown, else that and the best other search, of its task where there is one.
        """
        from saetui.screens.circuits import CompareCircuits

        keep_keys(self)
        pair = self._to_compare()
        if len(pair) < 2:
            hand_over(self)
            mark = key(self, "searches.mark")
            self.post_message(Say(f"Two circuits can be compared: {mark} in the list marks one."))
            return
        with self.told():
            first, second = pair
            known = [self.reading.kept(each) for each in pair]
            there = [read.whole if read else Whole(each, (), (), ())
                     for read, each in zip(known, pair, strict=True)]  # fmt: skip

            async def read() -> tuple[Whole, Whole]:
                return (
                    (await self.reading.read(first)).whole,
                    (await self.reading.read(second)).whole,
                )

            box = CompareCircuits((there[0], there[1]), read, self._size_of)
            if target := await self.app.push_screen_wait(box):
                self.post_message(Follow(Link(self.NAME, target)))

    def _to_ablate(self) -> list[str]:
        """The nodes that are marked, else the one under the cursor."""
        tree, leaf = self.tree_pane, self.tree_pane.leaf
        if tree.tagged:
            return [name for name in tree.taken if name in tree.tagged]
        return [leaf.id] if leaf is not None and leaf.node is not None else []

    @once_settled
    @work(exclusive=True, group="choose")
    async def action_ablate(self) -> None:
        """Ablates the marked nodes, or the one under the cursor, on a prompt."""
        from saetui.prompting import Prompting
        from saetui.screens.ablate import Prompt, TryAblation

        nodes = self._to_ablate()
        if self.whole is None or not nodes:
            return
        keep_keys(self)
        about, names = self.whole.about, [self.tree_pane.names[name] for name in nodes]
        with self.told():
            rows = await self.database.rows(queries.prompts(about.circuit))
            self.prompting = self.prompting or Prompting(self.database)
            prompts = [Prompt(*row) for row in rows]
            prompts.sort(key=lambda prompt: prompt.half != "held_out")
            box = TryAblation(self.prompting, about, nodes, names, prompts)
            await self.app.push_screen_wait(box)

    def on_unmount(self) -> None:
        """Lets go of the models."""
        if self.prompting is not None:
            self.prompting.close()

    def _size_of(self, whole: Whole) -> int:
        return whole.nearest_size(self.wanted) if self.wanted else whole.first_size()

    def _to_compare(self) -> list[Circuit]:
        known, shown = self.listed.known, self.whole.about if self.whole else None
        marked = [known[name] for name in known if name in self.listed.tagged]
        if len(marked) > 2:
            self.post_message(Say("More than two are marked: the first two are compared."))
        if len(marked) > 1 or shown is None:
            return marked[:2]
        if marked and marked[0] != shown:
            return [shown, marked[0]]
        others = [c for c in known.values() if c != shown]
        others.sort(key=lambda c: (c.task != shown.task, c.level != shown.level, c.cmd))
        return [shown, *others[:1]]
