"""Where the traceback of an unforeseen error goes: to a file, never to the terminal."""

from __future__ import annotations

import traceback
from pathlib import Path

from platformdirs import user_state_path


def crash_report(error: BaseException | None) -> Path:
    """Writes the traceback of `error` to the user's state folder; gives the file."""
    place = user_state_path("saetui") / "crash.txt"
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        with open(place, "w", encoding="utf-8", errors="replace") as file:
            traceback.print_exception(error, file=file)
    except OSError:
        pass
    return place
