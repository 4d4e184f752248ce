"""Files of weights that cannot be read: what is wrong with one, and what to do."""

from __future__ import annotations

from pathlib import Path

from store.errors import SaetuiError

_POINTER = b"version https://git-lfs"


def unreadable(path: Path, error: Exception | None = None) -> SaetuiError:
    """What to say of the file at `path`, which a reader refused with `error`."""
    if isinstance(error, OSError) and error.strerror:
        return SaetuiError(f"{path} cannot be read: {error.strerror}.")
    begins = beginning(path, len(_POINTER))
    if not begins:
        return SaetuiError(f"{path} is empty; copy or download it again.")
    if begins == _POINTER:
        return SaetuiError(f"{path} is a pointer of Git LFS, not the weights; run git lfs pull.")
    lines = str(error).splitlines() if error else []
    why = f" ({lines[0].rstrip('.')})" if lines else ""
    return SaetuiError(
        f"{path} cannot be read{why}: it is damaged or of another kind; copy or download it again."
    )


def beginning(path: Path, count: int) -> bytes:
    """The first `count` bytes of a file, fewer where it has no more. Raises SaetuiError where it
    cannot be opened.
    """
    try:
        with path.open("rb") as file:
            return file.read(count)
    except OSError as error:
        raise SaetuiError(f"{path} cannot be read: {error.strerror or error}.") from None
