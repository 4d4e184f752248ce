"""Search a circuit: which nodes cause a behaviour, in what order, and how it scores."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field, NonNegativeInt, PositiveInt, field_validator, model_validator

from jobs.specs.base import Spec
from jobs.specs.crosscoder import refuse_crosscoder
from jobs.specs.train_sae import Counts, Listed
from store.errors import AskedWrongly

if TYPE_CHECKING:
    from store import Workspace

Method = Literal[
    "atp", "ig", "shapley", "relp", "acdc", "mask", "cascade", "activation", "random", "truth"
]
"""Keys of `jobs.causal.methods.METHODS`, without what that imports."""
_FLAT = ("atp", "relp")
"""Methods that differentiate the metric where nothing is ablated."""


class Circuit(Spec):
    """Spec of ``circuit``."""

    kind: ClassVar[str] = "circuit"
    says: ClassVar[str] = (
        "Searches the nodes that cause a behaviour, and scores circuits of growing size on "
        "held-out prompts."
    )
    gives_way: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "model": ("dictionaries",),
        "revision": ("model", "dictionaries"),
    }

    task: str = Field(
        description="built-in task (agreement, ioi, …), FILE.jsonl of clean, corrupt, answer, "
        "wrong, or sql:SELECT corpus, doc, pos …",
        json_schema_extra={"whole_after": "sql:"},
    )
    model: str | None = Field(
        None, description="model (default: that of the dictionaries); needed for components alone"
    )
    revision: str | None = Field(None, description="revision of a hub model")
    dictionaries: Annotated[list[str], Listed] = Field(
        [], description="dictionary ids, of one model, spliced in all at once"
    )
    method: Method = Field("cascade", description="how the circuit is searched")
    nodes: Literal["features", "clusters", "shuffled", "components", "neurons"] = Field(
        "features",
        description="features; clusters of them; shuffled: clusters whose members are dealt anew, "
        "what groups as large do by chance; components: heads and MLPs; neurons: the standard "
        "basis of the same hooks",
    )
    clusters: str | None = Field(
        None,
        description="run of cluster: its groups are the nodes (nodes=clusters, shuffled), or what "
        "a coarse search begins with (acdc); features that it leaves out stand alone",
    )
    metric: Literal["logit_diff", "kl"] = Field(
        "logit_diff", description="logit of the answer less that of wrong; or −KL to the model"
    )
    ablation: Literal["resample", "mean", "zero"] = Field(
        "resample",
        description="what stands in for a node left out: its value on the corrupt prompt, its "
        "mean, nothing",
    )
    errors: Literal["nodes", "kept", "ablated"] = Field(
        "nodes", description="what dictionaries leave out: nodes too, always kept, always ablated"
    )
    per_position: bool | Literal["spans"] = Field(
        False,
        description="a node for every position (prompts must be of one length), or for every "
        "named span of the prompts",
    )
    sizes: Counts = Field(
        [1, 2, 5, 10, 20, 50, 100, 200], description="nodes of circuits that are scored"
    )
    threshold: Annotated[float, Field(gt=0)] = Field(
        0.01,
        description="a node stays whose removal moves the metric by more, as a share of what "
        "ablating everything does (acdc)",
    )
    flat: bool = Field(False, description="a pass a node, in no groups (acdc)")
    start: Literal["relp", "atp", "ig", "shapley", "activation", "random"] | None = Field(
        None,
        description="ranking that a longer search starts from (default relp; cascade: the best of "
        "shapley and relp on the prompts searched on)",
    )
    steps: PositiveInt | None = Field(
        None,
        description="points of a path (ig, shapley; default 8), steps of learning (a mask: "
        "default 60; cascade: 100)",
    )
    limit: PositiveInt = Field(
        200, description="prompts of the task that are taken, drawn at random"
    )
    held_out: Annotated[float, Field(gt=0, lt=1)] = Field(
        0.5, description="share of the prompts that circuits are scored on, not searched on"
    )
    force: bool = Field(False, description="search even where the model fails the task")
    transfer: bool = Field(
        True, description="score on the same task in another template too, where there is one"
    )
    edges: NonNegativeInt = Field(
        20, description="nodes, the first ones, between which direct effects are measured"
    )
    exact: NonNegativeInt = Field(
        20, description="nodes, the first ones, that are also ablated one by one"
    )
    bootstrap: NonNegativeInt = Field(
        200, description="samples of the prompts that stability is measured on"
    )
    seed: int = Field(0, description="seed of the search, the split and the bootstrap")
    batch: PositiveInt = Field(32, description="prompts in a forward pass")
    dtype: Literal["auto", "float32", "bfloat16"] = Field(
        "auto", description="precision of the model"
    )

    @field_validator("dictionaries")
    @classmethod
    def _once(cls, dictionaries: list[str]) -> list[str]:
        """A dictionary named twice is spliced in once."""
        return list(dict.fromkeys(dictionaries))

    @field_validator("sizes")
    @classmethod
    def _rising(cls, sizes: list[int]) -> list[int]:
        """In any order they mean the same."""
        return sorted(set(sizes))

    @model_validator(mode="after")
    def _checked(self) -> Circuit:
        if self.nodes == "components" and self.dictionaries:
            raise ValueError(
                "nodes=components are the heads and MLPs of a whole model: leave dictionaries out"
            )
        if self.nodes == "components" and self.model is None:
            raise ValueError("nodes=components needs model=…, e.g. model=smollm2")
        if self.nodes != "components" and not self.dictionaries:
            raise ValueError(f"nodes={self.nodes} needs dictionaries=…: they say at which hooks")
        if self.grouped and self.clusters is None:
            raise ValueError(f"nodes={self.nodes} needs clusters=RUN, a run of cluster")
        if self.clusters is not None and not self.grouped and self.nodes != "features":
            raise ValueError(f"clusters groups features, and nodes={self.nodes} are none")
        if self.metric == "kl" and self.method in _FLAT:
            raise ValueError(
                f"method={self.method} differentiates the metric where nothing is ablated, and "
                "metric=kl is flat there; take metric=logit_diff, or method=ig or mask"
            )
        if self.flat and self.method != "acdc":
            raise ValueError(f"flat has no meaning for method={self.method}; it belongs to acdc")
        return self

    @property
    def grouped(self) -> bool:
        """Whether nodes hold several features."""
        return self.nodes in ("clusters", "shuffled")

    @property
    def each_position(self) -> bool:
        """Whether there is a node for every position."""
        return self.per_position is True

    @property
    def by_span(self) -> bool:
        """Whether there is a node for every span."""
        return self.per_position == "spans"

    def check(self, ws: Workspace) -> None:
        """Looks at the task, and at the dictionaries that are there already."""
        from jobs.beforehand import check_task

        check_task(ws, self.task, spans=self.by_span)
        known = ws.catalog().dictionaries
        self.refuse_unlike({n: known[n].manifest for n in self.dictionaries if n in known})

    def check_rows(self, ws: Workspace) -> None:
        """Looks for the cluster run, and the rows of a slice."""
        from jobs.beforehand import check_places

        self.refuse_clusters(ws)
        check_places(ws, self.task)

    def refuse_unlike(self, manifests: Mapping[str, Mapping[str, Any]]) -> None:
        """Raises AskedWrongly where dictionaries are not of one model, or not of the one asked
        for, where two are at one hook, and for crosscoders.
        """
        of = {"model": self.model, "revision": self.revision}
        first, places = "the one asked for", dict[str, str]()
        for name, manifest in manifests.items():
            refuse_crosscoder(name, manifest)
            for key, asked in of.items():
                own = manifest.get(key)
                if asked is not None and own != asked:
                    raise AskedWrongly(
                        f"{name} is of {key} {own}, not of {asked} as {first}; a circuit is of "
                        "one model."
                    )
                of[key] = own
            first = name
            hook = str(manifest.get("hook"))
            if hook in places:
                raise AskedWrongly(
                    f"{places[hook]} and {name} are both at {hook}; splice one in at a hook."
                )
            places[hook] = name

    def refuse_clusters(self, ws: Workspace) -> None:
        """Raises AskedWrongly where the cluster run is not there, or is of other dictionaries."""
        from store.ids import nearest

        if self.clusters is None:
            return
        runs = {str(entry.manifest.get("run")): entry for entry in ws.catalog().live("clusters")}
        if self.clusters not in runs:
            near = nearest(self.clusters, list(runs), "cluster runs")
            raise AskedWrongly(f"No run of cluster is called {self.clusters!r}; {near}")
        of = runs[self.clusters].manifest.get("inputs") or []
        if not set(of) & set(self.dictionaries):
            raise AskedWrongly(
                f"Cluster run {self.clusters} is of {', '.join(map(str, of))}, none of which is "
                "among the dictionaries of this circuit."
            )

    def inputs(self) -> list[str]:
        """Ids of the dictionaries to splice in."""
        return list(self.dictionaries)
