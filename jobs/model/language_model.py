"""A language model to read from and to splice into, whatever its family."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from typing import Any

import torch
from jaxtyping import Float, Int64
from torch import Tensor

from jobs.model import onward, parts, plain
from jobs.model.lens import FinalNorm
from jobs.model.plain import Edit
from jobs.model.tokenizer import Tokenizer
from jobs.names import SITES, Hook, parse_hook
from store.errors import AskedWrongly, SaetuiError

_BLOCK = 16_384
"""Rows of the unembedding that are widened to fp32 at once."""
_CHECK_TOKENS = 6
_CE_LOGITS = {"cpu": 1 << 22, "cuda": 1 << 28}
"""Logits held at once where only their loss is wanted: on a CPU, what its cache holds."""


class LanguageModel:
    """A causal language model behind `TransformerBridge`, with a faster way beside it.

    Activations and edits go through the model's own modules (`jobs.model.plain`) for every hook
    where, at loading, that gave the same numbers as the bridge; through the bridge otherwise.
    Nothing here tracks gradients but `last_logits`.
    """

    name: str
    """As asked for, e.g. ``smollm2``."""
    family: str
    """Architecture family, e.g. ``llama``, ``gpt2``."""
    n_layers: int
    n_heads: int
    d_model: int
    d_vocab: int
    context: int
    """Tokens that it reads at once."""
    n_params: int
    source: str
    """Where the weights came from, with revision or checksum."""
    tokenizer: Tokenizer
    bridge: Any
    """The ``TransformerBridge`` around the same weights."""

    def __init__(self, name: str, source: str, hf_model: Any, tokenizer: Tokenizer) -> None:
        self.name = name
        self.source = source
        self.tokenizer = tokenizer
        self.family = str(hf_model.config.model_type)
        self.n_params = sum(p.numel() for p in hf_model.parameters())
        first = next(hf_model.parameters())
        self.device, self.dtype = first.device, first.dtype
        self._plain = plain.twin(hf_model)
        self.bridge = _bridge(name, hf_model, getattr(tokenizer, "fast", None))
        self.n_layers = int(self.bridge.cfg.n_layers)
        self.n_heads = int(self.bridge.cfg.n_heads)
        self.d_model = int(self.bridge.cfg.d_model)
        self.context = int(self.bridge.cfg.n_ctx)
        self._unembedding = self._plain.get_output_embeddings()
        self.d_vocab = int(self._unembedding.weight.shape[0])
        self._places = plain.places(self.bridge, self._plain)
        self._hooks = [
            Hook(layer, site)
            for layer in range(self.n_layers)
            for site in SITES
            if self.bridge.get_hook_point(Hook(layer, site).point) is not None
        ]
        self._final_norm = FinalNorm.of(self._norm_module(), self.d_model, self.device)
        self._check_plain()

    def __repr__(self) -> str:
        return f"LanguageModel({self.name!r}, {self.n_layers} layers, d_model={self.d_model})"

    def hooks(self) -> list[Hook]:
        """Every hook that this model has; the heads of `z` are not told apart."""
        return list(self._hooks)

    def hook(self, text: str | Hook) -> Hook:
        """Reads a hook's name; raises AskedWrongly, naming the nearest, if the model lacks it."""
        hook = text if isinstance(text, Hook) else parse_hook(text, self.n_layers, self.n_heads)
        if hook.whole not in self._hooks or (hook.head or 0) >= self.n_heads:
            here = [h.label for h in self._hooks if h.layer == min(hook.layer, self.n_layers - 1)]
            raise AskedWrongly(
                f"Model {self.name} has no hook {hook.label}; at that depth it has "
                f"{', '.join(here) or 'none'} (layers 0 to {self.n_layers - 1})."
            )
        return hook

    def width(self, hook: Hook) -> int:
        """Width of the activation at `hook`."""
        width = self._widths[self.hook(hook).site]
        return width if hook.head is None else width // self.n_heads

    @torch.inference_mode()
    def activations(
        self, tokens: Int64[Tensor, "b t"], hooks: Sequence[Hook]
    ) -> dict[Hook, Float[Tensor, "b t d"]]:
        """Activations at `hooks`, in the model's precision. Computes no more of the model than
        the last of them needs. Padding belongs at the end of a row: attention is causal, so it
        changes nothing before it.
        """
        asked = list(dict.fromkeys(self.hook(hook) for hook in hooks))
        if not asked:
            return {}
        wanted, tokens = list(dict.fromkeys(hook.whole for hook in asked)), tokens.to(self.device)
        if all(hook in self._places for hook in wanted):
            found = plain.read(self._plain, tokens, self._places, wanted)
        else:
            found = self._bridge_activations(tokens, wanted)
        return {hook: parts.read(found[hook.whole], hook, self.n_heads) for hook in asked}

    @torch.inference_mode()
    def logits(
        self, tokens: Int64[Tensor, "b t"], edits: Mapping[Hook, Edit] | None = None
    ) -> Float[Tensor, "b t v"]:
        """Logits, with what `edits` return put in place of the activations at their hooks: all
        that follows sees it. An edit gets [b, t, d] and returns the same shape.
        """
        tokens, edits = tokens.to(self.device), self._checked(edits)
        if all(hook in self._places for hook in edits):
            with plain.edited(self._places, edits):
                return self._plain(input_ids=tokens, use_cache=False).logits
        return self._bridge_logits(tokens, edits)

    @torch.inference_mode()
    def loss(
        self, tokens: Int64[Tensor, "b t"], edits: Mapping[Hook, Edit] | None = None
    ) -> Float[Tensor, "b t-1"]:
        """Cross-entropy in nats of every token but the first, given those before it, in fp32."""
        tokens, checked = tokens.to(self.device), self._checked(edits)
        if self._split_head and all(hook in self._places for hook in checked):
            with plain.edited(self._places, checked):
                hidden = self._plain.base_model(input_ids=tokens, use_cache=False)[0]
            return self._loss_of_hidden(hidden[:, :-1], tokens[:, 1:])
        logits = self.logits(tokens, edits)[:, :-1]
        return _cross_entropy(logits.flatten(0, 1), tokens[:, 1:].flatten()).view(len(tokens), -1)

    def last_logits(
        self,
        tokens: Int64[Tensor, "b t"],
        at: Int64[Tensor, " b"],
        edits: Mapping[Hook, Edit] | None = None,
        only: Int64[Tensor, "b c"] | None = None,
    ) -> Float[Tensor, "b v"]:
        """Logits of what follows position `at` of each row, with `edits` in place; of every token,
        or of those that `only` names for each row. Unlike all else here it is part of the caller's
        graph: gradients reach what edits are made of.
        """
        if only is not None and not self._split_head:
            return self.last_logits(tokens, at, edits).gather(1, only)
        tokens, checked = tokens.to(self.device), self._checked(edits)
        rows, at = torch.arange(len(tokens), device=self.device), at.to(self.device)
        if self._split_head and all(hook in self._places for hook in checked):
            with plain.edited(self._places, checked):
                hidden = self._plain.base_model(input_ids=tokens, use_cache=False)[0]
            if only is not None:
                return _logits_of(hidden[rows, at], self._unembedding, only)
            return _Unembed.apply(hidden[rows, at], self._unembedding)
        if all(hook in self._places for hook in checked):
            with plain.edited(self._places, checked):
                return self._plain(input_ids=tokens, use_cache=False).logits[rows, at]
        logits = self._bridge_logits(tokens, checked)[rows, at]
        return logits if only is None else logits.gather(1, only)

    def can_begin(self, hooks: Iterable[Hook]) -> bool:
        """Whether `beginning_at` serves for passes with edits at `hooks`."""
        written = parts.edits({self.hook(hook): lambda x: x for hook in hooks}, self.n_heads)
        return self._begins and all(hook in self._places for hook in written)

    @contextmanager
    def beginning_at(self, layer: int, residual: Float[Tensor, "b t d"]) -> Iterator[None]:
        """Within the block, passes of as many rows begin at `layer` with `residual`, what that
        block reads; those before it are not computed, and hooks there see nothing of worth. Only
        where `can_begin`.
        """
        with onward.beginning_at(self._blocks(), layer, residual.to(self.device, self.dtype)):
            yield

    def roots(self) -> list[Any]:
        """The modules that run: the plain twin, and what the bridge wraps. For those who change
        how a module is differentiated; what it computes must stay.
        """
        return [self._plain, self.bridge.original_model]

    def unembed(self, directions: Float[Tensor, "n d"], block: int = 4096) -> Float[Tensor, "n v"]:
        """Logits that one unit along each direction of the residual stream adds, in fp32 on the
        CPU: the logit lens. The final norm's weights are applied and, for LayerNorm, the mean is
        removed; its division by the length of the residual stream is not.
        """
        weight = self._unembedding.weight
        parts = []
        for part in directions.split(block):
            through = self._final_norm.linear(part.to(self.device, torch.float32))
            parts.append((through.to(weight.dtype) @ weight.T).float().cpu())
        return torch.cat(parts) if parts else torch.empty(0, self.d_vocab)

    def norm_gain(self, hook: Hook) -> Float[Tensor, " d"]:
        """What the norm whose output is read at `hook`, an ``mlp_in``, multiplies each coordinate
        by at its end. Raises AskedWrongly where there is no such norm, or one that takes the mean
        away and adds a bias (LayerNorm).
        """
        block = self.bridge.blocks[self.hook(hook).layer]
        name = getattr(getattr(block, "ln2", None), "name", None)
        found = None
        if name and hook.site == "mlp_in":
            norm = self._plain.get_submodule(f"{block.name}.{name}")
            found = FinalNorm.of(norm, self.d_model, self.device)
        if found is None or found.removes_mean or not bool((found.gain != 0).all()):
            raise AskedWrongly(
                f"The dictionary reads what an RMSNorm gives before its gain, and {hook.label} of "
                f"{self.name} is not behind such a norm."
            )
        return found.gain

    def token_strings(self, ids: Iterable[int]) -> list[str]:
        """The text of each token alone."""
        return [self.tokenizer.token(int(id)) for id in ids]

    def row(self) -> dict[str, Any]:
        """This model as a row of the table ``models``."""
        keys = ("family", "n_layers", "d_model", "d_vocab", "n_params", "source")
        return {"model": self.name, **{key: getattr(self, key) for key in keys}}

    def _blocks(self) -> list[Any]:
        return [self._plain.get_submodule(block.name) for block in self.bridge.blocks]

    @cached_property
    def _begins(self) -> bool:
        """Whether a pass from the middle gives the model's own logits: some models hand on more
        than the residual stream from block to block.
        """
        start = Hook(self.n_layers // 2, "resid_pre")
        if start not in self._places:
            return False
        tokens = self._spread_tokens()
        residual = self.activations(tokens, [start])[start]
        try:
            with torch.inference_mode(), self.beginning_at(start.layer, residual):
                found = self._plain.base_model(input_ids=tokens, use_cache=False)[0]
        except (TypeError, ValueError, RuntimeError, KeyError, IndexError):
            return False
        with torch.inference_mode():
            return plain.same(found, self._plain.base_model(input_ids=tokens, use_cache=False)[0])

    def _spread_tokens(self) -> Tensor:
        spread = torch.arange(1, _CHECK_TOKENS + 1) * (self.d_vocab // (_CHECK_TOKENS + 2))
        return spread.view(1, -1).to(self.device)

    def _checked(self, edits: Mapping[Hook, Edit] | None) -> dict[Hook, Edit]:
        given = {self.hook(hook): _same_shape(hook, edit) for hook, edit in (edits or {}).items()}
        return parts.edits(given, self.n_heads)

    def _bridge_activations(self, tokens: Tensor, hooks: Sequence[Hook]) -> dict[Hook, Tensor]:
        seen: dict[Hook, Tensor] = {}
        stop = max(hook.layer for hook in hooks) + 1
        self.bridge.run_with_hooks(
            tokens,
            return_type=None,
            stop_at_layer=stop if stop < self.n_layers else None,
            fwd_hooks=[(hook.point, _as_bridge_hook(_keep(seen, hook))) for hook in hooks],
        )
        return {hook: seen[hook] for hook in hooks}

    def _bridge_logits(self, tokens: Tensor, edits: Mapping[Hook, Edit]) -> Tensor:
        hooks = [(hook.point, _as_bridge_hook(edit)) for hook, edit in edits.items()]
        return self.bridge.run_with_hooks(tokens, return_type="logits", fwd_hooks=hooks)

    def _loss_of_hidden(self, hidden: Tensor, targets: Tensor) -> Tensor:
        size = max(1, _CE_LOGITS.get(self.device.type, 1 << 24) // self.d_vocab)
        parts = [
            _cross_entropy(self._unembedding(rows), wanted)
            for rows, wanted in zip(
                hidden.flatten(0, 1).split(size), targets.flatten().split(size), strict=True
            )
        ]
        return torch.cat(parts).view(targets.shape)

    def _norm_module(self) -> Any:
        name = getattr(getattr(self.bridge, "ln_final", None), "name", None)
        return self._plain.get_submodule(name) if name else None

    @torch.inference_mode()
    def _check_plain(self) -> None:
        """Keeps only those places whose activations equal the bridge's; finds out whether logits
        are the unembedding of the final hidden state and nothing more.
        """
        tokens = self._spread_tokens()
        theirs, wanted = self._bridge_everything(tokens)
        ours: dict[Hook, Tensor] = {}
        with plain.edited(self._places, {hook: _keep(ours, hook) for hook in self._places}):
            hidden = self._plain.base_model(input_ids=tokens, use_cache=False)[0]
        self._places = {
            hook: place
            for hook, place in self._places.items()
            if hook in ours and plain.same(ours[hook], theirs[hook])
        }
        self._hooks = [hook for hook in self._hooks if parts.adds_up(hook, theirs)]
        self._split_head = plain.same(self._unembedding(hidden), wanted)
        self._widths = {hook.site: x.shape[-1] for hook, x in theirs.items()}

    def _bridge_everything(self, tokens: Tensor) -> tuple[dict[Hook, Tensor], Tensor]:
        """Activations at every hook, and logits."""
        seen: dict[Hook, Tensor] = {}
        hooks = [(hook.point, _as_bridge_hook(_keep(seen, hook))) for hook in self._hooks]
        return seen, self.bridge.run_with_hooks(tokens, return_type="logits", fwd_hooks=hooks)


def _logits_of(
    hidden: Float[Tensor, "b d"], head: Any, only: Int64[Tensor, "b c"]
) -> Float[Tensor, "b c"]:
    """As `_Unembed`, of a few tokens: no more of the weights is read than their rows."""
    rows = head.weight.detach()[only].float()
    logits = (hidden.float()[:, None] * rows).sum(-1)
    return logits if head.bias is None else logits + head.bias.detach()[only].float()


class _Unembed(torch.autograd.Function):
    """Logits in fp32 of hidden states and weights in any precision: in bf16 a logit of 20 is known
    to an eighth, and what a node changes is often less. Weights are widened block by block, and
    anew for the way back.
    """

    @staticmethod
    def forward(ctx: Any, hidden: Tensor, head: Any) -> Tensor:
        ctx.head, ctx.dtype = head, hidden.dtype
        blocks = head.weight.detach().split(_BLOCK)
        logits = torch.cat([hidden.float() @ block.float().T for block in blocks], 1)
        return logits if head.bias is None else logits + head.bias.detach().float()

    @staticmethod
    def backward(ctx: Any, *gradient: Tensor) -> tuple[Tensor, None]:
        blocks = zip(
            gradient[0].split(_BLOCK, 1), ctx.head.weight.detach().split(_BLOCK), strict=True
        )
        return sum(part @ block.float() for part, block in blocks).to(ctx.dtype), None


def _bridge(name: str, hf_model: Any, tokenizer: Any) -> Any:
    from transformer_lens.model_bridge import TransformerBridge

    if not getattr(hf_model.config, "architectures", None):
        hf_model.config.architectures = [type(hf_model).__name__]
    try:
        return TransformerBridge.boot_transformers(
            name,
            hf_model=hf_model,
            tokenizer=tokenizer,
            device=next(hf_model.parameters()).device,
            dtype=next(hf_model.parameters()).dtype,
        )
    except Exception as error:  # an architecture that TransformerLens has no adapter for
        reason = str(error).strip().split(". ")[0].splitlines()[0:1]
        raise SaetuiError(
            f"TransformerLens cannot wrap {name} (architecture {hf_model.config.model_type}): "
            f"{reason[0] if reason else type(error).__name__}."
        ) from error


def _as_bridge_hook(edit: Edit) -> Any:
    def hook(value: Tensor, hook: Any) -> Tensor:
        return edit(value.flatten(2)).view(value.shape)  # z has an axis for heads

    return hook


def _keep(seen: dict[Hook, Tensor], hook: Hook) -> Edit:
    """An edit that changes nothing and notes the activation in `seen`."""

    def keep(value: Tensor) -> Tensor:
        seen[hook] = value
        return value

    return keep


def _same_shape(hook: Hook, edit: Edit) -> Edit:
    """`edit`, refusing what does not fit: a broadcast would silently pass for an edit."""

    def checked(value: Tensor) -> Tensor:
        new = edit(value)
        if new.shape != value.shape:
            raise ValueError(f"edit at {hook.label} gave {new.shape} for {value.shape}")
        return new.to(value.dtype)

    return checked


def _cross_entropy(logits: Tensor, targets: Tensor) -> Tensor:
    return torch.nn.functional.cross_entropy(logits.float(), targets, reduction="none")
