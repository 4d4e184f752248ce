"""Kinds ``ablate`` and ``circuit`` that ask for what the workbench fills in, and do nothing.

Named in ``SAETUI_EXTRA_KINDS``, so the product never sees them.
"""

from __future__ import annotations

from typing import Annotated, ClassVar

from pydantic import Field

from jobs.specs import Spec
from jobs.specs.train_sae import Listed

Names = Annotated[list[str], Listed]


class Ablate(Spec):
    """What `saetui.causal_forms.ablate` fills in."""

    kind: ClassVar[str] = "ablate"
    says: ClassVar[str] = "Ablates."

    dictionaries: Names = Field([])
    features: Names = Field([])


class Circuit(Spec):
    """What `saetui.causal_forms.circuit` fills in, and what view 4 does."""

    kind: ClassVar[str] = "circuit"
    says: ClassVar[str] = "Searches."

    task: str
    dictionaries: Names = Field([])
    model: str | None = None
    nodes: str = "features"
    metric: str = "logit_diff"
    ablation: str = "resample"
    start: str = "relp"


KINDS = {spec.kind: spec for spec in (Ablate, Circuit)}
WORK = dict.fromkeys(KINDS, lambda spec, context: None)
