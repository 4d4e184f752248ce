"""sparsify folders: ``cfg.json`` and ``sae.safetensors``."""

from __future__ import annotations

import re
from pathlib import Path

from jobs.dictionary.exchange.foreign import Foreign, assembled, need
from jobs.dictionary.saved import read_config, read_weights
from store.errors import AskedWrongly

FILES = ("cfg.json", "sae.safetensors")
_TRANSCODERS = {False: "topk_transcoder", True: "topk_skip_transcoder"}
"""By whether a linear map goes beside the features."""
_LAYER = re.compile(r"^layers\.(\d+)(\.mlp|\.self_attn|\.attention)?$")
_SITES = {None: "resid_post", ".mlp": "mlp_out", ".self_attn": "attn_out", ".attention": "attn_out"}


def read(folder: Path) -> Foreign:
    """The dictionary in a sparsify folder."""
    config_path, weights_path = (folder / name for name in FILES)
    own = read_config(config_path)
    transcode, skip = bool(own.get("transcode")), bool(own.get("skip_connection"))
    if skip and not transcode:
        raise AskedWrongly(
            f"{config_path} is an autoencoder with a skip connection, a copy of its input; this "
            "version reads autoencoders without one, and transcoders."
        )
    activation = str(own.get("activation", "topk"))
    if activation != "topk":
        raise AskedWrongly(f"{config_path} has activation {activation!r}; this version knows topk.")
    if own.get("signed"):
        raise AskedWrongly(
            f"{config_path} chooses features by size with either sign (signed); this version reads "
            "features that are not negative."
        )
    state = read_weights(weights_path)
    weights = {
        "W_enc": need(state, "encoder.weight", weights_path, 2).T,
        "b_enc": need(state, "encoder.bias", weights_path, 1),
        "W_dec": need(state, "W_dec", weights_path, 2),
        "b_dec": need(state, "b_dec", weights_path, 1),
    }
    if skip:
        weights["W_skip"] = need(state, "W_skip", weights_path, 2)
    d_sae, d_out = weights["W_dec"].shape
    config = {
        "architecture": "topk",
        "d_in": weights["W_enc"].shape[0],
        "d_sae": own.get("num_latents") or d_sae,
        "k": own.get("k"),
    }
    if transcode:
        config |= {"architecture": _TRANSCODERS[skip], "d_out": d_out}
    made = assembled(config, weights, config_path, weights_path)
    trained = "transcoder" if transcode else "topk"
    return Foreign(made, "sparsify", trained, None, _hook(folder.resolve().name))


def _hook(name: str) -> str | None:
    """sparsify names folders after modules: ``layers.8``, ``layers.8.mlp``."""
    found = _LAYER.match(name)
    return f"L{found[1]}.{_SITES[found[2]]}" if found else None
