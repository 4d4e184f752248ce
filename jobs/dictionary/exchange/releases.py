"""SAELens's names ``release/id`` of Gemma Scope, Llama Scope and Qwen's, which say by themselves
what folder or file of the hub they stand for: they are understood where sae-lens is not installed,
too.
"""

from __future__ import annotations

import re

from store.errors import AskedWrongly

_GEMMA = re.compile(r"^gemma-scope-(?:2b|9b|27b)-(?:pt|it)-(?:res|mlp|att|transcoders)$")
_CANONICAL = "-canonical"
_GEMMA_2 = re.compile(r"^(gemma-scope-2-\d+[bm]-(?:pt|it))-(res|mlp|att|transcoders)(-all)?$")
_FOLDERS = {"res": "resid_post", "mlp": "mlp_out", "att": "attn_out", "transcoders": "transcoder"}
_LLAMA = re.compile(r"^llama_scope_lx([ram])_(8|32)x$")
_LLAMA_ID = re.compile(r"^l(\d+)([ram])_(8|32)x$")


_QWEN = re.compile(r"^qwen-scope-(3(?:\.5)?)-([a-z0-9.-]+)-w(\d+)k-l(\d+)$")
_HANNA = re.compile(r"^mwhanna-(qwen3-[\d.]+b-transcoders(?:-lowl0)?)$")


def folder_of(source: str) -> tuple[str, str] | None:
    """Repository, and folder or file in it, on the hub that `source` stands for; None where it is
    no such name. Raises AskedWrongly for one that only SAELens's list tells the folder of.
    """
    release, _, name = source.partition("/")
    if not name:
        return None
    if _GEMMA.match(release):
        return f"google/{release}", name
    if _GEMMA.match(plain := release.removesuffix(_CANONICAL)):
        raise AskedWrongly(
            f"Which dictionary {source} is only SAELens's list tells; give its folder: "
            f"google/{plain}/{name.rpartition('/')[0]}/average_l0_…."
        )
    if found := _GEMMA_2.match(release):
        folder = f"{_FOLDERS[found[2]]}{(found[3] or '').replace('-', '_')}"
        return f"google/{found[1]}", name if name.startswith(f"{folder}/") else f"{folder}/{name}"
    if (found := _LLAMA.match(release)) and (id_ := _LLAMA_ID.match(name)):
        site, wide = found[1].upper(), found[2]
        if (id_[2].upper(), id_[3]) == (site, wide):
            base = "Llama3_1-8B-Base"
            return f"fnlp/{base}-LX{site}-{wide}x", f"{base}-L{id_[1]}{site}-{wide}x"
    if found := _QWEN.match(release):
        words = (w.capitalize() if w == "base" else w.upper() for w in found[2].split("-"))
        model = f"Qwen{found[1]}-{'-'.join(words)}"
        return f"Qwen/SAE-Res-{model}-W{found[3]}K-L0_{found[4]}", f"{name}.sae.pt"
    if found := _HANNA.match(release):
        return f"mwhanna/{found[1]}", f"{name}.safetensors"
    return None
