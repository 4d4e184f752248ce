"""Ablate features and measure what changes behind them, each effect beside what chance gives."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field, NonNegativeInt, PositiveInt, field_validator, model_validator

from jobs.names import depth, parse_hook
from jobs.specs.base import Spec
from jobs.specs.train_sae import Listed, Names
from store.errors import AskedWrongly

if TYPE_CHECKING:
    from store import Workspace

SOURCES = ("features", "cluster", "select", "density")
"""Ways to say which features are ablated."""
INPUTS = ("corpus", "contexts", "task")
"""Ways to say on what."""
_ALONE = {key: tuple(k for k in keys if k != key) for keys in (SOURCES, INPUTS) for key in keys}


class Ablate(Spec):
    """Spec of ``ablate``."""

    kind: ClassVar[str] = "ablate"
    says: ClassVar[str] = (
        "Ablates features where they fire and measures what changes in every later dictionary, in "
        "heads and MLPs, and in the prediction, beside what the same change along random "
        "directions and other features does."
    )
    gives_way: ClassVar[Mapping[str, tuple[str, ...]]] = {
        **_ALONE,
        "corpus": (*_ALONE["corpus"], "dictionaries", "features"),  # which have their own
    }

    dictionaries: Names = Field(
        description="dictionary ids, of one model: those of the ablated features, and later ones "
        "whose features may change"
    )
    features: Annotated[list[str], Listed] = Field(
        [],
        description="features to ablate, DICT#7; their dictionaries need not be named again",
        json_schema_extra={"path": False},
    )
    cluster: str | None = Field(
        None,
        description="or all features of a cluster, RUN#3",
        json_schema_extra={"path": False},
    )
    select: str | None = Field(
        None,
        description="or those that a SQL query gives in columns dictionary and feature",
        json_schema_extra={"path": False, "whole_after": ""},
    )
    density: Annotated[float, Field(gt=0, lt=1)] | None = Field(
        None, description="or all profiled features that fire on more than this share of tokens"
    )
    corpus: str | None = Field(
        None,
        description="corpus id or URI to read (default: the one the first dictionary was trained "
        "on, else the workspace's)",
    )
    contexts: str | None = Field(
        None,
        description="or documents that a SQL query gives in columns corpus and doc: a subset of "
        "the inputs",
        json_schema_extra={"path": False, "whole_after": ""},
    )
    task: str | None = Field(
        None,
        description="or the clean prompts of a task: a built-in one (agreement, ioi, …), "
        "FILE.jsonl, or sql:SELECT corpus, doc, pos …",
        json_schema_extra={"whole_after": "sql:"},
    )
    tokens: PositiveInt = Field(20_000, description="tokens of a corpus or of contexts to read")
    limit: PositiveInt = Field(
        200, description="prompts of a task that are taken; the half that searches look at is read"
    )
    force: bool = Field(False, description="also where the model fails the task")
    per_source: PositiveInt = Field(
        16, description="documents that a feature is ablated in, at most, of those where it fires"
    )
    reach: NonNegativeInt | None = Field(
        None,
        description="tokens after a firing at which effects are measured too (default: of a prompt "
        "all that follow; of documents none, for many thin the effect)",
    )
    ablation: Literal["zero", "mean", "resample"] = Field(
        "zero",
        description="what stands in for a feature where it fires: nothing, its mean, or its value "
        "on the corrupt prompt (of documents: at a token drawn at random)",
    )
    components: bool = Field(True, description="whether heads and MLPs are looked at as well")
    nulls: NonNegativeInt | None = Field(
        None,
        description="null ablations a feature, of each of two kinds (default: 20 for one feature, "
        "fewer for more, at least 4; 0: none, and no edge is tested)",
    )
    fdr: Annotated[float, Field(gt=0, lt=1)] = Field(
        0.05, description="false discovery rate at which an edge counts as significant"
    )
    top: PositiveInt = Field(
        100, description="edges of a feature to publish, those furthest from chance; all are tested"
    )
    text_column: str = Field("text", description="column or key that holds the text (file:, hf:)")
    seed: int = Field(0, description="seed of documents, nulls and intervals")
    batch: PositiveInt = Field(32, description="documents in a forward pass")
    dtype: Literal["auto", "float32", "bfloat16"] = Field(
        "auto", description="precision of the model"
    )

    @field_validator("dictionaries", "features")
    @classmethod
    def _once(cls, named: list[str]) -> list[str]:
        """What is named twice is taken once."""
        return list(dict.fromkeys(named))

    @model_validator(mode="after")
    def _checked(self) -> Ablate:
        sources = [key for key in SOURCES if getattr(self, key)]
        if len(sources) != 1:
            raise ValueError(
                f"{' and '.join(sources)} both say which features to ablate; give one of them"
                if sources
                else "which features are to be ablated? Give features=DICT#7, cluster=RUN#3, "
                "select=SQL or density=…"
            )
        inputs = [key for key in INPUTS if getattr(self, key)]
        if len(inputs) > 1:
            raise ValueError(f"{' and '.join(inputs)} both say what to read; give one of them")
        if self.nulls == 1:
            raise ValueError("nulls=1 has nothing to be compared with; give 2 or more, or 0")
        for feature in self.features:
            split_id(feature)
        if self.cluster:
            split_id(self.cluster, "cluster", "RUN#3")
        return self

    def all_dictionaries(self) -> list[str]:
        """Those named, and those of `features`."""
        return list(dict.fromkeys([*self.dictionaries, *(split_id(f)[0] for f in self.features)]))

    def check(self, ws: Workspace) -> None:
        """Looks at the dictionaries that are there already, at the corpus, and at SQL."""
        from jobs.beforehand import check_corpus_of, check_task
        from jobs.chosen import relation_of

        known = ws.catalog().dictionaries
        there = {n: known[n].manifest for n in self.all_dictionaries() if n in known}
        self.refuse_strangers(there)
        self.refuse_out_of_range(there)
        if len(there) == len(self.all_dictionaries()) and self.features:
            self.refuse_last(there, {split_id(feature)[0] for feature in self.features})
        if self.task:
            check_task(ws, self.task)
        if self.select:
            relation_of(ws, "select", self.select, ("dictionary", "feature"))
        if self.contexts:
            relation_of(ws, "contexts", self.contexts, ("corpus", "doc"))
        check_corpus_of(ws, self.dictionaries[0], self.corpus, self.text_column)

    def check_rows(self, ws: Workspace) -> None:
        """Looks for the features to ablate, and for what SQL is to choose to read."""
        from jobs.beforehand import check_places
        from jobs.chosen import chosen, rows_of

        chosen(ws, self)
        if self.contexts:
            rows_of(ws, "contexts", self.contexts, ("corpus", "doc"))
        check_places(ws, self.task)

    def refuse_strangers(self, manifests: Mapping[str, Mapping[str, Any]]) -> None:
        """Raises AskedWrongly where dictionaries are of different models."""
        models = {name: manifest.get("model") for name, manifest in manifests.items()}
        (first, model), *others = [*models.items()] or [("", None)]
        for other, theirs in others:
            if theirs != model:
                raise AskedWrongly(
                    f"{first} is of model {model}, {other} of {theirs}; ablate looks at "
                    "dictionaries of one model."
                )

    def refuse_out_of_range(self, manifests: Mapping[str, Mapping[str, Any]]) -> None:
        """Raises AskedWrongly for a feature that its dictionary does not have."""
        for dictionary, feature in map(split_id, self.features):
            width = manifests.get(dictionary, {}).get("d_sae")
            if isinstance(width, int) and feature >= width:
                raise AskedWrongly(
                    f"{dictionary} has no feature {feature}; it has 0 to {width - 1}."
                )

    def refuse_last(self, manifests: Mapping[str, Mapping[str, Any]], of: Iterable[str]) -> None:
        """Raises AskedWrongly where nothing comes after any of the dictionaries `of` the sources:
        the prediction alone would be little to run a job for.
        """
        hooks = {name: parse_hook(str(manifest["hook"])) for name, manifest in manifests.items()}
        read = [parse_hook(str(m.get("reads") or m["hook"])) for m in manifests.values()]
        last = max(map(depth, read))
        first = min(of, key=lambda name: depth(hooks[name]))
        if not self.components and depth(hooks[first]) >= last:
            raise AskedWrongly(
                f"No dictionary comes after {first} ({hooks[first].label}), so nothing could "
                "change; name a later one in dictionaries=…, or give components=true."
            )

    def inputs(self) -> list[str]:
        """Ids of the dictionaries looked at."""
        return self.all_dictionaries()


def split_id(text: str, key: str = "features", like: str = "DICT#7") -> tuple[str, int]:
    """``DICT#7`` as the dictionary and the number; raises ValueError for what is none."""
    name, _, number = text.rpartition("#")
    if not name or not (number.isascii() and number.isdecimal()):
        raise ValueError(f"{key}={text} is none; write {like}")
    return name, int(number)
