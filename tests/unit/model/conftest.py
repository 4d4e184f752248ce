"""Small random models of several families, and a folder to load one from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from jobs.model import LanguageModel
from jobs.model.folder import folder_tokenizer
from jobs.model.tiny.made import word_tokenizer

SIZE = 425  # words of the grammar, so that its tokenizer serves


def _config(family: str) -> Any:
    from transformers import Gemma2Config, GPT2Config, GPTNeoXConfig, GraniteConfig, LlamaConfig

    common = {
        "vocab_size": SIZE,
        "hidden_size": 32,
        "num_hidden_layers": 3,
        "num_attention_heads": 4,
        "intermediate_size": 48,
        "max_position_embeddings": 64,
        "bos_token_id": 0,
        "eos_token_id": 0,
        "pad_token_id": 0,
    }
    if family == "gpt2":
        return GPT2Config(
            vocab_size=SIZE, n_embd=32, n_layer=3, n_head=4, n_positions=64,
            bos_token_id=0, eos_token_id=0,
        )  # fmt: skip
    if family == "gemma2":
        return Gemma2Config(
            **common, num_key_value_heads=2, head_dim=8, final_logit_softcapping=3.0
        )
    if family == "granite":
        return GraniteConfig(**common, residual_multiplier=0.5, logits_scaling=2.0)
    if family == "gpt_neox":
        return GPTNeoXConfig(**common, use_parallel_residual=True)
    return LlamaConfig(**common, num_key_value_heads=2)


def hf_model(family: str) -> Any:
    """A random model whose every parameter matters (norms included), in fp32."""
    from transformers import AutoModelForCausalLM

    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = AutoModelForCausalLM.from_config(_config(family))
        for parameter in model.parameters():
            parameter.data.add_(torch.randn_like(parameter) * 0.2)
    return model.eval().requires_grad_(False)


FAMILIES = ("llama", "gpt2", "gpt_neox", "gemma2", "granite")


@pytest.fixture(scope="session")
def models(llama_folder: Path) -> dict[str, tuple[Any, LanguageModel]]:
    """Family → the plain Hugging Face model, and the `LanguageModel` of the same weights."""
    tokenizer = folder_tokenizer(llama_folder)
    return {
        family: (hf_model(family), LanguageModel(family, "test", hf_model(family), tokenizer))
        for family in FAMILIES
    }


@pytest.fixture(scope="session")
def llama_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random Llama as ``save_pretrained`` writes it."""
    folder = tmp_path_factory.mktemp("models") / "small-llama"
    hf_model("llama").save_pretrained(folder)
    word_tokenizer().save_pretrained(folder)
    return folder
