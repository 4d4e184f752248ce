"""How hook points, models and dictionaries are named. Torch-free: the face uses it too."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence
from typing import NamedTuple

from store.errors import AskedWrongly

SITES: dict[str, str] = {
    "resid_pre": "hook_resid_pre",
    "resid_mid": "hook_resid_mid",
    "resid_post": "hook_resid_post",
    "mlp_out": "hook_mlp_out",
    "attn_out": "hook_attn_out",
    "z": "attn.hook_z",
    "mlp_in": "mlp.hook_in",
}
"""Site name → TransformerLens hook inside a block. `resid_mid` lies between attention and MLP; `z`
is what the attention heads give, one after another, before the output matrix (`z.H3` is head 3
alone); `mlp_in` is what the MLP reads, after its norm.
"""
WITHIN = ("resid_pre", "z", "attn_out", "resid_mid", "mlp_in", "mlp_out", "resid_post")
"""Sites of a block in the order in which a forward pass comes by."""
assert set(WITHIN) == set(SITES)
INSIDE = frozenset({"z", "mlp_in"})
"""Sites whose directions are not of the residual stream."""

_LAYER = re.compile(r"^L\d+$")
_HEAD = r"(?:\.H(\d+))?$"
_SHORT = re.compile(r"^L(\d+)\.([a-z_]+)" + _HEAD)
_LONG = re.compile(r"^blocks\.(\d+)\.([a-z_.]+)" + _HEAD)


class Hook(NamedTuple):
    """A place in the model where activations are read or written."""

    layer: int
    """Block index, from 0."""
    site: str
    """Key of `SITES`."""
    head: int | None = None
    """One attention head of `z`, from 0; None means the whole activation."""
    other: bool = False
    """Whether it is of the other model, where a job reads two."""

    @property
    def place(self) -> str:
        """What follows the layer in `label`: ``resid_post``, ``z.H3``."""
        return self.site if self.head is None else f"{self.site}.H{self.head}"

    @property
    def label(self) -> str:
        """Short name, e.g. ``L12.resid_post`` or ``L12.z.H3``."""
        return f"L{self.layer}.{self.place}"

    @property
    def described(self) -> str:
        """`label`, told apart from the same hook of the other model."""
        return self.label + (" of the other model" if self.other else "")

    @property
    def name(self) -> str:
        """TransformerLens name, e.g. ``blocks.12.hook_resid_post``; a head follows behind a dot
        (``blocks.12.attn.hook_z.H3``), where TransformerLens has an axis instead.
        """
        return self.point if self.head is None else f"{self.point}.H{self.head}"

    @property
    def point(self) -> str:
        """Name of the TransformerLens hook point that it is all or a part of."""
        return f"blocks.{self.layer}.{SITES[self.site]}"

    @property
    def whole(self) -> Hook:
        """The same hook with all heads."""
        return self._replace(head=None)


def depth(hook: Hook) -> tuple[int, int, int]:
    """Sorts hooks in the order of the model."""
    return hook.layer, WITHIN.index(hook.site), hook.head or 0


def parse_hook(text: str, n_layers: int | None = None, n_heads: int | None = None) -> Hook:
    """Reads ``L12.resid_post``, ``L12.z.H3`` or ``blocks.12.hook_resid_post``.

    Raises AskedWrongly, naming the nearest valid hooks, where the text is none of these, or where
    the model has only `n_layers` blocks or `n_heads` attention heads.
    """
    by_hook = {hook: site for site, hook in SITES.items()}
    layer, site, head = None, "", None
    if short := _SHORT.match(text):
        layer, site, head = int(short[1]), short[2], short[3]
    elif long := _LONG.match(text):
        layer, site, head = int(long[1]), by_hook.get(long[2], long[2]), long[3]
    if layer is None or site not in SITES:
        raise AskedWrongly(f"No hook is called {text!r}; {_nearest(text, layer, site)}")
    if n_layers is not None and layer >= n_layers:
        raise AskedWrongly(
            f"Hook {text!r} is at layer {layer}, but the model has layers 0 to {n_layers - 1}; "
            f"the last one is L{n_layers - 1}.{site}."
        )
    if head is None:
        return Hook(layer, site)
    if site != "z":
        raise AskedWrongly(f"Hook {text!r} has no heads; only z has, e.g. L{layer}.z.H{head}.")
    if n_heads is not None and int(head) >= n_heads:
        raise AskedWrongly(
            f"Hook {text!r} is of head {head}, but the model has heads 0 to {n_heads - 1}."
        )
    return Hook(layer, site, int(head))


def parse_hooks(
    text: str, n_layers: int | None = None, n_heads: int | None = None
) -> tuple[Hook, ...]:
    """Reads hooks joined by ``+``: ``L1.resid_post+L2.mlp_out``; where all have one site, it may
    stand at the end alone, ``L1+L2.resid_post``. Raises AskedWrongly as `parse_hook` does, and
    where a hook is named twice.
    """
    words = [word.strip() for word in text.split("+")]
    if all(_LAYER.match(word) for word in words[:-1]) and "." in words[-1]:
        site = words[-1].partition(".")[2]
        words = [*(f"{word}.{site}" for word in words[:-1]), words[-1]]
    hooks = tuple(parse_hook(word, n_layers, n_heads) for word in words)
    if len(set(hooks)) < len(hooks):
        raise AskedWrongly(f"hooks={text} joins a hook with itself; name each once.")
    return hooks


def joined_label(hooks: Sequence[Hook]) -> str:
    """The short name of hooks that are read together, e.g. ``L1+L2.resid_post``."""
    if len({hook.place for hook in hooks}) == 1:
        return "+".join(f"L{hook.layer}" for hook in hooks) + "." + hooks[0].place
    return "+".join(hook.label for hook in hooks)


def _nearest(text: str, layer: int | None, site: str) -> str:
    place = 0 if layer is None else layer
    valid = [f"L{place}.{name}" for name in SITES]
    close = difflib.get_close_matches(f"L{place}.{site or text}", valid, n=2, cutoff=0.5)
    if close:
        return "did you mean " + " or ".join(close) + "?"
    return "valid are " + ", ".join(valid) + "."


def model_slug(model: str) -> str:
    """The folder name of a model: hub names lose their slash, paths all but their last part."""
    if model.startswith((".", "/", "~")) or model.endswith(".gguf"):
        model = model.rstrip("/").rsplit("/", 1)[-1].removesuffix(".gguf")
    return re.sub(r"[^A-Za-z0-9._-]+", "-", model.replace("/", "--")).strip("-.") or "model"
