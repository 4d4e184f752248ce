"""Dictionaries cross over to other libraries and back: the same codes and reconstructions to 1e-4.

Each peer lives in an environment of its own, for they ask for other versions than saetui does: that
which `tests.bench.peers` keeps of it. ``make test-exchange`` makes those that are not there (pip
must reach an index); else what is not there is skipped.
"""

from __future__ import annotations

import itertools
import json
import math
import os
import subprocess
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch

from jobs.dictionary import ARCHITECTURES, save_folder
from jobs.dictionary.architectures import TOPK_TRANSCODERS, Transcoder
from jobs.dictionary.exchange import read
from jobs.dictionary.exchange.releases import folder_of
from jobs.dictionary.saved import hook_metadata
from jobs.exports import formats_of
from jobs.names import parse_hook
from tests.bench.peers import PEERS, default_environments
from tests.unit.dictionary import scopes
from tests.unit.dictionary.exported import exported, trained

pytestmark = pytest.mark.slow  # imports other libraries in other environments

LIBRARIES = {peer.name: peer for peer in PEERS if peer.package}
MAKE = "SAETUI_EXCHANGE"
"""Variable that asks for environments to be made."""
HOOKS = ("L1.resid_post", "L1.z", "L1.z.H2")
"""All heads of z are joined by SAELens, one of them comes alone."""
SCRIPT = Path(__file__).parent / "peers_own.py"


def python_of(peer: str) -> str:
    """Its Python; skips, loudly, where there is none and none is to be made."""
    kept, library = default_environments(), LIBRARIES[peer]
    if not library.made(kept) and not os.environ.get(MAKE):
        text = f"{library.package} is not in {kept}: NOTHING IS EXCHANGED; see make test-exchange"
        warnings.warn(text, stacklevel=1)
        pytest.skip(text)
    return str(library.python(kept))


def exchanged(peer: str, root: Path, x: torch.Tensor, part: str = "") -> None:
    """Lets the peer do its part under `root` with `x`, which both encode."""
    python = python_of(peer)
    np.save(root / "x.npy", x.numpy())
    quiet = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [python, str(SCRIPT), peer + part, str(root)],
        env={**quiet, "HF_HUB_OFFLINE": "1", "CUDA_VISIBLE_DEVICES": ""},
        cwd=root,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr[-3000:]


def assert_same(folder: Path, f: torch.Tensor, x_hat: torch.Tensor) -> None:
    with np.load(folder / "told.npz") as told:
        np.testing.assert_allclose(f.numpy(), told["f"], atol=1e-4, err_msg=folder.name)
        np.testing.assert_allclose(x_hat.numpy(), told["x_hat"], atol=1e-4, err_msg=folder.name)
    assert 0 < float((f > 0).float().mean()) < 0.9, folder.name


def written_for(
    peer: str, root: Path, x: torch.Tensor
) -> dict[Path, tuple[torch.Tensor, torch.Tensor]]:
    """Folders that saetui writes for `peer` under `root`, with codes and reconstructions of `x`:
    every architecture that it knows, at hooks that it treats differently, with b_dec taken off the
    input and not.
    """
    found = {}
    for name in (*ARCHITECTURES, *TOPK_TRANSCODERS):
        one = trained(name, 12, 40, k=4)
        transcodes, hooks = isinstance(one, Transcoder), HOOKS if peer == "saelens" else HOOKS[:1]
        for hook, off in itertools.product(hooks, (True, False)):
            if transcodes and (off or hook != HOOKS[0]):
                continue
            own = root / "own" / f"{name} {hook}{' off' if off else ''}"
            one.subtract_b_dec = off
            metadata = {"model_name": "gpt2", **hook_metadata(parse_hook(hook)), "corpus": "c"}
            save_folder(own, one, 1.0, metadata)
            if peer in formats_of(json.loads((own / "cfg.json").read_text())):
                to = exported(own, root / "ours" / own.name, peer)
                # Features of the one read again: directions that dictionary_learning brings to
                # length one change their units.
                found[to] = read(to).dictionary.encode(x), one(x)
    return found


