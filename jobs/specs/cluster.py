"""Group features by what they have in common, each figure beside what chance would give."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, get_args

from pydantic import Field, PositiveFloat, PositiveInt, field_validator, model_validator

from jobs.specs.base import Spec
from jobs.specs.train_sae import Listed, Names
from store.errors import AskedWrongly

if TYPE_CHECKING:
    from store import Workspace

Compared = Literal["decoder", "encoder", "lens", "jaccard", "pmi"]
"""What two features can be compared by."""
DIRECTIONS = frozenset({"decoder", "encoder", "lens"})
"""Those that are cosines of directions; the others compare on which tokens features fire."""

OWNERS = {"clusters": ("kmeans", "agglomerative"), "resolution": ("leiden",)}
"""Keys that belong to some methods only."""


def mixture(terms: list[str]) -> dict[str, float]:
    """``["decoder:0.7", "jaccard:0.3"]`` as kind → weight, the weights summing to one.

    Raises ValueError with what is wrong.
    """
    weights: dict[str, float] = {}
    for term in terms:
        kind, _, weight = term.partition(":")
        if kind not in get_args(Compared):
            raise ValueError(
                f"similarity={term} is none; there are {', '.join(get_args(Compared))}, alone or "
                f"mixed, e.g. similarity=decoder:0.7,jaccard:0.3"
            )
        try:
            value = float(weight or 1)
        except ValueError:
            value = -1.0
        if not 0 < value < float("inf"):
            raise ValueError(f"similarity={term} gives no weight above zero")
        if kind in weights:
            raise ValueError(f"similarity names {kind} twice")
        weights[kind] = value
    total = sum(weights.values())
    return {kind: value / total for kind, value in weights.items()}


def written(weights: dict[str, float]) -> str:
    """A mixture as tables hold it: ``decoder``, or ``decoder:0.7,jaccard:0.3``."""
    if len(weights) == 1:
        return next(iter(weights))
    return ",".join(f"{kind}:{weight:g}" for kind, weight in weights.items())


class Cluster(Spec):
    """Spec of ``cluster``."""

    kind: ClassVar[str] = "cluster"
    says: ClassVar[str] = (
        "Groups features of one or several dictionaries by similarity, maps them, and tells which "
        "groups are tighter than the same method finds in random dictionaries."
    )

    dictionaries: Names = Field(description="dictionary ids, clustered together")
    similarity: Annotated[list[str], Listed, Field(min_length=1)] = Field(
        ["decoder"],
        description="what two features are compared by: cosine of decoder or encoder directions or "
        "of what they add to the logits (lens), or on which tokens they fire (jaccard, pmi); or a "
        "mixture with its weights, e.g. decoder:0.7,jaccard:0.3",
    )
    method: Literal["hdbscan", "agglomerative", "kmeans", "leiden"] = Field(
        "leiden", description="how groups are found"
    )
    neighbors: PositiveInt = Field(15, description="nearest features in the graph")
    clusters: PositiveInt | None = Field(
        None,
        description="how many clusters (kmeans, agglomerative; default: the root of the features)",
    )
    min_size: Annotated[int, Field(ge=2)] = Field(5, description="features in a cluster, at least")
    resolution: PositiveFloat = Field(
        1.0, description="above 1: more and smaller clusters (leiden)"
    )
    fdr: Annotated[float, Field(gt=0, lt=1)] = Field(
        0.05, description="false discovery rate at which clusters count as significant"
    )
    nulls: Annotated[int, Field(ge=0)] | None = Field(
        None,
        description="random dictionaries to compare with; a cluster that stands alone needs 20 to "
        "count (default: 10, fewer beyond 8,192 features, at least 2)",
    )
    bootstraps: Annotated[int, Field(ge=0)] | None = Field(
        None,
        description="samples of the features that stability is measured on (default: 10, fewer "
        "beyond 8,192 features, at least 2)",
    )
    tokens: PositiveInt = Field(
        200_000, description="profiled tokens on which firing, shares and planes are measured"
    )
    planes: Annotated[int, Field(ge=0)] = Field(
        24, description="clusters, the most active ones, whose planes are looked at"
    )
    seed: int = Field(0, description="seed of clusters, map and chance")

    @field_validator("dictionaries")
    @classmethod
    def _once(cls, dictionaries: list[str]) -> list[str]:
        """A dictionary named twice is clustered once."""
        return list(dict.fromkeys(dictionaries))

    @model_validator(mode="after")
    def _checked(self) -> Cluster:
        firing = sorted(set(mixture(self.similarity)) - DIRECTIONS)
        if self.method == "kmeans" and firing:
            raise ValueError(
                f"kmeans groups around mean directions, and {firing[0]} has none; another method "
                "would do, or similarity=decoder"
            )
        for key, methods in OWNERS.items():
            default = type(self).model_fields[key].default
            if self.method not in methods and getattr(self, key) != default:
                owners = " and ".join(methods)
                raise ValueError(
                    f"{key} has no meaning for method={self.method}; it belongs to {owners}"
                )
        if self.method == "hdbscan" and self.neighbors < self.min_size - 1:
            raise ValueError(
                f"hdbscan with min_size={self.min_size} looks at {self.min_size - 1} nearest "
                f"features, and neighbors={self.neighbors} keeps fewer"
            )
        return self

    def check(self, ws: Workspace) -> None:
        """Looks at the dictionaries that are there already: whether they can be compared, and
        whether there are features enough.
        """
        known = ws.catalog().dictionaries
        there = {name: known[name].manifest for name in self.dictionaries if name in known}
        self.refuse_strangers(there)
        self.refuse_inside(there)
        widths = [manifest.get("d_sae") for manifest in there.values()]
        if len(there) == len(self.dictionaries) and all(isinstance(w, int) for w in widths):
            self.refuse_too_few(sum(w for w in widths if isinstance(w, int)), "have")

    def refuse_strangers(self, manifests: dict[str, dict]) -> None:
        """Raises AskedWrongly where directions are to be compared that lie in different spaces."""
        directed = sorted(DIRECTIONS & set(mixture(self.similarity)))
        if not directed or len(manifests) < 2:
            return
        (first, about), *others = manifests.items()
        for other, manifest in others:
            why = apart(about, manifest)
            if why:
                raise AskedWrongly(
                    f"The {directed[0]} directions of {first} and {other} have no space in "
                    f"common: {why}; similarity=jaccard would do, where both are profiled on "
                    "the same documents."
                )

    def refuse_inside(self, manifests: dict[str, dict]) -> None:
        """Raises AskedWrongly where the logit lens is to read what is no direction of the residual
        stream.
        """
        from jobs.names import INSIDE, parse_hook

        for name, manifest in manifests.items():
            hook = parse_hook(str(manifest.get("hook")))
            if "lens" in mixture(self.similarity) and manifest.get("sources"):
                raise AskedWrongly(
                    f"{name} is a crosscoder, which writes at several hooks, so it has no one "
                    "logit lens; use similarity=decoder."
                )
            if "lens" in mixture(self.similarity) and hook.site in INSIDE:
                raise AskedWrongly(
                    f"{name} writes at {hook.label}, which is not of the residual stream, so it "
                    "has no logit lens; use similarity=decoder."
                )

    def refuse_too_few(self, n: int, verb: str) -> None:
        """Raises AskedWrongly where `n` features are too few for what is asked."""
        few = f"the dictionaries {verb} only {n} feature{'' if n == 1 else 's'}"
        if n < 2:
            raise AskedWrongly(f"Nothing can be clustered: {few}.")
        for key, wanted in (("neighbors", self.neighbors + 1), ("clusters", self.clusters or 0)):
            if wanted > n:
                raise AskedWrongly(
                    f"{key}={getattr(self, key)} is too many: {few}; give {key}="
                    f"{n - 1 if key == 'neighbors' else n} at most."
                )

    def inputs(self) -> list[str]:
        """Ids of the dictionaries to cluster."""
        return list(self.dictionaries)


def _written(manifest: dict) -> list[tuple[object, object]]:
    """Models and hooks that a dictionary writes at."""
    sources = manifest.get("sources") or [manifest]
    return [(source.get("model"), source.get("hook")) for source in sources]


def apart(one: dict, other: dict) -> str:
    """Why directions of two dictionaries cannot be compared; empty where they can."""
    from jobs.names import INSIDE, parse_hook

    if one.get("model") != other.get("model"):
        return f"one is of {one.get('model')}, the other of {other.get('model')}"
    if _written(one) != _written(other) and (one.get("sources") or other.get("sources")):
        return "a crosscoder's are of several hooks at once"
    hooks = [str(one.get("hook")), str(other.get("hook"))]
    inside = [parse_hook(hook).label for hook in hooks if parse_hook(hook).site in INSIDE]
    if inside and hooks[0] != hooks[1]:
        return f"{inside[0]} is not of the residual stream"
    return ""
