"""A list in memory says what its SQL says, however the search came about."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from saetui import queries
from saetui.database import Database
from saetui.views.features.index import FeatureIndex
from store import Workspace
from tests import workspaces

LABELS = {3: "the Garden", 40: "dogs", 41: "a dog's bone", 200: "ünïcode 'quoted'"}
MARKED = frozenset({(workspaces.PROFILED[0], 40), (workspaces.PROFILED[1], 7)})


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    workspace = workspaces.make(tmp_path_factory.mktemp("made") / "garden").workspace
    for feature, label in LABELS.items():
        workspace.label(workspaces.PROFILED[feature % 2], feature, label)
    return workspace


@pytest.fixture(scope="module")
def index(made: Workspace) -> Iterator[FeatureIndex]:
    """One index for all examples: what it keeps of earlier searches must not show."""
    database = Database(made.root)
    yield FeatureIndex(database)
    database.close()


def listed(index: FeatureIndex, names: tuple[str, ...], sort: str, reverse: bool, text: str):
    listing = asyncio.run(index.listing(names, sort, reverse, text, MARKED))
    return [(row.dictionary, row.feature, row.label, row.top_tokens) for row in listing]


words = st.sampled_from(
    ["dog", "gar", "garden", '" the"', "THE", "e", '""', "dead", "alive", "labelled", "unlabelled",
     "marked", "label:dog", "promoted:do", "promoted:dogs", "suppressed:a", "density<0.01",
     "density>=1e-3", "max>5", "mean<=2.5", "feature=40", "'", "ü", "xyzzy", "\x1b", "promoted:"]
)  # fmt: skip
searches = st.lists(words, max_size=3).map(" ".join)
some = st.lists(st.sampled_from(workspaces.PROFILED), min_size=1, unique=True).map(tuple)
relaxed = settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@relaxed
@given(some, st.sampled_from(sorted(queries.SORTS)), st.booleans(), searches)
def test_the_list_is_what_the_sql_that_is_copied_gives(made, index, names, sort, reverse, search):
    sql = queries.features(names, sort=sort, reverse=reverse, search=search, marked=MARKED)
    rows = [(row[0], row[1], row[5], row[6]) for row in made.sql(sql).fetchall()]
    assert listed(index, names, sort, reverse, search) == rows


@relaxed
@given(some, searches)
def test_a_search_typed_letter_by_letter_ends_where_a_fresh_one_does(made, index, names, search):
    for end in range(len(search)):
        listed(index, names, "density", False, search[:end])
    fresh = FeatureIndex(index.database)
    assert listed(index, names, "density", False, search) == listed(
        fresh, names, "density", False, search
    )


def test_densities_counted_in_memory_are_those_of_the_sql(made, index):
    for name in workspaces.PROFILED:
        listed(index, (name,), "density", False, "")
        counted = index.density_histogram(name)
        assert counted == made.sql(queries.density_histogram(name)).fetchall() and counted
    assert index.density_histogram("nobody/L0.resid_post/none") is None
