"""Out of memory halves the batch, says so, and changes no result."""

from __future__ import annotations

import pytest
import torch

from jobs.dictionary.profile.memory import Halving
from tests.unit.profile.planted import HOOK, VOCABULARY, World


class Small(World):
    """A device on which three documents fit at once."""

    def activations(self, tokens, hooks):  # type: ignore[no-untyped-def]
        if len(tokens) > 3:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return super().activations(tokens, hooks)


def test_everything_is_read_all_the_same() -> None:
    tokens, said = torch.arange(70).reshape(7, 10) % VOCABULARY, list[str]()
    model = Halving(Small(), said.append)  # type: ignore[arg-type]
    found = model.activations(tokens, [HOOK])[HOOK]
    torch.testing.assert_close(found, World().activations(tokens, [HOOK])[HOOK])
    assert said == ["out of GPU memory: reading 3 documents at a time from here on"]
    model.activations(tokens, [HOOK])
    assert len(said) == 1


def test_one_document_that_does_not_fit_is_an_error() -> None:
    class Full(World):
        def loss(self, tokens, edits=None):  # type: ignore[no-untyped-def]
            raise torch.OutOfMemoryError("CUDA out of memory")

    with pytest.raises(torch.OutOfMemoryError):
        Halving(Full(), print).loss(torch.zeros(2, 4, dtype=torch.long))  # type: ignore[arg-type]
