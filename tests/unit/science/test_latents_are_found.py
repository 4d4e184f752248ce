"""A dictionary trained on ``tiny`` learns the grammar's hidden variables; the nulls do not.

For every latent that the grammar records, the best feature is chosen on half of the held-out
documents and scored on the other half. It is held against a random dictionary (as wide, as active,
in the same subspace), against labels shuffled between documents, and against the hook's own axes.
"""

from __future__ import annotations

from itertools import chain
from pathlib import Path

import numpy as np
import pytest

from jobs.corpus import open_corpus
from jobs.dictionary import load
from jobs.dictionary.profile.documents import choose_documents
from jobs.dictionary.profile.matching import Matches, match_latents
from jobs.dictionary.profile.subject import sites, subject
from jobs.kinds import train_sae
from jobs.model import load_model
from jobs.names import parse_hook
from jobs.specs import TrainSae
from store import Workspace
from tests.unit.profile.planted import Running

pytestmark = pytest.mark.slow  # trains a dictionary, and tiny itself on a new machine

SEEDS = 3
"""Dictionaries whose latents are looked at together: in one, a latent more or less is noise."""

OF_CONTEXT = ("subject_number", "main_subject_number", "relative_clause", "open_bracket", "topic")
"""Latents that the token alone does not tell."""


@pytest.fixture(scope="module")
def matches(tmp_path_factory: pytest.TempPathFactory) -> Matches:
    folder: Path = tmp_path_factory.mktemp("science")
    workspace = Workspace.create(folder / "ws")
    spec = TrainSae(
        corpus="grammar:",
        hooks=["L2.resid_post"],
        d_sae=[512],
        k=[16],
        tokens=300_000,
        corpus_tokens=200_000,
        batch=1024,
        seed=list(range(SEEDS)),
    )
    train_sae.run(spec, Running(workspace, "train_sae-1"))
    names = spec.outputs()
    manifest, model = workspace.dictionary(names[0]).manifest, load_model("tiny")
    hook, corpus = parse_hook(manifest["hook"]), open_corpus(workspace, manifest["corpus"])
    reading = choose_documents(corpus, 20_000, 1, seed=0)
    assert reading.held_out.all()
    site, sample = sites(model, reading, [hook], 10.0, 16, "cpu")[hook]
    each = []
    for name in names:
        made = subject(name, hook, load(workspace, name), site, sample, 4, seed=0)
        each.append(match_latents(model, reading, made, workspace.corpus(corpus.id).latents))
    return Matches(*(list(chain(*rows)) for rows in zip(*each, strict=True)))


def scores(matches: Matches, score: str) -> dict[str, np.ndarray]:
    names = [match.latent for match in matches.dictionary]
    for way in matches:
        assert [match.latent for match in way] == names
    found = {
        way: np.array([getattr(match, score) for match in rows])
        for way, rows in matches._asdict().items()
    }
    told = ", ".join(f"{way} {values.mean():.3f}" for way, values in found.items())
    print(f"{score} over {len(names)} latents: {told}")
    return found


def test_features_follow_latents_that_no_null_follows(matches: Matches) -> None:
    f1 = scores(matches, "f1")
    assert len(f1["dictionary"]) >= 40 * SEEDS
    assert f1["dictionary"].mean() > 0.45
    assert f1["dictionary"].mean() > f1["random"].mean() + 0.08
    assert f1["dictionary"].mean() > f1["neurons"].mean() + 0.08
    assert f1["dictionary"].mean() > f1["shuffled"].mean() + 0.3
    assert (f1["dictionary"] > f1["random"]).mean() > 0.75
    assert (f1["dictionary"] > f1["shuffled"]).mean() > 0.9


def test_the_ranking_by_activation_is_above_chance_where_labels_are_true(matches: Matches) -> None:
    auroc = scores(matches, "auroc")
    assert auroc["shuffled"].mean() == pytest.approx(0.5, abs=0.02)
    assert auroc["dictionary"].mean() > 0.7
    assert auroc["dictionary"].mean() > auroc["random"].mean()


def test_what_only_the_context_tells_is_followed_too(matches: Matches) -> None:
    of_context = [match.latent.split("=")[0] in OF_CONTEXT for match in matches.dictionary]
    f1 = {way: values[of_context] for way, values in scores(matches, "f1").items()}
    assert sum(of_context) >= 12 * SEEDS
    assert f1["dictionary"].mean() > f1["random"].mean() + 0.08
    assert (f1["dictionary"] > f1["random"]).mean() > 0.75
