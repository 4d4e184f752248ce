"""Ways to find a circuit: one small file and one signature each, baselines and truth too.

A method takes a ground and what is asked, and says of every node what it is worth (`base.Found`).
"""

from __future__ import annotations

from jobs.causal.methods.acdc import acdc
from jobs.causal.methods.activation import activation
from jobs.causal.methods.atp import atp
from jobs.causal.methods.base import Asked, Found, Method
from jobs.causal.methods.cascade import cascade
from jobs.causal.methods.ig import ig
from jobs.causal.methods.mask import mask
from jobs.causal.methods.random import random
from jobs.causal.methods.relp import relp
from jobs.causal.methods.shapley import shapley
from jobs.causal.methods.truth import truth

METHODS: dict[str, Method] = {
    "atp": atp,
    "ig": ig,
    "shapley": shapley,
    "relp": relp,
    "acdc": acdc,
    "mask": mask,
    "cascade": cascade,
    "activation": activation,
    "random": random,
    "truth": truth,
}
"""The registry."""

__all__ = ["METHODS", "Asked", "Found", "Method"]
