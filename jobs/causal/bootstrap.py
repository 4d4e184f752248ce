"""How far a mean over documents could be from the truth."""

from __future__ import annotations

import numpy as np
from jaxtyping import Float

DRAWS = 1000


def interval(
    values: Float[np.ndarray, "n t"], seed: int, draws: int = DRAWS
) -> tuple[Float[np.ndarray, " t"], Float[np.ndarray, " t"]]:
    """The 95% interval of the mean over n documents, by drawing as many of them anew (percentile
    bootstrap); NaN where there is but one.
    """
    n = len(values)
    if n < 2:
        return np.full(values.shape[1], np.nan), np.full(values.shape[1], np.nan)
    weight = np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), size=draws) / n
    low, high = np.quantile(weight @ values.astype(np.float64), (0.025, 0.975), axis=0)
    return low, high
