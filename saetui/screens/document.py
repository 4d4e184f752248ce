"""A whole document, its tokens shaded by one feature."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar

from rich.segment import Segment
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.events import Resize
from textual.geometry import Size
from textual.scroll_view import ScrollView
from textual.strip import Strip
from typing_extensions import override

from saetui.links import Named, named
from saetui.messages import Say
from saetui.screens.box import Box
from saetui.typeahead import keys_wait
from saetui.widgets.drawing import number
from saetui.widgets.pane import Pane
from saetui.widgets.tokens import Context, theme_shades, wrapped

if TYPE_CHECKING:
    from saetui.workbench import Workbench


class Text(Pane, ScrollView):
    """The text, in lines as long as there is room for."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("j,down", "scroll_down", "down", id="document.down", show=False),
        Binding("k,up", "scroll_up", "up", id="document.up", show=False),
        Binding("g,home", "scroll_home", "first", id="document.top", show=False),
        Binding("G,end", "scroll_end", "last", id="document.bottom", show=False),
    ]

    def __init__(self, context: Context, corpus: str, strongest: float, sql: str) -> None:
        super().__init__(classes="box")
        self.context = context
        self.corpus = corpus
        self.strongest = strongest
        self._sql = sql
        self._lines: list[list[Segment]] = []

    def on_resize(self, event: Resize) -> None:
        """Wraps anew."""
        width, shades = max(8, self.size.width - 2), theme_shades(self.app.theme_variables)
        self._lines = wrapped(self.context, width, self.strongest, shades, self.rich_style)
        self.virtual_size = Size(self.size.width, len(self._lines))
        self.styles.height = len(self._lines) + 2
        self.refresh()

    def copied(self) -> tuple[str, str]:
        """The text."""
        return "".join(self.context.pieces), "document"

    def named(self) -> Sequence[Named]:
        """The corpus."""
        return named("corpus", self.corpus)

    def sql(self) -> str:
        """The query behind it."""
        return self._sql

    def render_line(self, y: int) -> Strip:
        """One line."""
        y += int(self.scroll_offset.y)
        line = self._lines[y] if y < len(self._lines) else []
        strip = Strip([Segment(" ", self.rich_style), *line])
        return strip.adjust_cell_length(self.size.width, self.rich_style)


class Document(Box[None]):
    """Shows one document."""

    def __init__(
        self, context: Context, of: tuple[str, int], strongest: float, peak: str, sql: str
    ) -> None:
        """`of` tells the corpus and the number of the document in it, `strongest` the activation of
        the full shade, `peak` what is at the peak; `sql` gives the document.
        """
        super().__init__()
        self.context = context
        self.strongest = strongest
        self.sql = sql
        self.corpus = of[0]
        self.said = f"{of[0]} · document {of[1]}", peak

    @override
    def compose(self) -> ComposeResult:
        yield Text(self.context, self.corpus, self.strongest, self.sql)

    def on_mount(self) -> None:
        """Names the box."""
        text = self.query_one(Text)
        text.entitle(*self.said)
        text.focus()


async def read_document(
    workbench: Workbench,
    corpus: str,
    doc: int,
    pos: int,
    strengths: Mapping[int, float] | None = None,
) -> None:
    """Reads a document and shows it with a mark at token `pos` (-1: nowhere), its tokens shaded by
    `strengths`.

    Raises SaetuiError when the tables do not answer.
    """
    from saetui.queries_manifolds import document

    sql, strengths = document(corpus, doc), strengths or {}
    with keys_wait(workbench):
        rows = await workbench.database.rows(sql)
        if not rows:
            workbench.post_message(Say(f"Document {doc} of {corpus} is not there any more."))
            return
        pieces, text = rows[0]
        strongest = max(strengths.values(), default=0.0)
        context = Context(pieces, pos, strengths) if pieces else Context([text], -1, {})
        peak = f"token {pos}" if pos >= 0 else ""
        if pos in strengths:
            peak = f"{number(strengths[pos])} at {peak}"
        await workbench.push_screen(Document(context, (corpus, doc), strongest, peak, sql))
