"""Chance is drawn no longer than it can matter, and never less than it would."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from jobs.manifold.geometry import Plane
from jobs.manifold.irreducible import hopeless, verdicts

FDR = 0.1
DRAWS = 9


def plane(p: float, *, mixed: bool = False) -> Plane:
    return Plane(
        plane=0,
        variance=0.5,
        separability=1.0,
        mixture=0.9 if mixed else 0.1,
        null_separability=0.1,
        null_mixture=0.1,
        round_mixture=0.1,
        p_shuffled=p,
    )


few = st.lists(
    st.builds(plane, st.sampled_from([1e-6, 1e-4, 0.01, 0.05, 0.5]), mixed=st.booleans()),
    max_size=4,
)


@given(mine=few, chance=st.lists(few, min_size=DRAWS, max_size=DRAWS), seen=st.integers(0, DRAWS))
def test_what_is_given_up_would_not_have_counted(
    mine: list[Plane], chance: list[list[Plane]], seen: int
) -> None:
    whole = [verdict.irreducible for verdict in verdicts(mine, FDR, chance)]
    if hopeless(mine, FDR, chance[:seen], DRAWS):
        assert not any(whole)
        if seen:
            assert not any(one.irreducible for one in verdicts(mine, FDR, chance[:seen]))
    elif seen == DRAWS:
        assert any(whole)