@pytest.mark.parametrize(
    ("peer", "count"), [("saelens", 16), ("dictionary_learning", 7), ("sparsify", 3)]
)
@torch.no_grad()
def test_there_and_back(peer: str, count: int, tmp_path: Path) -> None:
    x = torch.randn(64, 12, generator=torch.Generator().manual_seed(5))
    ours = written_for(peer, tmp_path, x)
    exchanged(peer, tmp_path, x)
    assert ours
    for folder, (f, x_hat) in ours.items():
        assert_same(folder, f, x_hat)
        if peer == "saelens":
            written = json.loads((folder / "cfg.json").read_text())["metadata"]
            assert json.loads((folder / "told.json").read_text()) == written
            assert written["model_name"] == "gpt2" and written["hook_name"].startswith("blocks.1.")
    theirs = sorted((tmp_path / "theirs").iterdir())
    assert len(theirs) == count
    for folder in theirs:
        found = read(folder)
        assert found.format == peer
        if folder.name.startswith("before_6"):
            told = json.loads((folder / "told.json").read_text())
            head = told.get("hook_head_index")
            assert found.hook == told["hook_name"] + ("" if head is None else f".H{head}")
        if peer == "dictionary_learning":
            assert found.hook == "L1.resid_post"
        if peer == "sparsify":
            assert (
                found.hook
                == f"L{folder.name[7]}.{'mlp_out' if 'mlp' in folder.name else 'resid_post'}"
            )
        assert_same(folder, found.dictionary.encode(x), found.dictionary(x))


def scopes_under(root: Path) -> dict[str, tuple[Path, str]]:
    """Name → a small folder or file as it is published, and SAELens's converter for it."""
    found = {
        f"gemma {kind}": (scopes.gemma(root, kind), "gemma_2") for kind in ("res", "mlp", "att")
    }
    found["gemma transcoder"] = scopes.gemma(root, "transcoders"), "gemma_2_transcoder"
    for kind in ("resid_post", "attn_out_all", "mlp_out", "transcoder"):
        found[f"gemma 2 {kind}"] = scopes.gemma_2(root, kind), "gemma_3"
    # SAELens multiplies by the transposed of what Google's tutorial multiplies by.
    skip, about = torch.randn(scopes.D, scopes.D), {"affine_connection": True}
    about |= {"model_name": "gemma-v3-1b-pt"}
    folder = scopes.gemma_2(root, "transcoder_all", about, skip=skip + skip.T)
    found["gemma 2 skip"] = folder, "gemma_3"
    found["llama"] = scopes.llama(root), "llama_scope"
    found["qwen"] = scopes.qwen(root), "qwen_scope"
    found["qwen transcoder"] = scopes.qwen_transcoder(root), "mwhanna_transcoder"
    found["llama later"] = scopes.llama_later(root), "llama_scope_r1_distill"
    return found


@torch.no_grad()
def test_gemma_scope_and_llama_scope_are_read_as_saelens_reads_them(tmp_path: Path) -> None:
    x = torch.randn(64, scopes.D, generator=torch.Generator().manual_seed(5))
    folders, asked = scopes_under(tmp_path / "scopes"), {}
    for name, (folder, converter) in folders.items():
        repository, *inside = folder.relative_to(tmp_path / "scopes").parts
        asked[name] = {
            "repository": f"owner/{repository}",
            "path": "/".join(inside),
            "converter": converter,
            "factor": math.sqrt(scopes.D) / scopes.NORM if "llama" in name else None,
        }
    (tmp_path / "scopes.json").write_text(json.dumps(asked))
    exchanged("saelens", tmp_path, x, "_scopes")
    for name, (folder, _) in folders.items():
        found, to = read(folder), tmp_path / "told" / name
        told = json.loads((to / "told.json").read_text())
        # Features here are in the model's units, SAELens's in those of training.
        f = found.dictionary.encode(x) * (found.factor or 1.0)
        assert_same(to, f, found.dictionary(x))
        hook = told.get("hook_name_out") or told["hook_name"]
        assert found.hook and parse_hook(found.hook).point == hook
        if name != "llama later":  # it calls the base model what the registry says is R1's
            assert str(found.model).rpartition("/")[2] == told["model_name"].rpartition("/")[2]
    listed = json.loads((tmp_path / "listed.json").read_text())
    assert len(listed) > 10_000
    for release, name, repository, path in listed:
        if not release.endswith("-canonical"):
            assert folder_of(f"{release}/{name}") == (repository, path), release
