"""The warm models of the workbench: one process a model, started by the first prompt."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

from saetui.database import Database

if TYPE_CHECKING:
    from jobs.prompt.answer import Answer
    from jobs.prompt.subject import Reader
    from jobs.prompt.trial import Outcome, Trial
    from jobs.prompt.warm import WarmModel


class Prompting:
    """Asks models what fires on a text. Processes end with `close`, and by themselves when idle."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.text = ""
        """The prompt tried last."""
        self._models: dict[Reader, WarmModel] = {}

    async def companions(self, dictionary: str) -> list[str]:
        """Every dictionary that the same model reads for."""

        def found() -> list[str]:
            from jobs.prompt.subject import companions

            return companions(self.database.workspace(), dictionary)

        return await self.database.work(found)

    async def load(self, dictionaries: list[str], say: Callable[[str], object]) -> None:
        """Gets the model and the dictionaries ready; raises SaetuiError where that fails."""
        model = await self.database.work(partial(self._model, dictionaries[0]))
        # In a thread of asyncio's own: loading must not take one from the queries.
        await asyncio.to_thread(model.load, dictionaries, say)

    async def ask(self, text: str, dictionaries: list[str], say: Callable[[str], object]) -> Answer:
        """What fires on `text`; `say` hears what loading says, on another thread."""
        model = await self.database.work(partial(self._model, dictionaries[0]))
        return await asyncio.to_thread(model.ask, text, dictionaries, say)

    async def outcome(self, trial: Trial, say: Callable[[str], object]) -> Outcome:
        """What the model says next with nodes of a circuit ablated."""

        def found() -> WarmModel:
            from jobs.prompt.trial import reader_of

            return self._warm(reader_of(self.database.workspace(), trial.circuit))

        model = await self.database.work(found)
        return await asyncio.to_thread(model.outcome, trial, say)

    def cancel(self) -> None:
        """Gives up what is being asked or loaded."""
        for model in self._models.values():
            model.cancel()

    def close(self) -> None:
        """Ends the processes."""
        for model in self._models.values():
            model.close()

    def _model(self, dictionary: str) -> WarmModel:
        from jobs.prompt.subject import reader

        return self._warm(reader(self.database.workspace(), dictionary))

    def _warm(self, wanted: Reader) -> WarmModel:
        from jobs.prompt.warm import WarmModel

        root = self.database.workspace().root
        return self._models.setdefault(wanted, WarmModel(root, wanted))
