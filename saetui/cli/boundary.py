"""Where the command line ends: every way a command can stop becomes a sentence and a status."""

from __future__ import annotations

import contextlib
import errno
import io
import os
import sys
import time
import traceback
from pathlib import Path

import click

from saetui.text import inert
from store.errors import SaetuiError

DONE, FAILED, ASKED_WRONGLY = 0, 1, 2


class ReaderLeft(Exception):
    """Nobody reads stdout any more. (click would take a BrokenPipeError for a failure.)"""


def run(command: click.Command, args: list[str] | None = None) -> int:
    """Runs `command` and returns its exit status."""
    _open_closed_streams()
    for stream in (sys.stdout, sys.stderr):
        if isinstance(
            stream, io.TextIOWrapper
        ):  # a terminal that lacks a character still gets the rest
            stream.reconfigure(errors="backslashreplace")
    try:
        result = command.main(args, prog_name="saetui", standalone_mode=False)
        sys.stdout.flush()
    except (BrokenPipeError, ReaderLeft):
        return _left_alone()
    except Exception as error:
        status = _told(error)
        try:
            sys.stdout.flush()
        except (OSError, ValueError):  # a full disk: the interpreter would try again at its end
            _drop_unwritten()
        return status
    except (KeyboardInterrupt, click.Abort):
        return _told(KeyboardInterrupt())
    except SystemExit as stop:
        return stop.code if isinstance(stop.code, int) else FAILED
    return result if isinstance(result, int) and not isinstance(result, bool) else DONE


def _open_closed_streams() -> None:
    """A shell may close stdout or stderr (``>&-``): what goes there is then dropped."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115


def _told(error: BaseException) -> int:
    """Says `error` on stderr; returns the exit status."""
    match error:
        case click.exceptions.Exit():
            return error.exit_code
        case KeyboardInterrupt() | click.Abort():
            complain("Interrupted.")
            return FAILED
        case click.UsageError():
            complain(_sentence(error.format_message()) + _help_hint(error))
            return ASKED_WRONGLY
        case click.ClickException():
            complain(_sentence(error.format_message()))
            return FAILED
        case SaetuiError():
            complain(str(error))
            return error.exit_code
        case _ if _is_full(error):
            name = getattr(error, "filename", None)
            where = f" for {name}" if name else ""
            complain(f"No space is left on the disk{where}; free some and try again.")
            return FAILED
        case OSError() if error.filename and error.strerror:
            complain(f"{error.filename}: {error.strerror}; see to it and try again.")
            return FAILED
    kept = _kept(error)
    complain(f"saetui failed unexpectedly ({type(error).__name__}: {_first_line(error)}). {kept}")
    return FAILED


def complain(message: str) -> None:
    """One message on stderr, its lines kept apart and each of them inert."""
    lines = [inert(line) for line in message.split("\n")]
    with contextlib.suppress(OSError, ValueError):  # nobody may be listening
        click.echo("\n".join(["saetui: " + lines[0], *lines[1:]]), err=True)


def _sentence(message: str) -> str:
    return message if message.endswith((".", "?", "!")) else message + "."


def _help_hint(error: click.UsageError) -> str:
    path = error.ctx.command_path if error.ctx else "saetui"
    return f" See `{path} --help`."


def _is_full(error: BaseException) -> bool:
    return isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT)


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or ["no message"])[0]


def _kept(error: BaseException) -> str:
    """Writes the traceback to the XDG state folder; says where."""
    try:
        folder = state_folder()
        folder.mkdir(parents=True, exist_ok=True)
        file = folder / f"crash-{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}.txt"
        file.write_text("".join(traceback.format_exception(error)), encoding="utf-8")
    except OSError as trouble:
        return f"Its traceback could not be written ({trouble})."
    return f"The traceback is in {file}."


def state_folder() -> Path:
    """Where saetui keeps what is neither data nor cache, by the XDG rules."""
    from platformdirs import user_state_path

    return user_state_path("saetui")


def _left_alone() -> int:
    """The reader has what it wanted, as `head` has: end without a word about the pipe."""
    _drop_unwritten()
    return DONE


def _drop_unwritten() -> None:
    """What stdout did not take goes nowhere."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
