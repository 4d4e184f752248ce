"""Small dictionaries as training leaves them, written for other libraries."""

from __future__ import annotations

import json
from pathlib import Path

import torch

from jobs.dictionary import Dictionary
from jobs.dictionary.architectures import TOPK_TRANSCODERS, Transcoder
from jobs.dictionary.exchange.export import export as export_here
from jobs.exports import export, formats_of
from tests.unit.dictionary.made import made


def trained(architecture: str, d_in: int = 10, d_sae: int = 24, k: int = 3) -> Dictionary:
    """One of random weights; θ is one number where training knows only one. The names of
    `TOPK_TRANSCODERS` are architectures here too.
    """
    if architecture in TOPK_TRANSCODERS:
        torch.manual_seed(2)
        one = Transcoder(d_in, d_sae, k=k, skip="skip" in architecture, per_token=True)
        for parameter in one.parameters():
            parameter.data.normal_()
        one.b_in.data.zero_()
        return one
    other = made(architecture, d_in, d_sae, k)
    if architecture in ("batchtopk", "matryoshka"):
        torch.nn.init.constant_(other.get_parameter("threshold"), 0.7)
    return other


def exported(source: Path, to: Path, format_: str) -> Path:
    """What `jobs.exports.export` makes of the folder `source`, without a process of its own."""
    to.mkdir(parents=True)
    config, weights = source / "cfg.json", source / "sae_weights.safetensors"
    if format_ == "saelens" or format_ not in formats_of(json.loads(config.read_text())):
        export(source.name, config, weights, to, format_)
    else:
        export_here(source, to, format_)
    return to
