"""Every architecture trained on ``tiny`` in one job, profiled, and held against its own null."""

from __future__ import annotations

from pathlib import Path

import pytest

from jobs.kinds import profile, train_sae
from jobs.specs import Profile, TrainSae
from jobs.specs.train_sae import KEYS
from store import Workspace
from tests.unit.profile.planted import Running

pytestmark = pytest.mark.slow  # trains dictionaries, and tiny itself on a new machine


SETTINGS = {"corpus": "grammar:", "d_sae": [512], "k": [16], "tokens": 150_000, "batch": 1024}


def test_sites_that_are_a_part_of_another(tmp_path: Path) -> None:
    """The stream between attention and MLP, and one head: spliced in, they carry what they should.

    A head of tiny writes so little that its cross-entropy may not be defined; its FVU is.
    """
    workspace = Workspace.create(tmp_path / "ws")
    spec = TrainSae(hooks=["L2.resid_mid", "L2.z.H1"], architecture=["topk"], **SETTINGS)
    train_sae.run(spec, Running(workspace, "train_sae-1"))
    running = Running(workspace)
    profile.run(Profile(dictionaries=spec.outputs(), tokens=20_000, ce_tokens=4096), running)
    print(*running.said, sep="\n")
    rows = workspace.sql(
        "SELECT site, d_in, q.fvu, q.fvu_random, q.ce_recovered "
        "FROM quality q JOIN dictionaries USING (dictionary) WHERE q.split = 'held_out'"
    ).fetchall()
    found = {row[0]: row[1:] for row in rows}
    assert {site: row[0] for site, row in found.items()} == {"resid_mid": 128, "z.H1": 32}
    assert all(fvu < 0.75 * null for _, fvu, null, _ in found.values())
    assert found["resid_mid"][3] > 0.8


def test_each_learns_and_beats_a_random_dictionary(tmp_path: Path) -> None:
    workspace = Workspace.create(tmp_path / "ws")
    autoencoders = [name for name in KEYS if name not in ("transcoder", "crosscoder")]
    asked = [
        TrainSae(hooks=["L2.resid_post"], architecture=autoencoders, **SETTINGS),
        # Only what an MLP writes can be read off what it reads.
        TrainSae(hooks=["L2.mlp_out"], architecture=["transcoder"], **SETTINGS),
        TrainSae(hooks=["L1+L2.resid_post"], architecture=["crosscoder"], **SETTINGS),
    ]
    for number, spec in enumerate(asked, 1):
        train_sae.run(spec, Running(workspace, f"train_sae-{number}"))
    running = Running(workspace)
    dictionaries = [dictionary for spec in asked for dictionary in spec.outputs()]
    profile.run(Profile(dictionaries=dictionaries, tokens=20_000, ce_tokens=4096), running)
    print(*running.said, sep="\n")
    rows = workspace.sql(
        "SELECT architecture, q.fvu, q.fvu_random, q.l0, q.ce_recovered, q.dead_fraction "
        "FROM quality q JOIN dictionaries USING (dictionary) WHERE q.split = 'held_out'"
    ).fetchall()
    assert sorted(row[0] for row in rows) == sorted(KEYS)
    for architecture, fvu, null, l0, recovered, dead in rows:
        assert fvu < 0.75 * null, architecture
        assert recovered > 0.5, architecture
        # What the inner prefixes of matryoshka say is said: half of all features are silent here.
        assert dead < (0.6 if architecture == "matryoshka" else 0.3), architecture
        if "k" in KEYS[architecture]:
            assert l0 == pytest.approx(16, rel=0.15), architecture
        # λ rises over the first twentieth, and the loss with it: judged from there on.
        ((first, last),) = workspace.sql(
            "SELECT first(loss ORDER BY step), last(loss ORDER BY step) FROM training "
            f"WHERE dictionary LIKE '%/{architecture}-%' AND tokens >= {SETTINGS['tokens'] // 20}"
        ).fetchall()
        assert last < 0.8 * first, architecture
