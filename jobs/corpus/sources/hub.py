"""``hf:NAME[/CONFIG][@REVISION]``: a dataset of the Hugging Face hub, streamed."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from jobs.corpus.split import SourceText
from jobs.hub import hub_answers
from store.errors import AskedWrongly, SaetuiError

_NEEDS_NONE = "docs:, file:PATH and grammar: need no hub"


def read(
    rest: str,
    *,
    text_column: str = "text",
    seed: int = 0,
    say: Callable[[str], object] = print,
) -> Iterator[SourceText]:
    """Rows of the split ``train``, in the dataset's order.

    Raises SaetuiError where the hub does not answer, AskedWrongly for a dataset, configuration or
    column that does not exist.
    """
    if not rest:
        raise AskedWrongly("hf: needs the name of a dataset, e.g. hf:roneneldan/TinyStories.")
    if not hub_answers():
        raise SaetuiError(
            f"The Hugging Face hub cannot be reached, so hf:{rest} cannot be read; {_NEEDS_NONE}."
        )
    rows = iter(_dataset(rest))
    number = 0
    while True:
        try:
            row = next(rows)
        except StopIteration:
            return
        except Exception as error:  # whatever the network or the dataset's files do
            raise SaetuiError(
                f"Reading hf:{rest} failed at row {number}: {_line(error)}"
            ) from error
        text = row.get(text_column)
        if number == 0 and not isinstance(text, str):
            names = [name for name, value in row.items() if isinstance(value, str)]
            raise AskedWrongly(
                f"hf:{rest} has no text in column {text_column!r}; its columns of text are "
                f"{', '.join(names) or 'none'}."
            )
        if isinstance(text, str) and text.strip():
            yield SourceText(text, f"{rest}:{number}")
        number += 1


def identity(rest: str) -> str:
    """Nothing beside the URI (and the revision) is known without asking the hub."""
    return ""


def slug(rest: str) -> str:
    """The dataset's name without its owner, with the configuration."""
    return "-".join(rest.partition("@")[0].split("/")[1:]) or rest


def _dataset(rest: str) -> Any:
    """Tries ``owner/name[/config]``, then ``name/config``."""
    from datasets import load_dataset

    place, _, revision = rest.partition("@")
    parts = place.split("/")
    tries = [("/".join(parts[:2]), parts[2] if len(parts) > 2 else None)]
    if len(parts) == 2:
        tries.append((parts[0], parts[1]))
    failed: list[str] = []
    for name, config in tries:
        try:
            return load_dataset(
                name, config, split="train", streaming=True, revision=revision or None
            )
        except Exception as error:  # datasets raises many kinds for "there is none"
            failed.append(_line(error))
    raise AskedWrongly(f"The dataset hf:{rest} cannot be opened: {failed[0]}")


def _line(error: BaseException) -> str:
    line = (str(error).strip() or type(error).__name__).splitlines()[0].strip()
    return line if line.endswith(".") else line + "."
