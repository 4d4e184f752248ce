"""Two models that read the same tokens, for a crosscoder over both."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from jaxtyping import Float, Int64
from torch import Tensor

from jobs.model.language_model import LanguageModel
from jobs.model.plain import Edit
from jobs.model.vocabulary import check_same_tokens
from jobs.names import Hook


class SideBySide:
    """A `LanguageModel` with another beside it: hooks with `other` set are that one's. Whatever is
    asked for without a hook (clean logits, the unembedding, a row of the table) is the first one's.
    """

    def __init__(self, first: LanguageModel, other: LanguageModel) -> None:
        """Raises AskedWrongly where a token id of the first means something else to the other."""
        own, theirs = (model.tokenizer.vocabulary() for model in (first, other))
        check_same_tokens(first.name, other.name, own, theirs)
        self.first, self.other = first, other

    def __getattr__(self, name: str) -> Any:
        return getattr(self.first, name)

    def hook(self, text: str | Hook) -> Hook:
        """Reads a hook's name; raises AskedWrongly where its model lacks it."""
        if isinstance(text, Hook) and text.other:
            return self.other.hook(text._replace(other=False))._replace(other=True)
        return self.first.hook(text)

    def width(self, hook: Hook) -> int:
        """Width of the activation at `hook`."""
        return (self.other if hook.other else self.first).width(hook._replace(other=False))

    def activations(
        self, tokens: Int64[Tensor, "b t"], hooks: Sequence[Hook]
    ) -> dict[Hook, Float[Tensor, "b t d"]]:
        """Activations at `hooks`, each model run once and no further than it is needed."""
        found = {}
        for other, model in ((False, self.first), (True, self.other)):
            own = [hook._replace(other=False) for hook in hooks if hook.other is other]
            read = model.activations(tokens, own)
            found.update({hook._replace(other=other): x for hook, x in read.items()})
        return found

    def loss(
        self, tokens: Int64[Tensor, "b t"], edits: Mapping[Hook, Edit] | None = None
    ) -> Float[Tensor, "b t-1"]:
        """Cross-entropy of the model whose hooks are edited; of the first one without edits."""
        model, plain = self._edited(edits)
        return model.loss(tokens, plain)

    def logits(
        self, tokens: Int64[Tensor, "b t"], edits: Mapping[Hook, Edit] | None = None
    ) -> Float[Tensor, "b t v"]:
        """Logits of the model whose hooks are edited; of the first one without edits."""
        model, plain = self._edited(edits)
        return model.logits(tokens, plain)

    def _edited(self, edits: Mapping[Hook, Edit] | None) -> tuple[LanguageModel, dict[Hook, Edit]]:
        theirs = any(hook.other for hook in edits or {})
        plain = {hook._replace(other=False): edit for hook, edit in (edits or {}).items()}
        return (self.other if theirs else self.first), plain
