"""Whatever is published in whatever order, and fails: views show the newest whole runs."""

from __future__ import annotations

import tempfile
from contextlib import suppress

from hypothesis import example, given, settings
from hypothesis import strategies as some

from store import AskedWrongly, Workspace, doctor, gc
from tests.unit.store.examples import rows

SCOPES = ("tiny/a", "tiny/a/b", "other")

steps = some.one_of(
    some.tuples(
        some.just("table"),
        some.sampled_from(SCOPES),
        some.integers(1, 3),  # the job: the same one may publish again after a resume
        some.integers(0, 3),  # rows a write
        some.integers(0, 3),  # writes
        some.booleans(),  # whether it fails at the end
    ),
    some.tuples(some.just("dictionary"), some.sampled_from(SCOPES), some.booleans()),
    some.tuples(some.just("gc")),
)


class Failed(Exception):
    """Something went wrong inside the block."""


def publish(workspace: Workspace, scope: str, job: int, density: float, step: tuple) -> None:  # type: ignore[type-arg]
    *_, count, writes, fails = step
    with workspace.publish_table("features", run=f"profile-{job}", scope=scope) as out:
        for write in range(writes):
            features = range(write * count, (write + 1) * count)
            out.write(
                rows(
                    "features",
                    count,
                    feature=features,
                    dictionary=[scope] * count,
                    density=[density] * count,
                )
            )
        if fails:
            raise Failed


@settings(max_examples=25, deadline=None)
@given(some.lists(steps, max_size=6))
@example([("table", "other", job, count, 1, False) for job, count in ((1, 0), (2, 3), (1, 0))])
def test_the_views_show_the_newest_whole_run_of_each_scope(taken: list[tuple]) -> None:  # type: ignore[type-arg]
    with tempfile.TemporaryDirectory() as folder:
        workspace = Workspace.create(f"{folder}/ws")
        expected: dict[str, tuple[float, int]] = {}
        dictionaries: set[str] = set()
        for number, step in enumerate(taken):
            with suppress(Failed):
                if step[0] == "table":
                    publish(workspace, step[1], step[2], float(number), step)
                    expected[step[1]] = (float(number), step[3] * step[4])
                elif step[0] == "dictionary":
                    publish_dictionary(workspace, dictionaries, step[1], fails=step[2])
                else:
                    gc.collect(workspace, grace=0)
            check(workspace, expected, dictionaries)
        assert not [f for f in doctor.examine(workspace) if f.level == "error"]


def publish_dictionary(workspace: Workspace, there: set[str], name: str, fails: bool) -> None:
    inside = any(
        f"{name}/".startswith(f"{other}/") or f"{other}/".startswith(f"{name}/") for other in there
    )
    try:
        with workspace.publish_folder("dictionaries", name, manifest={"model": "tiny"}) as folder:
            (folder / "cfg.json").write_text("{}")
            if fails:
                raise Failed
    except AskedWrongly:
        assert inside, "only an id that is taken, or inside or around one, is refused"
    else:
        assert not inside
        there.add(name)


def check(workspace: Workspace, expected: dict[str, tuple[float, int]], names: set[str]) -> None:
    ask = "SELECT dictionary, any_value(density), count(*) FROM features GROUP BY ALL"
    seen = {scope: (density, count) for scope, density, count in workspace.sql(ask).fetchall()}
    # Density tells which publication is seen; a run published without rows shows none.
    assert seen == {scope: found for scope, found in expected.items() if found[1]}
    listed = workspace.sql("SELECT dictionary FROM dictionaries").fetchall()
    assert {name for (name,) in listed} == names == set(workspace.dictionaries())
    staging = workspace.root / ".staging"
    assert not staging.exists() or not [path for path in staging.iterdir() if path.is_dir()]
