"""What typing ahead is tested with: keys all in one go, reads that wait until they may go on."""

from __future__ import annotations

import asyncio
from functools import wraps

import pytest

from saetui import typeahead
from tests import mapped, traced
from tests.driver import garden, planted_in


@pytest.fixture
def root(made, monkeypatch):
    """The synthetic workspace with clusters, circuits and causal edges in it."""
    return garden(planted_in(made.root, mapped.plant, traced.plant), monkeypatch)


def typed(driver, *keys: str) -> None:
    """All in one go, as a busy machine hands over what was typed meanwhile."""
    for key in keys:
        driver._send(key)


class Slow:
    """A coroutine of a class that waits until it may go on; what it is asked with is noted."""

    def __init__(self, monkeypatch, owner: type, name: str) -> None:
        read, self.go_on, self.asked = getattr(owner, name), asyncio.Event(), []

        @wraps(read)
        async def slow(*args, **kwargs):
            self.asked.append(args[1:])
            await self.go_on.wait()
            return await read(*args, **kwargs)

        monkeypatch.setattr(owner, name, slow)


@pytest.fixture
def impatient(monkeypatch) -> None:
    """A machine so busy that keys are handed over before a view shows what it was asked for."""
    monkeypatch.setattr(typeahead, "AT_MOST", 0)
