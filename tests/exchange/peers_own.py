"""Runs in a peer's environment, knows nothing of saetui: ``python peers_own.py PEER FOLDER``.

Reads x.npy of FOLDER. Writes one folder a dictionary of the peer's own making under ``theirs/``,
with what the peer encodes and reconstructs; reads every folder of its kind under ``ours/``
likewise. SAELens reads those named in scopes.json too, which are in other layouts.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import torch

D, M, K, HEADS = 12, 40, 4, 3


def drawn(module: torch.nn.Module) -> torch.nn.Module:
    """Every floating parameter random, thresholds positive."""
    with torch.no_grad():
        for name, parameter in module.named_parameters():
            parameter.normal_(std=0.5)
            if "threshold" in name:
                parameter.abs_()
    return module


def told(folder: Path, f: torch.Tensor, x_hat: torch.Tensor) -> None:
    np.savez(folder / "told.npz", f=f.detach().numpy(), x_hat=x_hat.detach().numpy())


WEIGHTS = "sae_weights.safetensors"
PLAIN = {"d_in": D, "d_sae": M, "dtype": "float32", "finetuning_scaling_factor": False}
BEFORE_6: dict[str, dict[str, object]] = {
    "before_6_hook_point": {
        "hook_point": "blocks.1.hook_resid_pre",
        "normalize_activations": False,
    },
    "before_6_one_head": {
        "architecture": "standard",
        "hook_name": "blocks.1.attn.hook_q",
        "hook_head_index": 2,
        "activation_fn_str": "relu",
        "normalize_activations": None,
    },
    "before_6_topk": {
        "architecture": "standard",
        "hook_name": "blocks.1.hook_resid_pre",
        "activation_fn_str": "topk",
        "activation_fn_kwargs": {"k": K},
        "normalize_activations": "none",
    },
    "before_6_topk_of_no_architecture": {
        "hook_name": "blocks.1.hook_resid_pre",
        "activation_fn": "topk",
        "activation_fn_kwargs": {"k": K},
    },
    "before_6_k_among_arguments": {
        "architecture": "topk",
        "hook_name": "blocks.1.hook_resid_pre",
        "activation_fn_kwargs": {"k": K},
        "metadata": {"sae_lens_version": "5.10.2"},
    },
}
"""What versions before 6.0 wrote into ``cfg.json`` beside `PLAIN`."""


def ours(root: Path) -> list[Path]:
    """Folders that saetui wrote."""
    return sorted((root / "ours").iterdir())


def made_folder(folder: Path) -> Path:
    folder.mkdir(parents=True)
    return folder


def transcoder(config: type) -> object:
    """Its configuration; it writes one dimension more than it reads."""
    return config(D, M, d_out=D + 1, apply_b_dec_to_input=False)


def saelens(root: Path, x: torch.Tensor) -> None:
    import sae_lens as sl
    from sae_lens import saes
    from safetensors.torch import save_file

    for folder in ours(root):
        sae = saes.SAE.load_from_disk(str(folder), device="cpu")
        (folder / "told.json").write_text(json.dumps(sae.cfg.metadata.to_dict()))
        read = x.view(len(x), HEADS, -1) if sae.cfg.reshape_activations == "hook_z" else x
        x_hat = sae(read)
        assert x_hat.shape == read.shape
        told(folder, sae.encode(read), x_hat.reshape(x.shape))
    made = {
        "standard": sl.StandardSAE(sl.StandardSAEConfig(D, M)),
        "standard_no_b_dec": sl.StandardSAE(sl.StandardSAEConfig(D, M, apply_b_dec_to_input=False)),
        "gated": sl.GatedSAE(sl.GatedSAEConfig(D, M)),
        "topk": sl.TopKSAE(sl.TopKSAEConfig(D, M, k=K, rescale_acts_by_decoder_norm=False)),
        "topk_rescaled": sl.TopKSAE(sl.TopKSAEConfig(D, M, k=K, rescale_acts_by_decoder_norm=True)),
        "jumprelu": sl.JumpReLUSAE(sl.JumpReLUSAEConfig(D, M)),
        "transcoder": sl.Transcoder(transcoder(sl.TranscoderConfig)),
        "skip_transcoder": sl.SkipTranscoder(transcoder(sl.SkipTranscoderConfig)),
        "jumprelu_transcoder": sl.JumpReLUTranscoder(transcoder(sl.JumpReLUTranscoderConfig)),
    }
    for name, sae in made.items():
        folder = root / "theirs" / name
        drawn(sae).save_model(str(folder))
        told(folder, sae.encode(x), sae(x))
    for name, words in BEFORE_6.items():
        folder = root / "theirs" / name
        sae = drawn(sl.StandardSAE(sl.StandardSAEConfig(D, M)))
        save_file(
            sae.state_dict() | {"scaling_factor": torch.ones(M)}, made_folder(folder) / WEIGHTS
        )
        (folder / "cfg.json").write_text(json.dumps(PLAIN | words))
        sae = saes.SAE.load_from_disk(str(folder), device="cpu")
        (folder / "told.json").write_text(json.dumps(sae.cfg.metadata.to_dict()))
        told(folder, sae.encode(x), sae(x))
    for name, kind, config in (
        ("batchtopk", sl.BatchTopKTrainingSAE, sl.BatchTopKTrainingSAEConfig(D, M, k=K)),
        (
            "matryoshka",
            sl.MatryoshkaBatchTopKTrainingSAE,
            sl.MatryoshkaBatchTopKTrainingSAEConfig(D, M, k=K, matryoshka_widths=[10, M]),
        ),
    ):
        training = drawn(kind(config))
        training.topk_threshold.fill_(0.6)
        folder = root / "theirs" / name
        training.save_inference_model(str(folder))
        sae = saes.SAE.load_from_disk(str(folder), device="cpu")
        f = sae.encode(x)
        told(folder, f, sae.decode(f))


UNDERSTOOD = (
    *("gemma_2", "gemma_2_transcoder", "gemma_3", "llama_scope"),
    *("qwen_scope", "mwhanna_transcoder"),
)
"""Converters of SAELens's for releases whose names say where they lie."""


