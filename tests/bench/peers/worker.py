"""The half of a bench that runs in a library's own environment: one JSON order a line in, one
answer a line out. Needs torch and NumPy only, so that any library's environment can run it.

Orders: ``make`` a trainer on a file of activations, ``train`` until a step, ``score`` on held-out
activations, write its ``decoder``, what it ``reconstruct``s or the ``features`` it finds. Times are
measured here, around the training steps alone.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any, Protocol

import numpy as np
import torch
from clock import Clock
from peak import peak
from torch import Tensor

ROWS = 2048
"""Activations at a time outside of training."""


class Trainer(Protocol):
    """A dictionary in training, as its own library trains it."""

    def step(self, x: Tensor, y: Tensor) -> None:
        """One optimiser step on activations [batch, d], with mean ‖x‖² = d over the data; `y` is
        what is to be written, x itself but for transcoders.
        """

    def reconstruct(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """What is written for `x` [n, d] at inference, and the features [n, m]."""

    def decoder(self) -> Tensor:
        """Decoder directions [m, d]."""


class Asked:
    """What is to be trained."""

    def __init__(self, order: dict[str, Any]) -> None:
        self.architecture: str = order["architecture"]
        self.d: int = order["d"]
        self.m: int = order["m"]
        self.k: int = order["k"]
        self.batch: int = order["batch"]
        self.steps: int = order["steps"]
        self.seed: int = order["seed"]
        self.rate: float | None = order.get("rate")
        """Learning rate; None is the library's own default."""
        self.device: str = order.get("device", "cpu")
        """Where it is trained."""
        self.strength: float | None = order.get("strength")
        """Weight of the sparsity penalty, in the library's own units; None is its default."""


class Bench:
    """Carries out orders."""

    def __init__(self, make: Callable[[Asked, Tensor, Tensor], Trainer]) -> None:
        self._make = make
        self._done = 0

    def make(self, order: dict[str, Any]) -> dict[str, Any]:
        """A new trainer, and what making it took."""
        torch.set_num_threads(order["threads"])
        self.asked = Asked(order)
        self._held: tuple[Tensor, Tensor] | None = None
        self.data = np.load(order["data"], mmap_mode="r")
        self.target = np.load(order["target"], mmap_mode="r") if order.get("target") else self.data
        torch.manual_seed(self.asked.seed)
        if self.asked.device != "cpu":  # the bus is not what is measured
            torch.cuda.set_device(self.asked.device)
            x, y = (_rows(part, 0, len(part)) for part in (self.data, self.target))
            self._held = x.to(self.asked.device), y.to(self.asked.device)
        self._before = peak()
        began, spent = time.perf_counter(), time.process_time()
        self.trainer = self._make(self.asked, *self._pairs(0, min(len(self.data), 16_384)))
        self._done = 0
        wall, cpu = time.perf_counter() - began, time.process_time() - spent
        return {"wall": wall, "cpu": cpu, "torch": torch.__version__}

    def train(self, order: dict[str, Any]) -> dict[str, Any]:
        """Steps until ``until``; seconds of all of them together, see `Clock.read`."""
        clock, batch = Clock(self.asked.device), self.asked.batch
        for step in range(self._done, order["until"]):
            first = step * batch % (len(self.data) - batch + 1)
            x, y = self._pairs(first, first + batch)
            with clock.running():
                self.trainer.step(x, y)
        self._done = order["until"]
        return clock.read()

    def _pairs(self, first: int, last: int) -> tuple[Tensor, Tensor]:
        """Rows of the activations, and of what is to be written for them."""
        if self._held is not None:
            x, y = self._held
            return x[first:last], y[first:last]
        x = _rows(self.data, first, last)
        return x, x if self.target is self.data else _rows(self.target, first, last)

    @torch.no_grad()
    def score(self, order: dict[str, Any]) -> dict[str, Any]:
        """FVU and L0 on held-out activations, and the share of features that never fire there."""
        y = np.load(order.get("target") or order["data"], mmap_mode="r")
        mean = torch.from_numpy(y.mean(0, dtype=np.float64))
        error = spread = fires = 0.0
        fired = torch.zeros(self.asked.m, dtype=torch.bool)
        for first, written, f in self._answers(order["data"]):
            wanted = _rows(y, first, first + len(written))
            error += float((wanted - written).double().square().sum())
            spread += float((wanted.double() - mean).square().sum())
            fires += float((f > 0).sum())
            fired |= (f > 0).any(0)
        return {"fvu": error / spread, "l0": fires / len(y), "dead": float((~fired).float().mean())}

    @torch.no_grad()
    def decoder(self, order: dict[str, Any]) -> dict[str, Any]:
        """Writes the decoder directions, float32[m, d]."""
        np.save(order["to"], self.trainer.decoder().float().numpy())
        return {}

    @torch.no_grad()
    def reconstruct(self, order: dict[str, Any]) -> dict[str, Any]:
        """Writes what is written for the activations in ``data``, float32[n, d]."""
        found = [written for _, written, _ in self._answers(order["data"])]
        np.save(order["to"], torch.cat(found).float().numpy())
        return {}

    @torch.no_grad()
    def features(self, order: dict[str, Any]) -> dict[str, Any]:
        """Writes the features of the activations in ``data``: row, feature and value of each."""
        rows, features, values = [], [], []
        for first, _, f in self._answers(order["data"]):
            row, feature = (f > 0).nonzero(as_tuple=True)
            rows.append((row + first).numpy())
            features.append(feature.numpy())
            values.append(f[row, feature].float().numpy())
        parts = zip(("token", "feature", "value"), (rows, features, values), strict=True)
        with open(order["to"], "wb") as to:  # by a name alone NumPy would add .npz
            np.savez(to, **{name: np.concatenate(part) for name, part in parts})
        return {}

    def memory(self, order: dict[str, Any]) -> dict[str, Any]:
        """The process's peak, and how much of it came with the dictionary; what lay on a GPU at
        most.
        """
        most = peak()
        on_gpu = torch.cuda.max_memory_allocated() if self.asked.device != "cpu" else 0
        found = {"peak_bytes": most, "dictionary_bytes": most - self._before}
        return found | {"device_bytes": on_gpu}

    def _answers(self, data: str) -> Iterator[tuple[int, Tensor, Tensor]]:
        x = np.load(data, mmap_mode="r")
        for first in range(0, len(x), ROWS):
            yield first, *self.trainer.reconstruct(_rows(x, first, first + ROWS))


def _rows(data: np.ndarray, first: int, last: int) -> Tensor:
    return torch.from_numpy(np.array(data[first:last], np.float32))


def serve(make: Callable[[Asked, Tensor, Tensor], Trainer]) -> None:
    """Answers orders until stdin ends. What a library prints goes to stderr, not among answers."""
    answers = sys.stdout
    sys.stdout = sys.stderr
    bench = Bench(make)
    for line in sys.stdin:
        order = json.loads(line)
        answer = getattr(bench, order["do"])(order)
        print(json.dumps(answer), file=answers, flush=True)
