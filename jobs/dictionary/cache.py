"""Activations kept on disk, so that a second job reads them instead of running the model.

They are found by what they come from alone. What the model gives for a probe stands for the model:
weights, revision, precision, library and the way it is read all show in its bits. The token ids of
a block, and how many documents went through the model at once, stand for the text. So whatever else
two jobs differ in (seeds, widths, architectures, which other hooks), they share what is the same,
and train to the same bytes as without it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

import torch
from jaxtyping import Bool, Float, Int64
from safetensors.torch import load, save_file
from torch import Tensor

from jobs.names import Hook, model_slug
from store import cache
from store.errors import AskedWrongly, SaetuiError
from store.files import human_bytes

_PROBE = (2, 24)
"""Documents and tokens of the probe."""
_HEADER = 128
"""Bytes of a file beside its tensor, at most."""


class Model(Protocol):
    """What is asked of a language model."""

    @property
    def d_vocab(self) -> int:
        """Size of the vocabulary."""

    def activations(
        self, tokens: Int64[Tensor, "b t"], hooks: list[Hook]
    ) -> dict[Hook, Float[Tensor, "b t d"]]:
        """Activations at `hooks`."""


class ActivationCache:
    """The activations of some hooks, block by block; see `jobs.dictionary.stream`."""

    def __init__(
        self,
        root: Path,
        limit: int,
        model: Model,
        hooks: Sequence[Hook],
        *,
        device: str = "cpu",
        named: Sequence[str] = (),
        about: Mapping[str, Any] | None = None,
        say: Callable[[str], None] = lambda message: None,
    ) -> None:
        """`root` is the workspace's folder; all that is kept there takes `limit` bytes at most.
        `hooks` are read from `model` together. `named` are ids: `read` raises AskedWrongly
        unless they are what is in use. `about` tells who looks into the folder what it is; its
        ``model`` is part of the id.
        """
        self.root, self.limit, self.say = root, limit, say
        self.model, self.hooks, self.device = model, list(hooks), device
        self.about = dict(about or {})
        self.named = set(named)
        self.full = not limit
        """Whether nothing more is kept."""
        self.found = 0
        """Tokens that the model was not asked for."""
        self._used = 0
        self._shelves: dict[Hook, cache.Shelf] = {}

    def ids(self) -> list[str]:
        """What is in use, e.g. ``smollm2/L12.resid_post/5f0c6d1e93a2``; none before the start."""
        return [shelf.id for shelf in self._shelves.values()]

    def close(self) -> None:
        """Lets go of what is in use."""
        for shelf in self._shelves.values():
            shelf.close()
        self._shelves.clear()

    def _open(self) -> None:
        """Not before the first block: a resumed job sets its number of threads first."""
        slug = model_slug(str(self.about.get("model", "model")))
        found = identified(self.model, self.hooks, self.device)
        ids = {hook: f"{slug}/{hook.label}/{digest}" for hook, digest in found.items()}
        self._refuse_others(set(ids.values()))
        for hook, id in ids.items():
            self._shelves[hook] = cache.Shelf(self.root, id, {**self.about, "hook": hook.name})
        self._used = cache.used(self.root)

    def read(self, key: str, n: int, device: str) -> dict[Hook, Float[Tensor, "n d"]]:
        """The hooks for which the block `key` of `n` tokens is kept. What is damaged is removed,
        told, and left to the model.
        """
        held = {}
        if not self._shelves:
            self._open()
        for hook, shelf in self._shelves.items():
            content, damaged = shelf.read(key)
            if damaged:
                self.say(
                    f"Activations of {hook.label} kept in {shelf.folder} were damaged; the model "
                    "gives them again."
                )
            if content is not None and len(x := load(content)["x"]) == n:
                held[hook] = x.to(device)
        if len(held) == len(self._shelves):
            self.found += n
        return held

    def _refuse_others(self, own: set[str]) -> None:
        if self.named and self.named != own:
            raise AskedWrongly(
                f"{_listed(self.named - own or self.named)} would not do: with this job's weights, "
                f"revision, dtype, machine and threads, activations are {_listed(own)}."
            )

    def must_have(self, held: Mapping[Hook, Tensor]) -> None:
        """Raises AskedWrongly where ids were named and `held`, of the first block, lacks a hook."""
        lacking = {shelf.id for hook, shelf in self._shelves.items() if hook not in held}
        if self.named and lacking:
            raise AskedWrongly(
                f"{_listed(lacking)} holds nothing of this job's text: what is kept serves the "
                "same corpus, context and buffer. Leave cached out to run the model."
            )

    def write(self, key: str, held: Mapping[Hook, Float[Tensor, "n d"]]) -> None:
        """Keeps a block at the hooks given, if there is room for all of it."""
        if self.full or not self._has_room(sum(x.nbytes + _HEADER for x in held.values())):
            return
        for hook, x in held.items():
            tensors = {"x": x.cpu().contiguous()}
            try:
                self._used += self._shelves[hook].write(key, lambda to, t=tensors: save_file(t, to))  # type: ignore[misc]
            except SaetuiError as error:
                self._no_more(f"activations are kept no further: {error}")
                return

    def _has_room(self, size: int) -> bool:
        """Whether `size` bytes more may be kept, once what was unused longest has made room: no
        more of it than must, and none where even all of it would not do.
        """
        if self._used + size > self.limit:
            self._used = cache.used(self.root)  # others may have come and gone
        if (over := self._used + size - self.limit) > 0:
            for folder in cache.making_room(self.root, over):
                self._used -= cache.remove(self.root, folder)
        if self._used + size > self.limit:
            limit, block = human_bytes(self.limit), human_bytes(size)
            self._no_more(
                f"cache={limit} does not hold one block of {block}: activations are not kept; give "
                "more, or a smaller buffer"
                if size > self.limit
                else f"cache={limit} is full: further activations are not kept"
            )
        return not self.full

    def _no_more(self, why: str) -> None:
        self.full = True
        self.say(why)


def identified(model: Model, hooks: Sequence[Hook], device: str) -> dict[Hook, str]:
    """What tells activations at each of `hooks`, read together, from those of other models."""
    documents, length = _PROBE
    ids = torch.arange(documents * length) * model.d_vocab // (documents * length)
    seen = model.activations(ids.view(documents, length).to(device), list(hooks))
    # How a sum is split over threads shows in its last bits, and so does the machine it runs on.
    machine = f"{torch.__version__} {_machine(device)}"
    return {hook: _digest(machine, seen[hook])[:12] for hook in hooks}


def _listed(ids: Iterable[str]) -> str:
    return " and ".join(sorted(ids))


def block_key(
    tokens: Int64[Tensor, "documents context"],
    mask: Bool[Tensor, "documents context"],
    forward: int,
) -> str:
    """What a block was read from: its documents in order, `forward` of them at a time."""
    return _digest(f"{forward} {list(tokens.shape)}", tokens.masked_fill(~mask, -1))[:24]


def _machine(device: str) -> str:
    if device.startswith("cuda"):
        return torch.cuda.get_device_name(device)
    return f"{torch.backends.cpu.get_cpu_capability()} {torch.get_num_threads()} threads"


def _digest(text: str, x: Tensor) -> str:
    held = x.detach().cpu().contiguous()
    raw = held.view(torch.uint8).numpy().tobytes()
    return hashlib.sha256(f"{text} {held.dtype} ".encode() + raw).hexdigest()
