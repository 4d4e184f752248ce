"""What is asked wrongly is refused when it is asked, with nothing submitted."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import pytest

from jobs import beforehand, submit
from jobs.corpus.grammar import VOCABULARY
from jobs.model.shape import BUILT_IN, Shape, shape
from jobs.model.vocabulary import vocabulary
from jobs.names import parse_hook
from jobs.parse import parse
from jobs.queue import check
from jobs.state import list_jobs
from store import AskedWrongly, Workspace
from store.cache import Shelf
from tests.workspaces import CORPUS, MODEL, PROFILED, Made, make

USUAL = {"model": MODEL, "hooks": "L1.resid_post", "corpus": "grammar:", "d_sae": "64", "k": "4"}


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Made:
    return make(tmp_path_factory.mktemp("planted") / "garden", jobs=False)


@pytest.fixture
def garden(planted: Made, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Made:
    monkeypatch.chdir(tmp_path)
    return planted


def refused(ws: Workspace, **keys: str) -> str:
    """What is said to a `train_sae` with these keys."""
    with pytest.raises(AskedWrongly) as caught:
        submit(ws, parse("train_sae", {**USUAL, **keys})[0], start=False)
    assert list_jobs(ws) == []
    said = str(caught.value)
    assert "\n" not in said
    return said


@pytest.mark.parametrize(
    ("keys", "says"),
    [
        ({"corpus": "grammar:zzz"}, "grammar: takes nothing after the colon, not 'zzz'"),
        ({"corpus": "docs:emial"}, "'emial', which is no package installed here; did you mean em"),
        ({"corpus": "ftp:books"}, "text comes from docs:, file:PATH, hf:NAME or grammar:"),
        ({"corpus": CORPUS[:-1]}, f"did you mean {CORPUS}?"),
        ({"corpus": "hf:"}, "hf: needs the name of a dataset"),
        ({"corpus": "file:"}, "file: needs a path"),
        ({"corpus": "file:gone.txt"}, "gone.txt"),
        ({"corpus": CORPUS, "model": "smollm2"}, "holds tokens of tiny, not of smollm2"),
        ({"model": "not a name"}, "No model is called 'not a name': valid are tiny, smollm2"),
        ({"model": "./nowhere"}, "There is no model folder"),
        ({"model": "gone.gguf"}, "There is no GGUF file"),
        ({"revision": "main"}, "only hub models have any"),
        ({"hooks": "L9.resid_post"}, "the last one is L3.resid_post"),
        ({"hooks": "L2.z.H4"}, "the model has heads 0 to 3"),
        (
            {"hooks": "L1.mlp_out", "architecture": "crosscoder", "other_model": "smollm2"},
            "one width: L1.mlp_out is 128 wide, L1.mlp_out of the other model 576",
        ),
        (
            {"hooks": "L1.resid_post+L2.z.H0", "architecture": "crosscoder"},
            "one width: L1.resid_post is 128 wide, L2.z.H0 32",
        ),
        (
            {"hooks": "L1+L7.mlp_out", "architecture": "crosscoder"},
            "the last one is L3.mlp_out",
        ),
        ({"context": "513"}, "context=513 is more than tiny can read; it has 512 positions"),
        ({"d_sae": "10G"}, "takes 30.7 TB of memory at least"),
    ],
)
def test_what_cannot_be_done_is_told_at_once(garden: Made, keys: dict[str, str], says: str) -> None:
    assert says in refused(garden.workspace, **keys)


def test_text_is_looked_at_before_a_job_waits_for_it(garden: Made) -> None:
    Path("binary.txt").write_bytes(b"a\0b")
    Path("rows.jsonl").write_text('{"body": "x"}\n')
    pl.DataFrame({"body": ["x"]}).write_parquet("rows.parquet")
    os.mkfifo("pipe.txt")
    assert "is binary" in refused(garden.workspace, corpus="file:binary.txt")
    assert "did you mean file:binary.txt?" in refused(garden.workspace, corpus="binary.txt")
    assert "(its keys: 'body'" in refused(garden.workspace, corpus="file:rows.jsonl")
    assert "columns of text: body" in refused(garden.workspace, corpus="file:rows.parquet")
    assert "no regular file" in refused(garden.workspace, corpus="file:pipe.txt")
    named = {**USUAL, "corpus": "file:rows.jsonl", "text_column": "body"}
    check(garden.workspace, parse("train_sae", named)[0])


def test_a_profile_looks_at_its_corpus_too(garden: Made) -> None:
    spec = parse("profile", {"dictionaries": PROFILED[0], "corpus": "grammar:zzz"})[0]
    with pytest.raises(AskedWrongly, match="grammar: takes nothing"):
        submit(garden.workspace, spec, start=False)


def test_dictionaries_of_one_job_are_in_memory_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(beforehand, "memory", lambda: 24 * 128 * 1000)
    beforehand.check_memory(128, [500, 500])
    with pytest.raises(AskedWrongly, match=r"2 dictionaries of up to 501 features on 128"):
        beforehand.check_memory(128, [500, 501])


def test_the_machine_says_how_much_memory_it_has() -> None:
    assert beforehand.memory() > 1 << 28


@dataclass(frozen=True)
class Config:
    """A model folder with nothing but a config and the name of its weights."""

    folder: Path

    def write(self, **fields: object) -> str:
        self.folder.mkdir(exist_ok=True)
        (self.folder / "config.json").write_text(json.dumps({"model_type": "x", **fields}))
        (self.folder / "model.safetensors").touch()
        return str(self.folder)


def test_a_folders_config_tells_its_shape_in_any_familys_words(tmp_path: Path) -> None:
    config = Config(tmp_path / "model")
    llama = {"num_hidden_layers": 2, "hidden_size": 8, "max_position_embeddings": 16}
    assert shape(config.write(**llama, num_attention_heads=4)) == Shape(2, 8, 16, 4)
    assert shape(config.write(n_layer=2, n_embd=8, n_positions=16)) == Shape(2, 8, 16)
    assert shape(config.write(hidden_size="large")) == Shape(None, None, None)
    assert shape("owner/model") is None


def test_the_width_of_a_head_is_the_configs_own_or_an_equal_share(tmp_path: Path) -> None:
    config = Config(tmp_path / "model")
    sizes = {"num_hidden_layers": 2, "hidden_size": 8, "num_attention_heads": 4}
    widths = [
        [known.width(parse_hook(hook)) for hook in ("L0.mlp_out", "L0.z", "L0.z.H1")]
        for known in (shape(config.write(**sizes)), shape(config.write(**sizes, head_dim=16)))
        if known
    ]
    assert widths == [[8, 8, 2], [8, 64, 16]]
    unknown = shape(config.write(hidden_size=8))
    assert unknown and unknown.width(parse_hook("L0.z")) is None


def test_activations_named_must_be_there_for_every_hook(garden: Made, tmp_path: Path) -> None:
    workspace = Workspace.create(tmp_path / "ws")
    assert "has no activations kept yet" in refused(workspace, cached="tiny/L1.resid_post/01")
    own, other, foreign = "tiny/L1.resid_post/01", "tiny/L2.mlp_out/02", "gpt2/L1.resid_post/03"
    for id in (own, other, foreign):
        Shelf(workspace.root, id, {"model": id.partition("/")[0]}).close()
    check(workspace, parse("train_sae", {**USUAL, "cached": own})[0])
    both = {"hooks": "L1.resid_post,L2.mlp_out"}
    check(workspace, parse("train_sae", {**USUAL, **both, "cached": f"{own},{other}"})[0])
    assert f"did you mean {own}" in refused(workspace, cached=own[:-1])
    assert "holds activations of gpt2, not of tiny" in refused(workspace, cached=foreign)
    assert f"{other} is not what this job reads, which is L1.res" in refused(
        workspace, cached=other
    )
    assert "names no activations of L2.mlp_out" in refused(workspace, **both, cached=own)


def tokenizer(folder: str, **told: object) -> str:
    (Path(folder) / "tokenizer.json").write_text(json.dumps(told))
    return folder


def test_models_that_read_other_tokens_share_no_crosscoder(garden: Made, tmp_path: Path) -> None:
    sizes = {"num_hidden_layers": 4, "hidden_size": 128, "num_attention_heads": 4}
    folder = Config(tmp_path / "other").write(**sizes)
    asked = {"architecture": "crosscoder", "other_model": folder}
    words = dict(vocabulary("tiny") or {})
    added = [{"id": 0, "content": VOCABULARY[0]}]
    check(garden.workspace, parse("train_sae", {**USUAL, **asked})[0])  # not told here
    tokenizer(folder, model={"vocab": words}, added_tokens=added)
    check(garden.workspace, parse("train_sae", {**USUAL, **asked})[0])
    words[VOCABULARY[5]], words[VOCABULARY[6]] = 6, 5
    tokenizer(folder, model={"vocab": words}, added_tokens=added)
    assert f"tiny and {folder} have different tokenizers" in refused(garden.workspace, **asked)


def test_a_vocabulary_is_read_from_any_kind_of_tokenizer(tmp_path: Path) -> None:
    folder = Config(tmp_path / "model").write()
    assert vocabulary(folder) is None
    added = [{"id": 2, "content": "<end>"}]
    for vocab in ({"a": 0, "b": 1}, [["a", -1.5], ["b", -2.0]]):
        tokenizer(folder, model={"type": "X", "vocab": vocab}, added_tokens=added)
        assert vocabulary(folder) == {"a": 0, "b": 1, "<end>": 2}
    for broken in ({}, {"model": []}, {"model": {"vocab": 3}}, {"model": {"vocab": [1]}}):
        tokenizer(folder, **broken)
        assert vocabulary(folder) is None
    assert vocabulary("owner/model") is None


def test_tiny_is_as_its_recipe_says() -> None:
    from jobs.model.tiny.recipe import RECIPE

    assert BUILT_IN["tiny"][:2] == (RECIPE.n_layers, RECIPE.d_model)


@pytest.mark.parametrize("name", ["../../x", "a\x1bb", "/x", "a//b", "-x", "~", "a\\b", "x" * 300])
def test_a_name_that_could_leave_its_place_is_refused_as_it_was_typed(name: str) -> None:
    with pytest.raises(AskedWrongly) as caught:
        parse("train_sae", {**USUAL, "name": name})
    assert repr(name) in str(caught.value) and "\x1b" not in str(caught.value)
    if len(name) < 100:
        assert str(Path.cwd()) not in str(caught.value)


def test_a_name_without_text_is_none() -> None:
    assert parse("train_sae", {**USUAL, "name": ""})[0].name is None
