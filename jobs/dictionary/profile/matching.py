"""Features of a dictionary held against the recorded latents of a synthetic corpus, with nulls."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from jaxtyping import Float, Int64
from torch import Tensor

from jobs.dictionary.code import SparseCode, from_mask
from jobs.dictionary.profile.documents import Reading
from jobs.dictionary.profile.latents import Code, Labels, Match, match, shuffle_by_document
from jobs.dictionary.profile.null import random_code
from jobs.dictionary.profile.subject import Model, Subject, batches, heard_by, padded

Encode = Callable[[Float[Tensor, "n d"]], SparseCode]


class Matches(NamedTuple):
    """The best feature of every latent, for the dictionary and for what it must beat."""

    dictionary: list[Match]
    random: list[Match]
    """A random dictionary, as wide and as active."""
    shuffled: list[Match]
    """The dictionary, with the labels of other documents."""
    neurons: list[Match]
    """The axes of the hook itself, each in both directions: what no dictionary is needed for."""


def match_latents(
    model: Model,
    reading: Reading,
    subject: Subject,
    latents: Sequence[Path],
    *,
    batch: int = 16,
    device: str = "cpu",
    seed: int = 0,
) -> Matches:
    """Matches the features of `subject` to the latents recorded for the documents of `reading`.

    Args:
        model: gives activations.
        reading: the documents, best all held out.
        subject: the dictionary with its random twin.
        latents: the corpus's ``latents-*.parquet``.
        batch: documents in a forward pass.
        device: torch device of model and dictionary.
        seed: of the shuffle.
    """
    centre, (m, d) = subject.site.centre, subject.dictionary.W_dec.shape
    ways: dict[str, tuple[Encode, int]] = {
        "dictionary": (subject.dictionary.sparse, m),
        "random": (lambda x: random_code(x - centre, subject.null, subject.null_k), m),
        "neurons": (lambda x: _both_ways(x - centre), 2 * d),
    }
    codes, document, pos, _ = encoded(model, reading, subject, ways, batch=batch, device=device)
    labels = read_labels(latents, reading, document, pos)
    shuffled = shuffle_by_document(labels, document, seed)
    return Matches(
        match(codes["dictionary"], labels, document),
        match(codes["random"], labels, document),
        match(codes["dictionary"], shuffled, document),
        match(codes["neurons"], labels, document),
    )


def _both_ways(y: Float[Tensor, "n d"]) -> SparseCode:
    dense = torch.cat([y, -y], dim=1).clamp(min=0)
    return from_mask(dense, dense > 0)


class Encoded(NamedTuple):
    """All measured tokens of a reading."""

    codes: dict[str, Code]
    """By way of encoding."""
    document: Int64[np.ndarray, " tokens"]
    """Index into the reading."""
    pos: Int64[np.ndarray, " tokens"]
    x: Float[Tensor, "tokens d"]
    """Activations, float32 on the CPU; no rows unless they were asked for."""


@torch.no_grad()
def encoded(
    model: Model,
    reading: Reading,
    read: Subject,
    ways: Mapping[str, tuple[Encode, int]],
    *,
    batch: int,
    device: str,
    keep_x: bool = False,
    tick: Callable[[float], None] = lambda share: None,
) -> Encoded:
    """Encodes every measured token of what `read` reads in each of `ways` (an encoder, and how many
    features it has).

    All of it is held in memory. `tick` is called after every forward pass with the share done.
    """
    document, pos = list[np.ndarray](), list[np.ndarray]()
    kept: list[Tensor] = []
    found: dict[str, list[SparseCode]] = {way: [] for way in ways}
    for part in batches(np.arange(len(reading.docs)), batch):
        tokens, mask = padded(reading, part, device)
        chosen = heard_by(read, model.activations(tokens, list(read.hears_at)), mask, part)
        document.append(chosen.document.cpu().numpy())
        pos.append(chosen.pos.cpu().numpy())
        kept.append(chosen.x.cpu() if keep_x else chosen.x[:0].cpu())
        for way, (encode, _) in ways.items():
            found[way].append(encode(chosen.x))
        tick((int(part[-1]) + 1) / len(reading.docs))
    codes = {way: _joined(parts, ways[way][1]) for way, parts in found.items()}
    return Encoded(codes, np.concatenate(document), np.concatenate(pos), torch.cat(kept))


def _joined(parts: list[SparseCode], n_features: int) -> Code:
    sizes = [len(part.offsets) - 1 for part in parts]
    begin = np.concatenate([[0], np.cumsum(sizes)])
    token = [part.rows().cpu().numpy() + b for part, b in zip(parts, begin, strict=False)]
    return Code(
        np.concatenate(token),
        np.concatenate([part.indices.cpu().numpy() for part in parts]),
        np.concatenate([part.values.double().cpu().numpy() for part in parts]),
        n_features,
    )


def read_labels(
    latents: Sequence[Path], reading: Reading, document: np.ndarray, pos: np.ndarray
) -> Labels:
    """The latents of the tokens at (`document`, `pos`); other tokens' latents are passed over."""
    import polars as pl

    place = np.full(reading.tokens.shape, -1, np.int64)
    place[document, pos] = np.arange(len(document))
    frame = (
        pl.scan_parquet(list(latents))
        .select("doc", "pos", pl.col("latent").cast(pl.String))
        .filter(pl.col("doc").is_in(reading.docs.tolist()))
        .collect()
    )
    names, latent = np.unique(frame["latent"].to_numpy(), return_inverse=True)
    index = np.searchsorted(reading.docs, frame["doc"].to_numpy())
    token = place[index, frame["pos"].to_numpy()]
    measured = token >= 0
    return Labels(token[measured], latent[measured], [str(name) for name in names])
