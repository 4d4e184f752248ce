"""Activations of a corpus, mixed: one forward pass of the model serves every hook.

The stream is cut into blocks of about `buffer` tokens. A block is so many documents of the
corpus's shuffled order, all read before any is used, then dealt in random order into batches. What
a block holds depends on its number alone, so a checkpoint needs no activations: only the block's
number and how far into it training was. Memory is one block per hook.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal, NamedTuple, Protocol

import numpy as np
import torch
from jaxtyping import Bool, Float, Int64
from torch import Tensor

from jobs.dictionary.cache import ActivationCache, block_key
from jobs.dictionary.massive import Scale, measure
from jobs.names import Hook
from store.errors import SaetuiError

ORDER_SEED = 0
"""Every stream reads a corpus in the same order, whatever is trained on it: so a dictionary does
not depend on those trained beside it, and seeds differ in how they start, nothing else."""
_LAP = 1_000_003
"""More than there are blocks: the orders of a block's later passes are its own. (Seeds that differ
in bits above the 32nd are one seed to torch.)
"""


class Model(Protocol):
    """What the stream asks of a language model."""

    def activations(
        self, tokens: Int64[Tensor, "b t"], hooks: list[Hook]
    ) -> dict[Hook, Float[Tensor, "b t d"]]:
        """Activations at `hooks`."""


class Corpus(Protocol):
    """What the stream asks of a corpus."""

    def documents(self, split: Literal["train"]) -> np.ndarray:
        """Ids of the documents of a split."""

    def order(self, split: Literal["train"], seed: int, epoch: int) -> np.ndarray:
        """The same, shuffled."""

    def tokens(self, docs: Any) -> tuple[Any, Any]:
        """Token ids [b, context], padded, and which of them are real."""


Pair = tuple[Hook, ...]
"""Hooks read together: what a transcoder reads and what it writes, all sources of a crosscoder."""


class Batch(NamedTuple):
    """What one optimiser step reads."""

    x: dict[Hook, Float[Tensor, "kept d"]]
    """Scaled activations a hook, massive ones left out."""
    pairs: dict[Pair, tuple[Float[Tensor, "kept d"], ...]]
    """The same at several hooks, of the tokens that are massive at none of them."""
    tokens: int
    """Tokens read for it, those left out included."""


class _Block(NamedTuple):
    x: dict[Hook, Float[Tensor, "n d"]]
    first: Bool[Tensor, " n"]
    """Which rows are at position 0."""
    deal: Int64[Tensor, " n"]
    """The order they are dealt in at first."""
    documents: int
    """How many documents it was read from."""


@dataclass
class Position:
    """Where in the stream training is."""

    block: int = 0
    step: int = 0
    """Batches dealt from the block, in all passes over it."""
    document: int = 0
    """Documents before the block, laps of the corpus counted."""
    start: int = 0
    """Tokens before the block, each counted once."""
    read: int = 0
    """Tokens dealt so far, passes counted."""


class ActivationStream:
    """Shuffled batches of activations, massive ones left out, the rest scaled."""

    def __init__(
        self,
        model: Model,
        corpus: Corpus,
        hooks: Sequence[Hook],
        *,
        tokens: int,
        batch: int,
        buffer: int,
        passes: int = 1,
        forward: int = 16,
        pairs: Sequence[Pair] = (),
        norm_limit: float = 10.0,
        device: str = "cpu",
        cache: ActivationCache | None = None,
        say: Callable[[str], None] = lambda message: None,
        heartbeat: Callable[[int, int], None] = lambda read, block: None,
    ) -> None:
        """`hooks` are read alone, `pairs` together. `tokens` is how many the model reads in all;
        each block of them is dealt `passes` times, in another order every time. `forward` is the
        documents in one forward pass; `cache` keeps activations on disk. `heartbeat(read,
        expected)` is called between forward passes and may raise to stop.
        """
        self.model, self.corpus, self.alone, self.pairs = model, corpus, list(hooks), list(pairs)
        self.hooks = list(dict.fromkeys([*hooks, *(hook for pair in pairs for hook in pair)]))
        self.tokens, self.batch, self.forward, self.passes = tokens, batch, forward, passes
        self.norm_limit, self.device, self.cache = norm_limit, device, cache
        self.say, self.heartbeat = say, heartbeat
        self.n_documents = len(corpus.documents("train"))
        if not self.n_documents:
            raise SaetuiError("The corpus has no training documents; give it more text.")
        self._length = _mean_length(corpus)
        self._documents_per_block = max(1, round(max(buffer, batch) / self._length))
        self.scales: dict[Hook, Scale] = {}
        """Known once `begin` or `restore` has been called."""
        self.left_out: dict[Hook | Pair, int] = dict.fromkeys([*self.alone, *self.pairs], 0)
        """Massive activations passed over so far."""
        self.at = Position()
        self.forwarded = 0
        """Tokens that went through the model so far, those of the block at hand included."""
        self._block: _Block | None = None

    def begin(self) -> None:
        """Reads the first block and measures each hook's scale on it."""
        block = self._block = self._fill()
        for hook in self.hooks:
            self.scales[hook] = measure(block.x[hook], block.first, self.norm_limit)

    def sample(self, hook: Hook, rows: int) -> Float[Tensor, "at_most_rows d"]:
        """Scaled activations from the block at hand, to start a dictionary from."""
        assert self._block is not None
        return self._scaled(self._block, (hook,), self._block.deal[:rows])[0][0]

    def sample_pair(self, pair: Pair, rows: int) -> tuple[Tensor, ...]:
        """The same at hooks read together, row by row of one token."""
        assert self._block is not None
        return tuple(self._scaled(self._block, pair, self._block.deal[:rows])[0])

    @property
    def whole(self) -> int:
        """Tokens that will be dealt, passes counted."""
        return self.tokens * self.passes

    def more(self) -> bool:
        """Whether there is training left; a rest of less than half a batch does not count."""
        rest = self.tokens - self.at.start
        return self.at.read == 0 or self.at.step > 0 or rest >= self.batch / 2

    def next(self) -> Batch:
        """The next batch."""
        block = self._block = self._block or self._fill()
        n = len(block.deal)
        steps = max(1, round(n / self.batch))
        lap, step = divmod(self.at.step, steps)
        low, high = (n * edge // steps for edge in (step, step + 1))
        rows = (self._deal(n, lap) if lap else block.deal)[low:high]
        batch = Batch({}, {}, high - low)
        for hook in self.alone:
            (batch.x[hook],), left_out = self._scaled(block, (hook,), rows)
            self.left_out[hook] += left_out
        for pair in self.pairs:
            read, left_out = self._scaled(block, pair, rows)
            batch.pairs[pair] = tuple(read)
            self.left_out[pair] += left_out
        self.at.read += high - low
        self.at.step += 1
        if self.at.step == steps * self.passes:
            after, start = self.at.document + block.documents, self.at.start + n
            self.at = Position(self.at.block + 1, 0, after, start, self.at.read)
            self._block = None
        return batch

    def facts(self) -> dict[str, Any]:
        """Where the stream is: plain JSON, all that `restore` needs."""
        return {
            "at": asdict(self.at),
            "forward": self.forward,
            "left_out": list(self.left_out.values()),
            "scales": [self.scales[hook].facts() for hook in self.hooks],
        }

    def restore(self, facts: dict[str, Any]) -> None:
        """Goes to where `facts` were taken; the block there is read again when it is needed."""
        self.at, self._block = Position(**facts["at"]), None
        self.forward = facts["forward"]
        self.left_out = dict(zip(self.left_out, facts["left_out"], strict=True))
        scales = [Scale(**scale) for scale in facts["scales"]]
        self.scales = dict(zip(self.hooks, scales, strict=True))

    def _scaled(
        self, block: _Block, hooks: Sequence[Hook], rows: Tensor
    ) -> tuple[list[Tensor], int]:
        """Activations of `rows` at each hook, those massive at any left out, and how many."""
        read = [block.x[hook][rows] for hook in hooks]
        scales, first = [self.scales[hook] for hook in hooks], block.first[rows]
        keeps = [scale.keep(x, first) for scale, x in zip(scales, read, strict=True)]
        kept = torch.stack(keeps).all(0)
        left_out = len(rows) - int(kept.sum())
        read = [x[kept] for x in read] if left_out else read
        made = [x.to(torch.float32) * s.factor for x, s in zip(read, scales, strict=True)]
        return made, left_out

    def _fill(self) -> _Block:
        """Reads the block at hand; the same one whenever it is read."""
        docs = self._documents()
        tokens, mask = (torch.as_tensor(part) for part in self.corpus.tokens(docs))
        mask = mask.bool()
        if not bool(mask.all()):
            # Neighbours of one length share a forward pass, so that little padding is computed.
            by_length = mask.sum(1).sort(descending=True, stable=True).indices
            tokens, mask = tokens[by_length], mask[by_length]
        first = torch.zeros_like(mask)
        first[:, 0] = True
        held = self._activations(tokens, mask)
        deal = self._deal(int(mask.sum()), 0)
        return _Block(held, first[mask].to(self.device), deal, len(docs))

    def _activations(self, tokens: Tensor, mask: Tensor) -> dict[Hook, Tensor]:
        """Activations of a block at every hook: those kept on disk, or the model's."""
        if self.cache is None:
            return self._read(tokens, mask)
        key, n, forward = block_key(tokens, mask, self.forward), int(mask.sum()), self.forward
        held = self.cache.read(key, n, self.device)
        if self.at.block == 0:
            self.cache.must_have(held)
        if missing := [hook for hook in self.hooks if hook not in held]:
            held = self._read(tokens, mask)  # all together, as without a cache
            if self.forward == forward:
                self.cache.write(key, {hook: held[hook] for hook in missing})
        else:
            self._heard(n, len(tokens), len(tokens))
        return held

    def _read(self, tokens: Tensor, mask: Tensor) -> dict[Hook, Tensor]:
        """Activations of a block from the model, `forward` documents at a time."""
        n, held, done = int(mask.sum()), dict[Hook, Tensor](), 0
        while done < len(tokens):
            part = slice(done, done + self.forward)
            width = int(mask[part].any(0).nonzero().max()) + 1 if bool(mask[part].any()) else 1
            got = self._forward(tokens[part, :width])
            if got is None:
                continue
            self._put(got, mask[part, :width], held, n, int(mask[:done].sum()))
            done += self.forward
            self._heard(int(mask[:done].sum()), min(done, len(tokens)), len(tokens))
        return held

    def _heard(self, tokens: int, documents: int, expected: int) -> None:
        self.forwarded = self.at.start + tokens
        self.heartbeat(documents, expected)

    def _deal(self, n: int, lap: int) -> Int64[Tensor, " n"]:
        """The order in which the block at hand is dealt in one of its passes."""
        generator = torch.Generator().manual_seed(ORDER_SEED + self.at.block + _LAP * lap)
        return torch.randperm(n, generator=generator).to(self.device)

    def _documents(self) -> np.ndarray:
        """Ids of the documents of the block at hand, across laps of the corpus."""
        rest = self.tokens - self.at.start
        count = min(self._documents_per_block, max(1, math.ceil(rest / self._length)))
        taken: list[np.ndarray] = []
        place = self.at.document
        while count:
            lap, skip = divmod(place, self.n_documents)
            part = np.asarray(self.corpus.order("train", ORDER_SEED, lap))[skip : skip + count]
            taken.append(part)
            place, count = place + len(part), count - len(part)
        return np.concatenate(taken)

    def _forward(self, tokens: Tensor) -> dict[Hook, Tensor] | None:
        """One forward pass; None after halving it because the device's memory was full."""
        try:
            return self.model.activations(tokens.to(self.device), self.hooks)
        except torch.OutOfMemoryError:
            if self.forward == 1:
                raise
        self.forward //= 2
        torch.cuda.empty_cache()
        self.say(f"out of GPU memory: reading {self.forward} documents at a time from here on")
        return None

    def _put(
        self, got: dict[Hook, Tensor], mask: Tensor, held: dict[Hook, Tensor], n: int, at: int
    ) -> None:
        for hook in self.hooks:
            x = got[hook][mask.to(got[hook].device)].to(self.device)
            if not bool(torch.isfinite(x).all()):
                raise NotFinite(hook)
            if hook not in held:
                held[hook] = torch.empty((n, x.shape[1]), dtype=x.dtype, device=self.device)
            held[hook][at : at + len(x)] = x


class NotFinite(Exception):
    """The model gave NaN or infinity at `hook`."""

    def __init__(self, hook: Hook) -> None:
        super().__init__(hook.name)
        self.hook = hook


def _mean_length(corpus: Corpus) -> float:
    """Tokens in a document, mean over a sample."""
    sample = np.asarray(corpus.order("train", ORDER_SEED, 0))[:2048]
    _, mask = corpus.tokens(sample)
    return max(1.0, float(torch.as_tensor(mask).sum()) / len(sample))
