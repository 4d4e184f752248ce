"""The circuit in the language of Graphviz: ``dot -Tpdf circuit.dot``."""

from __future__ import annotations

from saetui.circuits.exports import Exported
from saetui.circuits.exports.layout import lay_out
from saetui.circuits.graph import graph_of
from saetui.circuits.names import names
from saetui.circuits.records import METRIC
from saetui.circuits.text import measured_among, signed
from saetui.text import inert

HEAD = """\
  rankdir=LR;
  graph [fontname="Helvetica", labelloc=t, ranksep=1.2, nodesep=0.2];
  node [shape=box, style="rounded,filled", fillcolor="#eef3fc", color="#9dbdf2",
        fontname="Helvetica", fontsize=11];
  edge [color="#2f5fc4", arrowsize=0.6];
"""


def write(exported: Exported) -> str:
    """The graph; edges that push the metric down are dashed."""
    whole = exported.whole
    drawn, called = lay_out(whole, exported.size), names(whole)
    about = whole.about
    title = f"{about.circuit}: {about.task}, {about.method} on {about.chosen_from}"
    if unmeasured := measured_among(graph_of(whole).measured, exported.size):
        title += f"; {unmeasured}"
    lines = [f"digraph {_quoted(about.circuit)} {{", f"  label={_quoted(title)};", HEAD.rstrip()]
    for column in drawn.columns:
        lines.append("  {")
        lines.append("    rank=same;")
        lines += [f"    {_quoted(n)} [{_node(n, exported, called)}];" for n in column.nodes]
        lines.append("  }")
    most = max((abs(edge.effect) for edge in drawn.edges), default=1.0) or 1.0
    for edge in reversed(drawn.edges):
        wide = 0.6 + 4.4 * abs(edge.effect) / most
        style = ', style=dashed, color="#a8610d"' if edge.effect < 0 else ""
        says = _quoted(signed(edge.effect, 2))
        ends = f"{_quoted(edge.source)} -> {_quoted(edge.target)}"
        lines.append(f"  {ends} [penwidth={wide:.2f}, tooltip={says}{style}];")
    return "\n".join([*lines, "}", ""])


def _node(name: str, exported: Exported, called: dict[str, str]) -> str:
    if name == METRIC:
        return f'label={_quoted(exported.whole.about.metric)}, fillcolor="#fdf1dd", color="#f0b25f"'
    node = next((node for node in exported.whole.nodes if node.node == name), None)
    if node is None:
        return f'label={_quoted(called.get(name, name))}, fillcolor="#f4f4f4", color="#c9c5ba"'
    said = [called[name], *([node.label] if node.label else []), signed(node.effect, 2)]
    style = ', style="rounded,filled,dashed"' if node.effect < 0 else ""
    return f"label={_quoted(chr(10).join(said))}{style}"


def _quoted(text: str) -> str:
    r"""`text` as a string of DOT; a line break is ``\n``, a backslash is itself."""
    lines = [inert(line).replace("\\", "\\\\").replace('"', '\\"') for line in text.split("\n")]
    return '"' + "\\n".join(lines) + '"'
