"""Activations that dictionaries are compared on, and what can be known of them beyond FVU."""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from pathlib import Path
from typing import Any

import numpy as np

from tests.bench.model_activations import TextActivations, text_activations
from tests.bench.peers import Worker
from tests.bench.superposition import recovered, superposition

AUTOENCODERS = ("topk", "batchtopk", "matryoshka", "jumprelu", "gated", "standard")
TRANSCODERS = ("transcoder", "skip_transcoder")


class World(ABC):
    """Float32[rows, d] in ``.npy`` files, in random order, mean ‖x‖² = d over ``train``."""

    train: Path
    held_out: Path
    target: Path | None = None
    """What is to be written for ``train``, mean ‖y‖² = d; None where that is ``train`` itself."""
    held_out_target: Path | None = None
    architectures: tuple[str, ...] = AUTOENCODERS
    """What is trained on them."""
    says: str
    """What a row is, for the tables."""
    measure: str
    """Name of what `more` finds."""
    curve: tuple[float, ...] = ()
    """Other sparsities, as factors of k, at which FVU is looked at too."""

    def __init__(self, *, d: int, m: int, k: int, batch: int, rows: int) -> None:
        self.d, self.m, self.k, self.batch, self.rows = d, m, k, batch, rows

    @abstractmethod
    def prepare(self, folder: Path) -> None:
        """Makes the files, or finds them there."""

    @abstractmethod
    def keep(self, worker: Worker, at: Path) -> None:
        """Writes what `more` needs of the dictionary that `worker` has trained."""

    @abstractmethod
    def more(self, at: Path) -> dict[str, float]:
        """What else can be said of the dictionary that `keep` wrote of."""

    def beside(self) -> dict[str, float]:
        """What does without a dictionary what dictionaries are to do, for the results file."""
        return {}

    def facts(self) -> dict[str, Any]:
        """Sizes, for the results file."""
        return {"d": self.d, "m": self.m, "k": self.k, "batch": self.batch, "rows": self.rows}


class Synthetic(World):
    """Sums of known directions."""

    measure = "found"

    def __init__(self, *, features: int, active: int, **sizes: int) -> None:
        super().__init__(**sizes)
        self.features, self.active = features, active
        self.says = f"sums of {active} of {features:,} known directions in {self.d} dimensions"

    def prepare(self, folder: Path) -> None:
        """See `superposition`."""
        made = superposition(
            folder / f"synthetic-{self.d}-{self.rows}",
            d=self.d,
            features=self.features,
            groups=self.features // 16,
            active=self.active,
            rows=self.rows,
        )
        self.train, self.held_out, self.directions = made.train, made.held_out, made.directions

    def keep(self, worker: Worker, at: Path) -> None:
        """Its decoder."""
        worker.ask("decoder", to=str(at))

    def more(self, at: Path) -> dict[str, float]:
        """True directions that some decoder direction lies along, and MMCS."""
        found = recovered(np.load(at), self.directions)
        return {"found": found["recovered"] / self.features, "mmcs": found["mmcs"]}


class OfModel(World):
    """A model's activations on text."""

    model: str
    hook: str
    corpus: str
    reads: str | None = None
    """What is read where `hook` is what is written."""

    def prepare(self, folder: Path) -> None:
        """See `text_activations`."""
        reads = f"-{self.reads}" if self.reads else ""
        about = {"model": self.model, "hook": self.hook, "reads": self.reads}
        self.text: TextActivations = text_activations(
            folder / f"{self.model}{reads}-{self.rows}", corpus=self.corpus, rows=self.rows, **about
        )
        self.train, self.held_out = self.text.train, self.text.held_out
        self.target, self.held_out_target = self.text.target, self.text.held_out_target
        self.says = f"`{self.model}`, {f'{self.reads} → ' if self.reads else ''}{self.hook}"


class SmolLM2(OfModel):
    """English text; what the model loses when it must do with the reconstruction."""

    model, hook, corpus = "smollm2", "L12.resid_post", "docs:"
    measure = "ce_recovered"
    curve = (0.5, 2)
    _losses: tuple[float, float] | None = None

    def keep(self, worker: Worker, at: Path) -> None:
        """Its reconstruction of documents that were held out."""
        worker.ask("reconstruct", data=str(self.text.probe), to=str(at))

    def more(self, at: Path) -> dict[str, float]:
        """(CE_zero − CE_spliced)/(CE_zero − CE_clean) on those documents."""
        if self._losses is None:
            self._losses = self.text.loss(None), self.text.loss(np.float32(0))
        clean, zero = self._losses
        return {"ce_recovered": (zero - self.text.loss(np.load(at))) / (zero - clean)}


class Mlp(SmolLM2):
    """What an MLP writes for what it reads: for transcoders."""

    hook, reads = "L12.mlp_out", "L12.mlp_in"
    architectures = TRANSCODERS

    def beside(self) -> dict[str, float]:
        """FVU of the linear map of least squares."""
        assert self.target and self.held_out_target
        x, y = np.load(self.train), np.load(self.target)
        held, wanted = np.load(self.held_out), np.load(self.held_out_target).astype(np.float64)
        x_mean, y_mean = x.mean(0), y.mean(0)
        centred = x - x_mean
        square, both = centred.T @ centred, centred.T @ (y - y_mean)
        by = np.linalg.solve(square.astype(np.float64), both.astype(np.float64))
        missed = wanted - y_mean - (held - x_mean) @ by
        spread = wanted - wanted.mean(0)
        return {"linear_fvu": float((missed**2).sum() / (spread**2).sum())}


class Tiny(OfModel):
    """The grammar, whose variables are recorded for every token."""

    model, hook, corpus = "tiny", "L2.resid_post", "grammar:"
    measure = "latents_f1"

    def keep(self, worker: Worker, at: Path) -> None:
        """Which features fire on documents that were held out."""
        worker.ask("features", data=str(self.text.probe), to=str(at))

    def more(self, at: Path) -> dict[str, float]:
        """Mean F1 over latents of the best feature and threshold, chosen on half of the held-out
        documents and scored on the other half.
        """
        from jobs.dictionary.profile.latents import Code, match

        held = np.load(at)
        code = Code(held["token"], held["feature"], held["value"].astype(np.float64), self.m)
        matches = match(code, self.text.labels(), np.load(self.text.documents))
        return {"latents_f1": float(np.mean([one.f1 for one in matches]))}


def worlds(quick: bool) -> dict[str, World]:
    """By name; `quick` ones are small enough for all libraries, architectures and seeds in an
    hour.
    """
    tiny = Tiny(d=128, m=512, k=16, batch=1024, rows=150_000)
    if quick:
        return {
            "synthetic": Synthetic(
                features=640, active=12, d=192, m=1536, k=16, batch=1024, rows=80_000
            ),
            "smollm2": SmolLM2(d=576, m=1536, k=32, batch=512, rows=32_768),
            "mlp": Mlp(d=576, m=1536, k=32, batch=512, rows=32_768),
            "tiny": tiny,
        }
    return {
        "synthetic": Synthetic(
            features=2048, active=20, d=576, m=4608, k=32, batch=2048, rows=200_000
        ),
        "smollm2": SmolLM2(d=576, m=4608, k=32, batch=2048, rows=150_000),
        "mlp": Mlp(d=576, m=4608, k=32, batch=2048, rows=150_000),
        "tiny": tiny,
    }


def saved(path: Path) -> dict[str, Any]:
    """A results file; empty where there is none."""
    return json.loads(path.read_text()) if path.exists() else {}
