"""Small random models, and dictionaries and documents for them."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
from torch import Tensor

from jobs.causal.basis import Axes, Features, Site
from jobs.causal.inputs import Inputs
from jobs.corpus import prepare
from jobs.dictionary.architectures.topk import TopK
from jobs.model import LanguageModel, load_model
from jobs.model.folder import folder_tokenizer
from jobs.model.tiny.made import word_tokenizer
from jobs.names import parse_hook
from store import Workspace
from tests.unit.model.conftest import hf_model
from tests.unit.profile.planted import publish

M, K = 24, 6
TINY = pytest.param("tiny", marks=pytest.mark.slow)
"""A model that was trained; on a new machine it is made first."""


class Models(dict[str, LanguageModel]):
    """Models by family; what is of none is loaded by name when it is asked for."""

    def __missing__(self, name: str) -> LanguageModel:
        return self.setdefault(name, load_model(name))


def models(folder: Path, families: tuple[str, ...]) -> Models:
    """A model of each family."""
    hf_model("llama").save_pretrained(folder)
    word_tokenizer().save_pretrained(folder)
    tokenizer = folder_tokenizer(folder)
    return Models(
        {name: LanguageModel(name, "test", hf_model(name), tokenizer) for name in families}
    )


def dictionary(d: int, seed: int, m: int = M, k: int = K) -> TopK:
    """Random directions, read where they are written."""
    generator = torch.Generator().manual_seed(seed)
    made = TopK(d, m, k=k)
    rows = torch.nn.functional.normalize(torch.randn(m, d, generator=generator), dim=1)
    made.encoder.data, made.W_dec.data = rows, rows.clone()
    made.b_dec.data = torch.randn(d, generator=generator) * 0.1
    return made.requires_grad_(False)


def site(model: LanguageModel, where: str, seed: int = 0) -> Site:
    """A dictionary at a hook."""
    hook = model.hook(parse_hook(where))
    return Site(hook, Features(dictionary(model.width(hook), seed)), name=f"d{seed}")


def outputs(model: LanguageModel, where: str) -> Site:
    """Heads or an MLP."""
    hook = model.hook(parse_hook(where))
    return Site(hook, Axes(model.width(hook)))


def documents(n: int = 5, t: int = 7, seed: int = 0) -> Inputs:
    """Documents of several lengths."""
    generator = torch.Generator().manual_seed(seed)
    tokens: Tensor = torch.randint(1, 400, (n, t), generator=generator)
    length = torch.tensor([t, t - 2, t - 1, t, t - 3] * n)[:n]
    return Inputs(tokens, length)


def workspace(folder: Path, model: Path, tokens: int = 3000) -> Workspace:
    """A workspace with documents of the grammar, and dictionaries at three hooks of the model that
    lies in a folder.
    """
    ws = Workspace.create(folder)
    prepare(
        ws, model=str(model), uri="grammar:", tokens=tokens, context=16, provenance={},
        progress=lambda share, message: None, say=lambda message: None,
    )  # fmt: skip
    for name, hook in WHERE.items():
        publish_dictionary(ws, name, dictionary(32, len(name), M, K), hook, model)
    return ws


WHERE = {"early": "L0.resid_post", "late": "L1.mlp_out", "latest": "L2.resid_mid"}
"""Dictionaries of `workspace`."""


def publish_dictionary(ws: Workspace, name: str, made: TopK, hook: str, model: Path) -> None:
    """A dictionary, as training publishes it."""
    at = parse_hook(hook)
    publish(
        ws, name, made, model=str(model), hook=at.name, layer=at.layer, site=at.site,
        corpus=ws.corpora()[0],
    )  # fmt: skip


def model_of(ws: Workspace) -> Path:
    """The folder of the model of `workspace`."""
    return Path(ws.dictionary("early").manifest["model"])
