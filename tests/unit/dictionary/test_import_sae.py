"""The whole import into a workspace: measured, published, profiled and exported again."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch

from jobs.dictionary import load, save_folder
from jobs.dictionary.architectures import Transcoder
from jobs.kinds import import_sae
from jobs.parse import parse
from jobs.specs import ImportSae
from saetui.cli import main
from store import AskedWrongly, SaetuiError, Workspace
from tests.unit.profile.planted import (
    CORPUS,
    Running,
    Words,
    World,
    dictionary,
    publish_corpus,
    run,
)

NAME = "planted/L0.resid_post/true-k12"


def imported(
    workspace: Workspace, folder: Path, patch: pytest.MonkeyPatch, **asked: object
) -> Running:
    world, words = World(), Words()
    patch.setattr("jobs.model.load_model", lambda *_, **__: world, raising=False)
    patch.setattr("jobs.corpus.open_corpus", lambda *_: words, raising=False)
    running = Running(workspace, "import_sae-1")
    usual = {"source": str(folder), "corpus": CORPUS, "tokens": 900}
    import_sae.run(ImportSae(**(usual | asked)), running)
    return running


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    made = Workspace.create(tmp_path / "ws")
    publish_corpus(made, Words())
    return made


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    metadata = {"model_name": "planted", "hook_name": "blocks.0.hook_resid_post"}
    save_folder(tmp_path / "true-k12", dictionary(World()), 1.0, metadata)
    return tmp_path / "true-k12"


def test_measured_published_profiled_and_exported(
    workspace: Workspace,
    folder: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    running = imported(workspace, folder, monkeypatch)
    assert running.said[0].startswith(f"{NAME}: FVU 0.0") and "Warning" not in running.said[-1]
    x = torch.randn(5, 32)
    torch.testing.assert_close(load(workspace, NAME)(x), load(folder)(x))
    (row,) = workspace.sql("SELECT * FROM dictionaries").pl().to_dicts()
    assert row["dictionary"] == NAME and row["architecture"] == "topk" and row["d_sae"] == 26
    sample = workspace.dictionary(NAME).manifest["sample"]
    assert (row["fvu"], row["l0"]) == (sample["fvu"], sample["l0"])  # all that is known yet
    assert run(
        Running(workspace), World(), Words(), monkeypatch, dictionaries=[NAME], corpus=CORPUS
    )
    ((fvu,),) = workspace.sql("SELECT fvu FROM dictionaries").fetchall()
    assert fvu != sample["fvu"] and fvu == pytest.approx(sample["fvu"], abs=0.02)

    to = tmp_path / "out" / "mine"
    words = ["export", "sae", NAME, "--to", str(to), "-w", str(workspace.root)]
    assert main(words) == 0
    torch.testing.assert_close(load(to)(x), load(folder)(x))
    assert [path.name for path in to.parent.iterdir()] == ["mine"]
    assert (to / "cfg.json").read_bytes() == workspace.dictionary(NAME).cfg.read_bytes()
    assert main(words) == 2
    assert f"{to} exists already; name a new folder" in capsys.readouterr().err
    assert main(["export", "sae", "planted/none", "--to", str(to), "-w", str(workspace.root)]) == 2


def test_a_dictionary_from_before_says_what_saelens_asks_for_once_it_is_exported(
    workspace: Workspace, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    imported(workspace, folder, monkeypatch)
    config = workspace.dictionary(NAME).cfg
    whole = json.loads(config.read_text())
    early = json.loads(config.read_text())
    del early["metadata"]["sae_lens_version"], early["metadata"]["sae_lens_training_version"]
    config.write_text(json.dumps(early))
    to = tmp_path / "out"
    assert main(["export", "sae", NAME, "--to", str(to), "-w", str(workspace.root)]) == 0
    assert json.loads((to / "cfg.json").read_text()) == whole


def test_a_dictionary_of_another_place_is_taken_with_a_warning(
    workspace: Workspace, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wrong = load(folder)
    wrong.b_dec.data += 100
    save_folder(folder, wrong, 1.0, {})
    running = imported(workspace, folder, monkeypatch, model="planted", hook="L0.resid_post")
    assert running.said[-1].startswith("Warning: It does not fit these activations: FVU ")


def test_a_folder_of_a_newer_saelens_is_taken_with_a_warning(
    workspace: Workspace, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = json.loads((folder / "cfg.json").read_text())
    config["metadata"]["sae_lens_version"] = "8.0.0"
    (folder / "cfg.json").write_text(json.dumps(config))
    running = imported(workspace, folder, monkeypatch)
    assert running.said[0].startswith("Warning: cfg.json is of SAELens 8.0.0, newer than 6.54.0")
    assert workspace.dictionaries() == [NAME]


def test_what_files_do_not_say_is_asked_for(
    workspace: Workspace, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save_folder(folder, dictionary(World()), 1.0, {"model_name": "planted"})
    with pytest.raises(AskedWrongly, match="do not say which hook; give hook=…"):
        imported(workspace, folder, monkeypatch)
    imported(workspace, folder, monkeypatch, hook="L0.resid_post")
    monkeypatch.setattr(World, "width", lambda self, hook: 64)
    with pytest.raises(AskedWrongly, match="reads 32 dimensions, but L0"):
        imported(workspace, folder, monkeypatch, hook="L0.resid_post", name="other")


def test_a_model_that_files_do_not_say_is_the_workspaces(
    workspace: Workspace, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    workspace.set_defaults(model="planted", revision="main")
    saved = json.loads((folder / "cfg.json").read_text())
    del saved["metadata"]["model_name"]
    (folder / "cfg.json").write_text(json.dumps(saved))
    running = imported(workspace, folder, monkeypatch)
    assert workspace.dictionary(NAME).manifest["revision"] == "main"
    assert any("taken is the workspace's planted" in said for said in running.said)


def test_it_is_imported_once(
    workspace: Workspace, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    imported(workspace, folder, monkeypatch)
    assert imported(workspace, folder, monkeypatch).said == [f"{NAME} is there already."]
    spec = ImportSae(source=str(folder), model="planted", hook="L0.resid_post")
    assert spec.outputs() == [NAME]
    with pytest.raises(AskedWrongly, match="exists already; give name=…"):
        spec.check(workspace)


def test_no_hub_is_one_sentence(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(
        SaetuiError, match="hub does not answer, and someone/saes/l8 is neither a fold"
    ) as caught:
        imported(workspace, Path("someone/saes/l8"), monkeypatch)
    assert "not installed beside saetui, give the hub's owner/repo/folder" in str(caught.value)
    with pytest.raises(AskedWrongly, match=r"There is no folder /nowhere/at/all"):
        ImportSae(source="/nowhere/at/all").check(workspace)
    with pytest.raises(AskedWrongly, match=r"neither a folder \(./topk\) nor a hub name"):
        ImportSae(source="topk").check(workspace)


def test_a_folder_that_is_there_is_a_path(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(folder.parents[1])
    (spec,) = parse("import_sae", {"source": f"{folder.parent.name}/{folder.name}"})
    assert isinstance(spec, ImportSae) and spec.source == str(folder)


def in_the_hubs_cache(folder: Path, inside: str, home: Path, patch: pytest.MonkeyPatch) -> None:
    """As `huggingface_hub` keeps what it has downloaded of someone/saes."""
    repository = home / "models--someone--saes"
    shutil.copytree(folder, repository / "snapshots" / "0a1b2c" / inside)
    (repository / "refs").mkdir()
    (repository / "refs" / "main").write_text("0a1b2c")
    patch.setenv("HF_HUB_OFFLINE", "1")
    patch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(home))


def test_a_hub_folder_that_was_downloaded_once_is_imported_offline(
    workspace: Workspace, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_the_hubs_cache(folder, "layer_0/true-k12", tmp_path / "hub", monkeypatch)
    imported(workspace, Path("someone/saes/layer_0/true-k12"), monkeypatch)
    assert workspace.dictionaries() == [NAME]
    assert workspace.dictionary(NAME).manifest["imported_from"] == "someone/saes/layer_0/true-k12"
    with pytest.raises(
        AskedWrongly, match="someone/saes has no folder or file 'layer_9' as far as"
    ):
        imported(workspace, Path("someone/saes/layer_9"), monkeypatch)
    with pytest.raises(SaetuiError, match="nobody/none is neither a folder here nor in the hub's"):
        imported(workspace, Path("nobody/none"), monkeypatch)


_REGISTRY = """
from types import SimpleNamespace

