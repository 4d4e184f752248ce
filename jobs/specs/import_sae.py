"""Take over a dictionary that another library wrote."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field, PositiveFloat, PositiveInt, field_validator

from jobs.names import Hook, model_slug, parse_hook
from jobs.specs.base import Spec
from store.errors import AskedWrongly
from store.ids import check_id

if TYPE_CHECKING:
    from store import Workspace


_NAMED_BY_TWO = re.compile(r"^(average_l0_\d+|canonical|layer_?\d+(\.sae\.pt|\.safetensors)?)$")
"""Last parts of sources that leave what they are of to the part before."""


class ImportSae(Spec):
    """Spec of ``import_sae``."""

    kind: ClassVar[str] = "import_sae"
    says: ClassVar[str] = (
        "Takes over a dictionary that SAELens, dictionary_learning or sparsify wrote, or one of "
        "Gemma Scope or Llama Scope, and measures how well it reconstructs a sample."
    )
    gives_way: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "model": ("source",),  # its files say which, or the job takes the default
        "revision": ("source", "model"),
        "hook": ("source",),
    }

    source: str = Field(
        min_length=1,
        description="a folder, a hub name (owner/repo, or owner/repo/folder; Qwen's are files), or "
        "release/id of SAELens (where sae-lens is installed; of Gemma Scope, Llama Scope and Qwen "
        "Scope everywhere); "
        "truth:NAME/HOOK has the known features of a truth "
        "model",
    )
    format: Literal[
        "auto",
        "saelens",
        "dictionary_learning",
        "sparsify",
        "gemma_scope",
        "gemma_scope_2",
        "llama_scope",
        "qwen_scope",
        "qwen_transcoder",
    ] = Field("auto", description="in what layout it lies (auto: told by its files)")
    norm_scaling_factor: PositiveFloat | None = Field(
        None,
        description="what activations are multiplied by where the files ask for their average "
        "length to be √d and do not say the factor",
    )
    model: str | None = Field(
        None, description="model it reads (default: what its files say, else the workspace's)"
    )
    revision: str | None = Field(None, description="revision of a hub model")
    hook: str | None = Field(
        None,
        description="hook it reads, or a transcoder's L0.mlp_out (default: what its files say)",
    )
    corpus: str = Field("docs:", description="text of the sample: a corpus id or URI")
    text_column: str = Field("text", description="column or key that holds the text (file:, hf:)")
    tokens: PositiveInt = Field(8_192, description="tokens read for the sample")
    batch: PositiveInt = Field(16, description="documents in a forward pass")
    dtype: Literal["auto", "float32", "bfloat16"] = Field(
        "auto", description="precision of the model's forward pass"
    )
    norm_limit: PositiveFloat = Field(
        10.0,
        description="leave out activations longer than this times the median (attention sinks)",
    )

    @field_validator("hook")
    @classmethod
    def _is_a_hook(cls, hook: str | None) -> str | None:
        if hook is not None:
            parse_hook(hook)
        return hook

    def dictionary(self, model: str, hook: Hook) -> str:
        """Its id here: under the model and the hook, by `name` or the last part of `source`."""
        last = os.path.basename(self.source.rstrip("/"))
        if _NAMED_BY_TWO.match(last):  # its width, or what it is of, is told by the folder above
            last = "-".join(self.source.rstrip("/").split("/")[-2:])
        last = "known" if self.source.startswith("truth:") else last
        plain = re.sub(r"[^A-Za-z0-9._-]+", "-", last).strip("-.") or "imported"
        return check_id(f"{model_slug(model)}/{hook.label}/{self.name or plain}", "dictionary id")

    def outputs(self) -> list[str]:
        """The id it will have; none where only its files can tell model and hook."""
        if self.model is None or self.hook is None:
            return []
        return [self.dictionary(self.model, parse_hook(self.hook))]

    def check(self, ws: Workspace) -> None:
        """Looks for the folder, the model, the text, and whether the id is taken."""
        from jobs.beforehand import check_corpus, check_model

        if os.path.isabs(self.source) and not os.path.exists(self.source):
            raise AskedWrongly(f"There is no folder {self.source}.")
        if not os.path.isabs(self.source) and "/" not in self.source:
            raise AskedWrongly(
                f"{self.source!r} is neither a folder (./{self.source}) nor a hub name "
                "(owner/repo)."
            )
        for name in self.outputs():
            if name in ws.dictionaries():
                raise AskedWrongly(f"Dictionary {name} exists already; give name=… for another.")
        if self.model is not None:
            check_model(self.model, self.revision, [self.hook] if self.hook else [], 1)
            check_corpus(ws, self.corpus, self.model, self.text_column)
