"""Activations of a language model on text, in files that any library can read."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from jobs.dictionary.profile.latents import Labels

NORM_LIMIT = 10.0
"""Rows longer than this times the median are left out: attention sinks (``train_sae`` does so)."""
PROBE = {"smollm2": 10, "tiny": 160}
"""Held-out documents whose tokens stay in order, for what needs the text."""


@dataclass(frozen=True)
class TextActivations:
    """Float32[rows, d], mean ‖x‖² = d over ``train``; `probe` and the files beside it are of whole
    documents, token by token, as far as activations are not massive.
    """

    folder: Path
    model: str
    hook: str
    reads: str | None = None
    """What a transcoder reads where `hook` is what it writes: then rows are of `reads`, and those
    of `hook` that belong to them lie in files of their own."""

    @property
    def target(self) -> Path | None:
        """What is to be written for `train`, mean ‖y‖² = d; None where that is `train` itself."""
        return self.folder / "target.npy" if self.reads else None

    @property
    def held_out_target(self) -> Path | None:
        """The same for `held_out`."""
        return self.folder / "held_out_target.npy" if self.reads else None

    @property
    def train(self) -> Path:
        """Rows in random order."""
        return self.folder / "train.npy"

    @property
    def held_out(self) -> Path:
        """The same of held-out documents."""
        return self.folder / "held_out.npy"

    @property
    def probe(self) -> Path:
        """Rows of other held-out documents, in the order of the text."""
        return self.folder / "probe.npy"

    @property
    def documents(self) -> Path:
        """Which document each row of `probe` is of."""
        return self.folder / "documents.npy"

    @cached_property
    def facts(self) -> dict[str, Any]:
        """Scale of what is written."""
        return json.loads((self.folder / "facts.json").read_text())  # type: ignore[no-any-return]

    @cached_property
    def _model(self) -> Any:
        from jobs.model import load_model

        return load_model(self.model)

    def loss(self, instead: np.ndarray | np.float32 | None) -> float:
        """The model's cross-entropy on the probe's documents, nats a token, with `instead` (a row
        for each of `probe`, or one number) written in place of the activations.
        """
        import torch

        from jobs.names import parse_hook

        tokens = torch.from_numpy(np.load(self.folder / "tokens.npy"))
        mask = torch.from_numpy(np.load(self.folder / "mask.npy"))
        kept = torch.from_numpy(np.load(self.folder / "kept.npy"))
        hook, total = parse_hook(self.hook), 0.0
        rows = None if instead is None else torch.zeros(int(kept.sum()), 1) + torch.tensor(instead)
        for first in range(0, len(tokens), 8):
            here = slice(first, first + 8)
            edits = {}
            if rows is not None:
                begin = int(kept[:first].sum())
                mine = rows[begin : begin + int(kept[here].sum())] / self.facts["scale"]
                edits[hook] = _writes(mine, kept[here])
            loss = self._model.loss(tokens[here], edits)
            total += float(loss.double()[mask[here][:, 1:]].sum())
        return total / float(mask[:, 1:].sum())

    def labels(self) -> Labels:
        """The latents recorded for the probe's tokens."""
        from jobs.dictionary.profile.latents import Labels

        held = np.load(self.folder / "latents.npz")
        return Labels(held["token"], held["latent"], [str(name) for name in held["names"]])


def _writes(rows: Any, where: Any) -> Any:
    def edit(x: Any) -> Any:
        x = x.clone()
        x[where] = rows.to(x.dtype)
        return x

    return edit


