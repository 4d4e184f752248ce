"""``saetui feature``: all that is known of one feature."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from saetui import queries
from saetui.cli.ask import ask, tell_damage
from saetui.cli.output import as_json, line, shown
from saetui.cli.where import workspace_at, workspace_option
from saetui.text import inert
from store.errors import AskedWrongly, SaetuiError

if TYPE_CHECKING:
    from store import Workspace

AROUND = 12
"""Tokens shown on each side of a peak."""
BARS = " ▁▂▃▄▅▆▇█"


@click.command("feature", context_settings={"ignore_unknown_options": True})
@click.argument("dictionary", metavar="DICT[#INDEX]")
@click.argument("index", metavar="[INDEX]", required=False, type=int)
@click.option("--contexts", default=8, show_default=True, help="Top activations to show.")
@click.option(
    "--doc", type=click.IntRange(min=0), help="Show where it fires in this document instead."
)
@click.option("--json", "json_", is_flag=True, help="Print one JSON document.")
@workspace_option
def command(
    dictionary: str,
    index: int | None,
    contexts: int,
    doc: int | None,
    json_: bool,
    workspace: Path | None,
) -> None:
    """Show feature INDEX of the dictionary DICT: `DICT INDEX` or `DICT#INDEX`."""
    dictionary, number = _named(dictionary, index)
    ws = workspace_at(workspace)
    if doc is not None:
        _document(ws, dictionary, number, doc, json_)
        return
    page = _page(ws, dictionary, number)
    tell_damage(ws)
    if json_:
        as_json(page)
    else:
        _print(page, contexts)


def _document(ws: Workspace, dictionary: str, number: int, doc: int, json_: bool) -> None:
    """One document with the tokens on which the feature fires."""
    ws.dictionary(dictionary)
    found = ask(ws, queries.on_document(dictionary, number, doc)).records
    tell_damage(ws)
    if not found:
        raise SaetuiError(f"{dictionary}#{number} fires on no profiled token of document {doc}.")
    whole = found[0]
    if json_:
        as_json(whole)
        return
    pieces, fires = whole["pieces"] or [whole["text"]], set(whole["positions"])
    line(f"{whole['corpus']} · document {doc}")
    marked = (f"«{piece}»" if at in fires else piece for at, piece in enumerate(pieces))
    line("".join(marked))
    line()
    for pos, activation in zip(whole["positions"], whole["activations"], strict=True):
        line(f"{shown(activation):>8}  pos {pos}  {pieces[pos] if pos < len(pieces) else ''}")


def _named(dictionary: str, index: int | None) -> tuple[str, int]:
    if index is not None:
        return dictionary, index
    name, hash_, number = dictionary.rpartition("#")
    if not hash_ or not number.isdecimal():
        raise AskedWrongly(f"Which feature of {dictionary}? Say `saetui feature {dictionary} 0`.")
    return name, int(number)


def _page(ws: Workspace, dictionary: str, number: int) -> dict[str, Any]:
    """Everything about the feature, as JSON knows it."""
    width = ws.dictionary(dictionary).manifest.get("d_sae")
    if number < 0 or (isinstance(width, int) and number >= width):
        last = f"; it has 0 to {width - 1}" if isinstance(width, int) else ""
        raise AskedWrongly(f"{dictionary} has no feature {number}{last}.")
    found = ask(ws, queries.feature(dictionary, number)).records
    if not found:
        tell_damage(ws)
        raise SaetuiError(
            f"{dictionary} has no profile yet; `saetui run profile dictionaries={dictionary}` "
            "makes it."
        )
    return {
        **found[0],
        "top_activations": ask(ws, queries.contexts(dictionary, number, AROUND)).records,
        "neighbors": ask(ws, queries.neighbors(dictionary, number)).records,
        "coactive": ask(ws, queries.coactive(dictionary, number)).records,
        "density_histogram": ask(ws, queries.density_histogram(dictionary)).records,
        "notes": ask(ws, queries.notes(dictionary, number)).records,
    }


def _print(page: dict[str, Any], contexts: int) -> None:
    label = f"  {page['label']}" if page["label"] else ""
    line(f"{page['dictionary']}#{page['feature']}{label}")
    line(
        f"density {shown(page['density'])} · mean {shown(page['mean_activation'])} · "
        f"max {shown(page['max_activation'])} · decoder norm {shown(page['decoder_norm'])}"
    )
    if page["histogram"]:
        line(f"activations 0 {_bars(page['histogram'])} {shown(page['max_activation'])}")
    line(f"promotes    {_logits(page['promoted'])}")
    line(f"suppresses  {_logits(page['suppressed'])}")
    for written in page["notes"]:
        if written["note"]:
            line(f"note        {written['note']}  ({written['at']})")
    line()
    tops = page["top_activations"]
    _list("Strongest activations", [top for top in tops if top["quantile"] is None][:contexts],
          _context, "It fired on none of the profiled tokens.")  # fmt: skip
    lower = [top for top in tops if top["quantile"] is not None]
    if lower:
        line()
        _list("Samples from lower quantiles", lower[:contexts], _context, "")
    line()
    _list("Nearest by cosine of decoder directions", page["neighbors"], _neighbor,
          "No neighbours were written for this feature.")  # fmt: skip
    line()
    _list("Fire on the same tokens (Jaccard, in a few of its documents)", page["coactive"],
          _coactive, "Nothing fires together with it.")  # fmt: skip


def _list(
    title: str, rows: Sequence[dict[str, Any]], show: Callable[[dict[str, Any]], None], empty: str
) -> None:
    line(title)
    for row in rows:
        show(row)
    if not rows:
        line(f"  {empty}")


def _bars(counts: Sequence[int]) -> str:
    """Counts as bars, on a scale of square roots so that rare strong activations are seen."""
    most = max(counts) or 1
    return "".join(BARS[math.ceil(8 * math.sqrt(n / most))] for n in counts)


def _logits(tokens: Sequence[dict[str, Any]] | None) -> str:
    return "  ".join(f"{token['token']!r} {token['logit']:+.2f}" for token in tokens or ()) or "—"


def _context(top: dict[str, Any]) -> None:
    """One line: the activation, where it is, the tokens around with the peak in «»."""
    head = f"{shown(top['activation']):>8}  doc {top['doc']} pos {top['pos']}  "
    pieces = top["pieces"]
    if not pieces:
        line(head + (top["text"] or "")[:80])
        return
    peak = top["pos"] - top["first"]
    before, after = "".join(pieces[:peak]), "".join(pieces[peak + 1 :])
    marked = click.style(f"«{inert(pieces[peak])}»", bold=True)
    click.echo(f"{head}{inert(before)}{marked}{inert(after)}")


def _neighbor(near: dict[str, Any]) -> None:
    _near(near, near["cosine"])


def _coactive(near: dict[str, Any]) -> None:
    _near(near, near["coactivation"])


def _near(near: dict[str, Any], value: float | None) -> None:
    name = near["label"] or " ".join((near["top_tokens"] or [])[:6])
    line(f"{shown(value, 2):>8}  {near['other_dictionary']}#{near['other_feature']}  {name}")
