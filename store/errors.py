"""The two ways an action can fail, each one clear sentence: what, where, what to do."""

from __future__ import annotations


class SaetuiError(Exception):
    """Something failed while it was being done; the command line exits with 1.

    The message is one sentence (or two) a user can act on, with no traceback in it.
    """

    exit_code = 1


class AskedWrongly(SaetuiError):
    """What was asked cannot be done as asked, and nothing was started; exits with 2."""

    exit_code = 2