def saelens_scopes(root: Path, x: torch.Tensor) -> None:
    """What SAELens makes of releases that it converts, with the hub's files under ``scopes/``, and
    the folders that it has for the names of such releases.
    """
    from huggingface_hub.utils import EntryNotFoundError
    from sae_lens import SAE
    from sae_lens.loading import pretrained_sae_loaders as loaders
    from sae_lens.loading.pretrained_saes_directory import (
        PretrainedSAELookup,
        get_pretrained_saes_directory,
    )
    from safetensors.torch import load_file

    def local(repo_id: str, filename: str, subfolder: str = "", **_: object) -> str:
        path = root / "scopes" / repo_id.split("/")[1] / subfolder / filename
        if not path.exists():
            raise EntryNotFoundError(filename)
        return str(path)

    def shapes(repo_id: str, filename: str) -> dict[str, list[int]]:
        return {name: list(t.shape) for name, t in load_file(local(repo_id, filename)).items()}

    loaders.hf_hub_download, loaders.get_safetensors_tensor_shapes = local, shapes
    known = get_pretrained_saes_directory()
    listed = [
        (release, name, one.repo_id, path)
        for release, one in known.items()
        for name, path in one.saes_map.items()
        if one.conversion_func in UNDERSTOOD
    ]
    (root / "listed.json").write_text(json.dumps(listed))
    for name, asked in json.loads((root / "scopes.json").read_text()).items():
        known[name] = PretrainedSAELookup(
            release=name,
            repo_id=asked["repository"],
            model="",
            conversion_func=asked["converter"],
            saes_map={"one": asked["path"]},
            expected_var_explained={},
            expected_l0={},
            neuronpedia_id={},
            norm_scaling_factor={"one": asked["factor"]} if asked["factor"] else {},
            config_overrides={"d_in": D, "d_sae": M, "d_out": D},
        )
        sae = SAE.from_pretrained(name, "one")
        folder = made_folder(root / "told" / name)
        (folder / "told.json").write_text(json.dumps(sae.cfg.metadata.to_dict()))
        read = x.view(len(x), HEADS, -1) if sae.cfg.reshape_activations == "hook_z" else x
        told(folder, sae.encode(read), sae(read).reshape(x.shape))


def dictionary_learning(root: Path, x: torch.Tensor) -> None:
    from dictionary_learning import dictionary as dl
    from dictionary_learning.trainers.batch_top_k import BatchTopKSAE
    from dictionary_learning.trainers.matryoshka_batch_top_k import MatryoshkaBatchTopKSAE
    from dictionary_learning.trainers.top_k import AutoEncoderTopK
    from dictionary_learning.utils import load_dictionary

    for folder in ours(root):
        coder, _ = load_dictionary(str(folder), "cpu")
        f = coder.encode(x)
        told(folder, f, coder.decode(f))
    for module in (
        dl.AutoEncoder(D, M),
        dl.AutoEncoderNew(D, M),
        dl.GatedAutoEncoder(D, M),
        dl.JumpReluAutoEncoder(D, M),
        AutoEncoderTopK(D, M, K),
        BatchTopKSAE(D, M, K),
        MatryoshkaBatchTopKSAE(D, M, K, [10, M - 10]),
    ):
        name = type(module).__name__
        folder = root / "theirs" / name
        folder.mkdir(parents=True)
        drawn(module)
        if name in ("BatchTopKSAE", "MatryoshkaBatchTopKSAE"):
            module.threshold.fill_(0.6)
        torch.save(module.state_dict(), folder / "ae.pt")
        about = {"dict_class": name, "k": K, "layer": 1, "lm_name": "gpt2"}
        about["submodule_name"] = "resid_post_layer_1"
        (folder / "config.json").write_text(json.dumps({"trainer": about, "buffer": {}}))
        f = module.encode(x)
        told(folder, f, module.decode(f))


def sparsify(root: Path, x: torch.Tensor) -> None:
    from sparsify import SparseCoder, SparseCoderConfig

    def tell(folder: Path, coder: SparseCoder) -> None:
        top = coder.encode(x)
        f = torch.zeros(len(x), M).scatter(1, top.top_indices, top.top_acts)
        told(folder, f, coder(x).sae_out)

    for folder in ours(root):
        tell(folder, SparseCoder.load_from_disk(folder, device="cpu"))
    for name, options in (
        ("layers.1", {}),
        ("layers.1.mlp", {"transcode": True}),
        ("layers.2.mlp", {"transcode": True, "skip_connection": True}),
    ):
        config = SparseCoderConfig(num_latents=M, k=K, **options)
        coder = drawn(SparseCoder(D, config, device="cpu"))
        folder = root / "theirs" / name
        coder.save_to_disk(folder)
        tell(folder, coder)


if __name__ == "__main__":
    peer, root = sys.argv[1], Path(sys.argv[2])
    (root / "theirs").mkdir()
    x = torch.from_numpy(np.load(root / "x.npy"))
    torch.manual_seed(0)
    with torch.no_grad():
        globals()[peer](root, x)
