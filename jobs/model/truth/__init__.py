"""Truth models: transformers whose circuit is known because it was compiled, not learned.

``truth:NAME`` is a model, and the task that it does. Its weights are GPT-2's format and load as any
model's do. Beside the true components stand decoys: heads and MLPs that write much, but where
nothing is read, and others that write where much is read, but always the same. Every circuit
method can be held against the truth, node by node and edge by edge.

Nothing here imports torch before a truth is asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from jobs.model.truth.listed import LISTED, PREFIX

if TYPE_CHECKING:
    from jobs.model.truth.truth import TRUTHS as TRUTHS
    from jobs.model.truth.truth import Known as Known
    from jobs.model.truth.truth import Truth as Truth

__all__ = ["LISTED", "PREFIX", "TRUTHS", "Known", "Truth"]


def __getattr__(name: str) -> Any:
    if name in ("TRUTHS", "Known", "Truth"):
        from jobs.model.truth import truth

        return getattr(truth, name)
    raise AttributeError(name)
