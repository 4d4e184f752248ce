"""What can be asked: one pydantic model a kind. Nothing here imports torch."""

from __future__ import annotations

from jobs.specs.ablate import Ablate
from jobs.specs.base import Spec
from jobs.specs.circuit import Circuit
from jobs.specs.cluster import Cluster
from jobs.specs.evaluate import Evaluate
from jobs.specs.import_sae import ImportSae
from jobs.specs.profile import Profile
from jobs.specs.split import Split
from jobs.specs.train_sae import TrainSae

KINDS: dict[str, type[Spec]] = {
    spec.kind: spec
    for spec in (TrainSae, Profile, Cluster, Split, Ablate, Circuit, Evaluate, ImportSae)
}
"""The registry: a kind's name → its spec. Its work is ``jobs/kinds/<kind>.py``'s ``run``."""

__all__ = [
    "KINDS",
    "Ablate",
    "Circuit",
    "Cluster",
    "Evaluate",
    "ImportSae",
    "Profile",
    "Spec",
    "Split",
    "TrainSae",
]
