"""Features of topic words: those of one topic are in one cluster more often than chance has it.

The grammar writes each text on one of eight topics, and no word belongs to two. There are two ways
to say what topic a feature is about: the words it fires on most strongly, and the topic that the
grammar recorded for the tokens on which it fires. Pairs of features with one and the same top word
say nothing, and are left out; chance deals the topics anew to the words.

What is shown is that there is a setting that finds topics, not that clustering does: `decoder` at
`resolution=3` was chosen on another run among ten (five similarities at two resolutions). By words,
`decoder` at 1 hardly beats chance, and similarities of firing mostly do not.
Afterwards three seeds that nobody had looked at were asked at `resolution=2`, 3 and 6: all of them
beat every draw of chance, by words and by latents; at 1 two of three beat 99% of them.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pytest

from jobs.corpus.grammar.lexicon import TOPICS
from jobs.kinds import cluster, profile, train_sae
from jobs.specs import Cluster, Profile, TrainSae
from store import Workspace
from tests.unit.profile.planted import Running

pytestmark = pytest.mark.slow  # trains a dictionary, and tiny itself on a new machine

CHANCES = 200


class About(NamedTuple):
    """A feature that is about a topic."""

    cluster: int
    word: str
    """At its strongest activations."""
    topic: str


@pytest.fixture(scope="module")
def grouped(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    ws = Workspace.create(tmp_path_factory.mktemp("science") / "ws")
    spec = TrainSae(
        corpus="grammar:",
        hooks=["L2.resid_post"],
        d_sae=[512],
        k=[16],
        tokens=200_000,
        corpus_tokens=120_000,
        batch=1024,
    )
    train_sae.run(spec, Running(ws, "train_sae-1"))
    names = spec.outputs()
    profile.run(Profile(dictionaries=names, tokens=40_000, ce_tokens=256), Running(ws, "profile-1"))
    asked = Cluster(dictionaries=names, resolution=3, nulls=2, bootstraps=0, planes=0)
    cluster.run(asked, Running(ws, "cluster-1"))
    return ws


def by_words(ws: Workspace) -> list[About]:
    """Features of whose five top tokens three belong to topics, and nearly all to one."""
    topic_of = {
        word: name
        for name, topic in TOPICS.items()
        for word in (*(f for n in topic.nouns for f in n), *(f for v in topic.verbs for f in v),
                     *topic.adjectives)
    }  # fmt: skip
    found = []
    for number, tokens in ws.sql(
        "SELECT cluster, top_tokens FROM clusters JOIN features USING (dictionary, feature) "
        "WHERE cluster >= 0 ORDER BY feature"
    ).fetchall():
        words = [token.strip() for token in tokens[:5]]
        topics = [topic_of[word] for word in words if word in topic_of]
        best = max(sorted(set(topics)), key=topics.count, default="")
        if len(topics) >= 3 and topics.count(best) >= 0.8 * len(topics):
            found.append(About(number, words[0], best))
    return found


def by_latents(ws: Workspace) -> list[About]:
    """Features with more than half of their activation on texts of one topic."""
    rows = ws.sql(
        "WITH summed AS (SELECT feature, latent, sum(activation) AS strength "
        "FROM activations JOIN latents USING (corpus, doc, pos) "
        "WHERE latent LIKE 'topic=%' GROUP BY ALL) "
        "SELECT c.cluster, f.top_tokens[1], arg_max(s.latent, s.strength) "
        "FROM summed s JOIN clusters c USING (feature) JOIN features f USING (feature) "
        "WHERE c.cluster >= 0 GROUP BY c.feature, c.cluster, f.top_tokens "
        "HAVING max(s.strength) > 0.5 * sum(s.strength) ORDER BY c.feature"
    ).fetchall()
    return [About(number, word.strip(), topic) for number, word, topic in rows]


def together(features: list[About]) -> tuple[float, np.ndarray]:
    """Of pairs in one cluster, the share of one topic; and as much where words are dealt topics."""
    cluster, word = np.array([f.cluster for f in features]), np.array([f.word for f in features])
    topic = np.unique([f.topic for f in features], return_inverse=True)[1]
    one, other = np.triu_indices(len(features), 1)
    pairs = (cluster[one] == cluster[other]) & (word[one] != word[other])
    one, other = one[pairs], other[pairs]
    _, first, place = np.unique(word, return_index=True, return_inverse=True)
    random = np.random.default_rng(0)
    chance = np.zeros(CHANCES)
    for draw in range(CHANCES):
        dealt = random.permutation(topic[first])[place]
        chance[draw] = (dealt[one] == dealt[other]).mean()
    return float((topic[one] == topic[other]).mean()), chance


@pytest.mark.parametrize("about", [by_words, by_latents])
def test_topic_words_cluster_by_topic(grouped: Workspace, about) -> None:  # type: ignore[no-untyped-def]
    features = about(grouped)
    share, chance = together(features)
    print(
        f"{about.__name__}: {len(features)} features of {len({f.topic for f in features})} topics; "
        f"of pairs in one cluster {share:.0%} are of one topic, by chance {chance.mean():.0%} "
        f"(at most {chance.max():.0%})"
    )
    assert len(features) >= 60 and len({f.topic for f in features}) == len(TOPICS)
    assert share > np.quantile(chance, 0.99)
    assert share > 1.5 * chance.mean()
