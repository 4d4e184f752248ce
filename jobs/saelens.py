"""SAELens's ``cfg.json``, without torch: what a folder has to say of itself to be read as meant."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

VERSION = "6.54.0"
"""Version of SAELens whose layout is written here, and the newest whose folders were read."""
HOOK_Z = "hook_z"
"""Value of ``reshape_activations`` where SAELens joins the heads of z before it encodes them."""


def as_saelens_reads(config: Mapping[str, Any]) -> dict[str, Any]:
    """`config` with what SAELens needs to find in it and earlier folders of ours lack.

    Without a version SAELens takes a folder for one from before 6.0 and drops its ``metadata``. It
    trained none of ours: ``sae_lens_training_version`` is null, which it would fill in otherwise.
    z of all heads comes to it as [..., heads, d_head], and must be joined.
    """
    found = config.get("metadata")
    metadata = found if isinstance(found, dict) else {}
    versions = {"sae_lens_version": VERSION, "sae_lens_training_version": None}
    return {
        **config,
        "reshape_activations": HOOK_Z if _joins_heads(metadata) else "none",
        "metadata": {**versions, **metadata},
    }


def _joins_heads(metadata: Mapping[str, Any]) -> bool:
    name = str(metadata.get("hook_name"))
    return name.endswith(f".{HOOK_Z}") and metadata.get("hook_head_index") is None