def release(conversion_func=None, **config_overrides):
    return SimpleNamespace(
        repo_id="someone/saes",
        saes_map={"blocks.0": "layer_0/true-k12"},
        conversion_func=conversion_func,
        config_overrides=config_overrides or None,
        norm_scaling_factor={"blocks.0": 0.5},
    )

def get_pretrained_saes_directory():
    return {
        "planted-res": release(dataset_path="some/text"),
        "planted-scope": release("temporal"),
        "planted-scaled": release(normalize_activations="constant_norm_rescale"),
    }
"""


@pytest.fixture
def registry(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A sae-lens that knows three releases, with their folder in the hub's cache."""
    in_the_hubs_cache(folder, "layer_0/true-k12", tmp_path / "hub", monkeypatch)
    package = tmp_path / "site" / "sae_lens"
    (package / "loading").mkdir(parents=True)
    (package / "__init__.py").touch()
    (package / "loading" / "__init__.py").touch()
    (package / "loading" / "pretrained_saes_directory.py").write_text(_REGISTRY)
    monkeypatch.syspath_prepend(tmp_path / "site")
    yield
    for name in [name for name in sys.modules if name.partition(".")[0] == "sae_lens"]:
        del sys.modules[name]


@pytest.mark.usefixtures("registry")
def test_a_release_of_saelens_is_looked_up_where_it_is_installed(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    imported(workspace, Path("planted-res/blocks.0"), monkeypatch, name="true-k12")
    assert workspace.dictionaries() == [NAME]
    with pytest.raises(AskedWrongly, match=r"release planted-res has no 'blocks\.7'"):
        imported(workspace, Path("planted-res/blocks.7"), monkeypatch)


def of_average_length(folder: Path) -> None:
    """As if it had been trained on half of x: SAELens brings that to an average length of √d."""
    halved = load(folder)
    for name in ("b_dec", "b_enc"):
        getattr(halved, name).data /= 2
    metadata = {"model_name": "planted", "hook_name": "blocks.0.hook_resid_post"}
    save_folder(folder, halved, 1.0, metadata)
    config = json.loads((folder / "cfg.json").read_text())
    config["normalize_activations"] = "expected_average_only_in"
    (folder / "cfg.json").write_text(json.dumps(config))


def test_activations_are_normalised_by_a_factor_that_is_folded_in(
    workspace: Workspace, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(AskedWrongly, match="needs no norm_scaling_factor: it normalises nothing"):
        imported(workspace, folder, monkeypatch, norm_scaling_factor=0.5)
    x, expected = torch.randn(5, 32), load(folder)
    of_average_length(folder)
    with pytest.raises(AskedWrongly, match="by a factor that is not among its files; give norm_sc"):
        imported(workspace, folder, monkeypatch)
    imported(workspace, folder, monkeypatch, norm_scaling_factor=0.5)
    torch.testing.assert_close(load(workspace, NAME)(x), expected(x))
    assert workspace.dictionary(NAME).manifest["norm_scaling_factor"] == 0.5


def test_a_release_has_the_factor_that_activations_are_normalised_by(
    workspace: Workspace,
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> None:
    x, expected = torch.randn(5, 32), load(folder)
    of_average_length(folder)
    request.getfixturevalue("registry")
    imported(workspace, Path("planted-res/blocks.0"), monkeypatch, name="true-k12")
    torch.testing.assert_close(load(workspace, NAME)(x), expected(x))


@pytest.mark.usefixtures("registry")
@pytest.mark.parametrize(
    ("release", "says"),
    [
        ("planted-scope", r"another layout, which SAELens converts .temporal.*; load it with sae-"),
        ("planted-scaled", r"SAELens changes normalize_activations; load it with sae-lens, save"),
    ],
)
def test_a_release_that_saelens_changes_as_it_loads_is_refused(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch, release: str, says: str
) -> None:
    with pytest.raises(AskedWrongly, match=says):
        imported(workspace, Path(f"{release}/blocks.0"), monkeypatch)


@pytest.mark.parametrize("skip", [False, True])
def test_a_transcoder_is_imported_with_what_it_reads(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, skip: bool
) -> None:
    """In this world it reads and writes the same, so that the true directions are right too."""
    true, folder = dictionary(World()), tmp_path / "mlp"
    one = Transcoder(32, true.d_sae, skip=skip)
    for name in ("encoder", "W_dec"):
        getattr(one, name).data = getattr(true, name).data
    one.b_dec.data, one.threshold.data = true.b_dec.data, torch.full((true.d_sae,), 0.5)
    one.b_enc.data = -one.encoder.data @ true.b_dec.data
    save_folder(folder, one, 1.0, {"model_name": "planted", "hook_name": "blocks.0.mlp.hook_in"})
    running = imported(workspace, folder, monkeypatch)
    name = "planted/L0.mlp_out/mlp"
    assert running.said[0].startswith(f"{name}: FVU 0.0") and "Warning" not in running.said[-1]
    manifest, x = workspace.dictionary(name).manifest, torch.randn(5, 32)
    assert (manifest["hook"], manifest["reads"]) == (
        "blocks.0.hook_mlp_out",
        "blocks.0.mlp.hook_in",
    )
    torch.testing.assert_close(load(workspace, name)(x), load(folder)(x))
    asked = {"dictionaries": [name], "corpus": CORPUS}
    assert run(Running(workspace), World(), Words(), monkeypatch, **asked)
    with pytest.raises(AskedWrongly, match=r"L0\.resid_post is no MLP's; give hook=L0\.mlp_out"):
        imported(workspace, folder, monkeypatch, hook="L0.resid_post", name="other")


def test_a_transcoder_that_saelens_cannot_hold_is_not_exported(
    workspace: Workspace,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    true, folder = dictionary(World()), tmp_path / "mlp"
    one = Transcoder(32, true.d_sae, k=12, per_token=True)
    for name in ("encoder", "b_enc", "W_dec", "b_dec"):
        getattr(one, name).data = getattr(true, name).data
    save_folder(folder, one, 1.0, {"model_name": "planted", "hook_name": "blocks.0.mlp.hook_in"})
    imported(workspace, folder, monkeypatch)
    name, to = "planted/L0.mlp_out/mlp", tmp_path / "out"
    assert main(["export", "sae", name, "--to", str(to), "-w", str(workspace.root)]) == 2
    assert "a top-k of every token" in " ".join(capsys.readouterr().err.split())
    assert not to.exists()


def test_a_transcoder_before_the_gain_of_a_norm_is_read_behind_it(
    workspace: Workspace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Gemma Scope's: what the MLP reads here is what they were trained on, times the gain."""
    world, gain = World(), torch.linspace(0.5, 2.0, 32)
    true = dictionary(world)
    z = {"W_enc": true.encoder.T / gain.reciprocal()[:, None], "W_dec": true.W_dec}
    z |= {"b_enc": -true.encoder @ true.b_dec, "b_dec": true.b_dec}
    arrays = {name: weight.numpy() for name, weight in z.items()}
    folder = tmp_path / "gemma-scope-2b-pt-transcoders" / "layer_0" / "width_16k" / "average_l0_9"
    folder.mkdir(parents=True)
    np.savez(folder / "params.npz", threshold=np.full(true.d_sae, 0.5, np.float32), **arrays)
    monkeypatch.setattr(World, "norm_gain", lambda self, hook: gain, raising=False)
    running = imported(workspace, folder, monkeypatch, model="planted")
    name = "planted/L0.mlp_out/width_16k-average_l0_9"
    assert running.said[0].startswith(f"{name}: FVU 0.0") and "Warning" not in running.said[-1]
