"""What ``train_sae`` can be asked about architectures, and what it refuses before it starts."""

from __future__ import annotations

import inspect

import pytest

from jobs.names import parse_hook
from jobs.parse import dump, load, parse, parse_words
from jobs.specs import TrainSae
from jobs.specs.train_sae import KEYS, SPARSITY
from store import AskedWrongly


def asked(*words: str) -> TrainSae:
    usual = [] if any(word.startswith("hooks=") for word in words) else ["hooks=L0.mlp_out"]
    (spec,) = parse("train_sae", parse_words([*usual, *words]))
    assert isinstance(spec, TrainSae)
    return spec


def test_keys_of_every_architecture_are_those_of_its_class() -> None:
    from jobs.dictionary import ARCHITECTURES

    assert list(KEYS) == list(ARCHITECTURES)
    for name, kind in ARCHITECTURES.items():
        # How sparsify's transcoders choose; nothing that is trained here.
        sizes = {"self", "d_in", "d_sae", "d_out", "n_sources", "per_token"}
        made_with = set(inspect.signature(kind.__init__).parameters) - sizes
        assert set(KEYS[name]) - {"sparsity"} == made_with
        assert ("sparsity" in KEYS[name]) == (name in SPARSITY) == ("k" not in KEYS[name])


@pytest.mark.parametrize(
    ("words", "names"),
    [
        (["architecture=batchtopk", "k=16"], ["batchtopk-4096-k16-s0"]),
        (["architecture=jumprelu"], ["jumprelu-4096-l0.02-s0"]),
        (["architecture=gated", "sparsity=0.3,0.6"], ["gated-4096-l0.3-s0", "gated-4096-l0.6-s0"]),
        (["architecture=transcoder", "skip=true"], ["transcoder-4096-k32-skip-s0"]),
        (["architecture=crosscoder", "other_model=tiny2"], ["crosscoder-4096-k32-s0"]),
        (["architecture=topk,standard"], ["topk-4096-k32-s0", "standard-4096-l0.1-s0"]),
    ],
)
def test_names(words: list[str], names: list[str]) -> None:
    assert [one.rpartition("/")[2] for one in asked(*words).outputs()] == names


def test_prefixes_are_shares_of_the_width() -> None:
    spec = asked("architecture=matryoshka", "d_sae=64,1024", "k=4", "prefixes=0.125,0.5,1")
    assert [one.options for one in spec.configurations()] == [
        {"k": 4, "prefixes": [8, 32, 64]},
        {"k": 4, "prefixes": [128, 512, 1024]},
    ]
    (one,) = asked("architecture=jumprelu", "bandwidth=1", "penalty=tanh").configurations()
    assert one.options == {"bandwidth": 1.0, "penalty": "tanh"}


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (
            ["architecture=batchtopk", "d_sae=16"],
            "k=32 asks for more active features than d_sae=16",
        ),
        (["architecture=matryoshka", "d_sae=8"], "k=32 asks for more active features than d_sae=8"),
        (["architecture=gated", "k=16"], "k has no meaning for architecture=gated; it belongs to"),
        (["sparsity=0.2"], "sparsity has no meaning for architecture=topk; it belongs to standard"),
        (["bandwidth=1"], "bandwidth has no meaning for architecture=topk; it belongs to jumprelu"),
        (["architecture=standard", "penalty=tanh"], "penalty has no meaning"),
        (["architecture=batchtopk", "prefixes=0.5,1"], "prefixes has no meaning"),
        (["architecture=matryoshka", "prefixes=0.5,0.25"], "prefixes=0.5,0.25 must ascend"),
        (["architecture=matryoshka", "prefixes=0.5,2"], "prefixes='2' is not valid"),
        (
            ["architecture=matryoshka", "d_sae=40", "prefixes=0.001,1"],
            "prefixes of d_sae=40 come to 0, 40 features",
        ),
        (["architecture=jumprelu", "bandwidth=0"], "bandwidth='0' is not valid"),
        (["architecture=jumprelu", "bandwidth=50"], "bandwidth='50' is not valid"),
        (["architecture=jumprelu", "penalty=l1"], "penalty='l1' is not valid"),
        (["skip=true"], "skip has no meaning for architecture=topk; it belongs to transcoder"),
        (["architecture=crosscoder"], "join hooks with +, e.g. hooks=L0.mlp_out+L1.mlp_out"),
        (["architecture=crosscoder", "d_sae=16"], "reads several activations of a token"),
        (["other_model=tiny"], "other_model has no meaning for architecture=topk"),
        (["hooks=L0+L1.mlp_out"], "joins hooks for one crosscoder, and architecture=topk reads"),
        (["hooks=L0+L0.mlp_out", "architecture=crosscoder"], "joins a hook with itself"),
        (["hooks=L0+L1.mlp_out", "architecture=transcoder"], "is no place for it"),
        (
            ["hooks=L0+L1.mlp_out", "architecture=crosscoder", "d_sae=16"],
            "k=32 asks for more active features than d_sae=16",
        ),
        (["architecture=tokp"], "architecture='tokp' is not valid; wanted: any of standard, gated"),
    ],
)
def test_refused_in_one_sentence(words: list[str], says: str) -> None:
    with pytest.raises(AskedWrongly) as caught:
        asked(*words)
    assert says in str(caught.value) and "\n" not in str(caught.value)


