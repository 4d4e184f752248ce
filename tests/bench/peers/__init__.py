"""Libraries that dictionaries are trained with, each run in an environment of its own.

`PEERS` says how each is installed; `Peer.start` gives a `Worker` that takes orders (see `worker`).
"""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from collections.abc import Collection, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
ROOT = HERE.parents[2]
TORCH = "torch==2.13.0"


class Worker:
    """A process that trains with one library, asked in turn with others."""

    def __init__(self, name: str, process: subprocess.Popen[str]) -> None:
        self.name, self._process = name, process

    def ask(self, do: str, **order: Any) -> dict[str, Any]:
        """The answer to one order. Raises RuntimeError where the library fails."""
        assert self._process.stdin is not None and self._process.stdout is not None
        self._process.stdin.write(json.dumps({"do": do, **order}) + "\n")
        self._process.stdin.flush()
        for line in self._process.stdout:
            if line.startswith("{"):  # some libraries greet on stdout when they are imported
                found: dict[str, Any] = json.loads(line)
                return found
        raise RuntimeError(f"{self.name} ended while it was asked to {do}")


@dataclass(frozen=True)
class Peer:
    """A library, and what it can train."""

    name: str
    package: str | None
    """What pip installs; None is this project itself, in the environment that runs the bench."""
    script: str
    architectures: frozenset[str]

    def made(self, environments: Path) -> bool:
        """Whether its environment is there."""
        return self.package is None or (environments / self.name / "complete").exists()

    def python(self, environments: Path) -> Path:
        """The interpreter of its environment, which is made on first use."""
        if self.package is None:
            return Path(sys.executable)
        folder = environments / self.name
        python = folder / "bin" / "python"
        if not self.made(environments):
            subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
            subprocess.run([python, "-m", "pip", "install", "-q", TORCH, self.package], check=True)
            # A torchvision for CUDA beside a torch for the CPU stops transformers' import.
            subprocess.run([python, "-m", "pip", "uninstall", "-qy", "torchvision"], check=True)
            (folder / "complete").touch()
        return python

    @contextmanager
    def start(
        self, environments: Path, threads: int, more: Mapping[str, str] | None = None
    ) -> Iterator[Worker]:
        """A worker of this library, ended with the block; `more` environment variables for it."""
        variables = {**os.environ, "OMP_NUM_THREADS": str(threads), "GOMP_SPINCOUNT": "2000"}
        variables |= more or {}
        variables |= {"WANDB_MODE": "disabled", "HF_HUB_OFFLINE": "1", "TQDM_DISABLE": "1"}
        variables["PYTHONPATH"] = str(ROOT) if self.package is None else ""
        process = subprocess.Popen(
            [self.python(environments), HERE / self.script],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env=variables,
        )
        try:
            yield Worker(self.name, process)
        finally:
            process.kill()
            process.wait()


_ALL = frozenset({"standard", "gated", "topk", "batchtopk", "jumprelu", "matryoshka"})
_TRANSCODERS = frozenset({"transcoder", "skip_transcoder"})

PEERS: tuple[Peer, ...] = (
    Peer("saetui", None, "with_saetui.py", _ALL | _TRANSCODERS),
    Peer("saelens", "sae-lens==6.54.0", "with_saelens.py", _ALL),
    Peer(
        "dictionary_learning",
        "dictionary-learning==0.1.0",
        "with_dictionary_learning.py",
        _ALL,
    ),
    Peer("sparsify", "eai-sparsify==1.3.3", "with_sparsify.py", _TRANSCODERS | {"topk"}),
)


@contextmanager
def workers(
    architecture: str, environments: Path, threads: int, only: Collection[str] | None = None
) -> Iterator[Mapping[str, Worker]]:
    """A worker of every library, or of `only` those named, that can train `architecture`."""
    with ExitStack() as stack:
        yield {
            peer.name: stack.enter_context(peer.start(environments, threads))
            for peer in PEERS
            if architecture in peer.architectures and (only is None or peer.name in only)
        }


def machine() -> str:
    """The processor that a result was measured on."""
    told = Path("/proc/cpuinfo").read_text() if Path("/proc/cpuinfo").exists() else ""
    names = [line.partition(":")[2].strip() for line in told.splitlines() if "model name" in line]
    flags = next((line for line in told.splitlines() if line.startswith("flags")), "").split()
    known = [name for name in ("avx512_bf16", "amx_bf16") if name in flags]
    about = [names[0] if names else platform.machine(), f"{os.cpu_count()} cores", *known]
    return ", ".join(about)


def default_environments() -> Path:
    """Where the libraries' environments are kept: ``SAETUI_PEERS``, else the user's cache."""
    if told := os.environ.get("SAETUI_PEERS"):
        return Path(told)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "saetui" / "peers"
