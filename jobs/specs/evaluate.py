"""Evaluate dictionaries on held-out documents, each figure beside what it must beat."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, get_args

from pydantic import Field, PositiveInt, field_validator

from jobs.specs.base import Spec
from jobs.specs.train_sae import Listed, Names

if TYPE_CHECKING:
    from store import Workspace

Measure = Literal[
    "reconstruction", "splice", "density", "coherence", "stability", "concepts", "probing"
]
"""What can be measured; each is a file of `jobs.dictionary.quality`."""


class Evaluate(Spec):
    """Spec of ``evaluate``."""

    kind: ClassVar[str] = "evaluate"
    says: ClassVar[str] = (
        "Measures dictionaries of one model on held-out documents, each figure beside what it must "
        "beat: a random dictionary, shuffled labels, the mean, the activation itself."
    )

    gives_way: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "corpus": ("dictionaries",)  # which have their own, or the job takes the default
    }

    dictionaries: Names = Field(
        description="dictionary ids, of one model; those that differ in seed alone are matched"
    )
    corpus: str | None = Field(
        None,
        description="corpus id or URI (default: the one the dictionaries were trained on, else the "
        "workspace's)",
    )
    measures: Annotated[list[Measure], Listed, Field(min_length=1)] = Field(
        list(get_args(Measure)),
        description="what to measure; what only an earlier evaluation measured stays in sight",
    )
    tokens: PositiveInt = Field(50_000, description="held-out tokens to read")
    ce_tokens: PositiveInt = Field(
        8_192, description="of these, tokens on which dictionaries are spliced into the model"
    )
    concept_tokens: PositiveInt = Field(
        20_000, description="of these, tokens on which features are held against concepts"
    )
    text_column: str = Field("text", description="column or key that holds the text (file:, hf:)")
    seed: int = Field(0, description="seed of the random dictionary and of shuffles")
    batch: PositiveInt = Field(16, description="documents in a forward pass")
    dtype: Literal["auto", "float32", "bfloat16"] = Field(
        "auto", description="precision of the model's forward pass"
    )
    norm_limit: Annotated[float, Field(gt=0)] = Field(
        10.0,
        description="leave out activations longer than this times the median (attention sinks)",
    )

    @field_validator("dictionaries", "measures")
    @classmethod
    def _once(cls, named: list[str]) -> list[str]:
        """What is named twice is measured once."""
        return list(dict.fromkeys(named))

    def check(self, ws: Workspace) -> None:
        """Looks at the corpus, where one is named and the dictionaries are there already."""
        from jobs.beforehand import check_corpus_of

        check_corpus_of(ws, self.dictionaries[0], self.corpus, self.text_column)

    def inputs(self) -> list[str]:
        """Ids of the dictionaries to evaluate."""
        return list(self.dictionaries)
