"""From what a user types to specs, and back."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from jobs.parse import dump, load, make, parse, parse_words, shell_command
from store import AskedWrongly


def asked(*words: str, kind: str = "train_sae"):
    return parse(kind, parse_words(list(words)))


def test_words_become_a_spec():
    (spec,) = asked("model=smollm2", "hooks=L12.resid_post,L12.mlp_out", "tokens=400k", "k=16")
    assert spec.model == "smollm2"
    assert spec.hooks == ["L12.resid_post", "L12.mlp_out"]
    assert spec.tokens == 400_000
    assert spec.k == [16]


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("5000", 5000),
        ("5_000", 5000),
        ("5k", 5000),
        ("1.5k", 1500),
        ("2M", 2_000_000),
        ("1e6", 10**6),
    ],
)
def test_whole_numbers_may_be_written_short(written, meant):
    assert asked("hooks=L0.mlp_out", f"tokens={written}")[0].tokens == meant


def test_a_list_where_one_value_is_wanted_makes_several_jobs():
    specs = asked("hooks=L0.mlp_out", "model=tiny,smollm2", "tokens=1k,2k")
    assert [(spec.model, spec.tokens) for spec in specs] == [
        ("tiny", 1000),
        ("tiny", 2000),
        ("smollm2", 1000),
        ("smollm2", 2000),
    ]


def test_a_list_of_lists_sweeps_a_key_that_takes_a_list():
    specs = parse("train_sae", {"hooks": ["L0.mlp_out"], "k": [[8, 16], [32]]})
    assert [spec.k for spec in specs] == [[8, 16], [32]]


def test_a_sweep_without_end_is_refused():
    many = ",".join(str(number) for number in range(1, 102))
    with pytest.raises(AskedWrongly, match="this sweep makes 1010 jobs; at most 1000"):
        asked("hooks=L0.mlp_out", f"tokens={many}", "batch=1,2,3,4,5,6,7,8,9,10")


def test_workspace_defaults_fill_in_what_was_not_said_and_only_what_fits():
    defaults = {"model": "smollm2", "corpus": "docs:", "d_sae": 99}
    (spec,) = parse("train_sae", {"hooks": "L0.mlp_out", "d_sae": "512"}, defaults)
    assert (spec.model, spec.d_sae) == ("smollm2", [512])
    (spec,) = parse("import_sae", {"source": "owner/saes"}, defaults)
    assert spec.corpus == "docs:"


def test_dictionaries_bring_their_own_model_whatever_the_workspace_prefers():
    asked = {"task": "agreement", "dictionaries": "tiny/L1.resid_post/topk-64-k8-s0"}
    (spec,) = parse("circuit", asked, {"model": "smollm2"})
    assert spec.model is None
    heads = {"task": "agreement", "nodes": "components"}
    (spec,) = parse("circuit", heads, {"model": "smollm2"})
    assert spec.model == "smollm2"


@pytest.mark.parametrize("kind", ["profile", "evaluate", "ablate"])
def test_dictionaries_are_read_on_their_own_corpus_whatever_the_workspace_prefers(kind: str):
    asked, mine = {"dictionaries": "a/b"}, {"corpus": "docs:"}
    if kind == "ablate":
        asked["features"] = "a/b#1"
    (spec,) = parse(kind, asked, mine)
    assert spec.corpus is None
    (spec,) = parse(kind, asked | {"corpus": "grammar:"}, mine)
    assert spec.corpus == "grammar:"


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["hoks=L0.mlp_out"], "train_sae has no key 'hoks'; did you mean hooks"),
        (["hooks=L0.mlp_out", "d_sae=0"], "d_sae='0' is not valid; .*whole numbers greater than 0"),
        (["hooks=L0.mlp_out", "d_sae=big"], "d_sae='big' is not valid; wanted: list of whole"),
        (["hooks=L0.mlp_out", "tokens=true"], "tokens='true' is not valid"),
        (["hooks=L0.mlp_out", "norm_limit=inf"], "norm_limit='inf' is not valid; .*than 0"),
        (["hooks=L0.mlp_out", "batch=1.5"], "batch='1.5' is not valid"),
        (["hooks=L0.mlp_out", "architecture=topkk"], "wanted: any of standard, gated, topk"),
        (["hooks=L0.mlp_out", "device=gpu"], "device='gpu' is not valid; .*auto, cpu"),
        (["hooks=L0.mlp_out", "k=64", "d_sae=32"], "k=64 asks for more .* d_sae=32 has"),
        (["hooks=L0.nothing"], "No hook is called 'L0.nothing'"),
        (["hooks="], "hooks has no value"),
        ([], "train_sae needs hooks=…"),
        (
            ["hooks=L0.mlp_out", "batch=-1", "tokens=x"],
            "tokens='x' is not valid; .* Also wrong: batch",
        ),
    ],
)
def test_what_is_wrong_is_named_in_one_sentence(words, sentence):
    with pytest.raises(AskedWrongly, match=sentence) as refused:
        asked(*words)
    assert "\n" not in str(refused.value)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (["tokens"], "'tokens' is not key=value"),
        (["=3"], "'=3' is not key=value"),
        (["k=1", "k=2"], "k is given twice"),
    ],
)
def test_words_that_are_no_pairs(words, sentence):
    with pytest.raises(AskedWrongly, match=sentence):
        parse_words(words)


def test_an_unknown_kind_names_the_nearest():
    with pytest.raises(AskedWrongly, match="no kind of job 'trainsae'; did you mean train_sae"):
        parse("trainsae", {})


def test_toml_types_are_taken_strictly():
    with pytest.raises(AskedWrongly, match="tokens='true' is not valid"):
        parse("train_sae", {"hooks": ["L0.mlp_out"], "tokens": True})
    with pytest.raises(AskedWrongly, match=r"tokens=\{'a': 1\} is not valid"):
        parse("train_sae", {"hooks": ["L0.mlp_out"], "tokens": {"a": 1}})


def test_relative_paths_are_written_out_in_full(tmp_path: Path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (spec,) = asked("hooks=L0.mlp_out", "corpus=file:texts.txt", "model=./weights.gguf")
    assert spec.corpus == f"file:{tmp_path}/texts.txt"
    assert spec.model == f"{tmp_path}/weights.gguf"
    assert asked("hooks=L0.mlp_out", "model=google/gemma-2-2b")[0].model == "google/gemma-2-2b"


def test_a_comma_in_a_file_name_is_no_list(tmp_path: Path):
    odd = tmp_path / "a,b.txt"
    odd.write_text("text")
    assert [spec.corpus for spec in asked("hooks=L0.mlp_out", f"corpus=file:{odd}")] == [
        f"file:{odd}"
    ]
    assert [spec.model for spec in asked("hooks=L0.mlp_out", "model=a\\,b")] == ["a,b"]


@pytest.mark.parametrize(
    "words",
    [
        ["hooks=L0.mlp_out"],
        ["hooks=L0.mlp_out,L1.attn_out", "tokens=400k", "seed=0,1", "packing=false"],
        ["hooks=L0.mlp_out", "model=a\\,b", "aux_k=7", "learning_rate=0.0003,1e-05"],
        ["hooks=L0.mlp_out", "corpus=file:/a place/it's.txt", "name=mine"],
    ],
)
def test_a_spec_turns_back_into_its_command(words):
    (spec,) = asked(*words)
    command = shell_command(spec)
    assert parse("train_sae", parse_words(shlex.split(command)[3:])) == [spec]
    assert load(dump(spec)) == spec
    assert shell_command(dump(spec)) == command


texts = st.text(st.characters(exclude_categories=["C", "Z"]), min_size=1, max_size=20).filter(
    lambda text: not text.startswith((".", "~", "/", "file:")) and not text.endswith(".gguf")
)


@given(
    st.fixed_dictionaries(
        {
            "hooks": st.lists(
                st.sampled_from(["L0.mlp_out", "blocks.3.hook_resid_post"]), min_size=1
            )
        },
        optional={
            "model": texts,
            "name": st.from_regex(r"[A-Za-z][A-Za-z0-9_-]{4,12}", fullmatch=True),
            "learning_rate": st.lists(st.floats(1e-9, 1e9), min_size=1, max_size=3),
            "seed": st.lists(st.integers(-(10**12), 10**12), min_size=1, max_size=3),
            "tokens": st.integers(1, 10**12),
            "packing": st.booleans(),
            "aux_k": st.none() | st.integers(0, 9),
        },
    )
)
def test_any_spec_turns_back_into_its_command(values):
    spec = make("train_sae", values)
    assert parse("train_sae", parse_words(shlex.split(shell_command(spec))[3:])) == [spec]


def test_the_command_says_only_what_is_not_default():
    (spec,) = asked("hooks=L0.mlp_out", "seed=0", "tokens=2M", "k=8")
    assert shell_command(spec) == "saetui run train_sae hooks=L0.mlp_out k=8"
