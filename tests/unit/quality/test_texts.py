"""Labelled text from whatever is installed: code against prose, package against package."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import torch

from jobs.dictionary.profile.latents import Code
from jobs.dictionary.profile.matching import Encoded
from jobs.dictionary.quality import texts

PROSE = "What is said of a function here goes on for so long that it counts as a text. " * 4
CODE = "\n".join(f"    value_{number} = argument + {number}" for number in range(20))
MODULE = f'''"""{PROSE}"""


def added(argument):
    """{PROSE}"""
    # {PROSE}
{CODE}
    return value_19
'''


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three packages, and no others."""
    folders = {name: tmp_path / name for name in ("json", "scipy", "transformers")}
    for folder in folders.values():
        folder.mkdir()
        (folder / "__init__.py").write_text(MODULE)
    monkeypatch.setattr(texts, "package_folders", lambda: folders)


def test_code_is_without_its_documentation_and_prose_is_that(installed: None) -> None:
    found = texts.labelled()
    assert {name for text in found for name in text.labels} == {
        "code_or_prose",
        "scipy_or_transformers",
    }
    for text in found:
        is_code = text.labels.get("code_or_prose", False)
        assert ("value_0 = argument" in text.text) == is_code
        assert ("goes on for so long" in text.text) != is_code
    for task in ("code_or_prose", "scipy_or_transformers"):
        counts = Counter(text.labels[task] for text in found if task in text.labels)
        assert counts[True] and counts[False], task


def test_where_packages_are_missing_their_task_is(
    installed: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    without = {name: at for name, at in texts.package_folders().items() if name == "json"}
    monkeypatch.setattr(texts, "package_folders", lambda: without)
    assert {name for text in texts.labelled() for name in text.labels} == {"code_or_prose"}
    monkeypatch.setattr(texts, "package_folders", dict)
    assert texts.labelled() == []


def test_a_text_is_the_mean_of_its_tokens() -> None:
    fires = Code(
        token=np.array([0, 1, 2]),
        feature=np.array([0, 0, 1]),
        value=np.array([1.0, 3.0, 5.0]),
        n_features=2,
    )
    encoded = Encoded(
        x=torch.tensor([[2.0], [4.0], [8.0]]),
        codes={"mine": fires, "random": fires},
        document=np.array([0, 0, 1]),
        pos=np.array([0, 1, 0]),
    )
    two = [texts.Text("a", "one.py", {}), texts.Text("b", "other.py", {})]
    found = texts.pooled(encoded, two)
    assert found.mine.toarray().tolist() == [[2.0, 0.0], [0.0, 5.0]]
    assert found.dense.flatten().tolist() == [3.0, 8.0]
    assert len(set(found.document)) == 2
