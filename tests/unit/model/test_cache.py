"""What is made once a machine: by one of many, whole or not at all."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest

from jobs.model.cache import made_once


def test_it_is_made_once(tmp_path: Path) -> None:
    calls: list[Path] = []

    def make(staging: Path) -> None:
        calls.append(staging)
        (staging / "a").write_text("whole")

    for _ in range(2):
        assert (made_once(tmp_path / "thing", make) / "a").read_text() == "whole"
    assert len(calls) == 1


def test_of_many_at_once_one_makes_and_the_others_wait(tmp_path: Path) -> None:
    made, waited = [], []

    def make(staging: Path) -> None:
        made.append(1)
        time.sleep(0.2)
        (staging / "a").write_text("whole")

    def want() -> None:
        folder = made_once(tmp_path / "thing", make, lambda: waited.append(1))
        assert (folder / "a").read_text() == "whole"

    threads = [threading.Thread(target=want) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(made) == 1 and len(waited) == 4


def test_a_maker_that_fails_leaves_nothing(tmp_path: Path) -> None:
    def fail(staging: Path) -> None:
        (staging / "half").write_text("half")
        raise RuntimeError

    with pytest.raises(RuntimeError):
        made_once(tmp_path / "thing", fail)
    assert [p.name for p in tmp_path.iterdir()] == [".thing.lock"]


def test_what_a_killed_maker_left_is_cleared(tmp_path: Path) -> None:
    (tmp_path / ".thing.making-dead").mkdir()
    (tmp_path / ".thing.making-dead" / "half").write_text("half")
    made_once(tmp_path / "thing", lambda staging: None)
    assert sorted(p.name for p in tmp_path.iterdir()) == [".thing.lock", "thing"]
