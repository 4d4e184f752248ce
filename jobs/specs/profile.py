"""Profile dictionaries: what each feature fires on, and how good the dictionary is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field, PositiveInt, field_validator

from jobs.specs.base import Spec
from jobs.specs.train_sae import Names

if TYPE_CHECKING:
    from store import Workspace


class Profile(Spec):
    """Spec of ``profile``."""

    kind: ClassVar[str] = "profile"
    says: ClassVar[str] = (
        "Reads documents once and writes features, activations, top activations, neighbours and "
        "quality of dictionaries of one model."
    )

    gives_way: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "corpus": ("dictionaries",)  # which have their own, or the job takes the default
    }

    dictionaries: Names = Field(description="dictionary ids, of one model")
    corpus: str | None = Field(
        None,
        description="corpus id or URI (default: the one the dictionaries were trained on, else the "
        "workspace's)",
    )
    tokens: PositiveInt = Field(
        200_000, description="tokens to profile: held-out documents first, then training ones"
    )
    text_column: str = Field("text", description="column or key that holds the text (file:, hf:)")
    top: PositiveInt = Field(20, description="strongest activations kept for a feature's page")
    neighbors: PositiveInt = Field(16, description="nearest features kept for each feature")
    ce_tokens: PositiveInt = Field(
        8_192,
        description="held-out tokens on which cross-entropy and the random dictionary are measured",
    )
    seed: int = Field(0, description="seed of the random-dictionary null and of samples")
    batch: PositiveInt = Field(16, description="documents in a forward pass")
    dtype: Literal["auto", "float32", "bfloat16"] = Field(
        "auto", description="precision of the model's forward pass"
    )
    norm_limit: Annotated[float, Field(gt=0)] = Field(
        10.0,
        description="leave out activations longer than this times the median (attention sinks)",
    )

    @field_validator("dictionaries")
    @classmethod
    def _once(cls, dictionaries: list[str]) -> list[str]:
        """A dictionary named twice is profiled once."""
        return list(dict.fromkeys(dictionaries))

    def check(self, ws: Workspace) -> None:
        """Looks at the corpus, where one is named and the dictionaries are there already."""
        from jobs.beforehand import check_corpus_of

        check_corpus_of(ws, self.dictionaries[0], self.corpus, self.text_column)

    def inputs(self) -> list[str]:
        """Ids of the dictionaries to profile."""
        return list(self.dictionaries)