def text_activations(
    folder: Path,
    *,
    model: str,
    hook: str,
    corpus: str,
    rows: int,
    held_out: int = 8192,
    reads: str | None = None,
) -> TextActivations:
    """Makes them in `folder`, unless they lie there from before."""
    made = TextActivations(folder, model, hook, reads)
    if (folder / "facts.json").exists():
        return made
    from jobs.corpus import open_corpus
    from jobs.names import parse_hook
    from store import Workspace

    folder.mkdir(parents=True, exist_ok=True)
    at = folder / "workspace"
    workspace = Workspace(at) if at.exists() else Workspace.create(at)
    id = _prepared(workspace, model, corpus, rows, held_out + 128 * PROBE[model])
    opened, places = open_corpus(workspace, id), [parse_hook(one) for one in (reads, hook) if one]

    def read(documents: np.ndarray, count: int) -> list[np.ndarray]:
        """At each place the rows that are massive at none."""
        found: list[list[np.ndarray]] = []
        while sum(len(part[0]) for part in found) < count and len(documents):
            now, documents = documents[:16], documents[16:]
            tokens, mask = opened.tokens(now)
            x = made._model.activations(tokens, places)
            found.append([x[place][mask].float().numpy() for place in places])
        every = [np.concatenate(parts) for parts in zip(*found, strict=True)]
        lengths = [np.linalg.norm(x, axis=1) for x in every]
        kept = np.all([length < NORM_LIMIT * np.median(length) for length in lengths], axis=0)
        return [x[kept][:count] for x in every]

    def save(every: list[np.ndarray], *to: Path | None) -> None:
        for x, scale, path in zip(every, scales, [one for one in to if one], strict=True):
            np.save(path, np.random.default_rng(0).permutation(x * np.float32(scale)))

    every = read(opened.order("train", seed=0), rows)
    scales = [float((x.shape[1] / (x**2).sum(1).mean()) ** 0.5) for x in every]
    limits = [NORM_LIMIT * float(np.median(np.linalg.norm(x, axis=1))) for x in every]
    save(every, made.train, made.target)
    apart = opened.order("held_out", seed=0)
    _save_probe(made, opened, np.sort(apart[: PROBE[model]]), scales[0], limits)
    save(read(apart[PROBE[model] :], held_out), made.held_out, made.held_out_target)
    if corpus == "grammar:":
        _save_latents(made, workspace.corpus(id).latents)
    (folder / "facts.json").write_text(json.dumps({"scale": scales[-1]}))
    return made


def _prepared(workspace: Any, model: str, uri: str, train: int, held_out: int) -> str:
    """A corpus with so many tokens of either split; texts are of any length, so that their split
    says little of tokens.
    """
    from jobs.corpus import open_corpus, prepare

    for times in (2, 5, 12):
        tokens = times * (train + held_out)
        id: str = prepare(workspace, model=model, uri=uri, tokens=tokens, held_out=0.3)
        corpus = open_corpus(workspace, id)
        here = {
            split: int(corpus.lengths(corpus.order(split, seed=0)).sum())
            for split in ("train", "held_out")
        }
        if here["train"] >= 1.05 * train and here["held_out"] >= 1.05 * held_out:
            return id
    raise RuntimeError(f"{uri} has too few texts for {train:,} and {held_out:,} tokens")


def _save_probe(
    made: TextActivations, corpus: Any, documents: np.ndarray, scale: float, limits: list[float]
) -> None:
    """`scale` is of what is read, `limits` are the lengths that are massive where it is read and
    where it is written.
    """
    from jobs.names import parse_hook

    places = [parse_hook(one) for one in (made.reads, made.hook) if one]
    tokens, mask = corpus.tokens(documents)
    found, kept = made._model.activations(tokens, places), mask
    for place, limit in zip(places, limits, strict=True):
        kept = kept & (found[place].float().norm(dim=-1) < limit)
    np.save(made.probe, (found[places[0]][kept].float() * scale).numpy())
    place_of = kept.nonzero().numpy()
    np.save(made.documents, documents[place_of[:, 0]])
    np.save(made.folder / "positions.npy", place_of[:, 1])
    for name, tensor in (("tokens", tokens), ("mask", mask), ("kept", kept)):
        np.save(made.folder / f"{name}.npy", tensor.numpy())


def _save_latents(made: TextActivations, latents: list[Path]) -> None:
    import polars as pl

    at = pl.DataFrame(
        {"doc": np.load(made.documents), "pos": np.load(made.folder / "positions.npy")}
    ).with_row_index("token")
    frame = pl.scan_parquet(latents).select(
        pl.col("doc").cast(pl.Int64), pl.col("pos").cast(pl.Int64), pl.col("latent").cast(pl.String)
    )
    found = frame.join(at.lazy(), on=["doc", "pos"]).sort("token", "latent").collect()
    names, latent = np.unique(found["latent"].to_numpy(), return_inverse=True)
    token = found["token"].to_numpy().astype(np.int64)
    np.savez(
        made.folder / "latents.npz",
        token=token,
        latent=latent.astype(np.int64),
        names=names.astype(str),
    )
