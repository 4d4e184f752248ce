"""Asking for jobs costs little: nothing heavy is imported, in the face or in a supervisor."""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = ("torch", "transformers", "transformer_lens", "sklearn", "pandas", "datasets", "numpy")


def imported(code: str) -> set[str]:
    printed = subprocess.run(
        [sys.executable, "-P", "-c", f"{code}; import sys; print(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    return {name.partition(".")[0] for name in printed.split()}


@pytest.mark.parametrize("code", ["from jobs import submit, submit_file", "import jobs.runner"])
def test_asking_imports_nothing_heavy(code):
    assert not imported(code) & {*HEAVY, "duckdb", "pyarrow", "polars"}


def test_a_supervisor_is_the_standard_library():
    assert not imported("import jobs.supervisor") & {*HEAVY, "pydantic", "duckdb", "pyarrow"}
