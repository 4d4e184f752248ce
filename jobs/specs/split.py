"""Follow features as a dictionary widens: which split, and whether they stay in their manifold."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field, PositiveFloat, PositiveInt, field_validator

from jobs.specs.base import Spec
from jobs.specs.train_sae import Listed
from store.errors import AskedWrongly

if TYPE_CHECKING:
    from store import Workspace

Share = Annotated[float, Field(gt=0, le=1)]


class Split(Spec):
    """Spec of ``split``."""

    kind: ClassVar[str] = "split"
    says: ClassVar[str] = (
        "Follows features from narrower to wider dictionaries of one hook: children, absorption, "
        "and whether children stay in their parent's manifold more than chance."
    )

    dictionaries: Annotated[list[str], Listed, Field(min_length=2)] = Field(
        description="profiled dictionaries of one hook and of two or more widths; every pair that "
        "rises in width is compared"
    )
    across: bool = Field(
        True,
        description="follow features of one seed's dictionaries to those of other seeds too",
    )
    cosine: Share = Field(
        0.4, description="least cosine of the decoder directions of parent and child"
    )
    implication: Share = Field(
        0.5,
        description="least P(parent fires | child fires), of what lies beyond the parent's density",
    )
    candidates: PositiveInt = Field(
        8, description="nearest narrow features among which a wide one's parent is looked for"
    )
    method: Literal["kmeans", "leiden"] = Field("leiden", description="how manifolds are found")
    neighbors: PositiveInt = Field(
        15, description="nearest features in the graph that is clustered"
    )
    clusters: PositiveInt | None = Field(
        None, description="how many clusters (kmeans; default: the square root of the features)"
    )
    min_size: Annotated[int, Field(ge=2)] = Field(5, description="features in a cluster, at least")
    resolution: PositiveFloat = Field(
        1.0, description="above 1: more and smaller clusters (leiden)"
    )
    nulls: PositiveInt = Field(
        10, description="times that children are replaced by strangers, and clustered again"
    )
    seed: int = Field(0, description="seed of clusters, strangers and intervals")

    @field_validator("dictionaries")
    @classmethod
    def _once(cls, dictionaries: list[str]) -> list[str]:
        """A dictionary named twice is read once."""
        named = list(dict.fromkeys(dictionaries))
        if len(named) < 2:
            raise ValueError(f"dictionaries names only {named[0]}; splitting needs a wider one too")
        return named

    def check(self, ws: Workspace) -> None:
        """Looks at the dictionaries that are there already."""
        known = ws.catalog().dictionaries
        self.refuse_unlike({n: known[n].manifest for n in self.dictionaries if n in known})

    def refuse_unlike(self, manifests: Mapping[str, Mapping[str, Any]]) -> None:
        """Raises AskedWrongly where dictionaries are not of one model and hook, or of one width."""
        if len(manifests) < 2:
            return
        (first, about), *others = manifests.items()
        for other, manifest in others:
            for key, what in (("model", "model"), ("revision", "revision"), ("hook", "hook")):
                if about.get(key) != manifest.get(key):
                    raise AskedWrongly(
                        f"{first} is of {what} {about.get(key)}, {other} of {manifest.get(key)}; "
                        "splitting is followed through dictionaries of one hook of one model."
                    )
            if _sources(about) != _sources(manifest):
                raise AskedWrongly(
                    f"{first} and {other} write at different hooks (a crosscoder has several); "
                    "splitting is followed through dictionaries of the same ones."
                )
        if len(manifests) < len(self.dictionaries):
            return
        widths = {manifest.get("d_sae") for manifest in manifests.values()}
        if len(widths) == 1:
            raise AskedWrongly(
                f"All of these dictionaries have {widths.pop()} features; splitting needs two "
                "widths at least, e.g. train_sae with d_sae=256,512."
            )
        of_seeds = {
            (manifest.get("seed"), manifest.get("d_sae")) for manifest in manifests.values()
        }
        if not self.across and len(of_seeds) == len({seed for seed, _ in of_seeds}):
            raise AskedWrongly(
                "No two of these dictionaries of one seed differ in width, and across=false asks "
                "for none of different seeds; leave it out, or name wider ones of the same seed."
            )

    def inputs(self) -> list[str]:
        """Ids of the dictionaries to follow."""
        return list(self.dictionaries)


def _sources(manifest: Mapping[str, Any]) -> list[tuple[object, object]]:
    """Models and hooks of a crosscoder; none for other dictionaries, which have one."""
    return [(source.get("model"), source.get("hook")) for source in manifest.get("sources") or ()]
