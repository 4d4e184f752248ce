"""What Textual works out anew for every app, widget and frame, worked out once a process.

Importing this is enough. Nothing that an app shows or does is changed by it.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from textual._compositor import Compositor
from textual.css.model import RuleSet
from textual.css.styles import RulesMap
from textual.css.stylesheet import Stylesheet
from textual.dom import DOMNode

_parse, _parsed = Stylesheet._parse_rules, {}


def _parse_once(sheet: Stylesheet, css: str, read_from: Any, *about: Any, **more: Any) -> Any:
    """Rules as Textual parses them; every app of a test process has the same styles to read."""
    key = (css, read_from, about, tuple(more.items()), frozenset(sheet._variables.items()))
    if key not in _parsed:
        _parsed[key] = _parse(sheet, css, read_from, *about, **more)
    return _parsed[key]


Stylesheet._parse_rules = _parse_once

render = Compositor.render_update


def _render_later(compositor: Compositor, full: bool = False, **how: Any) -> Any:
    """Nobody sees the frames between a key and what comes of it: `Driver.settle` draws the last."""
    return render(compositor, full, **how) if full else None


Compositor.render_update = _render_later


class _Candidates(NamedTuple):
    """What may apply to a node of some names."""

    rules: tuple[RuleSet, ...]
    pseudo_classes: tuple[str, ...]
    """All that these rules ask for, of the node or of one that it is in."""


_apply = Stylesheet.apply
_candidates: dict[tuple[RuleSet, ...], _Candidates] = {}
_found: dict[Any, tuple[RulesMap, tuple[bool, ...]]] = {}
_FLAGS = ("_has_hover_style", "_has_focus_within", "_has_order_style", "_has_odd_or_even")


def _candidates_of(sheet: Stylesheet, node: DOMNode) -> _Candidates:
    """The rules that name `node`, found once per sheet."""
    rules = sheet.rules
    known = sheet.__dict__.setdefault("_known_candidates", (None, {}))
    if known[0] is not sheet.rules_map:
        known = sheet._known_candidates = (sheet.rules_map, {})  # type: ignore[attr-defined]
    names = frozenset(node._selector_names)
    if names not in known[1]:
        named = {id(rule) for name in names for rule in sheet.rules_map.get(name, ())}
        chosen = tuple(rule for rule in rules if id(rule) in named)
        asked = set().union(*(rule.pseudo_classes for rule in chosen))
        known[1][names] = _candidates.setdefault(chosen, _Candidates(chosen, tuple(sorted(asked))))
    return known[1][names]


def _apply_once(
    sheet: Stylesheet, node: DOMNode, *, animate: bool = False, cache: Any = None
) -> None:
    """Applies the rules that Textual chose for a node of the same names in the same state, inside
    others of the same.
    """
    candidates = _candidates_of(sheet, node)
    asked = candidates.pseudo_classes
    path = [
        (
            one._css_type_names,
            one._id,
            frozenset(one._classes),
            tuple(map(one.has_pseudo_class, asked)),
        )
        for one in node.css_path_nodes
    ]
    key = (id(candidates), *path)
    if key in _found:
        rules, flags = _found[key]
        for name, value in zip(_FLAGS, flags, strict=True):
            setattr(node, name, value)
        sheet.replace_rules(node, rules, animate=animate)
        sheet._process_component_classes(node)
    else:
        chosen: dict[Any, RulesMap] = {}
        _apply(sheet, node, animate=animate, cache=chosen)
        for rules in chosen.values():
            _found[key] = rules, tuple(getattr(node, name) for name in _FLAGS)


Stylesheet.apply = _apply_once
