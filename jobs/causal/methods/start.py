"""The ranking that a longer search starts from."""

from __future__ import annotations

from jobs.causal.ground import Ground
from jobs.causal.methods.activation import activation
from jobs.causal.methods.atp import atp
from jobs.causal.methods.base import Asked, Found, Method, silent
from jobs.causal.methods.ig import ig
from jobs.causal.methods.random import random
from jobs.causal.methods.relp import relp
from jobs.causal.methods.shapley import shapley

STARTS: dict[str, Method] = {
    "activation": activation,
    "atp": atp,
    "ig": ig,
    "random": random,
    "relp": relp,
    "shapley": shapley,
}
"""Methods that rank every node in few passes."""
_FLAT = ("atp", "relp")


def start(ground: Ground, asked: Asked) -> Found:
    """The ranking of ``asked.start``, or else of relevance. Under ``kl`` integrated gradients take
    the place of methods that differentiate where nothing is ablated: there it is flat.
    """
    name = asked.start or "relp"
    name = "ig" if ground.metric_name == "kl" and name in _FLAT else name
    return STARTS[name](ground, asked._replace(steps=None, tick=silent))
