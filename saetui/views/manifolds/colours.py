"""What the points of the map are coloured by: their cluster, density, layer, label, dictionary."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from saetui.links import short_names
from saetui.widgets.legend import Kind

if TYPE_CHECKING:
    import numpy as np

    from saetui.views.manifolds.points import Points

    Array = np.ndarray[Any, Any]

Coloured = tuple["Array", list[Kind]]
"""For each point the index of its kind (uint8), and the kinds."""

LETTERS = "abcdefghijklmnopqrstuvwxyz"

DENSITIES = (
    ("never fires", "faint", 0.0),
    ("up to 0.01%", "ramp-2", 1e-4),
    ("up to 0.1%", "ramp-3", 1e-3),
    ("up to 1%", "ramp-4", 1e-2),
    ("more", "ramp-5", float("inf")),
)
"""Name, colour and upper end of each class of densities."""


def by_cluster(points: Points, significant: Mapping[int, bool]) -> Coloured:
    """Clusters in six colours in turn, told apart by their names on the map; those that chance
    would give too are grey.
    """
    import numpy as np

    largest = max([-1, *significant, int(points.cluster.max(initial=-1))])
    table = np.full(largest + 2, 6, np.uint8)
    table[0] = 7
    for cluster, counts in significant.items():
        if counts:
            table[cluster + 1] = cluster % 6
    kinds = [Kind("significant", f"series-{at + 1}") for at in range(6)]
    kinds += [Kind("others", "muted"), Kind("in none", "faint")]
    return table[points.cluster + 1], kinds


def by_density(density: Array) -> Coloured:
    """Five classes, from those that never fire to the densest; unknown counts as never."""
    import numpy as np

    known = np.nan_to_num(np.ma.filled(density, 0).astype(np.float64))
    ends = np.array([end for _, _, end in DENSITIES])
    kinds = [Kind(name, style, str(at)) for at, (name, style, _) in enumerate(DENSITIES)]
    return np.searchsorted(ends, known).astype(np.uint8), kinds


def by_label(labelled: Array) -> Coloured:
    """Those that somebody has labelled, and the others."""
    import numpy as np

    kinds = [Kind("without a label", "faint", "·"), Kind("labelled", "series-2", "L")]
    return np.asarray(labelled).astype(np.uint8), kinds


def by_layer(points: Points, layers: Mapping[str, int]) -> Coloured:
    """Each layer of the model a colour and a letter."""
    import numpy as np

    found = [layers.get(name, -1) for name in points.dictionaries]
    order = sorted(set(found))
    table = np.array([order.index(layer) for layer in found], np.uint8)
    return table[points.owner], lettered(
        [f"layer {layer}" if layer >= 0 else "?" for layer in order]
    )


def by_dictionary(points: Points) -> Coloured:
    """Each dictionary a colour and a letter."""
    import numpy as np

    short = short_names(points.dictionaries)
    return points.owner.astype(np.uint8), lettered([short[name] for name in points.dictionaries])


def lettered(names: list[str]) -> list[Kind]:
    """A kind for each name, with a letter of its own."""
    return [
        Kind(name, f"series-{at % 6 + 1}", LETTERS[at % len(LETTERS)])
        for at, name in enumerate(names)
    ]
