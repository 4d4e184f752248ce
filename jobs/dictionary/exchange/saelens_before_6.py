"""SAELens folders from before 6.0: their ``cfg.json`` in the words of 6.0, by the rules by which
SAELens itself reads them (``handle_pre_6_0_config``).
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from jobs.saelens import version_of
from store.errors import AskedWrongly

RENAMED = {
    "hook_point": "hook_name",
    "hook_point_head_index": "hook_head_index",
    "activation_fn_str": "activation_fn",
}
"""Keys of earlier versions → those of today."""
_BEFORE = tuple(f"{major}." for major in range(6))
NORMALISED = {False: "none", True: "expected_average_only_in"}
"""``normalize_activations`` was a yes or no once."""


def in_words_of_6(config: Mapping[str, Any], path: Path) -> dict[str, Any]:
    """`config` as 6.0 would have written it; as it is where a version from 6 on wrote it. Raises
    AskedWrongly for an activation function that neither architecture of 6.0 stands for.
    """
    version = version_of(config)
    if version and not version.startswith(_BEFORE):
        return dict(config)
    new = {RENAMED.get(key, key): value for key, value in config.items()}
    if isinstance(new.get("normalize_activations"), bool):
        new["normalize_activations"] = NORMALISED[new["normalize_activations"]]
    _name_layer(new)
    _choose_architecture(new, path)
    return new


def _name_layer(config: dict[str, Any]) -> None:
    """The first versions left a gap for the layer: ``blocks.{layer}.hook_resid_pre``."""
    name, layer = config.get("hook_name"), config.get("hook_point_layer")
    if isinstance(name, str) and type(layer) is int:
        config["hook_name"] = name.replace("{layer}", str(layer))


def _choose_architecture(config: dict[str, Any], path: Path) -> None:
    """A top-k was an activation function of the standard architecture, its k an argument."""
    named = config.get("activation_fn") or "relu"
    arguments = config.get("activation_fn_kwargs")
    k = arguments.get("k") if isinstance(arguments, dict) else None
    if config.get("architecture") not in (None, "standard", "topk"):
        return
    if named not in ("relu", "topk"):
        raise AskedWrongly(f"{path} has activation_fn {named!r}; this version knows relu and topk.")
    if named == "topk":
        config["architecture"] = "topk"
    if config.get("architecture") == "topk" and k is not None:
        config["k"] = k
