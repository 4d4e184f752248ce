"""Which truth models there are, and their sizes. Free of torch."""

from __future__ import annotations

from typing import NamedTuple

PREFIX = "truth:"
"""What their names begin with, as models and as tasks."""


class Listed(NamedTuple):
    """A truth model."""

    says: str
    """One sentence: what it does, by what."""
    example: tuple[str, str, str, str]
    """Clean, corrupt, answer, wrong: how a pair of its task may look."""
    circuit: str
    """The circuit in it; models of one circuit differ in their decoys."""
    n_layers: int
    n_heads: int
    d_head: int = 40
    context: int = 12
    """Positions."""
    early: int = 0
    """Layers of decoys before the circuit's first."""

    @property
    def d_model(self) -> int:
        """Width of the residual stream."""
        return self.n_heads * self.d_head


_INDUCTION = (
    "Continues a run of letters that comes again: a previous-token head and an induction head.",
    ("c k f a h d m c k f", "c k d a h f m c k f", "a", "m"),
)
_IOI = (
    "Of two names says the one that is not repeated: a duplicate-token head, a head that inhibits "
    "what is repeated, a name mover.",
    ("Ann and Bob met Bob gave", "Ann and Bob met Cid gave", "Ann", "Bob"),
)
_TWO_HOP = (
    "Looks up a town's country and the country's coin: two tables in MLPs, and a head that carries "
    "what the first gives.",
    ("so town3 then so pays", "so town5 then so pays", "coin2", "coin0"),
)
_XOR = (
    "Says whether two switches differ: two heads that carry them, and an MLP that is their XOR.",
    ("so up1 and left2 ?", "so up1 and right2 ?", "same", "other"),
)
_SHARP = (
    "As induction, looking so hard that softmax is saturated: slopes tell nothing of the first "
    "head.",
    _INDUCTION[1],
)
_EITHER = (
    "Says whether a signal is there: two heads carry it, an MLP asks for one of them, so neither "
    "alone is missed.",
    ("grey1 red3 grey2 grey0 ?", "grey1 grey4 grey2 grey0 ?", "yes", "no"),
)

LISTED: dict[str, Listed] = {
    "induction": Listed(*_INDUCTION, "induction", 2, 8),
    "ioi": Listed(*_IOI, "ioi", 3, 8),
    "two_hop": Listed(*_TWO_HOP, "two_hop", 2, 8),
    "xor": Listed(*_XOR, "xor", 2, 8),
    "sharp": Listed(*_SHARP, "sharp", 2, 8),
    "either": Listed(*_EITHER, "either", 3, 8),
    "induction_large": Listed(*_INDUCTION, "induction", 4, 12, early=1),
    "ioi_large": Listed(*_IOI, "ioi", 5, 12, early=1),
    "two_hop_large": Listed(*_TWO_HOP, "two_hop", 4, 12, early=1),
    "xor_large": Listed(*_XOR, "xor", 4, 12, early=1),
}
"""By name, without `PREFIX`; the large ones have two layers of decoys more, and more in each."""
