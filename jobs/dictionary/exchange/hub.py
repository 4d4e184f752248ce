"""Folders of dictionaries on the Hugging Face hub, and the names SAELens has for some of them."""

from __future__ import annotations

import re
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple

from jobs.dictionary.exchange.releases import folder_of
from jobs.hub import hub_answers
from store.errors import AskedWrongly, SaetuiError

READ_AS_THEY_LIE = (
    *(None, "sae_lens", "dictionary_learning_1", "sparsify"),
    *("gemma_2", "gemma_2_transcoder", "gemma_3", "llama_scope", "llama_scope_r1_distill"),
    *("qwen_scope", "mwhanna_transcoder"),
)
"""``conversion_func`` of releases whose folders are read here: SAELens's own, those of the two
other libraries, Gemma Scope, Llama Scope and those of Qwen models."""
ABOUT_TRAINING = frozenset(
    (
        "context_size",
        "dataset_path",
        "model_from_pretrained_kwargs",
        "neuronpedia_id",
        "prepend_bos",
    )
)
"""``config_overrides`` that change nothing in what a dictionary does with an activation. That it is
to read a processed model's (``model_from_pretrained_kwargs``) is told by the sample."""


_OF_MANY = re.compile(r"^[^/]+/(gemma-scope-|Llama3_1-8B-Base-LX|Llama-Scope-|SAE-Res-|qwen3-)")
"""Repositories of up to hundreds of gigabytes, which nobody means to download whole."""


class OnHub(NamedTuple):
    """Where a source lies on the hub."""

    repository: str
    inside: str
    """Folder or file in the repository; empty for all of it."""
    factor: float | None = None
    """What its release says that activations are multiplied by, where they are normalised."""


def on_hub(source: str) -> OnHub:
    """What ``owner/repo``, ``owner/repo/folder`` or SAELens's ``release/id`` names. Raises
    AskedWrongly for other names.
    """
    if found := _release(source):
        return found
    found = OnHub(*(folder_of(source) or _parts(source)))
    if not found.inside and _OF_MANY.match(found.repository):
        raise AskedWrongly(
            f"{source} holds many dictionaries; name the folder or file of one of them: {source}/…."
        )
    return found


def fetched(source: str, at: OnHub) -> Path:
    """The folder or file at `at`, which `source` names, downloaded into the hub's cache, or found
    there where the hub does not answer. Raises SaetuiError where the hub does not give it.
    """
    repository, inside, _ = at
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError

    wanted, offline = [inside, f"{inside}/*"] if inside else None, not hub_answers()
    try:
        root = Path(snapshot_download(repository, allow_patterns=wanted, local_files_only=offline))
    except (HfHubHTTPError, HFValidationError, OSError, ValueError) as error:
        if offline:
            raise SaetuiError(
                f"The Hugging Face hub does not answer, and {source} is neither a folder here nor "
                f"in the hub's cache; download it elsewhere and give its folder.{_hint()}"
            ) from None
        first = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise SaetuiError(
            f"The hub does not give {repository}: {first.rstrip('.')}.{_hint()}"
        ) from None
    found = root / inside
    if not found.exists():
        here = " as far as it is in the hub's cache" if offline else ""
        raise AskedWrongly(f"{repository} has no folder or file {inside!r}{here}.")
    return found


def _parts(source: str) -> tuple[str, str]:
    owner, _, rest = source.partition("/")
    repository, _, inside = rest.partition("/")
    if not owner or not repository or ".." in inside.split("/"):
        raise AskedWrongly(
            f"{source!r} is neither a folder here nor a hub name (owner/repo or owner/repo/folder)."
        )
    return f"{owner}/{repository}", inside.strip("/")


def _hint() -> str:
    """What to do where the name may have been SAELens's, whose list is not at hand."""
    if find_spec("sae_lens") is not None:
        return ""
    return (
        " If it is release/id of SAELens, which is not installed beside saetui, give the hub's "
        "owner/repo/folder that it stands for (repo_id and path in SAELens's pretrained_saes.yaml)."
    )


def _release(source: str) -> OnHub | None:
    """What SAELens has as ``release/id``; None where sae-lens is not installed or
    does not know the release. Raises AskedWrongly for releases whose files SAELens converts or
    whose configuration it changes.
    """
    if find_spec("sae_lens") is None:
        return None
    from sae_lens.loading.pretrained_saes_directory import (  # type: ignore[import-not-found]
        get_pretrained_saes_directory,
    )

    release, _, name = source.partition("/")
    known = get_pretrained_saes_directory().get(release)
    if known is None:
        return None
    if name not in known.saes_map:
        raise AskedWrongly(f"SAELens's release {release} has no {name!r}.")
    _check_read_as_it_lies(release, known)
    factor = known.norm_scaling_factor.get(name)
    return OnHub(str(known.repo_id), str(known.saes_map[name]).strip("/"), factor)


def _check_read_as_it_lies(release: str, known: Any) -> None:
    """Whether the release's files, taken alone, say what its dictionaries do."""
    converter, changes = known.conversion_func, known.config_overrides or {}
    instead = "load it with sae-lens, save it with save_model, and give the folder that this makes."
    if converter not in READ_AS_THEY_LIE:
        raise AskedWrongly(
            f"SAELens's release {release} is in another layout, which SAELens converts "
            f"({converter}) and this version does not read; {instead}"
        )
    if changed := sorted(changes.keys() - ABOUT_TRAINING):
        raise AskedWrongly(
            f"SAELens's release {release} is not what its files say: SAELens changes "
            f"{', '.join(changed)}; {instead}"
        )