def test_a_transcoder_reads_what_the_mlp_reads_and_stands_where_it_writes() -> None:
    (one,) = asked("architecture=transcoder", "k=4").configurations()
    assert (one.source, one.hook) == (parse_hook("L0.mlp_in"), parse_hook("L0.mlp_out"))
    with pytest.raises(AskedWrongly) as caught:
        parse("train_sae", {"hooks": "L3.resid_post", "architecture": "transcoder"})
    says = "hooks=L3.resid_post is no place for it; ask for hooks=L3.mlp_out (it reads L3.mlp_in)"
    assert says in str(caught.value)


@pytest.mark.parametrize(
    ("text", "size"),
    [("4GB", 4 * 10**9), ("1.5 gb", 15 * 10**8), ("800m", 8 * 10**8), ("123", 123), ("none", None)],
)
def test_a_cache_is_asked_for_in_bytes(text: str, size: int | None) -> None:
    spec = asked(f"cache={text}")
    assert spec.cache == size
    assert load(dump(spec)) == spec
    with pytest.raises(AskedWrongly, match="cache='plenty' is not valid; wanted: whole number"):
        asked("cache=plenty")


@pytest.mark.parametrize(
    ("words", "id", "sources"),
    [
        (["hooks=L1.resid_post+L2.resid_post"], "tiny/L1+L2.resid_post", "L1 L2"),
        (["hooks=L1+L2.z.H3"], "tiny/L1+L2.z.H3", "L1 L2"),
        (["hooks=L1.attn_out+L2.mlp_out"], "tiny/L1.attn_out+L2.mlp_out", "L1 L2"),
        (["hooks=L2.z", "other_model=a/b"], "tiny+a--b/L2.z", "L2 other"),
        (
            ["hooks=L1+L2.z", "other_model=a/b", "other_revision=step9"],
            "tiny+a--b-step9/L1+L2.z",
            "L1 L2 other other",
        ),
    ],
)
def test_what_a_crosscoder_joins(words: list[str], id: str, sources: str) -> None:
    (spec,) = parse("train_sae", parse_words([*words, "architecture=crosscoder", "d_sae=64"]))
    assert isinstance(spec, TrainSae)
    (one,) = spec.configurations()
    assert one.dictionary == f"{id}/crosscoder-64-k32-s0"
    assert [("other" if hook.other else f"L{hook.layer}") for hook in one.joined] == sources.split()
    assert one.hook == one.joined[0] and one.options["n_sources"] == len(one.joined)
    assert load(dump(spec)) == spec


def test_a_saved_spec_is_read_back() -> None:
    """Defaults of keys that do not belong are no wish: they are written out and read again."""
    spec = asked("architecture=gated,matryoshka", "k=8")
    assert load(dump(spec)) == spec
